"""Where a study's trials come from: a list worked off in order, or a sampler asked again and again.

Several sessions may ask for one study at a time. Each looks and asks while it holds `alone`, so that none
asks what another has begun; and each takes over the trials that others have begun, so that all know all.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Protocol

from sweeper.errors import StudyError
from sweeper.locks import Turns
from sweeper.search.trial_book import Grid, TrialBook, distributions_of
from sweeper.trial import TrialSpec, by_value, canonical

Draft = TrialSpec
"""A trial that Optuna has not numbered yet."""

Alone = Callable[[], AbstractContextManager[bool]]
"""A lock on the asking for one study; whether another session may have asked since it was last held."""
Adopt = Callable[[TrialSpec], None]

ALONE_S = 600.0
"""A sampler may take a minute for a trial; the leases of who waits for it are renewed meanwhile."""
LOOK_S = 1.0
"""Once all is asked, other sessions' further trials are looked for this often."""


class Asker(Protocol):
    """Where the trials of a study come from."""

    @property
    def n_left(self) -> int:
        """How many trials are still to come."""

    @property
    def n_alike(self) -> int:
        """How many of these train what another one trains: each of their runs is one with another's."""

    def ask(self) -> TrialSpec | None:
        """The next trial; None where none comes now."""

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Let these trials come, too, in this order, after all others; those of them that are new."""


Point = tuple[str, str, str]


def point_of(trial: TrialSpec) -> Point:
    """What a trial stands for, under whatever number: role, parameters, fingerprint."""
    return trial.role, canonical(by_value(trial.params)), trial.fingerprint


def _is_proposed(spec: TrialSpec) -> bool:
    return spec.role == "candidate" and spec.parent is None


def _nobody_else() -> AbstractContextManager[bool]:
    return nullcontext(True)


class KnownTrials:
    """The study's trials as far as this session knows them, and those that others begin meanwhile.

    `adopt` is told of each trial of another session before anybody else is.
    """

    def __init__(self, book: TrialBook, adopt: Adopt) -> None:
        self.known = book.specs()
        self._book, self._adopt = book, adopt
        self._points = {point_of(spec) for spec in self.known}
        self._new_points: list[Point] = []
        self._last = max((spec.number for spec in self.known if spec.role != "baseline"), default=0)
        self._proposed = {spec.number for spec in self.known if _is_proposed(spec)}
        self._foreign: deque[TrialSpec] = deque()
        self._look_at, self._has_tidied = 0.0, False

    @property
    def n_proposed(self) -> int:
        """How many candidates have been begun that no rule, and no stage of a plan, made of another."""
        return len(self._proposed)

    @property
    def n_foreign(self) -> int:
        """How many trials `next_foreign` still has."""
        return len(self._foreign)

    @property
    def fingerprints(self) -> set[str]:
        """Those of all trials that were begun."""
        return {fingerprint for _, _, fingerprint in self._points}

    def has(self, point: Point) -> bool:
        """Whether this point has been begun."""
        return point in self._points

    def new_points(self) -> list[Point]:
        """The points that have been begun since the last call, by this session or another one."""
        new, self._new_points = self._new_points, []
        return new

    def add(self, spec: TrialSpec) -> TrialSpec:
        """A trial that has been begun."""
        point = point_of(spec)
        self._points.add(point)
        self._new_points.append(point)
        if spec.role != "baseline":
            self._last = max(self._last, spec.number)
        if _is_proposed(spec):
            self._proposed.add(spec.number)
        return spec

    def look_alone(self, has_changed: bool) -> None:
        """Learn of trials that other sessions have begun, while none of them begins one."""
        if not self._has_tidied:
            self._has_tidied = True
            self._book.fail_undescribed()
            self.look()
        elif has_changed:
            self.look()

    def look(self) -> None:
        """Learn of trials that other sessions have begun."""
        self._look_at = time.monotonic() + LOOK_S
        for spec in self._book.candidates(self._last):
            self._adopt(spec)
            self._foreign.append(self.add(spec))

    def look_now_and_then(self) -> None:
        """The same, but not all the time."""
        if time.monotonic() >= self._look_at:
            self.look()

    def next_foreign(self) -> TrialSpec | None:
        """The next trial of another session that nobody was told of yet."""
        return self._foreign.popleft() if self._foreign else None


class Listed:
    """Drafts that wait to be asked for, each once, in order.

    `is_for_samplers`: whether Optuna is shown their parameters. A sampler must not learn from a trial that
    differs in more than the sampler knows of.
    """

    def __init__(
        self, drafts: Sequence[Draft], begun: KnownTrials, book: TrialBook, *, is_for_samplers: bool
    ) -> None:
        self._begun, self._book, self._is_for_samplers = begun, book, is_for_samplers
        self._waiting: deque[tuple[Point, Draft]] = deque()
        self._n_of: Counter[Point] = Counter()
        self._n_left = 0
        self._shown = [spec.params for spec in begun.known]
        self._grid: Grid = {}
        self.extend(drafts)

    def __len__(self) -> int:
        return self._n_left

    @property
    def n_alike(self) -> int:
        """How many of these have the fingerprint of one that was begun, or that comes before."""
        waiting = [draft.fingerprint for point, draft in self._waiting if point in self._n_of]
        return len(waiting) - len(set(waiting) - self._begun.fingerprints)

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Let those of `drafts` join that nobody has begun, and that do not wait yet; these."""
        points = [(point_of(draft), draft) for draft in drafts]
        new = [(point, d) for point, d in points if not self._begun.has(point) and point not in self._n_of]
        if new:
            self._waiting.extend(new)
            self._n_of.update(point for point, _ in new)
            self._n_left += len(new)
            self._shown += [draft.params for _, draft in new]
            self._grid = distributions_of(self._shown)
        return [draft for _, draft in new]

    def begins_with_baseline(self) -> bool:
        """Whether the baseline comes next."""
        first = self._first()
        return first is not None and first.role == "baseline"

    def forget_begun(self) -> None:
        """Leave out what other sessions have begun meanwhile."""
        for point in self._begun.new_points():
            self._n_left -= self._n_of.pop(point, 0)

    def _first(self) -> Draft | None:
        """The draft that comes next; those before it that were left out are dropped."""
        while self._waiting and self._waiting[0][0] not in self._n_of:
            self._waiting.popleft()
        return self._waiting[0][1] if self._waiting else None

    def begin(self) -> TrialSpec | None:
        """The next draft, numbered; None where there is none."""
        draft = self._first()
        if draft is None:
            return None
        point, _ = self._waiting.popleft()
        self._n_left -= 1
        self._n_of[point] -= 1
        if not self._n_of[point]:
            del self._n_of[point]
        if draft.role == "baseline":
            return self._begun.add(self._book.add_baseline(draft))
        return self._begun.add(self._book.add_draft(draft, self._grid if self._is_shown(draft) else None))

    def _is_shown(self, draft: Draft) -> bool:
        return self._is_for_samplers and draft.role == "candidate"


