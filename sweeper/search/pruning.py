"""Which runs are not worth their time. The words are here, the decisions are Optuna's.

Pruners of evaluations look at a candidate's first seed: it screens, and a trial that is given up there gets
no other seeds. `wilcoxon` looks at complete seeds, before a further one is started.
"""

from collections.abc import Mapping
from typing import Protocol

from sweeper.messages import Reported
from sweeper.results import GIVEN_UP, Policy, Runs
from sweeper.schema import (
    Asha,
    Hyperband,
    Median,
    NoPruner,
    Patient,
    Percentile,
    StudySettings,
    Threshold,
    Wilcoxon,
    Wrapped,
)
from sweeper.search.pruners import is_surely_worse, pruner_of
from sweeper.search.trial_book import TrialBook
from sweeper.trial import TrialSpec

BASELINE_NUMBER = 0
NEVER = pruner_of(NoPruner(name="none"), eval_every=1, max_steps=1)


class Pruning(Protocol):
    """Decides which runs end early. Never asked about trials that are not prunable."""

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """Why the run should end at this evaluation, in a few words, or None."""

    def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
        """Why a run need not be started, given all that is known of others, or None."""


def pruning_of(settings: StudySettings, policy: Policy, trials: TrialBook, eval_every: int) -> Pruning:
    """The pruning that the section `pruner`, which has been checked, asks for.

    `eval_every`: steps from one evaluation to the next.
    """
    pruner = settings.pruner
    shown = Shown(policy, trials)
    if isinstance(pruner, NoPruner):
        return NoPruning(shown)
    if isinstance(pruner, Wilcoxon):
        return AcrossSeeds(pruner, policy, shown)
    return OnFirstSeed(pruner, policy, trials, eval_every)


class Shown:
    """Shows Optuna the evaluations of first seeds, for its dashboard; of several objectives it takes none."""

    def __init__(self, policy: Policy, trials: TrialBook) -> None:
        self._policy, self._trials = policy, trials

    def show(self, trial: TrialSpec, reported: Reported) -> None:
        """Store the objective of an evaluation, where it has one."""
        objectives = self._policy.objectives
        value = reported.metrics.get(f"val/{objectives[0].metric}")
        if len(objectives) == 1 and reported.seed == self._policy.seeds[0] and value is not None:
            self._trials.report(trial.number, reported.step, value, NEVER, "")


class NoPruning:
    """Every run is trained to its end."""

    def __init__(self, shown: Shown | None = None) -> None:
        self._shown = shown

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """None."""
        if self._shown is not None:
            self._shown.show(trial, reported)
        return None

    def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
        """None."""
        return None


class OnFirstSeed:
    """Ends the first seed of a candidate by its evaluations."""

    def __init__(self, pruner: Wrapped | Patient, policy: Policy, trials: TrialBook, eval_every: int) -> None:
        self._pruner, self._policy, self._trials, self._eval_every = pruner, policy, trials, eval_every

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """Tells Optuna of each evaluation, and asks its pruner where the answer can save anything."""
        if reported.seed != self._policy.seeds[0]:
            return None
        metric = f"val/{self._policy.objectives[0].metric}"
        value = reported.metrics.get(metric)
        if value is None:
            return None  # how the run ends will tell
        pruner = pruner_of(
            self._pruner if self._saves_work(trial, reported) else NoPruner(name="none"),
            self._eval_every,
            trial.max_steps,
        )
        why = f"{self._pruner.name}: {metric} {value:.6g} at step {reported.step}; {words(self._pruner)}"
        return self._trials.report(trial.number, reported.step, value, pruner, why)

    def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
        """None: further seeds are wanted only of trials that came through their first."""
        return None

    def _saves_work(self, trial: TrialSpec, reported: Reported) -> bool:
        """After the last step of a run there is nothing left to save but the trial's other seeds.

        In adaptive studies those are the contenders' only, which are chosen by complete first seeds.
        """
        has_others = self._policy.replicate_top_k is None and len(self._policy.seeds) > 1
        return has_others or not trial.max_steps or reported.step < trial.max_steps


class AcrossSeeds:
    """Gives up candidates between their seeds."""

    def __init__(self, pruner: Wilcoxon, policy: Policy, shown: Shown | None = None) -> None:
        self._pruner, self._policy, self._shown = pruner, policy, shown

    def after_report(self, trial: TrialSpec, reported: Reported) -> str | None:
        """None."""
        if self._shown is not None:
            self._shown.show(trial, reported)
        return None

    def before_run(self, trial: TrialSpec, seed: int, runs: Runs) -> str | None:
        """Compares the trial's complete seeds with those of the candidate that is best on the same seeds.

        That candidate may itself wait for further seeds: since all trials go through their seeds side by
        side, the best of those that have all of them would be known too late to save anything.
        """
        if seed not in self._policy.seeds:
            return None  # a confirmation
        complete = self._complete(runs)
        own = complete.get(trial.number, {})
        rivals = {
            number: [values[seed] for seed in own]
            for number, values in complete.items()
            if number not in (trial.number, BASELINE_NUMBER) and own.keys() <= values.keys()
        }
        if len(own) < 2 or not rivals:
            return None
        return self._verdict(list(own.values()), rivals)

    def _verdict(self, own: list[float], rivals: Mapping[int, list[float]]) -> str | None:
        objective = self._policy.objectives[0]
        best = max(rivals, key=lambda number: (objective.sign * sum(rivals[number]), -number))
        if not is_surely_worse(own, rivals[best], objective.direction, self._pruner):
            return None
        mean, best_mean = sum(own) / len(own), sum(rivals[best]) / len(own)
        return (
            f"wilcoxon: val/{objective.metric} {mean:.6g} over {len(own)} seeds, surely worse than trial "
            f"{best} with {best_mean:.6g} (p < {self._pruner.p_threshold:g})"
        )

    def _complete(self, runs: Runs) -> dict[int, dict[int, float]]:
        """The objective by trial and seed, without trials that failed or were given up on some seed."""
        key = f"val/{self._policy.objectives[0].metric}"
        seeds = self._policy.seeds
        lost = {number for (number, seed), run in runs.items() if seed in seeds and run.state in GIVEN_UP}
        found: dict[int, dict[int, float]] = {}
        for (number, seed), run in sorted(runs.items()):
            if seed in seeds and number not in lost and run.state == "COMPLETE":
                found.setdefault(number, {})[seed] = run.metrics[key]
        return found


def words(pruner: Wrapped | Patient) -> str:
    """Why this pruner ends a run, after its name, the value and the step."""
    match pruner:
        case Median():
            return "its best so far is worse than the median of earlier trials"
        case Percentile():
            return f"its best so far is not among the best {pruner.percentile:g} % of earlier trials"
        case Asha():
            return f"not promoted: only the best 1 in {pruner.reduction_factor} at a rung goes on"
        case Hyperband():
            return (
                f"not promoted: only the best 1 in {pruner.reduction_factor} at a rung of its bracket goes on"
            )
        case Threshold():
            return f"outside of [{_bound(pruner.lower, '-inf')}, {_bound(pruner.upper, 'inf')}]"
        case Patient():
            own = f"worse than before in each of the last {pruner.patience + 1} evaluations"
            is_alone = isinstance(pruner.wrapped, NoPruner)
            return own if is_alone else f"{own}; {pruner.wrapped.name}: {words(pruner.wrapped)}"
        case NoPruner():
            return "never"


def _bound(value: float | None, missing: str) -> str:
    return missing if value is None else f"{value:g}"
