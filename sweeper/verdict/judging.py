"""From a study's result to its judgement: reads the records, leaves the statistics to `selection`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import isfinite, nan

from sweeper.criteria import parse_guard
from sweeper.findings import Comparisons, Confirmation
from sweeper.results import ENDED, Judgement, Objective, Policy, StudyResult, TrialResult
from sweeper.verdict import selection
from sweeper.verdict.guarding import guard_notes, guard_results, with_costs
from sweeper.verdict.idle import contestants, idle_parts, without_comparison
from sweeper.verdict.looks import JUDGED, look_of, notes_of_looks
from sweeper.verdict.pairs import PairWalk, told, walk_in
from sweeper.verdict.runs_seen import notes_of_runs, remarks_of_runs
from sweeper.verdict.selection import Arm, Panel
from sweeper.verdict.study_arms import arm_of, without_seed
from sweeper.verdict.which_split import notes_of_front, notes_of_split
from sweeper.wording import plural, split_name

N_NAMED = 3


def best_of(trials: Sequence[TrialResult], policy: Policy) -> int | None:
    """The candidate to confirm: the best on validation over all screening seeds.

    None where there is none, where the baseline is incomplete, or where several objectives have no single
    best.
    """
    baseline = next((trial for trial in trials if trial.spec.role == "baseline"), None)
    if baseline is None or baseline.state != "COMPLETE" or len(policy.objectives) > 1:
        return None
    objective = policy.objectives[0]
    arms = [
        arm_of(trial, objective, policy.seeds, (), with_records=False)
        for trial in contestants(trials, baseline)
    ]
    return selection.choose(arms, baseline.spec.number, objective.direction, policy.seeds)


def judge(result: StudyResult) -> Judgement:
    """The verdict of a study with one objective, or the front of one with several."""
    return _front(result) if len(result.objectives) > 1 else _verdict(result)


def _verdict(result: StudyResult) -> Judgement:
    if result.baseline.state != "COMPLETE":
        return Judgement(verdict="no result", sentence=f"{_without_baseline(result)}.")
    objective = result.objectives[0]
    arms = _arms(result, objective)
    eligible = [arms[trial.spec.number] for trial in contestants(result.trials, result.baseline)]
    best = selection.choose(eligible, result.baseline.spec.number, objective.direction, result.seeds)
    idle = idle_parts(result)
    found = (
        _without_best(result) if best is None else _on_best(result, arms, best, is_idle=best in idle.numbers)
    )
    notes = (*found.notes, *_lost_examples(arms.values()), *notes_of_runs(result))
    compared = replace(found, comparisons=_compared(result, [arms]), notes=notes)
    return without_comparison(compared, result, idle)


def _without_best(result: StudyResult) -> Judgement:
    return Judgement(verdict="no result", sentence=f"{selection.NO_BEST}{_first_failure(result)}")


def _on_best(result: StudyResult, arms: Mapping[int, Arm], best: int, *, is_idle: bool) -> Judgement:
    """What the confirmation says of the best candidate, or why it says nothing yet.

    `is_idle`: it has the baseline's figures, so that nothing was compared.
    """
    walked = walk_in(result, best)
    pairs = None if walked is None else told(walked, result)
    confirmation, unconfirmed = _confirmed(result, best, walked)
    on_guards = {} if confirmation is None else _on_guards(result, best, walked)
    guards = guard_results(map(parse_guard, result.guards), on_guards)
    verdict = selection.verdict(confirmation, result.min_effect)
    look = look_of(result, best) if verdict in JUDGED and not is_idle else None
    shown = _without_limits(confirmation) if is_idle else confirmation
    return Judgement(
        verdict=with_costs(verdict, guards),
        sentence=selection.sentence(
            confirmation,
            best=arms[best].name,
            metric=result.objectives[0].metric,
            confidence=result.confidence,
            min_effect=result.min_effect,
            unconfirmed=unconfirmed,
            guards=guards,
            judged_on=result.judged_on,
            pairs=pairs,
        ),
        best=best,
        confirmation=confirmation,
        notes=(
            *_notes_of_confirmation(result, shown, [arms[best], arms[result.baseline.spec.number]]),
            *guard_notes(on_guards, result.judged_on),
            *notes_of_looks(result, look, pairs, has_interval=_has_interval(shown)),
        ),
        remarks=remarks_of_runs(result, best) if verdict == "better" else (),
        look=look,
        guards=guards,
        pairs=pairs,
    )


def _confirmed(
    result: StudyResult, best: int, walked: PairWalk | None
) -> tuple[Confirmation | None, str | None]:
    """The best candidate against the baseline on fresh seeds; why not, or why not on all of them."""
    if (why := _unconfirmed(result, best)) is not None:
        return None, why
    objective, numbers = result.objectives[0], (best, result.baseline.spec.number)
    confirmation = selection.confirm(
        *_pair(result, numbers, objective, walked),
        direction=objective.direction,
        confidence=result.confidence if walked is None else walked.level,
        min_effect=result.min_effect,
        seeds=result.confirm_seeds,
    )
    return confirmation, _failures(result, best)


def _notes_of_confirmation(
    result: StudyResult, confirmation: Confirmation | None, pair: Sequence[Arm]
) -> tuple[str, ...]:
    if confirmation is None:
        return ()
    split = result.judged_on
    has_examples = confirmation.se_examples is not None and _has_interval(confirmation)
    return (
        *notes_of_split(split, has_examples=has_examples),
        *selection.notes(confirmation, split, pair),
    )


def _lost_examples(arms: Collection[Arm]) -> tuple[str, ...]:
    """That some runs lack what others have: the values of their examples lie in their folders."""
    lacking = [
        f"{arm.name} seed {seed}"
        for arm in arms
        for seed, value in sorted({**arm.test, **arm.confirmation}.items())
        if isfinite(value) and seed not in (arm.influence or {})
    ]
    if not lacking or not any(arm.influence for arm in arms):
        return ()
    more = f" and {len(lacking) - N_NAMED} more" if len(lacking) > N_NAMED else ""
    return (
        f"The values of single examples are missing for {plural(len(lacking), 'run')} "
        f"({', '.join(lacking[:N_NAMED])}{more}): what the intervals hold of the noise of examples is from "
        "the other runs. Was a folder of a run removed?",
    )


def _without_limits(confirmation: Confirmation | None) -> Confirmation | None:
    """The confirmation of a candidate that equals the baseline: nobody is shown its interval."""
    return None if confirmation is None else confirmation.model_copy(update={"ci_low": None, "ci_high": None})


def _has_interval(confirmation: Confirmation | None) -> bool:
    return confirmation is not None and confirmation.ci_low is not None


def _pair(
    result: StudyResult, numbers: tuple[int, int], objective: Objective, walked: PairWalk | None
) -> list[Arm]:
    """Winner and baseline as the verdict compares them.

    The spread is that of the screening seeds by which the winner's budget was settled: others that were added
    since make no new verdict of the same pairs.
    """
    seeds = result.seeds if walked is None else walked.budget.seeds
    as_then = replace(result, seeds=seeds)
    trials = [_numbered(result, number) for number in numbers]
    return [_as_confirmed(as_then, _arm(as_then, trial, objective)) for trial in trials]


def _on_guards(result: StudyResult, best: int, walked: PairWalk | None) -> dict[str, Confirmation | None]:
    """The winner against the baseline in the metric of each guard, as the verdict compares them."""
    numbers, found = (best, result.baseline.spec.number), {}
    for metric in dict.fromkeys(parse_guard(text).metric for text in result.guards):
        upwards = Objective(metric, "maximize")  # so that an improvement is a difference
        found[metric] = selection.confirm(
            *_pair(result, numbers, upwards, walked),
            direction=upwards.direction,
            confidence=result.confidence if walked is None else walked.level,
            seeds=result.confirm_seeds,
        )
    return found


def _without_baseline(result: StudyResult) -> str:
    """Why there is nothing to say; of a study in which every run failed, that first."""
    runs = [run for trial in result.trials for run in trial.runs.values()]
    if runs and all(run.state == "FAILED" for run in runs):
        first = next(trial for trial in result.trials if trial.state == "FAILED")
        reason = (first.reason or "no reason is known").rstrip(".")
        return f"Every run has failed ({len(runs)} of {len(runs)}), the first of {first.spec.name}: {reason}"
    why = f": {result.baseline.reason.rstrip('.')}" if result.baseline.reason else ""
    return f"The baseline did not finish on every seed, so that there is nothing to compare with{why}"


def _first_failure(result: StudyResult) -> str:
    """How many candidates failed where none is complete, and the first one's reason."""
    failed = [trial for trial in result.candidates if trial.state == "FAILED"]
    if not failed:
        return ""
    n, reason = len(result.candidates), (failed[0].reason or "no reason is known").rstrip(".")
    return (
        f" {len(failed)} of {plural(n, 'candidate')} failed, {failed[0].spec.name} first: {reason}. "
        "With study.retry=failed the same command tries failed runs again."
    )


