"""Where a study's trials come from: a list worked off in order, or a sampler asked again and again."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sweeper.trial import TrialSpec, canonical
from sweeper.trial_book import Bounds, TrialBook, is_number

Draft = TrialSpec
"""A trial that Optuna has not numbered yet."""


def point_of(trial: TrialSpec) -> tuple[str, str, str]:
    """What a trial stands for, under whatever number: role, parameters, fingerprint."""
    return trial.role, canonical(trial.params), trial.fingerprint


def numeric_bounds(drafts: Iterable[Draft]) -> Bounds:
    """The smallest and largest value of each parameter that is a number in every draft that has it."""
    values: dict[str, list[Any]] = {}
    for draft in drafts:
        for key, value in draft.params.items():
            values.setdefault(key, []).append(value)
    numeric = {key: held for key, held in values.items() if all(is_number(value) for value in held)}
    return {key: (float(min(held)), float(max(held))) for key, held in numeric.items()}


class Enumerated:
    """Each draft once, in order. A study accumulates: trials of earlier commands stay part of it."""

    def __init__(self, drafts: Sequence[Draft], book: TrialBook) -> None:
        self.known = book.specs()
        self._begun = {point_of(spec): spec for spec in self.known}
        self._seen = max((spec.number for spec in self.known), default=0)
        self._new = deque(draft for draft in drafts if point_of(draft) not in self._begun)
        self._book, self._bounds = book, numeric_bounds([*drafts, *self.known])

    @property
    def n_left(self) -> int:
        """How many trials are still to come."""
        return len(self._new)

    def ask(self) -> TrialSpec | None:
        """The next new draft as a numbered trial."""
        if not self._new:
            return None
        draft = self._new.popleft()
        if draft.role == "baseline":
            return self._book.add_baseline(draft)
        return self._begun_elsewhere(draft) or self._book.add(
            draft.params, self._bounds, lambda number: draft.model_copy(update={"number": number})
        )

    def _begun_elsewhere(self, draft: Draft) -> TrialSpec | None:
        """The same point as another session has begun it since we looked."""
        for spec in self._book.candidates(self._seen):
            self._begun[point_of(spec)] = spec
            self._seen = spec.number
        return self._begun.get(point_of(draft))


class Adaptive:
    """The baseline, then candidates where the sampler wants them, up to `n_trials` in the whole study."""

    def __init__(
        self, baseline: Draft, n_trials: int, book: TrialBook, suggest: Callable[[], TrialSpec]
    ) -> None:
        self._baseline = Enumerated([baseline], book)
        self.known = self._baseline.known
        self._n_candidates = n_trials - sum(spec.role == "candidate" for spec in self.known)
        self._suggest = suggest

    @property
    def n_left(self) -> int:
        """How many trials are still to come."""
        return self._baseline.n_left + max(0, self._n_candidates)

    def ask(self) -> TrialSpec | None:
        """The baseline first, then the sampler's next suggestion."""
        if (baseline := self._baseline.ask()) is not None:
            return baseline
        if self._n_candidates <= 0:
            return None
        self._n_candidates -= 1
        return self._suggest()


class Nobody:
    """No further trials: what a study's later phases ask."""

    def ask(self) -> TrialSpec | None:
        """None."""
        return None
