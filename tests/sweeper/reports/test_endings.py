"""How runs that did not simply finish are told: pruned, failed, interrupted, or saved after a fault."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sweeper.layout import StudyFolder, write_atomic
from sweeper.reports.fitting import default_console
from sweeper.reports.incidents import grouped, kind, on_the_way
from sweeper.reports.leaderboard import pruning, reasons, rows
from sweeper.reports.leaderboard_table import leaderboard_of
from sweeper.reports.replay import read_runs
from sweeper.reports.report import trials_csv
from sweeper.reports.report_text import report_markdown
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import Summary
from sweeper.results import RunResult, StudyResult, TrialResult
from tests.sweeper.factories import judgement, run_result, study_result, trial_spec

KILLED = "attempt 1: worker killed by SIGKILL at step 40"
WORSE = "median: 0.7012 at step 120, the median of 4 trials is 0.7341"


def pruned(number: int, step: int = 120) -> TrialResult:
    run = RunResult(number, 0, "PRUNED", WORSE, steps_trained=step, seconds=1.0, device="cpu")
    return TrialResult(trial_spec(number, number / 10), "PRUNED", f"seed 0: {WORSE}", {0: run})


def failed(number: int, reason: str = "loss is nan at step 120") -> TrialResult:
    run = run_result(None, trial_spec(number, number / 10), 0, "FAILED", reason)
    return TrialResult(trial_spec(number, number / 10), "FAILED", f"seed 0: {reason}", {0: run})


def with_trials(*trials: TrialResult, **totals: Any) -> StudyResult:
    result = study_result()
    known = result.totals.model_copy(update={"steps_saved": 1680, **totals})
    return replace(result, trials=(*result.trials, *trials), totals=known)


def with_incidents(result: StudyResult, *sentences: str) -> StudyResult:
    """The first trial's run on seed 0 has met these."""
    first = result.trials[1]
    run = replace(first.runs[0], incidents=sentences, attempt=2, device="gpu 3")
    trials = (result.trials[0], replace(first, runs={**first.runs, 0: run}), *result.trials[2:])
    return replace(result, trials=trials)


def shown(facts: Summary) -> str:
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(leaderboard_of(facts))
    return console.export_text()


def test_each_run_of_the_summary_tells_how_it_ended_and_what_it_met() -> None:
    run = summary_of(with_incidents(study_result(), KILLED), judgement()).trials[1].runs[0]
    assert run.model_dump() == {
        "seed": 0,
        "phase": "screening",
        "state": "COMPLETE",
        "reason": None,
        "attempt": 2,
        "steps_trained": 600,
        "steps_inherited": 0,
        "seconds": 3.5,
        "device": "gpu 3",
        "incidents": (KILLED,),
    }


def test_a_pruned_trial_says_where_and_is_not_ranked_with_complete_ones() -> None:
    """Of two pruned trials the one that got further comes first; failures are last."""
    facts = summary_of(with_trials(failed(4), pruned(5, step=60), pruned(6, step=120)), judgement())
    ranked = rows(facts)
    assert [row.trial for row in ranked] == [3, 2, 1, 0, 6, 5, 4]
    assert [row.ending for row in ranked[4:]] == ["pruned at 120", "pruned at 60", "failed"]
    assert ranked[4].values == ()
    assert facts.trials[6].pruned_at == 120
    assert facts.trials[6].reason == f"seed 0: {WORSE}"
    assert facts.trials[4].pruned_at is None


def test_what_pruning_saved_is_told_as_steps_and_as_a_share() -> None:
    """Trained were 10800 steps, saved 1680: 1680 / 12480 = 13 %."""
    said = "1 trial pruned: 1,680 of 12,480 steps (13%) were not needed"
    result = with_trials(pruned(4))
    facts = summary_of(result, judgement())
    assert pruning(facts) == said
    assert said in shown(facts)
    report = report_markdown(result, judgement(), facts, [])
    assert f"## Pruned\n\n- trial 4 lambda=0.4 seed 0: {WORSE}\n\n{said}." in report
    assert pruning(summary_of(study_result(), judgement())) == ""


def test_the_report_has_no_section_for_what_did_not_happen() -> None:
    report = report_markdown(study_result(), judgement(), summary_of(study_result(), judgement()), [])
    for title in ("Failed", "Pruned", "Interrupted", "on the way", "Not finished", "count in intervals"):
        assert title not in report


