"""`python -I -S supervisor.py <leash> <status> <folder> <argv...>`: a program that leaves nothing behind.

Standard library only. `leash` is the end of a pipe from the worker: `t` asks all of the program's processes
to leave, `k` kills them; the end of the stream, which is also what a worker that was killed leaves, has them
leave within two seconds. `status` is the end of a pipe to the worker: `cannot be run: <why>`, or
`exit <code>` once nothing runs any more, a code below zero being a signal. `folder` is removed in the end.
"""

import os
import select
import sys
import time

TYPE_CHECKING = False  # importing typing would take as long as all else
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
else:
    try:  # the numbers alone: `signal` makes enumerations of them, which takes as long as the rest of a start
        import _signal as signal
    except ImportError:
        import signal

LEAVE_S = 2.0
"""How long processes may take to leave that were asked to, before they are killed."""
LEFT_BEHIND_S = 1.0
"""The same for what a program leaves behind."""
GIVE_UP_S = 5.0
"""A process that does not even die, since the kernel holds it, is not waited for any longer."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
HAS_PROC = os.path.isdir("/proc/self")
"""Elsewhere only the program's process group is known."""
HEARD = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class suppress:  # noqa: N801  # as in contextlib, whose import takes long
    """Within, these errors are let pass."""

    def __init__(self, *errors: type[BaseException]) -> None:
        self._errors = errors

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: "type[BaseException] | None", *_: object) -> bool:
        """Whether it was one of them."""
        return kind is not None and issubclass(kind, self._errors)


def prctl(option: int, value: int) -> None:
    """Linux's `prctl`; nothing where there is none."""
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


class Family:
    """A program and all that descends from it."""

    def __init__(self, first: int) -> None:
        self._first = first

    def signal(self, number: int) -> None:
        """To every process; those that begin meanwhile are met the next time."""
        for pid in {*descendants(os.getpid()), self._first}:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        if not HAS_PROC:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._first, number)

    def end(self, within_s: float) -> None:
        """Ask all to leave, kill who has not within the time, and wait until nobody is there."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        now = time.monotonic()
        while not is_alone() and time.monotonic() < now + within_s + GIVE_UP_S:
            if time.monotonic() >= now + within_s:
                self.signal(signal.SIGKILL)
            time.sleep(0.01)
        if not HAS_PROC:
            self.signal(signal.SIGKILL)


def descendants(root: int) -> list[int]:
    """The processes below `root` as /proc tells; empty where there is no such thing."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc") if HAS_PROC else []:
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
    found: list[int] = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += level
    return found


def is_alone() -> bool:
    """Whether no process below this one is left; of those that have ended nothing remains."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return True
    return False


def start(argv: list[str], status: int) -> int:
    """The process of a program, in a session of its own."""
    ours = os.getpid()
    if pid := os.fork():
        return pid
    try:
        as_leader(ours)
        os.execvp(argv[0], argv)
    except OSError as error:
        os.write(status, f"cannot be run: {argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def as_leader(parent: int) -> None:
    """What a program's first process is before it runs: a leader, and dead once its supervisor is."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    for number in (*HEARD, signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores the last two
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def supervise(start_it: "Callable[[], int]", leash: int, status: int) -> None:
    """Start a program and see it to its end, or to the worker's. `start_it()` gives its process."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in HEARD:
        signal.signal(number, lambda *_: None)
    first = start_it()
    code = _watch(first, Family(first), leash, woken)
    with suppress(OSError):  # the worker is gone
        os.write(status, f"exit {code}\n".encode())


def _watch(first: int, family: Family, leash: int, woken: int) -> int:
    """The code that the program ended with; then nothing of it runs any more."""
    while True:
        ready, _, _ = select.select([leash, woken], [], [])
        if woken in ready and set(os.read(woken, 512)) - {signal.SIGCHLD}:
            family.signal(signal.SIGTERM)  # somebody ends us: a batch system, the parent's death
        code = _reaped(first)
        if code is not None:
            if not (HAS_PROC and is_alone()):
                family.end(LEFT_BEHIND_S)
            return code
        if leash in ready:
            word = os.read(leash, 64)
            if word and b"k" not in word:
                family.signal(signal.SIGTERM)
            else:
                family.end(0.0 if word else LEAVE_S)
                return -signal.SIGKILL


def _reaped(first: int) -> int | None:
    """How the program's first process ended, if it has; of its orphans, those that ended are let go."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == first:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                return None
    return None


def main(arguments: list[str]) -> None:
    """Run the program in `arguments`."""
    leash, status = int(arguments[0]), int(arguments[1])
    for descriptor in (leash, status):
        os.set_inheritable(descriptor, False)
    try:
        supervise(lambda: start(arguments[3:], status), leash, status)
    finally:
        remove(arguments[2])
    os._exit(0)  # there is nothing to tidy, and somebody waits


def remove(folder: str) -> None:
    """A folder of files and links."""
    with suppress(OSError):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
