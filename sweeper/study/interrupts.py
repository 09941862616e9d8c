"""Ctrl-C, SIGTERM, SIGHUP: once means finish in order, twice means now.

A terminal that goes away is no wish of anybody's: its SIGHUP changes nothing, and the study goes on.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@dataclass
class Interrupt:
    """Whether and how the user asked to stop."""

    received: signal.Signals | None = None
    had_terminal: bool = False

    @property
    def exit_code(self) -> int:
        """What the process should exit with; 0 while nobody asked."""
        return EXIT_CODES[self.received] if self.received is not None else 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; the second raises KeyboardInterrupt."""
        if _is_hangup(number, self.had_terminal):
            return
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)


def leave_at_a_signal() -> None:
    """Until a study watches for itself, a signal ends this process with a line and its exit code."""
    had_terminal = has_terminal()

    def leave(number: int, frame: FrameType | None) -> None:
        if not _is_hangup(number, had_terminal):
            _leave(number)

    for number in EXIT_CODES:
        if not _is_waived(number):
            signal.signal(number, leave)


def has_terminal() -> bool:
    """Whether this process has a controlling terminal, and that is still there."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def _is_hangup(number: int, had_terminal: bool) -> bool:
    """Whether it is the end of the terminal that is told, not somebody's `kill -HUP`."""
    return number == signal.SIGHUP and had_terminal and not has_terminal()


def _leave(number: int) -> None:
    print("stopped; nothing was lost, the same command begins again", file=sys.stderr, flush=True)
    os._exit(EXIT_CODES[signal.Signals(number)])


@contextmanager
def watch_signals() -> Iterator[Interrupt]:
    """An `Interrupt` that the signals of `EXIT_CODES` set; earlier handlers come back at the end.

    A SIGHUP that is ignored stays so, as under `nohup`.
    """
    interrupt = Interrupt(had_terminal=has_terminal())
    watched = [number for number in EXIT_CODES if not _is_waived(number)]
    earlier = {number: signal.signal(number, interrupt.handle) for number in watched}
    try:
        yield interrupt
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _is_waived(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
