"""Who trains what runs of one seed have in common, who waits for it, and how long it is kept.

The first run of a seed that comes to a common segment trains it, and leaves its state where others part from
it. They begin there; until it is left they wait, unless nothing else is left to start: they would not end any
earlier. Nothing of it is remembered: what was left is found by its path, and who finds nothing trains it all.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol

from sweeper.results import RunKey
from sweeper.study.fork_groups import ForkGroups
from sweeper.study.prefix_files import Place, PrefixFiles, kind_of
from sweeper.study.prefix_tree import Key, RunPath, length, most_useful
from sweeper.trial import CheckpointRef, JobSpec, Leave, Slot, TrialSpec

MOST_LEFT = 8
"""So many whole states of one seed and segment are kept at a time, those by which most is spared."""
MOST_AHEAD = 100
"""So many points of a grid are looked at beyond those that wait, for one that does not."""


class RunsToCome(Protocol):
    """The trials of a study, and which runs it may still want."""

    @property
    def trials(self) -> dict[int, TrialSpec]:
        """By number, in the order in which they joined."""

    @property
    def n_unasked(self) -> int:
        """How many trials are still to come."""

    def is_screening(self, seed: int) -> bool:
        """Whether candidates are compared on this seed before a best one is known."""

    def may_come(self, key: RunKey) -> bool:
        """Whether a run of the screening is not known, and its trial not given up."""


class Sharing(Protocol):
    """What the loop asks and tells about common beginnings of runs."""

    def see(self, wanted: Container[RunKey]) -> None:
        """These runs are to be trained now; trials may have joined."""

    def waits(self, trial: TrialSpec, seed: int, slot: Slot) -> bool:
        """Whether the run's beginning is being trained now, and will be left for it."""

    def shared(self, job: JobSpec, trial: TrialSpec, slot: Slot) -> JobSpec:
        """The job with what it begins with, and what it leaves for others; it starts now."""

    def moved(self, key: RunKey, step: int, *, is_start: bool = False) -> None:
        """A run has come that far, or starts there."""

    def ended(self, key: RunKey) -> None:
        """A run does not run any more, whatever became of it."""

    @property
    def ahead(self) -> int:
        """How many more trials than there are free slots may be asked for while runs wait."""


class NoSharing:
    """Every run trains all its steps."""

    ahead = 0

    def see(self, wanted: Container[RunKey]) -> None:
        """Nothing."""

    def waits(self, trial: TrialSpec, seed: int, slot: Slot) -> bool:
        """Never."""
        return False

    def shared(self, job: JobSpec, trial: TrialSpec, slot: Slot) -> JobSpec:
        """The job as it is."""
        return job

    def moved(self, key: RunKey, step: int, *, is_start: bool = False) -> None:
        """Nothing."""

    def ended(self, key: RunKey) -> None:
        """Nothing."""


