"""Which runs a study still wants, and what a trial's runs say about the trial. Pure.

The study loop keeps no plan. After every event it asks `wanted` again, with all that is known; so a resumed
study, an extended one and an undisturbed one take the same decisions.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sweeper.errors import did_you_mean
from sweeper.results import GIVEN_UP, Objective, Policy, RunKey, RunResult, Runs, TrialResult, TrialState
from sweeper.trial import TrialSpec
from sweeper.verdict import pareto_front


@dataclass(frozen=True)
class WantedRuns:
    """Runs to start next, in order, and the phase that they belong to."""

    phase: str
    runs: tuple[RunKey, ...]


def trial_state(runs: Mapping[int, RunResult], seeds: Sequence[int]) -> tuple[TrialState, str | None]:
    """A trial's state from its runs on the screening seeds: one failure fails it."""
    ended = [runs[seed] for seed in seeds if seed in runs]
    for state in GIVEN_UP:
        for run in ended:
            if run.state == state:
                return state, f"seed {run.seed}: {run.reason}"
    if len(ended) == len(seeds) and all(run.state == "COMPLETE" for run in ended):
        return "COMPLETE", None
    return ("RUNNING" if ended else "WAITING"), None


def judged(run: RunResult, objectives: Sequence[Objective]) -> RunResult:
    """The run; FAILED where it is complete, but without a value of some objective on validation."""
    lacking = [o.metric for o in objectives if f"val/{o.metric}" not in run.metrics]
    if run.state != "COMPLETE" or not lacking:
        return run
    known = sorted(key.removeprefix("val/") for key in run.metrics if key.startswith("val/"))
    reason = (
        f"val/{lacking[0]}: got no finite value; expected an objective (study.metrics). "
        f"It has {', '.join(known) or 'none'}{did_you_mean(lacking[0], known)}"
    )
    return replace(run, state="FAILED", reason=reason)


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


def n_failed(trials: Iterable[TrialSpec], runs: Runs, seeds: Collection[int]) -> int:
    """The number of candidates with a failed run on the screening `seeds`.

    One that fails in the confirmation was good enough to be chosen: it says nothing of the others.
    """
    failed = {number for (number, seed), run in runs.items() if run.state == "FAILED" and seed in seeds}
    return sum(trial.number in failed for trial in trials if trial.role == "candidate")


def baseline_failure(trials: Iterable[TrialSpec], runs: Runs, policy: Policy) -> RunResult | None:
    """The baseline's first failed run on the seeds of this study: nothing can be judged without it."""
    numbers = [trial.number for trial in trials if trial.role == "baseline"]
    keys = [(number, seed) for number in numbers for seed in (*policy.seeds, *policy.confirm_seeds)]
    return next((runs[key] for key in keys if key in runs and runs[key].state == "FAILED"), None)


def screening_seeds(trial: TrialSpec, policy: Policy, contenders: set[int]) -> tuple[int, ...]:
    """The seeds that this trial is owed: all, or in adaptive studies the first until it contends."""
    everything = policy.replicate_top_k is None or not trial.prunable or trial.number in contenders
    return policy.seeds if everything else policy.seeds[:1]


