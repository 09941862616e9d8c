"""What the last message of a job means for its run: the state, the reason, and the figures that stay."""

from pathlib import Path

import pytest

from sweeper.errors import OUT_OF_MEMORY
from sweeper.results import RunResult
from sweeper.study.retries import LastWord, died, outcome
from tests.sweeper.plain_jobs import failed, finished, lost, plain_job, stopped

JOB = plain_job(3, seed=7, attempt=2)
FOLDER = Path("/runs/3-7-2")


def test_a_finished_job_is_a_complete_run_with_all_its_figures() -> None:
    assert outcome(JOB, finished(JOB)) == RunResult(
        trial=3,
        seed=7,
        state="COMPLETE",
        reason=None,
        metrics={"val/auc": 0.7, "test/auc": 0.6},
        best_step=80,
        steps_trained=90,
        steps_inherited=10,
        seconds=2.5,
        attempt=2,
        folder=FOLDER,
    )


def test_a_pruned_run_keeps_the_reason_of_who_pruned_it_and_what_it_cost() -> None:
    told = outcome(JOB, stopped(JOB, "pruned"), "worse than trial 1 at step 40")
    reason = "worse than trial 1 at step 40"
    assert told == RunResult(3, 7, "PRUNED", reason, steps_trained=30, seconds=1.5, attempt=2, folder=FOLDER)


def test_a_pruned_run_whose_reason_nobody_knows_any_more_names_its_step() -> None:
    told = outcome(JOB, stopped(JOB, "pruned"))
    assert (told.state, told.reason) == ("PRUNED", "at step 40")


def test_a_run_that_was_interrupted_is_not_pruned_even_where_a_pruner_had_given_it_up() -> None:
    told = outcome(JOB, stopped(JOB, "interrupted"), "worse than trial 1 at step 40")
    reason = "at step 40"
    assert told == RunResult(
        3, 7, "INTERRUPTED", reason, steps_trained=30, seconds=1.5, attempt=2, folder=FOLDER
    )


def test_a_lost_worker_is_no_failure_of_its_run() -> None:
    told = outcome(JOB, lost(JOB, "worker killed by SIGKILL"))
    assert (told.state, told.reason) == ("INTERRUPTED", "worker killed by SIGKILL")


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("NonFiniteLossError", "FAILED"),
        (OUT_OF_MEMORY, "FAILED"),
        ("JobTimeoutError", "FAILED"),
        ("DiskFullError", "INTERRUPTED"),
        ("DeviceError", "INTERRUPTED"),
        ("FolderHeldError", "INTERRUPTED"),
    ],
)
def test_a_run_fails_unless_the_disk_or_another_worker_is_to_blame(error: str, state: str) -> None:
    told = outcome(JOB, failed(JOB, error))
    assert (told.state, told.reason, told.metrics) == (state, "loss is nan. Try less.", {})


def test_a_failure_without_advice_is_told_as_it_is() -> None:
    assert outcome(JOB, failed(JOB, "KeyError", "KeyError: 'x'", advice="")).reason == "KeyError: 'x'"


def test_only_a_lost_worker_or_a_held_folder_means_that_the_run_died() -> None:
    assert died(lost(JOB))
    assert died(failed(JOB, "FolderHeldError"))
    others: list[LastWord] = [finished(JOB), stopped(JOB, "pruned"), stopped(JOB, "interrupted")]
    assert [died(message) for message in (*others, failed(JOB, "DiskFullError"))] == [False] * 4