def test_what_went_wrong_on_the_way_has_a_section_of_its_own() -> None:
    skipped = "checkpoint skipped: results/a/trials/1/seed0/checkpoint.pt: is damaged"
    result = with_incidents(study_result(), KILLED, skipped)
    facts = summary_of(result, judgement())
    report = report_markdown(result, judgement(), facts, [])
    assert (
        "## What went wrong on the way\n\n"
        f"- trial 1 lambda=0.05 seed 0: {KILLED}\n- trial 1 lambda=0.05 seed 0: {skipped}\n"
    ) in report
    assert "2 incidents on the way, named in the report" in shown(facts)


def test_what_a_shared_run_met_is_told_once_by_the_trial_that_trained_it() -> None:
    """Trial 4 has the fingerprint of trial 1, and with it its run on seed 0."""
    result = with_incidents(study_result(), KILLED)
    first = result.trials[1]
    spec = trial_spec(4, 0.05, "again").model_copy(update={"fingerprint": first.spec.fingerprint})
    shared = {seed: replace(run, trial=4, reused=True) for seed, run in first.runs.items()}
    again = TrialResult(spec, "COMPLETE", None, shared)
    facts = summary_of(replace(result, trials=(*result.trials, again)), judgement())
    assert on_the_way(facts.trials) == [("trial 1 lambda=0.05 seed 0", KILLED)]
    assert "1 incident on the way, named in the report" in shown(facts)


def test_the_report_says_that_pruned_and_failed_candidates_count() -> None:
    result = with_trials(failed(4), pruned(5, step=60))
    report = report_markdown(result, judgement(), summary_of(result, judgement()), [])
    assert "Pruned and failed candidates (2) count in intervals and p values" in report


def test_trials_on_all_seeds_come_before_better_ones_on_fewer() -> None:
    """Trial 3 is best, and was given one seed of three; trial 2 two of them."""
    result = study_result()
    some = [
        replace(trial, runs={seed: trial.runs[seed] for seed in range(n)})
        for trial, n in ((result.trials[2], 2), (result.trials[3], 1))
    ]
    facts = summary_of(replace(result, trials=(*result.trials[:2], *some)), judgement(best=1))
    assert [row.trial for row in rows(facts)] == [1, 0, 2, 3]
    assert rows(facts)[-1].values[0].endswith("(1 of 3 seeds)")


def test_outside_of_a_terminal_sentences_and_the_lines_of_tables_are_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    why = "loss is nan at step 3; " + "a sentence of many words " * 20 + "x" * 300
    long_name = replace(failed(4, why), spec=trial_spec(4, 0.4, "optimizer.lr=0.1," * 20))
    facts = summary_of(with_trials(long_name), judgement())
    default_console().print(leaderboard_of(facts))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.endswith(f"failed: seed 0: {why}") for line in lines)
    assert any(long_name.spec.name in line and "failed" in line for line in lines)
    assert lines[-1].endswith("p = 0.31")
    assert len(lines[-1]) > 100


def test_a_reason_that_ends_in_a_full_stop_is_followed_by_no_other() -> None:
    result = with_trials(stopped_because="too many failures. Run it again.")
    report = report_markdown(result, judgement(), summary_of(result, judgement()), [])
    assert "Not finished: too many failures. Run it again. The same command goes on" in report


def test_a_hundred_of_the_same_are_one_line_and_three_are_three() -> None:
    many = [
        (f"trial {n} seed 0", f"attempt {n}: worker killed by SIGKILL at step {10 * n}") for n in range(100)
    ]
    few = [(f"trial {n} seed 1", f"checkpoint skipped: r/{n}/checkpoint.pt: is damaged") for n in range(3)]
    lines = grouped([*many[:50], *few, *many[50:]])
    assert lines == [
        "trial 0 seed 0: attempt 0: worker killed by SIGKILL at step 0 (and 99 more like it)",
        *(f"{who}: {what}" for who, what in few),
    ]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("at step 1,200: 3.5e-4", "at step 7: 2", True),
        ("a/b/c.pt is damaged", "d/e.pt is damaged", True),
        ("killed by SIGKILL", "killed by SIGSEGV", False),
        ("out of memory: 1.95 GiB did not fit", "out of memory: 22.78 GiB did not fit", True),
    ],
)
def test_faults_are_alike_that_differ_in_numbers_and_paths_only(one: str, other: str, alike: bool) -> None:
    assert (kind(one) == kind(other)) is alike