def _unconfirmed(result: StudyResult, best: int) -> str | None:
    """Why nothing was tested yet; None where all confirmation runs have ended.

    A test on those that happen to have ended would be a look of its own, with its own chance to err. A
    baseline that has failed is the end, whatever else is missing.
    """
    if not result.confirm_seeds:
        return "study.confirm_seeds=0"
    pair = [trial for trial in result.trials if trial.spec.number in (best, result.baseline.spec.number)]
    if (failed := _failed_on(result, result.baseline)) and not _is_over(result, pair):
        return f"baseline failed on {failed}"
    return None if _is_over(result, pair) else "the confirmation is not complete"


def _is_over(result: StudyResult, pair: Sequence[TrialResult]) -> bool:
    runs = [trial.runs.get(seed) for trial in pair for seed in result.confirm_seeds]
    return all(run is not None and run.state in ENDED for run in runs)


def _failures(result: StudyResult, best: int) -> str | None:
    """On how many confirmation seeds which arm failed; None where none did."""
    of_candidate = _failed_on(result, _numbered(result, best))
    of_baseline = _failed_on(result, result.baseline)
    arms = [
        (name, found) for name, found in (("candidate", of_candidate), ("baseline", of_baseline)) if found
    ]
    return ", ".join(f"{name} failed on {found}" for name, found in arms) or None


