"""The end of a study: counts, exit codes, and which checkpoints stay."""

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import RunFolder, StudyFolder
from sweeper.locks import file_lock
from sweeper.results import Policy, RunResult, RunState, TrialResult, TrialState
from sweeper.schema import KeepModels
from sweeper.study.conclusion import (
    exit_code,
    runs_planned,
    steps_saved,
    study_result as concluded,
    tidy_checkpoints,
    totals,
    without_verdict,
)
from sweeper.study.interrupts import Interrupt
from tests.sweeper.factories import (
    AUC,
    CONFIRM_SEEDS,
    SEEDS,
    SENTENCE,
    front_judgement,
    judgement,
    study_result,
    trial_spec,
    write_run,
)
from tests.sweeper.toy_app import read

GRID = Policy(SEEDS, CONFIRM_SEEDS, (AUC,), None, 0.5, n_candidates=4)
ADAPTIVE = replace(GRID, replicate_top_k=2, n_candidates=10)


def run(number: int, seed: int, state: RunState = "COMPLETE", steps: int = 600, **facts: object) -> RunResult:
    return RunResult(number, seed, state, steps_trained=steps, **facts)  # type: ignore[arg-type]


def trial(number: int, state: TrialState, *runs: RunResult) -> TrialResult:
    return TrialResult(trial_spec(number, number / 10), state, None, {run.seed: run for run in runs})


def test_a_pruned_trial_saves_the_rest_of_its_run_and_the_seeds_it_never_began() -> None:
    """Of 3 x 600 steps it took 120, so 1680 are saved; in an adaptive study, which owes one seed, 480."""
    pruned = trial(1, "PRUNED", run(1, 0, "PRUNED", steps=120))
    assert steps_saved([pruned], GRID) == 1680
    assert steps_saved([pruned], ADAPTIVE) == 480


def test_patience_and_failures_are_no_savings_of_pruning() -> None:
    """Seed 0 ended early by itself; seed 1 was pruned at 200 of 600; seed 2 was not begun: 400 + 600."""
    pruned = trial(1, "PRUNED", run(1, 0, steps=300), run(1, 1, "PRUNED", steps=200))
    assert steps_saved([pruned, trial(2, "FAILED", run(2, 0, "FAILED", steps=10))], GRID) == 1000


def test_a_run_that_was_not_even_begun_saves_all_its_steps() -> None:
    assert steps_saved([trial(1, "PRUNED", run(1, 0, "PRUNED", steps=0))], ADAPTIVE) == 600


def test_trials_that_share_runs_save_once() -> None:
    own, shared = run(1, 0, "PRUNED", steps=120), run(2, 0, "PRUNED", steps=120, reused=True)
    assert steps_saved([trial(1, "PRUNED", own), trial(2, "PRUNED", shared)], GRID) == 1680


def test_a_stopped_study_counts_the_runs_that_it_would_have_had() -> None:
    """One trial complete (3), one begun (3), of 4 candidates 2 not asked yet (6), 2 x 3 to confirm."""
    trials = [
        trial(1, "COMPLETE", *(run(1, seed) for seed in SEEDS)),
        trial(2, "RUNNING", run(2, 0), run(2, 1, "INTERRUPTED", steps=9)),
    ]
    assert runs_planned(trials, GRID, is_over=False) == 3 + 3 + 6 + 6
    assert runs_planned(trials, GRID, is_over=True) == 4


def test_counts_are_by_state_and_tell_how_many_incidents_there_were() -> None:
    trials = [trial(1, "FAILED", run(1, 0, incidents=("a", "b")), run(1, 1, "FAILED"))]
    begun = {(1, 0), (1, 1)}
    assert totals(trials, begun).states == {"COMPLETE": 1, "FAILED": 1}
    assert totals(trials, begun).incidents == 2


def test_time_steps_and_incidents_of_a_shared_run_are_counted_once() -> None:
    """Trial 2 has trial 1's run, which took 2 s and 600 steps, 500 of them its own."""
    facts: dict[str, Any] = {"seconds": 2.0, "steps_inherited": 100, "incidents": ("a",)}
    own = run(1, 0, steps=500, device="gpu 0", **facts)
    shared = run(2, 0, steps=500, device="gpu 1", reused=True, **facts)
    counts = totals([trial(1, "COMPLETE", own), trial(2, "COMPLETE", shared)], {(1, 0)})
    assert (counts.train_s, counts.steps_trained, counts.steps_inherited) == (2.0, 500, 100)
    assert (counts.runs, counts.runs_reused, counts.incidents) == (2, 1, 1)
    assert (counts.trials, counts.jobs, counts.devices) == (2, 1, ("gpu 0",))


