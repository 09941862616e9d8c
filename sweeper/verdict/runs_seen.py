"""What the runs themselves say of a comparison: budgets that end too early, runs that collapsed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from sweeper.results import RunResult, StudyResult, TrialResult
from sweeper.wording import number as figure, plural

FAR = 6.0
"""A run this many robust standard deviations worse than its siblings has collapsed."""
UNIT_GAP = 20
"""The least factor between the smallest percent and the largest share of one metric."""
TO_MEAN_SD = 1.4826
"""From the median distance of normal draws to their standard deviation."""
LEAST_RUNS, LEAST_DISTANCES = 3, 6
LIMITS = ("max_steps", "epochs", "max_seconds")


def notes_of_runs(result: StudyResult) -> tuple[str, ...]:
    """What to know of the runs behind the numbers, a sentence or two each."""
    return (*_budget(result), *_collapses(result))


def remarks_of_runs(result: StudyResult, best: int) -> tuple[str, ...]:
    """How little it says of the winner that none of its runs has collapsed."""
    values = _values_of_all(result)
    n = len(values[best])
    if n == 0 or collapsed(values, result.objectives[0].sign):
        return ()
    return (
        f"None of the winner's {plural(n, 'run')} lies far below its siblings. That excludes only collapses "
        f"in more than {100 * (1 - 0.05 ** (1 / n)):.0f} % of runs.",
    )


def _budget(result: StudyResult) -> list[str]:
    """Where most baselines, or most candidates, kept the model of their last or of their first evaluation."""
    groups = {"baseline": _runs([result.baseline]), "candidate": _runs(result.candidates)}
    notes = []
    if said := _said(groups, _is_last):
        up = _settings(result, LIMITS)
        notes.append(
            f"In {said} the kept model is that of the last evaluation: they were still improving, so that a "
            'difference may be one of speed ("worse" may mean slower). Train longer, until the baseline '
            f"peaks before the end: {up} up."
        )
    if said := _said(groups, _is_first):
        notes.append(
            f"In {said} the kept model is that of the first evaluation: what was best before it is unknown. "
            f"Evaluate more often ({_settings(result, ('eval_every',))} down), or train more slowly "
            "(optimizer.lr down)."
        )
    if said := _said(groups, _is_only):
        notes.append(
            f"In {said} there was one evaluation only, so that nobody knows whether they had peaked. "
            f"Evaluate more often: {_settings(result, ('eval_every',))} down."
        )
    return notes


Seen = tuple[RunResult, Mapping[str, Any]]
"""A complete run, and the section `trainer` of its configuration."""


def _runs(trials: Iterable[TrialResult]) -> list[Seen]:
    """Complete runs that keep the best model, each once whatever the number of trials that share it."""
    found: dict[tuple[str, int], Seen] = {}
    for trial in trials:
        trainer: Any = trial.spec.config.get("trainer")
        trainer = trainer if isinstance(trainer, Mapping) else {}
        for seed, run in trial.runs.items():
            if run.state == "COMPLETE" and run.best_step > 0 and trainer.get("restore_best", True):
                found[trial.spec.fingerprint, seed] = (run, trainer)
    return list(found.values())


def _said(groups: Mapping[str, Sequence[Seen]], is_so: Any) -> str:
    """`5 of 6 baseline runs and 12 of 18 candidate runs`; empty where it is no majority of either."""
    counts = {role: (sum(is_so(*seen) for seen in runs), len(runs)) for role, runs in groups.items()}
    if not any(2 * n > of for n, of in counts.values()):
        return ""
    return " and ".join(f"{n} of {of} {role} runs" for role, (n, of) in counts.items() if of)


def _is_only(run: RunResult, trainer: Mapping[str, Any]) -> bool:
    every = trainer.get("eval_every")
    return isinstance(every, int) and _steps(run) <= every


def _is_last(run: RunResult, trainer: Mapping[str, Any]) -> bool:
    return run.best_step == _steps(run) and not _is_only(run, trainer)


def _is_first(run: RunResult, trainer: Mapping[str, Any]) -> bool:
    every = trainer.get("eval_every")
    return isinstance(every, int) and run.best_step <= every and not _is_only(run, trainer)


def _steps(run: RunResult) -> int:
    return run.steps_trained + run.steps_inherited


def _settings(result: StudyResult, keys: Sequence[str]) -> str:
    """`trainer.max_steps (now 500)`: those of `keys` that the baseline's configuration sets."""
    trainer: Any = result.baseline.spec.config.get("trainer")
    trainer = trainer if isinstance(trainer, Mapping) else {}
    known = [f"trainer.{key} (now {trainer[key]:g})" for key in keys if trainer.get(key) is not None]
    return " or ".join(known) or f"trainer.{keys[0]}"


def _collapses(result: StudyResult) -> list[str]:
    """Runs far worse than their siblings, by name."""
    values = _values_of_all(result)
    far = collapsed(values, result.objectives[0].sign)
    if not far:
        return []
    names = {trial.spec.number: trial.spec.name for trial in result.trials}
    listed = "; ".join(_told(names[number], values[number], seed) for number, seed in far[:4])
    more = f"; and {len(far) - 4} more" if len(far) > 4 else ""
    return [
        f"Far worse than their siblings on validation: {listed}{more}. With few seeds a rare collapse can "
        "decide a comparison: see the logs of these runs, and use more seeds."
    ]


def collapsed(values: Mapping[int, Mapping[int, float]], sign: int) -> list[tuple[int, int]]:
    """Trial and seed of each run far worse than the other seeds of its trial; `sign` is the objective's.

    The yardstick is the median distance of a run from the median of its trial, over all trials: with three
    to ten runs a trial's own spread would be none. Runs that are that median have no distance to count.
    """
    known = {number: runs for number, runs in values.items() if len(runs) >= LEAST_RUNS}
    distances = [abs(value - median(runs.values())) for runs in known.values() for value in runs.values()]
    noise = [distance for distance in distances if distance]
    if len(distances) < LEAST_DISTANCES or not noise:
        return []
    limit = -FAR * TO_MEAN_SD * median(noise)
    return [
        (number, seed)
        for number, runs in known.items()
        for seed, value in runs.items()
        if sign * (value - median(runs.values())) < limit
    ]


def mixed_units(values: Mapping[str, Mapping[int, float]]) -> list[tuple[str, int]]:
    """Trial and seed of the fewer: those in percent among shares, or shares among percents; else none.

    Told by a gap of a factor of 20 between values up to 1 and values above it, all within 0 and 100.
    """
    runs = {(name, seed): value for name, of in values.items() for seed, value in of.items()}
    shares = {run: value for run, value in runs.items() if value <= 1}
    percents = {run: value for run, value in runs.items() if value > 1}
    if not shares or not percents or min(shares.values()) < 0 or max(percents.values()) > 100:
        return []
    if not 0 < UNIT_GAP * max(shares.values()) <= min(percents.values()):
        return []
    return list(percents if len(percents) <= len(shares) else shares)


def _values_of_all(result: StudyResult) -> dict[int, dict[int, float]]:
    seeds, key = (*result.seeds, *result.confirm_seeds), f"val/{result.objectives[0].metric}"
    return {trial.spec.number: trial.per_seed(seeds, key) for trial in result.trials}


def _told(name: str, values: Mapping[int, float], seed: int) -> str:
    others = [value for other, value in values.items() if other != seed]
    return (
        f"{name} seed {seed} ({figure(values[seed])}, others {figure(min(others))} to {figure(max(others))})"
    )
