"""From which runs a run parts, and at which step, found by groups of points that part alike.

Most points of a sweep differ in the last segment of their paths alone: in what acts after the warm-up, say.
They part from a given run at one step, so that one look at their group tells what one at each of them would.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from sweeper.results import RunKey
from sweeper.schema import own_sections
from sweeper.study.prefix_tree import Key, Path, equal_until
from sweeper.trial import TrialSpec, canonical

Member = int | str
"""A trial by its number, or a point that none has tried yet by its fingerprint."""


@dataclass
class Group:
    """Points with the same segments but for the last.

    `left`: by seed those that may still be trained, and others that nobody has asked for since they may not.
    `kinds`: what figures of a model their configurations have had.
    """

    members: dict[Member, None] = field(default_factory=dict)
    left: dict[int, dict[Member, None]] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)


@dataclass
class Forks:
    """How many runs part, by the step at which they do; whether they may have other figures of one model.

    Where a group parts, all are counted of whom it is not known that they do not come.
    """

    counts: dict[int, int] = field(default_factory=dict)
    are_other_kinds: bool = False

    def add(self, step: int, n: int, kinds: Collection[str], own: str) -> None:
        """So many more of these kinds, seen from a run of the kind `own`."""
        self.counts[step] = self.counts.get(step, 0) + n
        self.are_other_kinds |= any(kind != own for kind in kinds)


class ForkGroups:
    """All points of a study, tried or not. `may_come`: whether a run may still be trained."""

    def __init__(self, may_come: Callable[[RunKey], bool], is_screening: Callable[[int], bool]) -> None:
        self._may_come, self._is_screening = may_come, is_screening
        self._groups: dict[Path, Group] = {}
        self._with: dict[Key, dict[Path, None]] = {}
        self._last: dict[Key, dict[Member, Path]] = {}
        self._specs: dict[Member, TrialSpec] = {}
        self._kinds: dict[Member, str] = {}

    def add(self, member: Member, path: Path, spec: TrialSpec) -> None:
        """One more point; without a path it shares nothing."""
        if not path:
            return
        *head, last = path
        self._last.setdefault(last.key, {})[member] = path
        self._specs[member] = spec
        if not head:
            return
        group = self._groups.get(tuple(head))
        if group is None:
            group = self._groups[tuple(head)] = Group()
            for segment in head:
                self._with.setdefault(segment.key, {})[tuple(head)] = None
        group.kinds.add(self._kind(member))
        for members in (group.members, *group.left.values()):
            members[member] = None

    def remove(self, member: Member, path: Path) -> None:
        """It is another member from now on, or none."""
        if not path:
            return
        *head, last = path
        self._last[last.key].pop(member, None)
        self._kinds.pop(member, None)
        self._specs.pop(member, None)
        if head:
            group = self._groups[tuple(head)]
            for members in (group.members, *group.left.values()):
                members.pop(member, None)

    def forks(self, number: int, path: Path, seed: int, begun: int) -> Forks:
        """Who parts from this trial's run after step `begun`, and may still be trained on the seed."""
        keys = [segment.key for segment in path if segment.until > begun]
        alike = {m: other for key in keys for m, other in self._last.get(key, {}).items() if m != number}
        found, own = Forks(), self._kind(number)
        for member, other in alike.items():
            step = equal_until(path, other)
            if step > begun and self._comes(member, seed):
                found.add(step, 1, (self._kind(member),), own)
        for head in dict.fromkeys(head for key in keys for head in self._with.get(key, ())):
            step = equal_until(path, head)
            n = self._n_left(self._groups[head], seed, {number: None, **alike}) if step > begun else 0
            if n:
                found.add(step, n, self._groups[head].kinds, own)
        return found

    def _n_left(self, group: Group, seed: int, but: Mapping[Member, object]) -> int:
        """How many may come beside some; 0 where none does. Who does not is asked once."""
        left = group.left.setdefault(seed, dict(group.members))
        gone: list[Member] = []
        is_any = False
        for member in left:
            if member in but:
                continue
            if is_any := self._comes(member, seed):
                break
            gone.append(member)
        for member in gone:
            del left[member]
        return len(left) - sum(member in left for member in but) if is_any else 0

    def _comes(self, member: Member, seed: int) -> bool:
        return self._may_come((member, seed)) if isinstance(member, int) else self._is_screening(seed)

    def _kind(self, member: Member) -> str:
        """What decides which figures a model has: the task's own sections."""
        if member not in self._kinds:
            self._kinds[member] = canonical(own_sections(self._specs[member].config))
        return self._kinds[member]
