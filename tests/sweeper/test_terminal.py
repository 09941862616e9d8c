"""What a person sees of a study."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.layout import StudyFolder
from sweeper.messages import Reported, Started
from sweeper.observers import StudyStart
from sweeper.report import write_report
from sweeper.results import RunResult
from sweeper.terminal import Progress, Running, Terminal, leaderboard, plan
from tests.sweeper.factories import (
    AUC,
    CONFIRM_SEEDS,
    LOSS,
    SEEDS,
    SENTENCE,
    front_judgement,
    judgement,
    run_result,
    study_result,
    study_start,
    trial_spec,
)


def plain_console() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def started(trial: int, seed: int, resumed_step: int = 0, notes: tuple[str, ...] = ()) -> Started:
    return Started(
        job_id="j",
        trial=trial,
        seed=seed,
        attempt=1,
        resumed_step=resumed_step,
        total_steps=600,
        device="cpu",
        notes=notes,
    )


def reported(trial: int, seed: int, step: int, auc: float) -> Reported:
    metrics = {"val/ctcvr_auc": auc}
    return Reported(
        job_id="j", trial=trial, seed=seed, attempt=1, step=step, metrics=metrics, steps_per_s=80.0
    )


@pytest.fixture
def start(tmp_path: Path) -> StudyStart:
    return study_start(StudyFolder.of(tmp_path, "esmm-3f2a91c0"))


def test_without_a_terminal_there_is_one_line_a_run_and_no_control_sequence(start: StudyStart) -> None:
    """18 runs are planned, 6 of them known: 12 are to do."""
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.study_started(start)
    terminal.run_started(spec, started(1, 0))
    terminal.run_reported(spec, reported(1, 0, 300, 0.7))
    terminal.run_ended(spec, run_result(None, spec, 0))
    terminal.run_ended(spec, run_result(None, spec, 1, "FAILED", "loss is nan at step 120"))
    terminal.plan_grew(6, "confirmation of the best")
    terminal.run_ended(spec, run_result(None, spec, 2, "PRUNED", "worse than the median"))
    terminal.warned("aux_focal.lambda: 9.0 > 0.3 dominates")
    terminal.close()
    assert printed(console) == [
        "study esmm-3f2a91c0: 18 runs planned, 6 known already and not repeated; 1 slot; "
        f"{start.folder.path}",
        "[1/12] trial 1 lambda=0.05 seed 0: val/ctcvr_auc 0.7410 in 3.5 s",
        "[2/12] trial 1 lambda=0.05 seed 1: failed, loss is nan at step 120",
        "6 more runs: confirmation of the best",
        "[3/18] trial 1 lambda=0.05 seed 2: pruned, worse than the median",
        "warning: aux_focal.lambda: 9.0 > 0.3 dominates",
    ]


def test_on_a_terminal_a_running_run_shows_step_objective_and_pace(start: StudyStart) -> None:
    """After 40 s, half of the first of 12 runs is done: 1/24 in 40 s leaves 23 x 40 s = 15 min 20 s."""
    times: Iterator[float] = iter([0.0, *[40.0] * 1000])
    console = Console(file=io.StringIO(), width=100, force_terminal=True, highlight=False)
    terminal, spec = Terminal(console, clock=lambda: next(times)), trial_spec(1, 0.05)
    terminal.study_started(start)
    terminal.run_started(spec, started(1, 0))
    terminal.run_reported(spec, reported(1, 0, 300, 0.7123))
    seen = plain_console()
    seen.print(terminal.view())
    terminal.close()
    shown = "\n".join(printed(seen))
    assert "300/600" in shown
    assert "0.7123" in shown
    assert "80.0" in shown
    assert "0 of 12 runs done, 40.0 s so far, about 15 min 20 s left" in shown
    assert "\x1b[?25h" in console.file.getvalue()  # type: ignore[attr-defined]  # the cursor is back


def test_the_time_left_follows_the_pace_so_far() -> None:
    """Of 10 runs 2 are done and one is half done: a quarter took 50 s, so 150 s are left."""
    running = [Running(trial=3, name="x", seed=0, step=50, total_steps=100)]
    progress = Progress(n_runs=10, n_done=2, started=100.0)
    assert progress.fraction(running) == pytest.approx(0.25)
    assert progress.seconds_left(running, now=150.0) == pytest.approx(150.0)
    assert Progress(n_runs=10, n_done=0, started=100.0).seconds_left([], now=150.0) is None


def test_what_all_seeds_of_a_trial_say_is_said_once() -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    for seed in SEEDS:
        terminal.run_started(spec, started(1, seed, notes=("aux_focal: on",)))
    assert printed(console) == ["trial 1 lambda=0.05: aux_focal: on"]


def test_progress_never_passes_the_end_when_more_runs_come_than_were_planned() -> None:
    assert Progress(n_runs=1, n_done=3).fraction([]) == 1.0


def test_the_last_lines_are_the_sentence_and_where_to_read_on(start: StudyStart) -> None:
    console = plain_console()
    terminal = Terminal(console)
    result = study_result(start.folder)
    facts = write_report(start.folder, result, judgement())
    terminal.study_started(start)
    terminal.study_ended(result, facts)
    root = start.folder.path.parent
    assert printed(console)[-3:] == [
        SENTENCE,
        f"report: {start.folder.report_md}",
        f"MLflow: mlflow ui --backend-store-uri sqlite:///{root / 'mlflow.db'}",
    ]


def test_the_leaderboard_fits_in_100_columns_whole_figures_included() -> None:
    console = plain_console()
    long_name = "lambda=0.2,gamma=2,warmup_steps=1000,optimizer.lr=0.001,detach_p_for_weight=false"
    result = study_result(with_failure=True)
    named = trial_spec(3, 0.2, long_name)
    trials = [t if t.spec.number != 3 else type(t)(named, t.state, None, t.runs) for t in result.trials]
    console.print(leaderboard(study_result(trials=tuple(trials)), judgement()))
    lines = printed(console)
    assert max(map(len, lines)) <= 100
    assert any("0.7431 ± 0.0001" in line and "[+0.0006, +0.0036]" in line for line in lines)
    assert "warmup_steps=1000" in "".join(lines)
    assert " ".join(lines[-2:]).replace("  ", " ").strip() == SENTENCE


def test_the_leaderboard_names_why_a_trial_failed() -> None:
    console = plain_console()
    console.print(leaderboard(study_result(with_failure=True), judgement()))
    assert "trial 4 lambda=9.0 failed: seed 0: loss is nan at step 120" in printed(console)


def test_with_two_objectives_the_leaderboard_has_a_column_for_each_and_no_test_of_differences() -> None:
    console = plain_console()
    console.print(leaderboard(study_result(objectives=(AUC, LOSS)), front_judgement()))
    text = "\n".join(printed(console))
    assert "val ctcvr_auc" in text
    assert "test bce" in text
    assert "difference" not in text


def test_the_plan_counts_runs_and_estimates_their_time() -> None:
    """4 trials on 3 seeds less 2 known runs: 10, and 2 x 3 to confirm; 16 runs of 60 s on 4 slots: 4 min."""
    console = plain_console()
    specs = [trial.spec for trial in study_result().trials]
    console.print(plan("s", specs, SEEDS, CONFIRM_SEEDS, known={0: 2}, seconds_per_run=60.0, n_slots=4))
    assert (
        "4 trials on 3 seeds; 10 runs to train, then 6 to confirm the best against the baseline"
        in printed(console)
    )
    assert (
        printed(console)[-1]
        == "estimated time: 4 min 00 s for 16 runs on 4 slots (1 min 00 s a run, as earlier ones took)"
    )


def test_a_plan_without_earlier_runs_says_that_the_time_is_unknown() -> None:
    console = plain_console()
    console.print(plan("s", [trial_spec(0)], SEEDS, CONFIRM_SEEDS, n_later=40))
    assert any(
        "1 trials and 40 more as the sampler suggests them on 3 seeds; 123 runs" in x
        for x in printed(console)
    )
    assert printed(console)[-1].startswith("estimated time: unknown")


def test_a_run_that_ends_without_having_started_does_no_harm(start: StudyStart) -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.run_reported(spec, reported(1, 0, 100, 0.7))
    terminal.run_ended(spec, RunResult(1, 0, "INTERRUPTED"))
    assert printed(console) == ["[1/1] trial 1 lambda=0.05 seed 0: interrupted"]
