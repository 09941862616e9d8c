"""Which runs a study still wants, and what a trial's runs say about the trial. Pure.

The study loop keeps no plan. After every event it asks `wanted` again, with all that is known; so a resumed
study, an extended one and an undisturbed one take the same decisions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sweeper.results import Objective, RunResult, TrialResult, TrialState
from sweeper.trial import TrialSpec

RunKey = tuple[int, int]
"""(trial number, seed)."""

Runs = Mapping[RunKey, RunResult]


@dataclass(frozen=True)
class Policy:
    """How a study spends its runs.

    `replicate_top_k`: None replicates every trial on all seeds (enumerated grids); a number screens on the
    first seed and replicates only the best so many (adaptive sampling).
    """

    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    objectives: tuple[Objective, ...]
    replicate_top_k: int | None
    max_failure_rate: float
    n_candidates: int

    @property
    def failures_allowed(self) -> int:
        """So many failed trials may be; one more stops the study."""
        return int(self.max_failure_rate * self.n_candidates)


@dataclass(frozen=True)
class Wish:
    """Runs to start next, in order, and the phase that they belong to."""

    phase: str
    runs: tuple[RunKey, ...]


def trial_state(runs: Mapping[int, RunResult], seeds: Sequence[int]) -> tuple[TrialState, str | None]:
    """A trial's state from its runs on the screening seeds: one failure fails it."""
    ended = [runs[seed] for seed in seeds if seed in runs]
    for state in ("FAILED", "PRUNED"):
        for run in ended:
            if run.state == state:
                return state, f"seed {run.seed}: {run.reason}"
    if len(ended) == len(seeds) and all(run.state == "COMPLETE" for run in ended):
        return "COMPLETE", None
    return ("RUNNING" if ended else "WAITING"), None


def trial_results(
    trials: Iterable[TrialSpec], runs: Runs, seeds_of: Callable[[TrialSpec], Sequence[int]]
) -> tuple[TrialResult, ...]:
    """Each trial with its runs, in order of the numbers."""
    by_trial: dict[int, dict[int, RunResult]] = {}
    for (number, seed), run in runs.items():
        by_trial.setdefault(number, {})[seed] = run
    results = []
    for spec in sorted(trials, key=lambda trial: trial.number):
        own = by_trial.get(spec.number, {})
        state, reason = trial_state(own, seeds_of(spec))
        results.append(TrialResult(spec, state, reason, own))
    return tuple(results)


def n_failed(trials: Iterable[TrialSpec], runs: Runs) -> int:
    """The number of trials with a failed run."""
    failed = {number for (number, _), run in runs.items() if run.state == "FAILED"}
    return sum(trial.number in failed for trial in trials)


def screening_seeds(trial: TrialSpec, policy: Policy, contenders: set[int]) -> tuple[int, ...]:
    """The seeds that this trial is owed: all, or in adaptive studies the first until it contends."""
    everything = policy.replicate_top_k is None or not trial.prunable or trial.number in contenders
    return policy.seeds if everything else policy.seeds[:1]


def contenders(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> set[int]:
    """Numbers of the candidates that are best on the first seed; none in enumerated studies."""
    if policy.replicate_top_k is None:
        return set()
    ranked = sorted(_first_seed_ranks(trials, runs, policy))
    return {number for _, number in ranked[: policy.replicate_top_k]}


def wanted_screening(trials: Sequence[TrialSpec], runs: Runs, policy: Policy, *, all_asked: bool) -> Wish:
    """Screening runs that are not known yet; contenders' replicates once all trials are asked."""
    first = _missing(trials, runs, lambda trial: screening_seeds(trial, policy, set()))
    if first or not all_asked:
        return Wish("screening", first)
    chosen = contenders(trials, runs, policy)
    return Wish("replication", _missing(trials, runs, lambda trial: screening_seeds(trial, policy, chosen)))


def wanted_confirmation(baseline: TrialSpec, best: Sequence[TrialSpec], runs: Runs, policy: Policy) -> Wish:
    """Runs of the confirmation phase that are not known yet, baseline and best alternating by seed."""
    arms = [baseline, *best]
    lost = _lost(runs)
    keys = [(trial.number, seed) for seed in policy.confirm_seeds for trial in arms]
    return Wish("confirmation", tuple(key for key in keys if key not in runs and key[0] not in lost))


def _missing(
    trials: Sequence[TrialSpec], runs: Runs, seeds_of: Callable[[TrialSpec], Sequence[int]]
) -> tuple[RunKey, ...]:
    lost = _lost(runs)
    return tuple(
        (trial.number, seed)
        for trial in trials
        if trial.number not in lost
        for seed in seeds_of(trial)
        if (trial.number, seed) not in runs
    )


def _lost(runs: Runs) -> set[int]:
    """Trials with a failed or pruned run get no further ones: they have no mean over all seeds any more."""
    return {number for (number, _), run in runs.items() if run.state in ("FAILED", "PRUNED")}


def _first_seed_ranks(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> Iterable[tuple[float, int]]:
    objective = policy.objectives[0]
    for trial in trials:
        run = runs.get((trial.number, policy.seeds[0]))
        if trial.prunable and run is not None and run.state == "COMPLETE":
            yield -objective.sign * run.metrics[f"val/{objective.metric}"], trial.number