def test_what_a_pruned_run_inherited_was_not_saved() -> None:
    """100 inherited and 120 of its own leave 380 of 600."""
    pruned = trial(1, "PRUNED", run(1, 0, "PRUNED", steps=120, steps_inherited=100))
    assert steps_saved([pruned], ADAPTIVE) == 380


def test_of_two_seeds_of_a_pruned_trial_one_shared_means_that_another_saved() -> None:
    shared = trial(1, "PRUNED", run(1, 0, steps=600, reused=True), run(1, 1, "PRUNED", steps=100))
    assert steps_saved([shared], GRID) == 0


def test_an_adaptive_study_that_is_stopped_plans_one_run_for_each_trial_not_asked_yet() -> None:
    """Of ten candidates one has ended, nine (9) are to be asked; of 2 x 3 confirmation runs one has ended."""
    begun = trial(1, "COMPLETE", run(1, 0), run(1, CONFIRM_SEEDS[0]))
    assert runs_planned([begun], ADAPTIVE, is_over=False) == 2 + 9 + 5
    more = [trial(number, "COMPLETE", run(number, 0)) for number in range(1, 12)]  # of an earlier command
    assert runs_planned(more, ADAPTIVE, is_over=False) == 11 + 0 + 6


def test_an_interrupted_run_is_counted_as_a_job_and_not_as_a_run() -> None:
    trials = [trial(1, "RUNNING", run(1, 0), run(1, 1, "INTERRUPTED", steps=9))]
    counts = totals(trials, {(1, 0), (1, 1)})
    assert (counts.runs, counts.runs_reused, counts.steps_trained) == (1, 0, 609)
    assert totals([], {(1, 0)}).runs_reused == 0


def test_a_job_that_was_not_needed_in_the_end_spares_no_other_run() -> None:
    """Two runs of before and one of now; of two jobs one was ended as needless."""
    trials = [trial(n, "COMPLETE", run(n, 0)) for n in range(3)]
    assert totals(trials, {(2, 0), (2, 1)}).runs_reused == 2


def test_a_study_that_was_stopped_between_its_phases_is_not_over() -> None:
    """All trials have ended, and 2 x 3 confirmation runs were to come."""
    trials = (trial(1, "COMPLETE", run(1, 0)), trial(2, "FAILED", run(2, 0, "FAILED")))
    policy = replace(GRID, n_candidates=2)
    facts: dict[str, Any] = {
        "data": {},
        "begun": {(1, 0), (2, 0)},
        "wall_s": 1.5,
        "provenance": {},
        "warnings": (),
    }
    facts |= {"study": "s", "sweep": read("loss.weight=1,2"), "policy": policy, "trials": trials}
    over = concluded(**facts).totals
    stopped = concluded(**facts, stopped_because="told to stop").totals
    assert (over.runs_planned, over.stopped_because) == (2, None)
    assert (stopped.runs_planned, stopped.stopped_because) == (2 + 2 * 3, "told to stop")
    assert (over.wall_s, over.jobs, over.steps_saved) == (1.5, 2, 0)


@pytest.mark.parametrize(("splits", "expected"), [(("val",), "val"), (("val", "test"), "test")])
def test_a_study_without_test_values_is_judged_on_validation(splits: tuple[str, ...], expected: str) -> None:
    metrics = {f"{split}/{one.metric}": 0.5 for split in splits for one in GRID.objectives}
    found = concluded(
        study="s",
        sweep=read("loss.weight=1,2"),
        policy=GRID,
        trials=(trial(1, "COMPLETE", run(1, 0, metrics=metrics)),),
        data={},
        begun={(1, 0)},
        wall_s=1.0,
        provenance={},
        warnings=(),
    )
    assert found.judged_on == expected


def test_too_many_failures_are_no_result_and_exit_1() -> None:
    why = "4 failed trials, more than study.max_failure_rate allows (3)"
    stopped = without_verdict(judgement(), why)
    assert stopped == judgement(verdict="no result", sentence=f"No result: {why}. {SENTENCE}")
    assert without_verdict(judgement(), "run it again.").sentence == f"No result: run it again. {SENTENCE}"
    assert exit_code(judgement(verdict="no result"), Interrupt(), None) == 1
    assert exit_code(stopped, Interrupt(), why) == 1
    assert exit_code(judgement(), Interrupt(), None) == 0
    assert exit_code(judgement(verdict="not confirmed"), Interrupt(), None) == 0
    assert exit_code(judgement(), Interrupt(received=signal.SIGTERM), why) == 143


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "s")