def _failed_on(result: StudyResult, trial: TrialResult) -> str:
    """`1 of 3 seeds (1002: loss is nan)`; empty where the trial has failed on no confirmation seed."""
    values = trial.per_seed(result.confirm_seeds, f"{result.judged_on}/{result.objectives[0].metric}")
    lacking = [
        seed for seed in result.confirm_seeds if seed in trial.runs and not isfinite(values.get(seed, nan))
    ]
    ended = [seed for seed in lacking if trial.runs[seed].state in ENDED]
    if not ended:
        return ""
    reason = trial.runs[ended[0]].reason or f"no finite value on {split_name(result.judged_on)}"
    return f"{len(ended)} of {plural(len(result.confirm_seeds), 'seed')} ({ended[0]}: {reason.rstrip('.')})"


def _numbered(result: StudyResult, number: int) -> TrialResult:
    return next(trial for trial in result.trials if trial.spec.number == number)


def _front(result: StudyResult) -> Judgement:
    """Non-dominated trials by their means on validation, the baseline among the contestants."""
    keys = [f"val/{objective.metric}" for objective in result.objectives]
    points = {
        trial.spec.number: means
        for trial in result.trials
        if None not in (means := [trial.mean(result.seeds, key) for key in keys])
    }
    directions = [objective.direction for objective in result.objectives]
    values: list[list[float]] = [[value for value in point if value is not None] for point in points.values()]
    front = [list(points)[index] for index in selection.pareto_front(values, directions)]
    names = {trial.spec.number: trial.spec.name for trial in result.trials}
    listed = ", ".join(names[number] for number in front) or "none"
    metrics = " and ".join(objective.metric for objective in result.objectives)
    is_comparable = result.baseline.state == "COMPLETE"
    arms = [_arms(result, objective) for objective in result.objectives] if is_comparable else []
    judgement = Judgement(
        verdict="front" if front else "no result",
        sentence=f"{len(front)} of {len(points)} trials are not dominated in {metrics}: {listed}.",
        comparisons=_compared(result, arms) if arms else {},
        front=front,
        notes=(
            *notes_of_front(result.trials, result.objectives),
            *_without_influence(result, arms),
            *notes_of_runs(result),
        ),
    )
    return without_comparison(judgement, result, idle_parts(result))


