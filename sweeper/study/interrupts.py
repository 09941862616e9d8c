"""Ctrl-C, SIGTERM, SIGHUP: once means finish in order, twice means now.

A terminal that goes away is no wish of anybody's: its SIGHUP changes nothing, and the study goes on.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
NOTHING_LOST = "stopped; nothing was lost, the same command begins again"
"""Said where nothing has been trained yet."""
AT_ONCE = "stopped at once; the same command resumes the study"


@dataclass
class Interrupt:
    """Whether and how the user asked to stop. `at_first` is called by the first signal's handler.

    `at_once`: what is said where the process ends at a further one. `is_leaving`: it has been told that the
    next one ends it here.
    """

    received: signal.Signals | None = None
    had_terminal: bool = False
    at_first: Callable[[signal.Signals], None] = lambda _: None
    at_once: str = AT_ONCE
    is_leaving: bool = False

    @property
    def exit_code(self) -> int:
        """What the process should exit with; 0 while nobody asked."""
        return EXIT_CODES[self.received] if self.received is not None else 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; the second raises KeyboardInterrupt, and the third waits for nobody."""
        if _is_hangup(number, self.had_terminal):
            return
        if self.is_leaving:
            leave_now(self.at_once, self.exit_code)  # no flush: a stream may be in the middle of a line
        if self.received is not None:
            self.is_leaving = True
            raise KeyboardInterrupt
        self.received = signal.Signals(number)
        self.at_first(self.received)

    def leave(self) -> NoReturn:
        """End this process here. Nothing is waited for: what ran is resumed from its last checkpoint."""
        sys.stdout.flush()
        sys.stderr.flush()
        leave_now(self.at_once, self.exit_code)


def leave_at_a_signal() -> None:
    """Until a study watches for itself, a signal ends this process with a line and its exit code."""
    had_terminal = has_terminal()

    def leave(number: int, frame: FrameType | None) -> None:
        if not _is_hangup(number, had_terminal):
            leave_now(NOTHING_LOST, EXIT_CODES[signal.Signals(number)])

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


def leave_now(why: str, exit_code: int) -> NoReturn:
    """End this process here, with a line."""
    say(why)
    os._exit(exit_code)


def say(text: str) -> None:
    """A line on standard error, fit for a signal's handler: no buffer is shared with what it interrupts."""
    with suppress(OSError):  # a terminal that is gone
        os.write(2, f"{text}\n".encode())


@contextmanager
def watch_signals(
    at_first: Callable[[signal.Signals], None] = lambda _: None, at_once: str = AT_ONCE
) -> Iterator[Interrupt]:
    """An `Interrupt` that the signals of `EXIT_CODES` set; earlier handlers come back at the end.

    Unless it was set: then the process is about to end, and does so at the next signal, as at a second one
    within that nobody caught. A SIGHUP that is ignored stays so, as under `nohup`.
    """
    interrupt = Interrupt(had_terminal=has_terminal(), at_first=at_first, at_once=at_once)
    watched = [number for number in EXIT_CODES if not _is_waived(number)]
    earlier = {number: signal.signal(number, interrupt.handle) for number in watched}
    try:
        yield interrupt
    except KeyboardInterrupt:
        if interrupt.is_leaving:
            interrupt.leave()
        raise
    finally:
        if interrupt.received is not None:
            interrupt.is_leaving = True
        else:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def _is_waived(number: signal.Signals) -> bool:
    return number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN
