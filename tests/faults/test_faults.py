"""What may go wrong with a trial: recorded in its own words, and everything else goes on."""

import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.faults.harness import FaultStudy, trials

AT_12 = "loss.poisoned_step=12"
FAULTS = {
    "diverges": [AT_12],
    "crash": ["loss.fault=crash", AT_12],
    "quits": ["loss.fault=quit", AT_12],
    "killed": ["loss.fault=kill", AT_12],
    "segfault": ["loss.fault=segfault", AT_12],
    "too_large": ["loss.fault=allocate", AT_12],
    "hangs": ["loss.fault=hang", AT_12],
    "silent": ["loss.fault=freeze", AT_12],
}
REASONS = {
    "diverges": "loss is nan at step 12",
    "crash": "ZeroDivisionError: division by zero",
    "quits": "SystemExit: 3",
    "killed": "worker killed by SIGKILL (kill -9, or the machine was out of memory), at step",
    "segfault": "worker killed by SIGSEGV (a segmentation fault; the log shows where), at step",
    "too_large": "out of memory: 4,194,304.00 GiB did not fit",
    "hangs": "job timeout: not done after 40 s (executor.job_timeout_s), at step 12",
    "silent": "worker showed no sign of life for 6 s, at step",
}


QUICK = ("diverges", "crash", "killed", "too_large")
LONG = tuple(name for name in FAULTS if name not in QUICK)
"""Faults that cost further workers, or a wait until the study loses its patience."""
FEW = pytest.param(QUICK, id="quick")
OTHERS = pytest.param(LONG, id="long", marks=pytest.mark.slow)
EACH = [*(pytest.param(QUICK, name, id=name) for name in QUICK)] + [
    pytest.param(LONG, name, id=name, marks=pytest.mark.slow) for name in LONG
]
Faulty = Callable[[tuple[str, ...]], tuple[FaultStudy, str]]


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    """A study in which these things go wrong with trials, and what it printed; trained once."""

    @cache
    def trained(names: tuple[str, ...]) -> tuple[FaultStudy, str]:
        faults = {name: FAULTS[name] for name in names}
        named = trials(sound=["optimizer.lr=0.1"], **faults, sound_too=["optimizer.lr=0.02"])
        limits = ("executor.job_timeout_s=40", "executor.silence_s=6", "executor.retries=1")
        study = FaultStudy(tmp_path_factory.mktemp("faulty"), [named, "study.max_failure_rate=1", *limits])
        printed = study.run()
        study.wait_until_empty(5)
        return study, printed

    return trained


@pytest.mark.parametrize(("names", "name"), EACH)
def test_a_fault_is_told_in_its_own_words_wherever_a_trial_is_shown(
    names: tuple[str, ...], name: str, faulty: Faulty
) -> None:
    study, printed = faulty(names)
    trial = study.trial(name)
    reason = REASONS[name]
    assert trial["state"] == "FAILED"
    assert reason in trial["reason"]
    number = trial["trial"]
    state, told = study.optuna_trials()[number - 1]
    assert state == "FAIL"
    assert reason in (told or "")
    assert reason in printed
    assert f"trial {number} ({name}) seed 0" in printed
    assert reason in (study.results / "report.md").read_text()
    assert reason in (study.results / "trials.csv").read_text()


@pytest.mark.parametrize(("names", "name"), EACH)
def test_mlflow_knows_the_fault(names: tuple[str, ...], name: str, faulty: Faulty) -> None:
    study, _ = faulty(names)
    number = study.trial(name)["trial"]
    query = (
        "select r.status, reason.value from runs r join tags t on t.run_uuid = r.run_uuid "
        "join tags reason on reason.run_uuid = r.run_uuid and reason.key = 'sweeper.reason' "
        "where t.key = 'sweeper.run' and t.value = ?"
    )
    with sqlite3.connect(study.folder / "results" / "mlflow.db") as database:
        ((status, reason),) = database.execute(query, [f"s/{number}/0"]).fetchall()
    assert status == "FAILED"
    assert REASONS[name] in reason


@pytest.mark.parametrize("names", [FEW, OTHERS])
def test_sound_trials_are_not_touched_by_any_of_it(names: tuple[str, ...], faulty: Faulty) -> None:
    study, _ = faulty(names)
    states = {trial["name"]: trial["state"] for trial in study.summary()["trials"]}
    assert [states[name] for name in ("baseline", "sound", "sound_too")] == ["COMPLETE"] * 3
    assert set(states.values()) == {"COMPLETE", "FAILED"}


@pytest.mark.parametrize("names", [FEW, OTHERS])
def test_runs_that_are_lost_are_tried_again_and_others_are_not(
    names: tuple[str, ...], faulty: Faulty
) -> None:
    study, _ = faulty(names)
    attempts = {study.summary()["trials"][trial]["name"]: attempt for trial, _, _, attempt, _ in study.rows()}
    again = {"killed", "segfault", "silent", "too_large"}
    assert attempts == {
        name: 2 if name in again else 1 for name in ("baseline", "sound", "sound_too", *names)
    }


def test_a_lost_run_says_how_often_and_one_out_of_memory_ran_alone(faulty: Faulty) -> None:
    study, printed = faulty(QUICK)
    assert "Tried again alone on cpu" in printed
    assert "It had cpu to itself." in study.trial("too_large")["reason"]
    assert "2 times without progress" in study.trial("killed")["reason"]


def test_nothing_is_written_beside_the_results(faulty: Faulty) -> None:
    study, _ = faulty(QUICK)
    assert {path.name for path in study.folder.iterdir()} == {"results", "output.txt"}


@pytest.mark.slow  # quick: tests/sweeper/study/test_loop.py
def test_more_failures_than_allowed_end_the_study_with_a_report_and_exit_code_1(tmp_path: Path) -> None:
    named = trials(**{f"broken{n}": ["loss.fault=crash", f"loss.poisoned_step={n}"] for n in range(4)})
    study = FaultStudy(
        tmp_path, [named, "study.max_failure_rate=0.25", "executor.n_slots=1", "tracking=none"]
    )
    printed = study.run_here(code=1)
    assert "2 failed candidates, more than study.max_failure_rate allows (1)" in printed
    states = [trial["state"] for trial in study.summary()["trials"]]
    assert states == ["COMPLETE", "FAILED", "FAILED"]
    assert "study.retry=failed, which tries the failed runs again" in printed
