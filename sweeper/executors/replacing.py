"""Whether an agent that has ended is replaced: not for ever, where each ends as soon as it has begun."""

from collections import Counter

YOUNG_S = 20.0
DELAYS_S = (2.0, 5.0, 15.0)
EXITED, KILLED, MOST = 5, 1, 15
"""What an early end counts, by itself or by a signal, and how much is too much: three of the one kind."""


class Replacing:
    """Counts, for each agent, how often it ended early, one time after the other."""

    def __init__(self) -> None:
        self._strikes: Counter[str] = Counter()

    def delay_s(self, agent: str, age_s: float, *, is_killed: bool = False) -> float | None:
        """Seconds until another one takes the place of one of this age; None where none does."""
        if age_s >= YOUNG_S:
            self._strikes[agent] = 0
        else:
            self._strikes[agent] += KILLED if is_killed else EXITED
        strikes = self._strikes[agent]
        return None if strikes >= MOST else DELAYS_S[strikes // EXITED]
