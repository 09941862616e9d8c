"""What a person sees of a study."""

import io
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeper.layout import StudyFolder
from sweeper.messages import Alive, Reported, Started
from sweeper.reports.report import write_report
from sweeper.reports.summary import summary_of
from sweeper.results import NEEDLESS, RunResult
from sweeper.trial import Slot
from sweeper.watch.observers import StudyStart
from sweeper.watch.terminal import Terminal, leaderboard
from tests.sweeper.factories import (
    AUC,
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

SLOTS = (Slot(0, "cpu", 1), Slot(1, "cpu", 1))
FROM_RUN: dict[str, Any] = {"job_id": "j", "trial": 1, "seed": 0, "attempt": 1}


def plain_console() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def live_console() -> Console:
    return Console(file=io.StringIO(), width=100, height=24, force_terminal=True, highlight=False)


def raw(console: Console) -> str:
    """All that went to the terminal, control sequences included."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def screen(written: str) -> list[str]:
    """What a terminal shows after `written`: rich moves up and erases lines, and returns to their start."""
    rows, row = [""], 0
    for token in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|\n|\r|[^\x1b\n\r]+", written):
        if token == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif token == "\x1b[2K":
            rows[row] = ""
        elif token.endswith("A"):
            row -= int(token[2:-1])
        elif not token.startswith(("\x1b", "\r")):
            rows[row] += token
    return [text.rstrip() for text in rows if text.strip()]


def wait_until(is_so: Callable[[], bool]) -> None:
    """The view is redrawn four times a second, by a thread of its own."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "not drawn"
        time.sleep(0.02)


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
    return study_start(StudyFolder.of(tmp_path, "esmm-3f2a91c0"), slots=SLOTS)


def test_without_a_terminal_there_is_one_line_a_run_and_no_control_sequence(start: StudyStart) -> None:
    """18 runs are planned, 6 of them known: 12 are to do."""
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.study_started(start)
    terminal.run_started(spec, started(1, 0), SLOTS[1])
    terminal.run_reported(spec, reported(1, 0, 300, 0.7))
    terminal.run_stepped(spec, Alive(**FROM_RUN, step=400))
    terminal.run_ended(spec, run_result(None, spec, 0))
    terminal.run_ended(spec, run_result(None, spec, 1, "FAILED", "loss is nan at step 120"))
    terminal.plan_grew(6, "confirmation of the best")
    terminal.run_ended(spec, run_result(None, spec, 2, "PRUNED", "worse than the median"))
    terminal.noted("1 agent (n1 cpu) joined; 1 of 2 slots")
    terminal.warned("aux_focal.lambda: 9.0 > 0.3 dominates")
    terminal.close()
    assert printed(console) == [
        "study esmm-3f2a91c0: 18 runs planned, 6 known already and not repeated; "
        f"2 slots on cpu, 1 thread each; {start.folder.path}",
        "[1/12] trial 1 lambda=0.05 seed 0: val/ctcvr_auc 0.7410 in 3.5 s",
        "[2/12] trial 1 lambda=0.05 seed 1: failed, loss is nan at step 120",
        "6 more runs: confirmation of the best",
        "[3/18] trial 1 lambda=0.05 seed 2: pruned, worse than the median",
        "1 agent (n1 cpu) joined; 1 of 2 slots",
        "warning: aux_focal.lambda: 9.0 > 0.3 dominates",
    ]


def test_on_a_terminal_the_live_view_moves_and_is_gone_at_the_end(start: StudyStart) -> None:
    """A run that ended well is counted and ranked there, and has no line that stays; one that failed has."""
    console, spec = live_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.study_started(start)
    terminal.run_started(spec, started(1, 0), SLOTS[1])
    terminal.run_reported(spec, reported(1, 0, 300, 0.7123))
    wait_until(lambda: "300/600" in raw(console))
    terminal.run_stepped(spec, Alive(**FROM_RUN, step=450))
    wait_until(lambda: "450/600" in raw(console))
    assert "idle" in raw(console)
    terminal.run_ended(spec, run_result(None, spec, 0))
    wait_until(lambda: "1/3" in raw(console))  # on the board, with a third of its seeds
    terminal.run_ended(spec, run_result(None, spec, 1, "FAILED", "loss is nan at step 120"))
    wait_until(lambda: "(1 failed)" in raw(console))
    terminal.close()
    shown = screen(raw(console))
    assert shown[-1] == "[2/12] trial 1 lambda=0.05 seed 1: failed, loss is nan at step 120"
    assert not any("0.7410" in line for line in shown)


def test_many_runs_that_fail_alike_leave_few_lines_on_a_screen_and_all_in_a_file(start: StudyStart) -> None:
    spec, counts = trial_spec(1, 0.05), list[int]()
    for console in (live_console(), plain_console()):
        terminal = Terminal(console)
        terminal.study_started(start)
        for seed in range(40):
            terminal.run_ended(spec, run_result(None, spec, seed, "FAILED", "CUDA error"))
        terminal.close()
        counts.append(sum("failed, CUDA error" in line for line in screen(raw(console))))
    assert counts == [3, 40]


def test_a_screen_has_the_leaderboard_that_fits_with_the_baseline_a_file_all_of_it(start: StudyStart) -> None:
    trials = list(study_result().trials)
    worst = min(trial.spec.number for trial in trials if trial.spec.role == "baseline")
    assert worst == 0
    many = [*trials, *(replace(trials[1], spec=trial_spec(n, 0.01 * n)) for n in range(4, 60))]
    result = study_result(start.folder, trials=tuple(many))
    for console, n_lines in ((live_console(), 10), (plain_console(), len(many))):
        terminal = Terminal(console)
        terminal.study_started(start)
        terminal.study_ended(result, summary_of(result, judgement()))
        shown = screen(raw(console))
        rows = [line for line in shown if re.match(r"^\s*\*?\d+  (lambda|baseline)", line)]
        assert len(rows) == n_lines
        assert sum("baseline" in row for row in rows) == 1


def test_the_cursor_is_visible_while_the_view_lives(start: StudyStart) -> None:
    """A process that is killed could not give it back."""
    console = live_console()
    terminal = Terminal(console)
    terminal.study_started(start)
    seen = raw(console)
    terminal.close()
    assert seen.rfind("\x1b[?25h") > seen.rfind("\x1b[?25l")


def test_stderr_that_goes_elsewhere_is_left_there(start: StudyStart, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = io.StringIO()
    monkeypatch.setattr(sys, "stderr", elsewhere)
    console = live_console()
    terminal = Terminal(console)
    terminal.study_started(start)
    write_to_stderr(7)
    terminal.close()
    assert elsewhere.getvalue() == "line 7 of a library\n"
    assert "line 7" not in raw(console)


class Tty(io.StringIO):
    """Standard error as a terminal shows it."""

    def isatty(self) -> bool:
        return True


def complain(number: int) -> None:
    warnings.warn(f"warning {number} of a library", UserWarning, stacklevel=1)


def write_to_stderr(number: int) -> None:
    sys.stderr.write(f"line {number} of a library\n")


@pytest.mark.filterwarnings("always::UserWarning")
@pytest.mark.parametrize(
    ("say", "line"),
    [(complain, "UserWarning: warning {} of a library"), (write_to_stderr, "line {} of a library")],
)
def test_what_other_threads_say_stands_above_the_view_line_by_line(
    start: StudyStart, say: Callable[[int], None], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Tty())
    monkeypatch.setattr(warnings, "showwarning", _show)  # pytest keeps warnings to itself
    console = live_console()
    terminal = Terminal(console)
    terminal.study_started(start)
    threads = [threading.Thread(target=say, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for number in range(20):
        terminal.warned(f"warning {number} of the study")
    for thread in threads:
        thread.join()
    terminal.close()
    shown = screen(raw(console))
    for number in range(20):
        assert shown.count(f"warning: warning {number} of the study") == 1
        assert sum(text.endswith(line.format(number)) for text in shown) == 1


def _show(message: Any, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
    sys.stderr.write(f"{filename}:{lineno}: {category.__name__}: {message}\n")


def test_what_a_run_survived_is_told_when_it_ends_once(start: StudyStart) -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.study_started(start)
    killed = "worker killed by signal 9 at step 300, tried again"
    for state in ("INTERRUPTED", "COMPLETE"):
        terminal.run_started(spec, started(1, 0), SLOTS[0])
        run = run_result(None, spec, 0, state, "killed" if state == "INTERRUPTED" else None)
        terminal.run_ended(spec, replace(run, incidents=(killed,)))
    assert printed(console)[1:] == [
        "[0/12] trial 1 lambda=0.05 seed 0: interrupted, killed",
        f"trial 1 lambda=0.05 seed 0: incident: {killed}",
        "[1/12] trial 1 lambda=0.05 seed 0: val/ctcvr_auc 0.7410 in 3.5 s",
    ]


def test_of_what_every_run_meets_the_first_are_told(start: StudyStart) -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.study_started(start)
    for seed in range(6):
        vain = f"pattern.test/acc found no number in any line of what was printed, {seed}"
        terminal.run_ended(spec, replace(run_result(None, spec, seed), incidents=(vain,)))
    told = [line for line in printed(console) if "incident" in line]
    assert [line.split(":")[0] for line in told] == [f"trial 1 lambda=0.05 seed {seed}" for seed in range(3)]
    assert told[-1].endswith("; more like it are in the report alone")


def test_a_pair_that_nobody_needs_any_more_is_no_alarm(start: StudyStart) -> None:
    """A line in a file; none on a screen, where a run that was interrupted otherwise has one."""
    spec = trial_spec(1, 0.05)
    needless = run_result(None, spec, 0, "INTERRUPTED", NEEDLESS)
    for console, n_lines in ((plain_console(), 1), (live_console(), 0)):
        terminal = Terminal(console)
        terminal.study_started(replace(start, is_most=True))
        terminal.run_ended(spec, needless)
        terminal.close()
        shown = screen(raw(console))
        assert "at most 18 runs planned" in " ".join(shown)
        assert shown.count(f"[0/12] trial 1 lambda=0.05 seed 0: {NEEDLESS}") == n_lines
        assert "interrupted" not in " ".join(shown)


def test_what_all_seeds_of_a_trial_say_is_said_once() -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    for seed in SEEDS:
        terminal.run_started(spec, started(1, seed, notes=("aux_focal: on",)), SLOTS[0])
    assert printed(console) == ["trial 1 lambda=0.05: aux_focal: on"]


def test_the_last_lines_are_the_sentence_and_the_commands_that_open_page_and_runs(start: StudyStart) -> None:
    console = plain_console()
    terminal = Terminal(console)
    result = study_result(start.folder)
    facts = write_report(start.folder, result, judgement())
    terminal.study_started(start)
    terminal.study_ended(result, facts)
    root = start.folder.path.parent
    assert printed(console)[-4:] == [
        f"report: {start.folder.report_md}",
        SENTENCE,
        f"its page: python -m sweeper.studies open {start.folder.path.name} --results-dir {root}",
        f"MLflow: mlflow ui --backend-store-uri sqlite:///{root / 'mlflow.db'}",
    ]


def test_what_is_told_after_the_end_leaves_the_last_word_to_the_verdict(start: StudyStart) -> None:
    console = plain_console()
    terminal = Terminal(console)
    result = study_result(start.folder)
    terminal.study_started(start)
    terminal.study_ended(result, write_report(start.folder, result, judgement()))
    last = printed(console)[-3:]
    terminal.warned("MLflow is slow")
    assert printed(console)[-4:] == ["warning: MLflow is slow", *last]
    assert last[0] == SENTENCE


def test_a_study_that_was_stopped_says_last_how_it_goes_on(start: StudyStart) -> None:
    console = plain_console()
    terminal = Terminal(console)
    result = study_result(start.folder)
    update = {"stopped_because": "SIGINT", "to_go_on": "the same command goes on"}
    result = replace(result, totals=result.totals.model_copy(update=update))
    terminal.study_started(start)
    terminal.study_ended(result, summary_of(result, judgement()))
    assert printed(console)[-1] == "the same command goes on"


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


def test_a_run_that_ends_without_having_started_does_no_harm(start: StudyStart) -> None:
    console, spec = plain_console(), trial_spec(1, 0.05)
    terminal = Terminal(console)
    terminal.run_reported(spec, reported(1, 0, 100, 0.7))
    terminal.run_ended(spec, RunResult(1, 0, "PRUNED"))
    assert printed(console) == ["[1/1] trial 1 lambda=0.05 seed 0: pruned"]
