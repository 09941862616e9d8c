"""How long a run has taken, interruptions not counted."""

import time


class Stopwatch:
    """Seconds since it was made, on top of `before`; `seconds` stands still between ticks."""

    def __init__(self, before: float = 0.0) -> None:
        self._start, self.seconds = time.monotonic() - before, before

    def tick(self) -> float:
        """Read the time."""
        self.seconds = time.monotonic() - self._start
        return self.seconds
