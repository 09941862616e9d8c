"""Whether an agent that has ended is replaced: not for ever, where each ends as soon as it has begun."""

YOUNG_S = 20.0
MOST_YOUNG = 3
DELAYS_S = (2.0, 5.0, 15.0)


class Replacing:
    """Counts agents that ended young, one after the other."""

    def __init__(self) -> None:
        self._n_young = 0

    @property
    def is_over(self) -> bool:
        """Whether so many have ended young that others would, too."""
        return self._n_young >= MOST_YOUNG

    def delay_s(self, age_s: float) -> float | None:
        """Seconds until another one takes the place of one of this age; None where none does."""
        self._n_young = self._n_young + 1 if age_s < YOUNG_S else 0
        return None if self.is_over else DELAYS_S[self._n_young]
