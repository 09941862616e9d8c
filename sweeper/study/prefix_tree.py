"""What runs of one seed train alike, and where they part: a tree of their common beginnings. Pure.

A run is its path: segments from the first step to the last, each with a key that stands for all that decides
the training up to the segment's end. Runs with an equal key train the same until the earlier of the two ends.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

Key = str


@dataclass(frozen=True)
class Segment:
    """Training up to step `until`, decided by what `key` stands for, from the first step on."""

    until: int
    key: Key


Path = tuple[Segment, ...]
"""The segments of a run in order; the last one ends with the run. Empty: the run shares nothing."""


@dataclass(frozen=True)
class RunPath:
    """A run's path; `forks` are the steps at which runs are likely to part that are not known yet."""

    path: Path = ()
    forks: frozenset[int] = frozenset()


def equal_until(one: Path, other: Path) -> int:
    """The step until which two runs of one seed train the same; 0 where they never do.

    By hand: [160 a, 800 b] and [800 a] are equal until 160, and so are [160 a, 800 b] and [160 a, 800 c].
    """
    ends = {segment.key: segment.until for segment in other}
    return max((min(segment.until, ends.get(segment.key, 0)) for segment in one), default=0)


def length(path: Path) -> int:
    """The steps of a whole run."""
    return path[-1].until if path else 0


def key_at(path: Path, step: int) -> Key:
    """The key of the segment in which the run makes its step number `step` (from 1)."""
    return next(segment.key for segment in path if step <= segment.until)


def fork_steps(path: Path, others: Iterable[Path], begun: int = 0) -> dict[int, int]:
    """How many of `others` part from `path` after step `begun`, by the step at which they do."""
    counts: dict[int, int] = {}
    for other in others:
        step = equal_until(path, other)
        if step > begun:
            counts[step] = counts.get(step, 0) + 1
    return dict(sorted(counts.items()))


def most_useful(counts: dict[int, int], most: int) -> list[int]:
    """Of these fork steps at most so many, such that few steps are trained again.

    One after the other, the step that spares most joins; all of them where they are few enough.
    """
    if len(counts) <= most:
        return sorted(counts)
    chosen: list[int] = []
    for _ in range(most):
        left = [step for step in counts if step not in chosen]
        chosen.append(max(left, key=lambda step: (_spared(counts, [*chosen, step]), step)))
    return sorted(chosen)


def _spared(counts: dict[int, int], chosen: Sequence[int]) -> int:
    return sum(
        n * max((step for step in chosen if step <= wanted), default=0) for wanted, n in counts.items()
    )


@dataclass
class Trained:
    """How far each key has been trained by the runs so far, in the order in which they came."""

    reached: dict[Key, int] = field(default_factory=dict)

    def deepest(self, path: Path) -> int:
        """The step up to which some run has trained what this one would."""
        return max((min(s.until, self.reached.get(s.key, 0)) for s in path), default=0)

    def add(self, path: Path) -> None:
        """One run more."""
        for segment in path:
            self.reached[segment.key] = max(segment.until, self.reached.get(segment.key, 0))


def steps_to_train(paths: Iterable[Path]) -> int:
    """The fewest steps in which all these runs of one seed can be trained, whatever their order."""
    trained, steps = Trained(), 0
    for path in paths:
        steps += length(path) - trained.deepest(path)
        trained.add(path)
    return steps


@dataclass
class Node:
    """A run in a tree of forks: it trains from step `begun` on; `forks` begin with its first steps."""

    name: str
    path: Path
    begun: int = 0
    forks: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """The node and all below it."""
        yield self
        for fork in self.forks:
            yield from fork.walk()


def tree_of(runs: Iterable[tuple[str, Path]]) -> list[Node]:
    """Runs of one seed, each below the first one before it with which it shares most; the roots."""
    roots: list[Node] = []
    first_with: dict[Key, list[Node]] = {}
    for name, path in runs:
        before = [earlier for segment in path for earlier in first_with.get(segment.key, ())]
        parent = max(before, key=lambda earlier: equal_until(earlier.path, path), default=None)
        node = Node(name, path)
        if parent is None:
            roots.append(node)
        else:
            node.begun = equal_until(parent.path, path)
            parent.forks.append(node)
        for segment in path:
            nodes = first_with.setdefault(segment.key, [])
            if not nodes or segment.until > _end_of(nodes[-1].path, segment.key):
                nodes.append(node)  # who goes no further with this key than one before is nobody's parent
    return roots


def _end_of(path: Path, key: Key) -> int:
    return next(segment.until for segment in path if segment.key == key)
