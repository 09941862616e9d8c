"""Which runs are tried again, how often, and where."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from sweeper.errors import KILLED, OUT_OF_MEMORY
from sweeper.results import RunResult
from sweeper.study.retries import LastWord, Retries, outcome
from tests.sweeper.plain_jobs import failed, finished, lost, plain_job, stopped

JOB = plain_job(1, seed=0)
KEY = (1, 0)
DIED = lost(JOB, "worker killed by SIGKILL")
TOO_LARGE = failed(JOB, OUT_OF_MEMORY, "out of memory: 2 GiB did not fit", "Try a smaller model.")


def reconsidered(
    retries: Retries, message: LastWord, reached: int = 0, device: str = "gpu 0", is_ending: bool = False
) -> RunResult:
    result = outcome(JOB, message)
    return retries.reconsider(KEY, message, result, device=device, reached=reached, is_ending=is_ending)


@pytest.mark.parametrize(
    "message",
    [finished(JOB), stopped(JOB, "pruned"), stopped(JOB, "interrupted"), failed(JOB, "NonFiniteLossError")],
)
def test_a_run_that_ended_on_its_own_account_stays_as_it_is(message: LastWord) -> None:
    retries = Retries(allowed=3)
    assert reconsidered(retries, message) == outcome(JOB, message)
    assert not retries.is_alone(KEY)


def test_a_lost_run_is_tried_again_as_often_as_allowed_and_then_fails() -> None:
    """Twice without progress beyond step 0; the third loss is one too many."""
    retries = Retries(allowed=2)
    told = [reconsidered(retries, DIED) for _ in range(3)]
    assert [result.state for result in told] == ["INTERRUPTED", "INTERRUPTED", "FAILED"]
    assert told[0].reason == "worker killed by SIGKILL; tried again from its last checkpoint"
    assert told[2].reason == "worker killed by SIGKILL; 3 times without progress"


def test_where_nothing_is_tried_again_the_first_loss_fails_the_run() -> None:
    told = reconsidered(Retries(allowed=0), DIED)
    assert (told.state, told.reason) == ("FAILED", "worker killed by SIGKILL; once")


def test_a_program_that_somebody_killed_counts_as_a_loss() -> None:
    retries = Retries(allowed=1)
    killed = failed(JOB, KILLED, "killed by SIGKILL", advice="")
    told = [reconsidered(retries, killed) for _ in range(2)]
    assert [result.state for result in told] == ["INTERRUPTED", "FAILED"]


def test_a_held_folder_counts_as_a_loss() -> None:
    retries = Retries(allowed=1)
    held = failed(JOB, "FolderHeldError", "the folder is held by process 7", advice="")
    assert reconsidered(retries, held).reason == (
        "the folder is held by process 7; tried again from its last checkpoint"
    )
    assert reconsidered(retries, DIED).state == "FAILED"


def test_progress_begins_the_count_anew() -> None:
    """Losses at steps 10, 10, 20, 20, 20 with two allowed: the fifth is the third at one step."""
    retries = Retries(allowed=2)
    states = [reconsidered(retries, DIED, reached).state for reached in (10, 10, 20, 20, 20)]
    assert states == ["INTERRUPTED"] * 4 + ["FAILED"]


def test_a_step_that_was_reached_before_is_no_progress() -> None:
    """Losses at 20, then at 10 (it went on from a checkpoint before that), then at 20 again."""
    retries = Retries(allowed=2)
    assert [reconsidered(retries, DIED, at).state for at in (20, 10, 20)] == [
        "INTERRUPTED",
        "INTERRUPTED",
        "FAILED",
    ]


def test_while_a_session_ends_no_attempt_counts() -> None:
    retries = Retries(allowed=1)
    assert reconsidered(retries, DIED, is_ending=True) == outcome(JOB, DIED)
    assert reconsidered(retries, DIED).state == "INTERRUPTED"  # the first that counts
    assert reconsidered(retries, DIED).state == "FAILED"


def test_each_run_has_a_count_of_its_own() -> None:
    retries = Retries(allowed=1)
    reconsidered(retries, DIED)
    other = replace(outcome(JOB, DIED), seed=1)
    told = retries.reconsider((1, 1), DIED, other, device="gpu 0", reached=0, is_ending=False)
    assert (told.state, told.seed) == ("INTERRUPTED", 1)


def longest_row(steps: list[int]) -> int:
    """The most losses in a row of which none but the first was at a new highest step."""
    rows, highest = [0], -1
    for step in steps:
        rows = [*rows, 1] if step > highest else [*rows[:-1], rows[-1] + 1]
        highest = max(highest, step)
    return max(rows)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.integers(0, 4))
def test_a_run_is_given_up_exactly_when_it_is_lost_too_often_in_a_row(steps: list[int], allowed: int) -> None:
    retries = Retries(allowed)
    states = [reconsidered(retries, DIED, reached).state for reached in steps]
    assert ("FAILED" in states) == (longest_row(steps) > allowed)


def test_a_run_that_ran_out_of_memory_is_tried_once_more_alone_on_its_device() -> None:
    retries = Retries(allowed=3)
    told = reconsidered(retries, TOO_LARGE, device="gpu 1")
    assert (told.state, told.reason) == (
        "INTERRUPTED",
        "out of memory: 2 GiB did not fit. Try a smaller model. Tried again alone on gpu 1.",
    )
    assert retries.is_alone(KEY)
    assert not retries.is_alone((1, 1))


def test_a_run_that_has_no_room_even_alone_has_failed() -> None:
    retries = Retries(allowed=3)
    reconsidered(retries, TOO_LARGE)
    told = reconsidered(retries, TOO_LARGE)
    assert (told.state, told.reason) == (
        "FAILED",
        "out of memory: 2 GiB did not fit. Try a smaller model. It had gpu 0 to itself.",
    )


def test_a_session_that_ends_still_remembers_who_ran_out_of_memory() -> None:
    """What its device had no room for beside others is interrupted, and not failed, by a Ctrl-C."""
    assert reconsidered(Retries(allowed=0), TOO_LARGE, is_ending=True).state == "INTERRUPTED"


def test_a_device_waits_for_the_first_wanted_run_that_is_to_be_alone_there() -> None:
    retries = Retries(allowed=0)
    for key, device in {(1, 0): "gpu 0", (2, 0): "gpu 1", (3, 0): "gpu 1"}.items():
        result = outcome(JOB, TOO_LARGE)
        retries.reconsider(key, TOO_LARGE, result, device=device, reached=0, is_ending=False)
    wanted = [(4, 0), (3, 0), (2, 0)]
    assert retries.waiting_alone(wanted) == {"gpu 1": (2, 0)}  # it met the end of the memory first
    assert retries.waiting_alone(wanted[:2]) == {"gpu 1": (3, 0)}
    assert retries.waiting_alone([(1, 0), (2, 0)]) == {"gpu 0": (1, 0), "gpu 1": (2, 0)}


def test_a_run_that_is_to_be_alone_on_a_device_that_has_left_gets_another() -> None:
    retries = Retries(allowed=0)
    reconsidered(retries, TOO_LARGE, device="n1 gpu 0")
    retries.move_alone([KEY], [])
    assert retries.waiting_alone([KEY]) == {"n1 gpu 0": KEY}  # there is no other yet
    retries.move_alone([KEY], ["n2 gpu 1", "n3 gpu 0"])
    assert retries.waiting_alone([KEY]) == {"n2 gpu 1": KEY}
    retries.forget(KEY)
    assert not retries.is_alone(KEY)


def test_a_run_that_its_host_has_leave_goes_on_however_often() -> None:
    retries = Retries(allowed=0)
    told = stopped(JOB, "interrupted").model_copy(update={"reason": "n1 was preempted"})
    results = [reconsidered(retries, told, reached=40) for _ in range(20)]
    assert {result.state for result in results} == {"INTERRUPTED"}
    assert results[-1].reason == "n1 was preempted, at step 40; goes on from there"


def test_a_run_that_is_lost_with_its_host_is_not_to_blame_until_it_may_be_what_ends_the_hosts() -> None:
    """No retry of its own is allowed. Nine losses in a row, progress, then ten."""
    retries = Retries(allowed=0)
    gone = DIED.model_copy(update={"is_hosts": True, "reason": "n1 is gone"})
    results = [reconsidered(retries, gone, reached) for reached in [5] * 9 + [6] * 10]
    assert {result.state for result in results[:-1]} == {"INTERRUPTED"}
    assert results[0].reason == "n1 is gone; goes on elsewhere from its last checkpoint"
    assert results[-1].state == "FAILED"
    assert results[-1].reason == (
        "n1 is gone; lost with its host 10 times without progress, so it may be what ends them"
    )


def test_hosts_that_leave_while_the_study_ends_are_not_counted() -> None:
    retries = Retries(allowed=0)
    gone = DIED.model_copy(update={"is_hosts": True})
    for _ in range(20):
        assert reconsidered(retries, gone, is_ending=True) == outcome(JOB, gone)
    assert reconsidered(retries, gone).state == "INTERRUPTED"
