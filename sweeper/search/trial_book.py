"""Optuna's side of a study: who is tried next, under which number, and what became of it.

Optuna sees numeric parameters as floats and others as categories, so that its dashboard and importances work;
true values are in the trial's user attribute `spec`, whole. Its categories cannot grow: a choice that was
added to a study later is in `spec` and in an attribute `params.<key>`. The baseline is no trial of Optuna's
but an attribute of its study: it has none of the swept parameters, and one such trial would take the common
search space from every sampler that needs one. So our trial n is Optuna's n - 1. Enumerated points are
proposed by us, since Optuna's own grid samplers fail on the last `tell` and its categorical distributions
cannot grow.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState

from sweeper.errors import AskingError, in_a_line
from sweeper.results import TrialResult
from sweeper.search.grammar import text_of
from sweeper.search.pruners import SCREENED, first_seeds
from sweeper.storage import added, drafting, is_of_place, look_of, trial_numbered, writable
from sweeper.trial import TrialSpec

SPEC = "spec"
BASELINE = "baseline"
VERDICT = "pruned because"
UNSHOWN = "no trial for samplers"
"""Why Optuna is told that a trial has failed, whatever it reached: its samplers leave such trials out."""
FOLLOW_UPS = "follow-ups of trial "
STATES = {"COMPLETE": TrialState.COMPLETE, "PRUNED": TrialState.PRUNED, "FAILED": TrialState.FAIL}
Grid = Mapping[str, BaseDistribution]
"""What Optuna is to see of each parameter."""
SamplerFactory = Callable[[int], optuna.samplers.BaseSampler]


class TrialBook:
    """The trials of one Optuna study, as specs."""

    def __init__(self, study: optuna.Study) -> None:
        self._study, self._look = study, look_of(study)
        self._screened: set[int] = set()
        self._known: dict[str, BaseDistribution] = {}
        self._n_known = 0

    def name_objectives(self, names: Sequence[str]) -> None:
        """Have Optuna's dashboard and plots call the values so."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._study.metric_names != list(names):
                self._study.set_metric_names(list(names))

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self._study.study_name)

    @property
    def attributes(self) -> Mapping[str, Any]:
        """What is remembered of the study as a whole."""
        return dict(self._study.user_attrs)

    def specs(self) -> list[TrialSpec]:
        """All trials that were begun in this study, the baseline first, in order of their numbers."""
        baseline = self._study.user_attrs.get(BASELINE)
        known = [] if baseline is None else [TrialSpec.model_validate_json(baseline)]
        return [*known, *self.candidates()]

    def candidates(self, after: int = 0) -> list[TrialSpec]:
        """The candidates with numbers above `after`, in order."""
        self._look()
        attributes = [trial.user_attrs for trial in self._study.get_trials(deepcopy=False)[after:]]
        return [TrialSpec.model_validate_json(attrs[SPEC]) for attrs in attributes if SPEC in attrs]

    def add_baseline(self, draft: TrialSpec) -> TrialSpec:
        """The baseline, number 0, remembered on the study."""
        spec = draft.model_copy(update={"number": 0})
        return TrialSpec.model_validate_json(self.remember(BASELINE, spec.model_dump_json()))

    def distributions(self) -> dict[str, BaseDistribution]:
        """The last distribution of each parameter that was ever suggested in this study."""
        trials = self._study.get_trials(deepcopy=False)
        for trial in trials[self._n_known :]:
            self._known |= trial.distributions
        self._n_known = len(trials)
        return self._known

    def add_draft(self, draft: TrialSpec, grid: Grid | None) -> TrialSpec:
        """The draft as a numbered trial; without a `grid` Optuna sees no parameters and no value of it."""

        def numbered(number: int) -> TrialSpec:
            return draft.model_copy(update={"number": number})

        shown = draft.params if grid is not None else {}
        spec = self.add(shown, grid or {}, numbered)
        if spec.parent is not None:
            self._link(spec.parent, spec.number)
        return spec

    def _link(self, parent: int, follow_up: int) -> None:
        """Tell of a follow-up at its parent, too: on the study, since a finished trial cannot be changed."""
        key = f"{FOLLOW_UPS}{parent}"
        self._study.set_user_attr(key, [*self._study.user_attrs.get(key, []), follow_up])

    def add(
        self,
        params: Mapping[str, Any],
        grid: Grid,
        spec_of: Callable[[int], TrialSpec],
    ) -> TrialSpec:
        """A new trial at a point of ours; `spec_of(number)` describes it, `grid` is of `distributions_of`.

        Written in one transaction with its description, so that a kill spends no number.
        """
        known = self.distributions()
        shown = {key: _seen_as(value, grid[key], known.get(key)) for key, value in params.items()}
        point = {key: seen for key, seen in shown.items() if seen is not None}
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params={key: label for key, (label, _) in point.items()},
            distributions={key: distribution for key, (_, distribution) in point.items()},
        )
        number = len(self._study.get_trials(deepcopy=False)) + 1
        return self._add(template, spec_of(number))

    def suggest(
        self,
        sampler: SamplerFactory,
        define: Callable[[optuna.Trial], Mapping[str, Any]],
        spec_of: Callable[[int, Mapping[str, Any]], TrialSpec],
        refused: Callable[[int, Mapping[str, Any], Exception], TrialSpec] | None = None,
    ) -> TrialSpec:
        """A new trial at a point of the sampler's choice.

        `define(trial)` suggests the parameters. The sampler is made anew for each trial, seeded by its
        number, so that a resumed study goes on as an undisturbed one would. `refused(number, params, error)`
        describes a trial at a point that cannot be one; without it, the error ends the study. Written in one
        transaction, like `add`. Raises AskingError where the sampler fails.
        """
        self._study.sampler = sampler(len(self._study.get_trials(deepcopy=False)))
        with drafting(self._study):
            trial = self._asked()
            number, failure = trial.number + 1, None
            try:
                spec = spec_of(number, define(trial))
            except Exception as error:
                if is_of_place(error):
                    raise
                if refused is None:
                    failure = error
                else:
                    spec = refused(number, trial.params, error)
            template = trial_numbered(self._study, trial.number)
        if failure is not None:
            self._add_failed(template, str(failure))
            raise failure
        return self._add(template, spec)

    def _asked(self) -> optuna.Trial:
        try:
            trial = self._study.ask()
            _ = trial.relative_params  # drawn here, where what fails is the sampler's
            return trial
        except Exception as error:
            if is_of_place(error):
                raise
            name = type(self._study.sampler).__name__
            raise AskingError(f"{name} failed to propose a trial ({in_a_line(error)})") from error

    def _add(self, template: FrozenTrial, spec: TrialSpec) -> TrialSpec:
        """The trial of the template as `spec` describes it; under another number where one was first."""
        template.user_attrs |= _attributes_of(spec, template.params)
        trial = added(self._study, template)
        if trial.number + 1 == spec.number:
            return spec
        numbered = spec.model_copy(update={"number": trial.number + 1})  # asked without a lock
        writable(self._study, trial).set_user_attr(SPEC, numbered.model_dump_json())
        return numbered

    def _add_failed(self, template: FrozenTrial, reason: str) -> None:
        template.user_attrs["reason"] = reason
        template.state, template.datetime_complete = TrialState.FAIL, datetime.now()
        added(self._study, template)

    def tell(self, result: TrialResult, values: Sequence[float] | None) -> None:
        """The trial's state, reason and values; a trial that was told before stays as it was."""
        if result.spec.role == "baseline":
            told = {"state": result.state, "values": list(values or ()), "reason": result.reason}
            self.remember(f"{BASELINE} result", told)
            return
        number = result.spec.number - 1
        trial = trial_numbered(self._study, number)
        if trial.state.is_finished():
            return
        told_values = list(values) if result.state == "COMPLETE" and values else None
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # told by another session just now
            if _is_unshown(result.spec, trial):
                attributes = {"reason": UNSHOWN, "state": result.state, "values": told_values}
                for key, value in attributes.items():
                    writable(self._study, trial).set_user_attr(key, value)
                self._study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
                return
            if result.reason:
                writable(self._study, trial).set_user_attr("reason", result.reason)
            self._study.tell(number, told_values, state=STATES[result.state], skip_if_finished=True)

    def fail_undescribed(self) -> None:
        """End trials that have no description, as an earlier version left them when it was killed.

        To be called while nobody asks.
        """
        for trial in self._study.get_trials(deepcopy=False):
            if SPEC not in trial.user_attrs and not trial.state.is_finished():
                writable(self._study, trial).set_user_attr("reason", "never described")
                self._study.tell(trial.number, state=TrialState.FAIL)

    def report(
        self, number: int, step: int, value: float, pruner: optuna.pruners.BasePruner, why: str
    ) -> str | None:
        """Show Optuna an evaluation of the trial's first seed; `why`, if `pruner` would end the run there.

        A verdict stays, so that a run whose worker or parent died before it heard is ended when it is back.
        A step that is there was judged when it came; a trial that Optuna holds finished is left alone.
        """
        known = trial_numbered(self._study, number - 1)
        if known.state.is_finished():
            return None
        if VERDICT in known.user_attrs or step in known.intermediate_values:
            return known.user_attrs.get(VERDICT)
        trial = writable(first_seeds(self._study, pruner), known)
        with suppress(optuna.exceptions.UpdateFinishedTrialError):  # told by another session just now
            trial.report(value, step)
            if trial.should_prune():
                trial.set_user_attr(VERDICT, why)
                return why
        return None

    def mark_screened(self, numbers: Iterable[int]) -> None:
        """From now on pruners compare with these trials' first seeds, while others may still run."""
        new = set(numbers) - self._screened
        self._screened |= new
        for number in sorted(new):
            trial = trial_numbered(self._study, number - 1)
            if not trial.state.is_finished() and SCREENED not in trial.user_attrs:
                with suppress(optuna.exceptions.UpdateFinishedTrialError):
                    writable(self._study, trial).set_user_attr(SCREENED, True)

    def remember_more(self, key: str, values: Iterable[int]) -> None:
        """Remember these beside those that are remembered under `key`."""
        known = set(self._study.user_attrs.get(key, ()))
        if new := set(values) - known:
            self._study.set_user_attr(key, sorted(known | new))

    def remember(self, key: str, value: Any) -> Any:
        """The value first remembered under `key`: `value` itself the first time."""
        known = self._study.user_attrs
        if key not in known:
            self._study.set_user_attr(key, value)
            return value
        return known[key]


