"""The end of a study: its result as one record, its exit code, and which checkpoints stay."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sweeper.ensemble_spec import member_folders
from sweeper.errors import sentences
from sweeper.findings import Look
from sweeper.layout import StudyFolder
from sweeper.reports import kept_trials, remove_checkpoints
from sweeper.results import ENDED, Judgement, Mix, Policy, RunKey, RunResult, StudyResult, Totals, TrialResult
from sweeper.schema import KeepModels
from sweeper.search import Sweep
from sweeper.study.interrupts import Interrupt
from sweeper.study.run_state import screening_seeds
from sweeper.verdict import judged_on


def study_result(
    *,
    study: str,
    sweep: Sweep,
    policy: Policy,
    trials: tuple[TrialResult, ...],
    data: dict[str, Any],
    begun: Collection[RunKey],
    wall_s: float,
    provenance: dict[str, Any],
    warnings: tuple[str, ...],
    stopped_because: str | None = None,
    to_go_on: str | None = None,
    looks: tuple[Look, ...] = (),
    added: tuple[TrialResult, ...] = (),
    mix: Mix | None = None,
) -> StudyResult:
    """Everything that is known, for selection, report and tracking.

    `stopped_because`: why the study ended before its time (a signal, failures, `study.timeout_s`); `to_go_on`
    what to do then. `looks`: earlier confirmations of this study on the same data. `added`: the trials of
    attributions, of which `mix` names those of this one. `begun`: the runs that this session had jobs for.
    """
    is_over = stopped_because is None and all(trial.state in ENDED for trial in trials)
    n_open = 0 if mix is None else _n_to_attribute((*trials, *added), mix, policy)
    n_attributed = sum(run.state in ENDED for trial in added for run in trial.runs.values())
    return StudyResult(
        study=study,
        task=sweep.settings.task.name,
        objectives=policy.objectives,
        seeds=policy.seeds,
        confirm_seeds=policy.confirm_seeds,
        confidence=sweep.settings.study.confidence,
        min_effect=sweep.settings.study.min_effect,
        trials=trials,
        data=data,
        config=sweep.config,
        totals=totals((*trials, *added), begun).model_copy(
            update={
                "wall_s": wall_s,
                "steps_saved": steps_saved(trials, policy),
                "runs_planned": runs_planned(trials, policy, is_over=is_over) + n_open + n_attributed,
                "stopped_because": stopped_because,
                "to_go_on": to_go_on,
            }
        ),
        provenance=provenance,
        warnings=warnings,
        replicate_top_k=policy.replicate_top_k,
        is_seed_major=policy.is_seed_major,
        looks=looks,
        added=added,
        mix=mix,
        guards=sweep.settings.study.guards,
        judged_on=judged_on(trials, policy.objectives),
    )


def totals(trials: Iterable[TrialResult], begun: Collection[RunKey]) -> Totals:
    """What can be counted in the trials; `runs_reused` did not need training in the session that has `begun`.

    A job may have been lost to another session, or not been needed in the end.
    """
    known = list(trials)
    runs = [run for trial in known for run in trial.runs.values()]
    own = [run for run in runs if not run.reused]
    ended = [run for run in runs if run.state in ENDED]
    return Totals(
        trials=len(known),
        runs=len(ended),
        runs_reused=sum((run.trial, run.seed) not in begun for run in ended),
        jobs=len(begun),
        train_s=sum(run.seconds for run in own),
        steps_trained=sum(run.steps_trained for run in own),
        steps_inherited=sum(run.steps_inherited for run in own),
        devices=tuple(sorted({run.device for run in own if run.device})),
        states=dict(sorted(Counter(run.state for run in runs).items())),
        incidents=sum(len(run.incidents) for run in own),
    )


def steps_saved(trials: Sequence[TrialResult], policy: Policy) -> int:
    """Steps that pruned trials were spared: what their pruned runs, and the seeds they never began, lack."""
    pruned = [trial for trial in trials if trial.state == "PRUNED" and not _is_shared(trial)]
    return sum(_spared(trial, screening_seeds(trial.spec, policy, set())) for trial in pruned)


def _is_shared(trial: TrialResult) -> bool:
    """Whether a trial of equal fingerprint has done, and saved, the work."""
    return any(run.reused for run in trial.runs.values())


def _spared(trial: TrialResult, owed: Sequence[int]) -> int:
    """A run that is complete was spared nothing, even where patience ended it early."""
    pruned = [run for run in trial.runs.values() if run.state == "PRUNED"]
    n_begun_not = len(set(owed) - trial.runs.keys())
    taken = sum(run.steps_trained + run.steps_inherited for run in pruned)
    return (len(pruned) + n_begun_not) * trial.spec.max_steps - taken


def runs_planned(trials: Sequence[TrialResult], policy: Policy, *, is_over: bool) -> int:
    """The runs of the whole study; for one that is not over, as many as it will have if none is lost."""
    ended = [run for trial in trials for run in trial.runs.values() if run.state in ENDED]
    if is_over:
        return len(ended)
    waiting = [trial for trial in trials if trial.state not in ENDED]
    of_one = len(policy.seeds) if policy.replicate_top_k is None else 1
    n_unasked = max(0, policy.n_candidates - sum(trial.spec.role == "candidate" for trial in trials))
    n_open = sum(_n_open(trial, screening_seeds(trial.spec, policy, set())) for trial in waiting)
    n_confirmed = sum(run.seed in policy.confirm_seeds for run in ended)
    n_confirming = max(0, 2 * len(policy.confirm_seeds) - n_confirmed)
    return len(ended) + n_open + n_unasked * of_one + n_confirming


def _n_to_attribute(trials: Sequence[TrialResult], mix: Mix, policy: Policy) -> int:
    """The runs that an attribution still wants beside those of the confirmation."""
    judged = set(policy.confirm_seeds)
    return sum(
        _n_open(trial, [s for s in mix.seeds if trial.spec.role == "attribution" or s not in judged])
        for trial in trials
        if trial.spec.number in mix.numbers
    )


def _n_open(trial: TrialResult, owed: Sequence[int]) -> int:
    return sum(seed not in trial.runs or trial.runs[seed].state not in ENDED for seed in owed)


def without_verdict(judgement: Judgement, why: str, *, has_baseline: bool = True) -> Judgement:
    """The judgement of a study that ended before its time: no result, whatever the trials so far may say.

    Where the baseline has failed in the screening, a judgement without a result says all that there is.
    """
    said = judgement.sentence
    if has_baseline or judgement.verdict != "no result":
        sentence = sentences(f"No result: {why}", said)
    else:
        sentence = f"No result: {said[:1].lower()}{said[1:]}"
    return replace(judgement, verdict="no result", sentence=sentence)


def exit_code(judgement: Judgement, interrupt: Interrupt, stopped_because: str | None) -> int:
    """0 finished, whatever the verdict; 1 no result; 130 or 143 when told to stop."""
    if interrupt.received is not None:
        return interrupt.exit_code
    return 1 if stopped_because or judgement.verdict == "no result" else 0


def tidy_checkpoints(
    folder: StudyFolder,
    result: StudyResult,
    judgement: Judgement,
    keep: KeepModels,
    members: Collection[Path] = (),
    needless: Collection[int] = (),
) -> None:
    """Remove the checkpoints of ended runs but those whose models `keep` (`study.keep_models`) names.

    The champion's are those of the best candidate, or of the front; a winner that breaks a guard is none. The
    members of an ensemble keep theirs,
    those of an earlier one and these `members`: their models are needed to predict, or to try again. Runs
    that are not in `result`, or have not ended, stay as they are: another session may train them now. On the
    `needless` seeds nobody goes on: what was stopped there leaves nothing behind.
    """
    chosen = kept_trials(keep, result.baseline.spec.number, judgement.champions)
    trials = (*result.trials, *result.added)
    runs = [(trial.spec.number, run) for trial in trials for run in trial.runs.values()]
    kept = {run.folder for number, run in runs if number in chosen or _has_model_to_keep(run, keep)}
    kept |= set(members) | member_folders(folder)
    ended = {run.folder for _, run in runs if run.state in ENDED} - kept
    stopped = [
        folder.run(trial.spec, seed) for trial in result.trials for seed in needless if seed not in trial.runs
    ]
    ended |= {run.path for run in stopped if not run.records.exists()}  # another session may have ended one
    for run_folder in folder.runs:
        if run_folder.path in ended:
            remove_checkpoints(run_folder)


def _has_model_to_keep(run: RunResult, keep: KeepModels) -> bool:
    return keep == "all" and run.state == "COMPLETE"
