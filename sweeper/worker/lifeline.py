"""What the thread that trains shares with whoever may tell it to leave: the parent's listener, a signal."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Lifeline:
    """`step`: how far the run is, for signs of life. `must_leave`: go after this step, with a checkpoint.

    Each field has one writer, so that no lock is needed.
    """

    step: int = 0
    must_leave: bool = False


@contextmanager
def led_by_signals(lifeline: Lifeline) -> Iterator[list[int]]:
    """Within, SIGINT and SIGTERM set `must_leave`, a second one raises KeyboardInterrupt; those received."""
    received: list[int] = []

    def leave(number: int, _: object) -> None:
        received.append(number)
        if len(received) > 1:
            raise KeyboardInterrupt
        lifeline.must_leave = True

    earlier = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