def test_fifty_trials_that_failed_alike_do_not_flood_the_terminal() -> None:
    facts = summary_of(
        with_trials(*(failed(n, f"loss is nan at step {n}") for n in range(4, 54))), judgement()
    )
    (line,) = reasons(facts)
    assert line == "trial 4 lambda=0.4 failed: seed 0: loss is nan at step 4 (and 49 more like it)"


def test_a_stopped_study_says_why_and_what_is_missing() -> None:
    """Trial 1 has seed 0 only, interrupted at step 40 by Ctrl-C; the study is not finished."""
    result = with_trials(stopped_because="SIGINT")
    spec = result.trials[1].spec
    run = RunResult(1, 0, "INTERRUPTED", "at step 40", steps_trained=40)
    trials = (result.trials[0], TrialResult(spec, "RUNNING", None, {0: run}), *result.trials[2:])
    stopped = replace(result, trials=trials)
    facts = summary_of(stopped, judgement())
    assert (facts.state, facts.stopped_because) == ("interrupted", "SIGINT")
    assert (facts.trials[1].state, facts.trials[1].reason) == ("INTERRUPTED", "seed 0: at step 40")
    assert [row.trial for row in rows(facts)][-1] == 1
    report = report_markdown(stopped, judgement(), facts, [])
    assert "\n\nNot finished: SIGINT. The same command goes on with the study.\n" in report
    assert "## Interrupted\n\n- trial 1 lambda=0.05 seed 0: at step 40\n" in report
    assert "trial 1 lambda=0.05 interrupted: seed 0: at step 40" in shown(facts)


def test_a_trial_with_seeds_to_come_shows_how_many_it_has() -> None:
    result = study_result()
    begun = replace(result.trials[1], state="RUNNING", runs={0: result.trials[1].runs[0]})
    facts = summary_of(replace(result, trials=(result.trials[0], begun, *result.trials[2:])), judgement())
    assert next(row.ending for row in rows(facts) if row.trial == 1) == "1 of 3 seeds"
    assert facts.state == "interrupted"


def test_trials_csv_tells_device_and_incidents_and_reads_back(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    result = with_incidents(study_result(folder), KILLED, 'said "no", and left')
    write_atomic(folder.trials_csv, trials_csv(folder, result))
    facts = summary_of(result, judgement())
    with folder.trials_csv.open(newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["trial"] == "1")
    assert (row["attempt"], row["device"]) == ("2", "gpu 3")
    assert json.loads(row["incidents"]) == [KILLED, 'said "no", and left']
    written = [run for trial in result.trials for run in trial.runs.values()]
    assert [run for _, run in read_runs(folder, facts)] == written


def test_the_leaderboard_of_a_study_with_every_ending_fits_100_columns() -> None:
    waiting = TrialResult(trial_spec(40, 4.0), "WAITING", None, {})
    result = with_trials(failed(4), pruned(5), pruned(6, step=1_200_000), waiting)
    long = replace(result.trials[1], spec=trial_spec(1, 0.05, name="lambda=0.05," * 12 + "warmup_steps=200"))
    lines = shown(
        summary_of(replace(result, trials=(result.trials[0], long, *result.trials[2:])), judgement())
    ).splitlines()
    assert max(map(len, lines)) <= 100
    assert any("pruned at 1200000" in line for line in lines)
    assert not any("…" in line for line in lines)


def test_a_failed_trial_has_no_difference_of_the_seeds_that_its_failures_left() -> None:
    summary = summary_of(study_result(), judgement())
    one = summary.trials[1]
    shown = []
    for state in ("COMPLETE", "FAILED"):
        entry = one.model_copy(update={"state": state})
        changed = summary.model_copy(update={"trials": (summary.trials[0], entry, *summary.trials[2:])})
        shown += [row for row in rows(changed) if row.trial == one.trial]
    assert [row.difference == "-" for row in shown] == [False, True]
    assert (shown[1].interval, shown[1].p_adjusted) == ("-", "-")
