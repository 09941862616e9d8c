"""How a process ended, in words."""

import signal

HINTS = {
    signal.SIGKILL: "kill -9, or the machine was out of memory",
    signal.SIGSEGV: "a segmentation fault; the log shows where",
    signal.SIGBUS: "a memory map beyond its file, or a full shared memory",
    signal.SIGABRT: "an abort in native code",
}


def ending(returncode: int, words: str, who: str = "worker") -> str:
    """By which signal, or with which code and last words."""
    if returncode < 0:
        number = signal.Signals(-returncode)
        hint = f" ({HINTS[number]})" if number in HINTS else ""
        return f"{who} killed by {number.name}{hint}"
    lines = words.strip().splitlines()
    return f"{who} exited with code {returncode}" + (f": {lines[-1]}" if lines else "")
