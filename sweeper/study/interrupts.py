"""Ctrl-C, SIGTERM, and a terminal that is closed: once means finish in order, twice means now."""

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

    @property
    def exit_code(self) -> int:
        """What the process should exit with; 0 while nobody asked."""
        return EXIT_CODES[self.received] if self.received is not None else 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; the second raises KeyboardInterrupt."""
        if self.received is not None:
            raise KeyboardInterrupt
        self.received = signal.Signals(number)


def leave_at_a_signal() -> None:
    """Until a study watches for itself, a signal ends this process with a line and its exit code."""
    for number in EXIT_CODES:
        if not _is_waived(number):
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    print("stopped; nothing was lost, the same command begins again", file=sys.stderr, flush=True)
    os._exit(EXIT_CODES[signal.Signals(number)])


@contextmanager
def watch_signals() -> Iterator[Interrupt]:
    """An `Interrupt` that the signals of `EXIT_CODES` set; earlier handlers come back at the end.

    A SIGHUP that is ignored stays so: `nohup` means that the study outlives its terminal.
    """
    interrupt = Interrupt()
    watched = [number for number in EXIT_CODES if not _is_waived(number)]
    earlier = {number: signal.signal(number, interrupt.handle) for number in watched}
    try:
        yield interrupt
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _is_waived(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
