"""What may go wrong with a trial: recorded in its own words, and everything else goes on."""

import sqlite3
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


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[FaultStudy, str]:
    """A study in which everything goes wrong that can go wrong with a trial, and what it printed."""
    named = trials(sound=["optimizer.lr=0.1"], **FAULTS, sound_too=["optimizer.lr=0.02"])
    limits = ("executor.job_timeout_s=40", "executor.silence_s=6", "executor.retries=1")
    study = FaultStudy(tmp_path_factory.mktemp("faulty"), [named, "study.max_failure_rate=1", *limits])
    printed = study.run()
    study.wait_until_empty(5)
    return study, printed


@pytest.mark.parametrize("name", REASONS)
def test_a_fault_is_told_in_its_own_words_wherever_a_trial_is_shown(
    name: str, faulty: tuple[FaultStudy, str]
) -> None:
    study, printed = faulty
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


@pytest.mark.parametrize("name", REASONS)
def test_mlflow_knows_the_fault(name: str, faulty: tuple[FaultStudy, str]) -> None:
    study, _ = faulty
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


def test_sound_trials_are_not_touched_by_any_of_it(faulty: tuple[FaultStudy, str]) -> None:
    study, _ = faulty
    states = {trial["name"]: trial["state"] for trial in study.summary()["trials"]}
    assert [states[name] for name in ("baseline", "sound", "sound_too")] == ["COMPLETE"] * 3
    assert set(states.values()) == {"COMPLETE", "FAILED"}


def test_a_lost_run_was_tried_again_and_an_out_of_memory_one_alone(faulty: tuple[FaultStudy, str]) -> None:
    study, printed = faulty
    attempts = {study.summary()["trials"][trial]["name"]: attempt for trial, _, _, attempt, _ in study.rows()}
    assert attempts == {
        **dict.fromkeys(("baseline", "sound", "sound_too", "diverges", "crash", "quits", "hangs"), 1),
        **dict.fromkeys(("killed", "segfault", "silent", "too_large"), 2),
    }
    assert "Tried again alone on cpu" in printed
    assert "It had cpu to itself." in study.trial("too_large")["reason"]
    assert "2 times without progress" in study.trial("killed")["reason"]


def test_nothing_is_written_beside_the_results(faulty: tuple[FaultStudy, str]) -> None:
    study, _ = faulty
    assert {path.name for path in study.folder.iterdir()} == {"results", "output.txt"}


def test_more_failures_than_allowed_end_the_study_with_a_report_and_exit_code_1(tmp_path: Path) -> None:
    named = trials(**{f"broken{n}": ["loss.fault=crash", f"loss.poisoned_step={n}"] for n in range(4)})
    study = FaultStudy(
        tmp_path, [named, "study.max_failure_rate=0.25", "executor.n_slots=1", "tracking=none"]
    )
    printed = study.run_here(code=1)
    assert "2 failed candidates, more than study.max_failure_rate allows (1)" in printed
    states = [trial["state"] for trial in study.summary()["trials"]]
    assert states == ["COMPLETE", "FAILED", "FAILED"]
    assert "with study.retry=failed it also tries failed runs again" in printed