class SharedPrefixes:
    """Follows `Sharing`.

    `drafts`: the points that will be tried, as far as they are known; `is_open`: there may be others.
    `every`: steps from one evaluation to the next; `own`: a run's own checkpoint.
    """

    def __init__(
        self,
        files: PrefixFiles,
        runs: RunsToCome,
        drafts: Iterable[TrialSpec],
        path_of: Callable[[TrialSpec], RunPath],
        every: int,
        own: Callable[[TrialSpec, int], Path],
        *,
        is_open: bool,
    ) -> None:
        self._files, self._runs, self._path_of, self._every, self._own = files, runs, path_of, every, own
        self._is_open, self.ahead = is_open, 0 if is_open else MOST_AHEAD
        self._drafts = {draft.fingerprint: draft for draft in drafts}
        self._drafted: dict[Key, dict[str, None]] = {}
        self._groups = ForkGroups(self._may_come, runs.is_screening)
        for mark, draft in self._drafts.items():
            path = path_of(draft).path
            self._groups.add(mark, path, draft)
            for segment in path:
                self._drafted.setdefault(segment.key, {})[mark] = None
        self._paths: dict[int, RunPath] = {}
        self._with: dict[Key, dict[int, None]] = {}
        self._wanted: Container[RunKey] = ()
        self._coming: dict[Place, dict[int, RunKey]] = {}
        self._leaders: dict[RunKey, list[tuple[Place, int]]] = {}
        self._open: dict[tuple[int, Key], dict[int, None]] = {}
        for place in files.left():
            self._open[place] = {}

    def see(self, wanted: Container[RunKey]) -> None:
        """These runs are to be trained now; trials may have joined."""
        self._wanted = wanted
        n_new = len(self._runs.trials) - len(self._paths)
        for number in reversed([*islice(reversed(self._runs.trials), n_new)]):
            trial = self._runs.trials[number]
            if self._drafts.pop(trial.fingerprint, None) is not None:
                self._groups.remove(trial.fingerprint, self._path_of(trial).path)
            found = self._paths[number] = RunPath() if trial.refused else self._path_of(trial)
            self._groups.add(number, found.path, trial)
            for segment in found.path:
                self._with.setdefault(segment.key, {})[number] = None
                for seed, key in self._open:
                    if key == segment.key:
                        self._open[seed, key][number] = None

    def waits(self, trial: TrialSpec, seed: int, slot: Slot) -> bool:
        """Whether the run's beginning is being trained now, and will be left for it."""
        if not self._coming:
            return False
        path, kind = self._paths[trial.number].path, kind_of(slot)
        coming = max((self._next(s.key, s.until, seed, kind) for s in path), default=0)
        if not coming or self._own(trial, seed).exists():
            return False
        there = self._files.deepest(path, seed, kind)
        return there is None or there[0] < coming

    def _next(self, key: Key, until: int, seed: int, kind: str) -> int:
        steps = self._coming.get(self._files.place(seed, key, kind), ())
        return max((step for step in steps if step <= until), default=0)

    def shared(self, job: JobSpec, trial: TrialSpec, slot: Slot) -> JobSpec:
        """The job with what it begins with, and what it leaves for others; it starts now."""
        run, (seed, kind) = self._paths[trial.number], (job.members[0].seed, kind_of(slot))
        if not run.path:
            return job
        found = self._files.deepest(run.path, seed, kind)
        begun = 0 if found is None else found[0]
        return job.model_copy(
            update={
                "start_from": None if found is None else self._start(run, seed, kind, *found),
                "leave": self._leaves(trial, run, seed, kind, begun),
            }
        )

    def _start(self, run: RunPath, seed: int, kind: str, step: int, path: Path) -> CheckpointRef:
        models = self._files.models(run.path, seed, kind, self._every, step)
        return CheckpointRef(path=str(path), models={at: str(model) for at, model in models.items()})

    def _leaves(self, trial: TrialSpec, run: RunPath, seed: int, kind: str, begun: int) -> tuple[Leave, ...]:
        forks = self._groups.forks(trial.number, run.path, seed, begun)
        counts = dict(sorted(forks.counts.items()))
        if self._has_others:  # where those part that are to come, nobody knows, but this is likely
            ends = (segment.until for segment in run.path[:-1])
            for step in {*run.forks, *ends}:
                if begun < step < length(run.path):
                    counts.setdefault(step, 1)
        free = self._free(run, seed, kind, most_useful(counts, MOST_LEFT))
        if not free:
            return ()
        self._lead((trial.number, seed), free)
        wholes = [Leave(step=step, path=str(place.whole(step))) for step, place in free.items()]
        is_of_models = self._has_others or forks.are_other_kinds
        models = self._files.models(run.path, seed, kind, self._every, max(free)) if is_of_models else {}
        beside = (Leave(step=at, path=str(p), is_model=True) for at, p in models.items() if at > begun)
        return (*wholes, *beside)

    def _free(self, run: RunPath, seed: int, kind: str, steps: Iterable[int]) -> dict[int, Place]:
        """Where of these steps nothing is left yet, or will be, as long as there is room."""
        found: dict[int, Place] = {}
        taken: dict[Place, set[int]] = {}
        for step in steps:
            place = self._place(run, seed, kind, step)
            known = taken.setdefault(place, {*place.steps(), *self._coming.get(place, ())})
            if step not in known and len(known) < MOST_LEFT:
                known.add(step)
                found[step] = place
        return found

    def _place(self, run: RunPath, seed: int, kind: str, step: int) -> Place:
        key = next(segment.key for segment in run.path if step <= segment.until)
        return self._files.place(seed, key, kind)

    @property
    def _has_others(self) -> bool:
        """Whether trials are to come that nobody knows."""
        return self._is_open and self._runs.n_unasked > 0

    def _drafts_with(self, key: Key, seed: int) -> Iterator[str]:
        """Points that no trial has tried yet, and that go on with this key."""
        marks = self._drafted.get(key, {}) if self._runs.is_screening(seed) else {}
        for mark in tuple(marks):
            if mark in self._drafts:
                yield mark
            else:
                del marks[mark]

    def _may_come(self, key: RunKey) -> bool:
        return self._runs.may_come(key) or key in self._wanted

    def _lead(self, key: RunKey, places: Mapping[int, Place]) -> None:
        for step, place in places.items():
            self._coming.setdefault(place, {})[step] = key
            self._leaders.setdefault(key, []).append((place, step))
            if (place.seed, place.key) not in self._open:
                self._open[place.seed, place.key] = dict(self._with[place.key])

    def moved(self, key: RunKey, step: int, *, is_start: bool = False) -> None:
        """A run has come that far, or starts there: what it has not left on the way will not come."""
        for place, at in tuple(self._leaders.get(key, ())):
            if at < step if is_start else at <= step and place.whole(at).exists():
                self._forget(key, place, at)

    def ended(self, key: RunKey) -> None:
        """A run does not run any more: nobody waits for it, and what was left for it alone goes."""
        for place, at in tuple(self._leaders.get(key, ())):
            self._forget(key, place, at)
        number, seed = key
        for segment in self._paths[number].path:
            if (seed, segment.key) in self._open and not self._is_needed(seed, segment.key):
                del self._open[seed, segment.key]
                self._files.remove(seed, segment.key)

    def _forget(self, key: RunKey, place: Place, step: int) -> None:
        self._leaders[key].remove((place, step))
        self._coming[place].pop(step, None)
        if not self._coming[place]:
            del self._coming[place]
        if not self._leaders[key]:
            del self._leaders[key]

    def _is_needed(self, seed: int, key: Key) -> bool:
        """Whether a run may still begin there; who cannot is asked once."""
        numbers = self._open[seed, key]
        while numbers:
            number = next(iter(numbers))
            if self._may_come((number, seed)):
                return True
            del numbers[number]
        return self._has_others or next(self._drafts_with(key, seed), None) is not None