def _attributes_of(spec: TrialSpec, seen: Mapping[str, Any]) -> dict[str, Any]:
    """The description, and what of it Optuna's dashboard shows beside the parameters that were `seen`."""
    shown = {"name": spec.name, "role": spec.role, "parent": spec.parent, "rule": spec.rule}
    of_interest = {key: value for key, value in shown.items() if value not in (None, "", "candidate")}
    unseen = {f"params.{key}": _label(value) for key, value in spec.params.items() if key not in seen}
    return {SPEC: spec.model_dump_json(), **of_interest, **unseen}


def _is_unshown(spec: TrialSpec, trial: FrozenTrial) -> bool:
    """Whether Optuna was shown nothing of what the trial is."""
    is_made_of_another = spec.role == "attribution" or spec.parent is not None
    return is_made_of_another and not trial.params


def distributions_of(points: Iterable[Mapping[str, Any]]) -> dict[str, BaseDistribution]:
    """What Optuna is to see of each parameter of these points: a range of numbers, or categories."""
    values: dict[str, list[Any]] = {}
    for point in points:
        for key, value in point.items():
            values.setdefault(key, []).append(value)
    return {key: _distribution(held) for key, held in values.items()}


def _distribution(values: Sequence[Any]) -> BaseDistribution:
    if all(is_number(value) for value in values):
        return FloatDistribution(float(min(values)), float(max(values)))
    return CategoricalDistribution(tuple(dict.fromkeys(_label(value) for value in values)))


def _seen_as(
    value: Any, of: BaseDistribution, known: BaseDistribution | None
) -> tuple[Any, BaseDistribution] | None:
    """A value and its distribution as Optuna sees them; None where what it has `known` so far forbids it."""
    if isinstance(of, FloatDistribution):
        return (float(value), of) if isinstance(known, FloatDistribution | None) else None
    seen, label = of if known is None else known, _label(value)
    return (label, seen) if isinstance(seen, CategoricalDistribution) and label in seen.choices else None


def _label(value: Any) -> str | int | float | bool | None:
    return value if value is None or isinstance(value, (str, int, float)) else text_of(value)


def is_number(value: Any) -> bool:
    """Whether Optuna can be shown this value as a float."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