def left(folder: StudyFolder) -> set[str]:
    return {str(run.path.relative_to(folder.path / "trials")) for run in folder.runs if run.checkpoints}


def test_only_the_champions_checkpoints_stay(folder: StudyFolder) -> None:
    result = study_result(folder)
    tidy_checkpoints(folder, result, judgement(), "champion")
    assert left(folder) == {f"0003-lambda=0.2/seed{seed}" for seed in (*SEEDS, *CONFIRM_SEEDS)}
    tidy_checkpoints(folder, result, front_judgement(), "champion")
    assert {name.split("/")[0] for name in left(folder)} == {"0003-lambda=0.2"}


@pytest.mark.parametrize(
    ("keep", "trials"), [("champion", set()), ("baseline_and_champion", {"0000-baseline"})]
)
def test_a_winner_that_breaks_a_guard_is_no_champion(
    folder: StudyFolder, keep: KeepModels, trials: set[str]
) -> None:
    tidy_checkpoints(folder, study_result(folder), judgement(verdict="better, but costs bce"), keep)
    assert {name.split("/")[0] for name in left(folder)} == trials


@pytest.mark.parametrize(
    ("keep", "trials"),
    [
        ("champion", {"0003-lambda=0.2"}),
        ("baseline_and_champion", {"0000-baseline", "0003-lambda=0.2"}),
        ("all", {"0000-baseline", "0001-lambda=0.05", "0002-lambda=0.1", "0003-lambda=0.2"}),
    ],
)
def test_the_models_of_all_runs_of_those_that_are_to_be_kept_stay(
    folder: StudyFolder, keep: KeepModels, trials: set[str]
) -> None:
    """What pruned and failed runs could be resumed from goes in each case."""
    result = study_result(folder, with_failure=True)
    tidy_checkpoints(folder, result, judgement(), keep)
    complete = {
        f"{trial.spec.slug}/seed{seed}"
        for trial in result.trials
        for seed, run in trial.runs.items()
        if run.state == "COMPLETE"
    }
    assert left(folder) == {name for name in complete if name.split("/")[0] in trials}


def test_what_another_session_trains_keeps_its_checkpoints(folder: StudyFolder) -> None:
    """Trial 9 is unknown to this session, trial 1's seed 7 has not ended, a worker holds trial 2's seed 0."""
    result = study_result(folder)
    write_run(folder, trial_spec(9, 0.9), 0)
    write_run(folder, result.trials[1].spec, 7)
    runs = {
        **result.trials[1].runs,
        7: run(1, 7, "INTERRUPTED", folder=folder.run(trial_spec(1, 0.05), 7).path),
    }
    begun = replace(result.trials[1], runs=runs)
    held = folder.run(result.trials[2].spec, 0)
    with file_lock(held.lock, 0.0):
        trials = (result.trials[0], begun, *result.trials[2:])
        tidy_checkpoints(folder, replace(result, trials=trials), judgement(), "champion")
    others = left(folder) - {f"0003-lambda=0.2/seed{seed}" for seed in (*SEEDS, *CONFIRM_SEEDS)}
    assert others == {"0009-lambda=0.9/seed0", "0001-lambda=0.05/seed7", "0002-lambda=0.1/seed0"}
    assert len(RunFolder(held.path).checkpoints) == 3


def test_pairs_that_were_stopped_leave_no_checkpoint(folder: StudyFolder) -> None:
    """On seed 2000 the winner was stopped, on 2001 it goes on; the baseline has ended in another session."""
    result = study_result(folder)
    baseline, winner = result.trials[0].spec, result.trials[3].spec
    for spec, seed in ((winner, 2000), (winner, 2001), (baseline, 2000)):
        write_run(folder, spec, seed)
    for seed in (2000, 2001):
        folder.run(winner, seed).records.unlink()
    tidy_checkpoints(folder, result, judgement(), "baseline_and_champion", needless={2000})
    still = {name for name in left(folder) if "seed200" in name}
    assert still == {"0003-lambda=0.2/seed2001", "0000-baseline/seed2000"}
