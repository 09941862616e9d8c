"""Which jobs run, and which slots could take another one."""

from collections.abc import Sequence

import pytest

from sweeper.errors import OUT_OF_MEMORY
from sweeper.results import RunKey
from sweeper.study.active import Active, ActiveJobs
from sweeper.study.retries import Retries, outcome
from sweeper.trial import Slot
from tests.sweeper.plain_jobs import failed, plain_job
from tests.sweeper.plain_trials import plain_trial

SHARED = [Slot(0, "cuda:0", 1, "gpu 0"), Slot(1, "cuda:0", 1, "gpu 0"), Slot(2, "cuda:1", 1, "gpu 1")]


def active(slot: Slot, number: int, seed: int = 0, attempt: int = 1, mark: str | None = None) -> Active:
    return Active(slot, plain_job(number, seed, attempt), plain_trial(number, mark), seed, since=0.0)


def alone_on(places: dict[RunKey, str]) -> Retries:
    """Each of these runs was out of memory on its device."""
    retries = Retries(allowed=0)
    for key, device in places.items():
        message = failed(plain_job(*key), OUT_OF_MEMORY)
        result = outcome(plain_job(*key), message)
        retries.reconsider(key, message, result, device=device, reached=0, is_ending=False)
    return retries


def free(
    jobs: Sequence[Active], wanted: Sequence[RunKey], alone: dict[RunKey, str] | None = None
) -> dict[int, RunKey | None]:
    """By the slot's index, the run that is to be alone there."""
    running = ActiveJobs(alone_on(alone or {}))
    running.see(SHARED)
    for job in jobs:
        running.add(job)
    return offered(running, wanted)


def offered(running: ActiveJobs, wanted: Sequence[RunKey]) -> dict[int, RunKey | None]:
    """What all free slots are offered, each taken once it was."""
    found: dict[int, RunKey | None] = {}
    while (free := running.free(wanted)).slot is not None:
        found |= {slot.index: key for slot, key in free.alone}
        found[free.slot.index] = None
        running.add(active(free.slot, 100 + free.slot.index))
    return found | {slot.index: key for slot, key in free.alone}


def test_a_job_is_known_until_it_is_removed() -> None:
    jobs = ActiveJobs(Retries(0))
    one, other = active(SHARED[0], 1), active(SHARED[1], 2)
    jobs.add(one)
    jobs.add(other)
    assert (len(jobs), list(jobs)) == (2, [one, other])
    jobs.remove(one)
    assert (len(jobs), list(jobs)) == (1, [other])


def test_jobs_may_end_while_one_goes_through_them() -> None:
    jobs = ActiveJobs(Retries(0))
    for number in (1, 2, 3):
        jobs.add(active(SHARED[0], number))
    for job in jobs:
        jobs.remove(job)
    assert len(jobs) == 0


def test_a_message_of_an_earlier_attempt_belongs_to_no_job() -> None:
    jobs = ActiveJobs(Retries(0))
    jobs.add(job := active(SHARED[0], 1, seed=5, attempt=2))
    assert jobs.get("1-5", attempt=2) is job
    assert jobs.get("1-5", attempt=1) is None
    assert jobs.get("1-6", attempt=2) is None
    assert (job.key, job.attempt) == ((1, 5), 2)


def test_a_run_that_equals_one_under_way_is_under_way() -> None:
    """Trials 1 and 2 are one configuration; trial 3 is another."""
    jobs = ActiveJobs(Retries(0))
    jobs.add(active(SHARED[0], 1, seed=0, mark="same"))
    assert jobs.trains(plain_trial(2, "same"), 0)
    assert not jobs.trains(plain_trial(2, "same"), 1)
    assert not jobs.trains(plain_trial(3), 0)


def test_a_slot_is_free_while_no_job_is_on_it() -> None:
    assert free([], [(1, 0)]) == {0: None, 1: None, 2: None}
    assert free([active(SHARED[1], 1)], [(2, 0)]) == {0: None, 2: None}
    assert free([active(slot, slot.index) for slot in SHARED], [(9, 0)]) == {}


def test_a_run_that_is_alone_keeps_others_off_its_device_and_off_no_other() -> None:
    assert free([active(SHARED[0], 1)], [(2, 0)], {(1, 0): "gpu 0"}) == {2: None}


def test_a_run_that_is_to_be_alone_waits_until_its_device_is_empty() -> None:
    """Trial 2 runs on GPU 0 and hinders trial 1; nothing new is begun beside it meanwhile."""
    wanted: list[RunKey] = [(1, 0), (3, 0)]
    assert free([active(SHARED[0], 2)], wanted, {(1, 0): "gpu 0"}) == {2: None}
    assert free([], wanted, {(1, 0): "gpu 0"}) == {0: (1, 0), 1: (1, 0), 2: None}


def test_who_is_not_wanted_is_not_waited_for() -> None:
    assert free([active(SHARED[0], 2)], [(3, 0)], {(1, 0): "gpu 0"}) == {1: None, 2: None}


@pytest.mark.parametrize("wanted", [[(1, 0), (2, 0)], [(2, 0), (1, 0)]])
def test_of_two_that_are_to_be_alone_the_one_that_runs_is_not_offered_again(wanted: list[RunKey]) -> None:
    both: dict[RunKey, str] = {(1, 0): "gpu 1", (2, 0): "gpu 1"}
    assert free([active(SHARED[0], 1)], wanted, both) == {2: (2, 0)}


def test_slots_that_come_take_jobs_and_slots_that_have_left_take_none() -> None:
    jobs = ActiveJobs(Retries(0))
    assert not jobs.free([(1, 0)])
    assert jobs.see(SHARED[:2])
    assert not jobs.see(list(SHARED[:2]))
    jobs.add(one := active(SHARED[0], 1))
    assert jobs.see(SHARED[1:])  # slot 0 leaves with its job, slot 2 comes
    assert offered(jobs, [(2, 0)]) == {1: None, 2: None}
    jobs.remove(one)
    assert not jobs.free([(2, 0)])


def test_a_run_that_is_to_be_alone_moves_on_when_its_device_leaves() -> None:
    jobs = ActiveJobs(alone_on({(1, 0): "gpu 0"}))
    jobs.see(SHARED)
    assert [(slot.index, key) for slot, key in jobs.free([(1, 0)]).alone] == [(0, (1, 0)), (1, (1, 0))]
    jobs.see(SHARED[2:])
    free = jobs.free([(1, 0)])
    assert (free.slot, free.alone) == (None, ((SHARED[2], (1, 0)),))