def _without_influence(result: StudyResult, arms: Sequence[Mapping[int, Arm]]) -> tuple[str, ...]:
    names = [
        objective.metric
        for objective, of_one in zip(result.objectives, arms, strict=False)
        if not any(arm.influence for arm in of_one.values())
    ]
    text = f"The intervals of {' and '.join(names)} hold seed noise only: there are no influence values."
    return (text,) if names else ()


def _compared(result: StudyResult, arms: Sequence[Mapping[int, Arm]]) -> dict[int, Comparisons]:
    """Every candidate against the baseline in each objective, by trial number; exploratory."""
    found = selection.explore(
        [
            Panel([_as_shown(result, arm) for arm in of_one.values()], objective.direction)
            for of_one, objective in zip(arms, result.objectives, strict=True)
        ],
        result.baseline.spec.number,
        confidence=result.confidence,
        given_up=_also_counted(result),
    )
    return {number: tuple(one.get(number) for one in found) for number in sorted(set().union(*found))}


def _as_shown(result: StudyResult, arm: Arm) -> Arm:
    """The arm without the seed by whose value it was picked, where an adaptive study did so.

    The best of many single runs was lucky on that seed. `wilcoxon` looks at every seed, so that none is
    left out: there all candidates count instead.
    """
    is_picked = arm.number != result.baseline.spec.number and len(arm.test) > 1
    if result.replicate_top_k is None or result.is_seed_major or not is_picked:
        return arm
    return without_seed(arm, result.seeds[0])


def _as_confirmed(result: StudyResult, arm: Arm) -> Arm:
    """The arm whose spread is taken: without the one seed that alone decided which candidate it is."""
    return without_seed(arm, result.seeds[0]) if result.replicate_top_k == 1 else arm


def _also_counted(result: StudyResult) -> list[int]:
    """Candidates that count in the adjustments beside those with an interval.

    Those that were given up; in adaptive studies only of those that were picked for further seeds, since
    the seed that picked them is left out; with `wilcoxon` there all candidates.
    """
    if result.replicate_top_k is None:
        return [trial.spec.number for trial in result.given_up]
    if result.is_seed_major:
        return [trial.spec.number for trial in result.candidates if trial.runs]
    further = set(result.seeds[1:])
    return [trial.spec.number for trial in result.given_up if further & trial.runs.keys()]


def _arms(result: StudyResult, objective: Objective) -> dict[int, Arm]:
    return {trial.spec.number: _arm(result, trial, objective) for trial in result.trials}


def _arm(result: StudyResult, trial: TrialResult, objective: Objective) -> Arm:
    seeds, confirm_seeds = result.seeds, result.confirm_seeds
    return arm_of(trial, objective, seeds, confirm_seeds, with_records=True, split=result.judged_on)
