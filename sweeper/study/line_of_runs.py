"""Runs that wait in an order of their own, some of them set aside for a while."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from sweeper.results import RunKey

Rank = tuple[int, ...]
Mark = tuple[str, int]
"""A fingerprint and a seed: runs that share both are one run."""


class LineOfRuns:
    """Runs by rank. What is set aside stays in the line, and keeps its place, but its turn does not come.

    Each call takes O(log n) comparisons, and moves at most n pointers by one place.
    """

    def __init__(self, aside: set[Mark]) -> None:
        """`aside`: the marks that are set aside already."""
        self._order: list[tuple[Rank, RunKey]] = []
        self._ranks: dict[RunKey, Rank] = {}
        self._marks: dict[RunKey, Mark] = {}
        self._of_mark: dict[Mark, set[RunKey]] = {}
        self._aside = set(aside)

    def __len__(self) -> int:
        """All runs, those set aside among them."""
        return len(self._ranks)

    def __contains__(self, key: object) -> bool:
        return key in self._ranks

    def __iter__(self) -> Iterator[RunKey]:
        """The runs whose turn may come, in order. The line may change meanwhile."""
        at = 0
        while at < len(self._order):
            entry = self._order[at]
            yield entry[1]
            at = bisect_right(self._order, entry)

    @property
    def runs(self) -> tuple[RunKey, ...]:
        """All runs in order, those set aside among them."""
        return tuple(sorted(self._ranks, key=lambda key: (self._ranks[key], key)))

    def add(self, key: RunKey, rank: Rank, mark: Mark) -> None:
        """A run joins the line."""
        if key not in self._ranks:
            self._ranks[key], self._marks[key] = rank, mark
            self._of_mark.setdefault(mark, set()).add(key)
            if mark not in self._aside:
                insort(self._order, (rank, key))

    def remove(self, key: RunKey) -> None:
        """A run leaves the line; one that is not there is left alone."""
        if key not in self._ranks:
            return
        mark = self._marks.pop(key)
        if mark not in self._aside:
            self._take_out(key)
        del self._ranks[key]
        self._of_mark[mark].discard(key)
        if not self._of_mark[mark]:
            del self._of_mark[mark]

    def set_aside(self, mark: Mark) -> None:
        """The turn of runs with this mark does not come, of those that join later neither."""
        if mark not in self._aside:
            for key in self._of_mark.get(mark, ()):
                self._take_out(key)
            self._aside.add(mark)

    def put_back(self, mark: Mark) -> None:
        """The turn of runs with this mark may come."""
        if mark in self._aside:
            self._aside.discard(mark)
            for key in self._of_mark.get(mark, ()):
                insort(self._order, (self._ranks[key], key))

    def _take_out(self, key: RunKey) -> None:
        del self._order[bisect_left(self._order, (self._ranks[key], key))]