def contenders(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> set[int]:
    """Numbers of the candidates that are best on the first seed; none in enumerated studies."""
    if policy.replicate_top_k is None:
        return set()
    return set(islice(_first_seed_ranks(trials, runs, policy), policy.replicate_top_k))


def opening_seeds(trial: TrialSpec, policy: Policy) -> tuple[int, ...]:
    """The seeds that this trial begins with, whatever becomes of others: all, or the first."""
    return policy.seeds[:1] if policy.is_staged and trial.prunable else policy.seeds


def wanted_screening(
    trials: Sequence[TrialSpec], runs: Runs, policy: Policy, *, all_asked: bool
) -> WantedRuns:
    """Screening runs that are not known yet. In a staged study the first seeds of all trials come first.

    Once all trials are asked, the others follow: in adaptive studies those of the contenders, which are only
    known when all first seeds are; else each trial's own, with a pruner of evaluations only once it has
    finished its first.
    """
    first = _missing(trials, runs, policy, lambda trial: opening_seeds(trial, policy))
    is_adaptive = policy.replicate_top_k is not None
    if not policy.is_staged or not all_asked or (is_adaptive and first):
        return WantedRuns("screening", first)
    chosen = contenders(trials, runs, policy)
    ready = _ready(trials, runs, policy)
    further = _missing(ready, runs, policy, lambda trial: screening_seeds(trial, policy, chosen))
    if policy.is_seed_major:
        further = tuple(sorted(further, key=lambda key: policy.seeds.index(key[1])))
    if policy.is_race:  # who is out is known once all have the seeds before
        further = () if first else tuple(key for key in further if key[1] == further[0][1])
    return WantedRuns("replication" if is_adaptive else "screening", tuple(dict.fromkeys((*first, *further))))


def screened(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> set[int]:
    """Numbers of the candidates that a pruner of evaluations let finish their first seed."""
    if not policy.is_screened:
        return set()
    return {trial.number for trial in trials if trial.prunable and _has_finished_first(trial, runs, policy)}


def wanted_confirmation(
    baseline: TrialSpec, best: Sequence[TrialSpec], runs: Runs, policy: Policy
) -> WantedRuns:
    """Runs of the confirmation phase that are not known yet, baseline and best alternating by seed.

    All of them, whatever became of some: on how many seeds an arm fails must not depend on how many runs
    there are at a time.
    """
    wanted = wanted_on(policy.confirm_seeds, [baseline, *best], runs)
    return WantedRuns("confirmation", wanted.runs)


def wanted_on(seeds: Sequence[int], trials: Sequence[TrialSpec], runs: Runs) -> WantedRuns:
    """The runs of these trials on these seeds that are not known yet, seed by seed: pairs come early."""
    keys = [(trial.number, seed) for seed in seeds for trial in trials]
    return WantedRuns("attribution", tuple(key for key in keys if key not in runs))


def n_to_come(trials: Sequence[TrialSpec], runs: Runs, policy: Policy, n_unasked: int) -> int:
    """The screening runs that are not known yet, of these trials and of candidates still to be asked.

    If none is given up; in adaptive studies the seeds of the contenders, whoever these will be, among them.
    Runs of one fingerprint and seed are one run.
    """
    if policy.replicate_top_k is None:
        missing = _missing(trials, runs, policy, lambda trial: policy.seeds)
        return n_distinct(missing, trials) + policy.n_screening(n_unasked)
    lost = _lost(runs, policy.seeds)
    candidates = {trial.number for trial in trials if trial.prunable and trial.number not in lost}
    opening = len(_missing(trials, runs, policy, lambda trial: opening_seeds(trial, policy)))
    n_all = len(candidates) + n_unasked
    further = policy.n_screening(n_all) - n_all
    known = sum(number in candidates and seed in policy.seeds[1:] for number, seed in runs)
    return opening + n_unasked + max(0, further - known)


def n_distinct(keys: Iterable[RunKey], trials: Iterable[TrialSpec]) -> int:
    """How many these runs are where those of one fingerprint and seed are one; `trials` has theirs."""
    marks = {trial.number: trial.fingerprint for trial in trials}
    return len({(marks[number], seed) for number, seed in keys})


def n_confirmed(trials: Iterable[TrialSpec], runs: Runs, policy: Policy) -> int:
    """Known confirmation runs that the next winner has: the baseline's, and those of the candidate with most.

    Of an open number, of which the most is told, the baseline's alone: another one may win, and have none.
    """
    counts = Counter(number for number, seed in runs if seed in policy.confirm_seeds)
    baselines = [trial.number for trial in trials if not trial.prunable]
    of_baseline = sum(counts.pop(number, 0) for number in baselines)
    return of_baseline if policy.is_sequential else of_baseline + max(counts.values(), default=0)


def _ready(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> Sequence[TrialSpec]:
    """Trials that may go on to their further seeds."""
    if not policy.is_screened:
        return trials
    return [trial for trial in trials if not trial.prunable or _has_finished_first(trial, runs, policy)]


def _has_finished_first(trial: TrialSpec, runs: Runs, policy: Policy) -> bool:
    run = runs.get((trial.number, policy.seeds[0]))
    return run is not None and run.state == "COMPLETE"


def _missing(
    trials: Sequence[TrialSpec], runs: Runs, policy: Policy, seeds_of: Callable[[TrialSpec], Sequence[int]]
) -> tuple[RunKey, ...]:
    lost = _lost(runs, policy.seeds)
    return tuple(
        (trial.number, seed)
        for trial in trials
        if trial.number not in lost
        for seed in seeds_of(trial)
        if (trial.number, seed) not in runs
    )


def _lost(runs: Runs, seeds: Sequence[int]) -> set[int]:
    """Trials with a failed or pruned screening run get no further ones: they have no mean any more.

    A run on another seed, of a confirmation or of an earlier command, takes nothing away from the screening.
    """
    return {number for (number, seed), run in runs.items() if run.state in GIVEN_UP and seed in seeds}


def _first_seed_ranks(trials: Sequence[TrialSpec], runs: Runs, policy: Policy) -> Iterator[int]:
    """Numbers of the candidates that finished their first seed, best first.

    With several objectives those that no other beats come first, then those that only these beat, and so on;
    within such a layer the first objective decides.
    """
    gains = {
        trial.number: gains_of(runs[trial.number, policy.seeds[0]], policy.objectives)
        for trial in trials
        if trial.prunable and _has_finished_first(trial, runs, policy)
    }
    left = sorted(gains, key=lambda number: (-gains[number][0], number))
    while left:
        front = pareto_front([gains[number] for number in left], ["maximize"] * len(policy.objectives))
        layer = [left[index] for index in front] or left  # what is not finite belongs to no front
        yield from layer
        left = [number for number in left if number not in layer]


def gains_of(run: RunResult, objectives: Sequence[Objective]) -> list[float]:
    """The values of the objectives on validation, such that more is better."""
    return [objective.sign * run.metrics[f"val/{objective.metric}"] for objective in objectives]
