"""What the thread that trains shares with the thread that listens to the parent."""

from dataclasses import dataclass


@dataclass
class Lifeline:
    """`step`: how far the run is, for signs of life. `must_leave`: go after this step, with a checkpoint.

    Each field has one writer, so that no lock is needed.
    """

    step: int = 0
    must_leave: bool = False