class Enumerated:
    """Each draft once, in order. A study accumulates: trials of earlier commands stay part of it."""

    def __init__(
        self,
        drafts: Sequence[Draft],
        book: TrialBook,
        alone: Alone = _nobody_else,
        adopt: Adopt = lambda _: None,
    ) -> None:
        self._begun = KnownTrials(book, adopt)
        self.known = self._begun.known
        self._new = Listed(drafts, self._begun, book, is_for_samplers=True)
        self._alone = alone

    @property
    def n_left(self) -> int:
        """How many trials are still to come."""
        return len(self._new) + self._begun.n_foreign

    @property
    def n_alike(self) -> int:
        """How many of these train what another one trains."""
        return self._new.n_alike

    def ask(self) -> TrialSpec | None:
        """The next new draft as a numbered trial, or a trial that another session has begun."""
        if not self._new:
            self._begun.look_now_and_then()
            return self._begun.next_foreign()
        with self._alone() as has_changed:
            if self._new.begins_with_baseline():
                return self._new.begin()
            self._begun.look_alone(has_changed)
            self._new.forget_begun()
            return self._begun.next_foreign() or self._new.begin()

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Let these trials come, too, in this order, after all others; those of them that are new."""
        return self._new.extend(drafts)


class Adaptive:
    """The baseline, then candidates where the sampler wants them, up to `n_trials` in the whole study."""

    def __init__(
        self,
        baseline: Draft,
        n_trials: int,
        book: TrialBook,
        suggest: Callable[[], TrialSpec],
        alone: Alone = _nobody_else,
        adopt: Adopt = lambda _: None,
    ) -> None:
        self._begun = KnownTrials(book, adopt)
        self.known = self._begun.known
        self._baseline = None if self._begun.has(point_of(baseline)) else baseline
        self._n_trials, self._book, self._suggest, self._alone = n_trials, book, suggest, alone
        self._further = Listed((), self._begun, book, is_for_samplers=False)

    @property
    def n_left(self) -> int:
        """How many trials are still to come."""
        first = self._baseline is not None
        return first + self._n_unasked + self._begun.n_foreign + len(self._further)

    @property
    def n_alike(self) -> int:
        """How many of those that are known already train what another one trains."""
        return self._further.n_alike

    @property
    def _n_unasked(self) -> int:
        return max(0, self._n_trials - self._begun.n_proposed)

    def ask(self) -> TrialSpec | None:
        """The baseline, then the sampler's next suggestion, or a trial that another session has begun."""
        if self._baseline is not None:
            baseline, self._baseline = self._baseline, None
            with self._alone():
                return self._begun.add(self._book.add_baseline(baseline))
        if not self._n_unasked and not self._further:
            self._begun.look_now_and_then()
            return self._begun.next_foreign()
        with self._alone() as has_changed:
            self._begun.look_alone(has_changed)
            self._further.forget_begun()
            return self._begun.next_foreign() or self._begin()

    def extend(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Let these trials come, too, in this order, after all others; those of them that are new."""
        return self._further.extend(drafts)

    def _begin(self) -> TrialSpec | None:
        return self._begun.add(self._suggest()) if self._n_unasked else self._further.begin()


@contextmanager
def alone_with(turns: Turns) -> Iterator[bool]:
    """Our turn to ask for trials of a study. Raises StudyError where another session does not end its own."""
    with ExitStack() as stack:
        try:
            has_changed = stack.enter_context(turns.take())
        except TimeoutError as error:
            problem = f"{error}, for {ALONE_S:g} s; it may hang"
            raise StudyError(f"{problem}. End that one; the same command resumes the study") from error
        yield has_changed
