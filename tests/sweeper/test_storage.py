"""Leases and results beside Optuna's tables, on real SQLite files."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.owners import is_gone, new_owner
from sweeper.storage import LEASE_S, Storage, delete_study, open_storage

WORKLOAD = "toy|sha256:0|8|cpu"
RESULT = {"seconds": 4.0, "steps_trained": 8}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


def test_a_run_is_claimed_by_one_owner_only(url: str) -> None:
    with open_storage(url, "s", "first") as first, open_storage(url, "s", "second") as second:
        claim = first.claim("f", 0, 1, WORKLOAD, now=100.0)
        assert claim is not None
        assert claim.attempt == 1
        assert second.claim("f", 0, 1, WORKLOAD, now=101.0) is None
        assert second.claim("f", 1, 1, WORKLOAD, now=101.0) is not None


def test_a_lapsed_lease_is_taken_over_and_the_late_owner_is_fenced_off(url: str) -> None:
    with open_storage(url, "s", "late") as late, open_storage(url, "s", "next") as successor:
        old = late.claim("f", 0, 1, WORKLOAD, now=100.0)
        new = successor.claim("f", 0, 1, WORKLOAD, now=100.0 + LEASE_S + 1)
        assert old is not None
        assert new is not None
        assert new.attempt == 2
        assert not late.settle(old, "COMPLETE", RESULT)
        assert successor.settle(new, "COMPLETE", RESULT)
        assert successor.runs()["f", 0].attempt == 2


def test_renewing_keeps_a_lease(url: str) -> None:
    with open_storage(url, "s", "busy") as busy, open_storage(url, "s", "other") as other:
        busy.claim("f", 0, 1, WORKLOAD, now=100.0)
        busy.renew(now=100.0 + LEASE_S - 1)
        assert other.claim("f", 0, 1, WORKLOAD, now=100.0 + LEASE_S + 1) is None


def test_the_lease_of_a_dead_process_of_this_host_is_free_at_once(url: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = new_owner().replace(f":{os.getpid()}:", f":{child.pid}:")
    with open_storage(url, "s", dead) as first, open_storage(url, "s", new_owner()) as second:
        first.claim("f", 0, 1, WORKLOAD, now=100.0)
        assert second.claim("f", 0, 1, WORKLOAD, now=101.0) is None
        assert second.release(is_gone) == 1
        assert second.claim("f", 0, 1, WORKLOAD, now=101.0) is not None
        assert second.release(is_gone) == 0


def test_a_complete_run_is_never_claimed_again_an_interrupted_one_is(url: str) -> None:
    with open_storage(url, "s", "o") as storage:
        for seed, state in ((0, "COMPLETE"), (1, "INTERRUPTED"), (2, "FAILED")):
            claim = storage.claim("f", seed, 1, WORKLOAD, now=0.0)
            assert claim is not None
            storage.settle(claim, state, RESULT)
        again = {seed: storage.claim("f", seed, 1, WORKLOAD, now=1e9) for seed in range(3)}
    assert again[0] is None
    assert again[1] is not None
    assert again[2] is None


def test_seconds_per_step_is_a_mean_over_steps_of_all_studies(url: str) -> None:
    """4 s for 8 steps in one study and 2 s for 4 steps in another: 6 / 12 = 0.5 s a step."""
    for study, result in (("a", RESULT), ("b", {"seconds": 2.0, "steps_trained": 4})):
        with open_storage(url, study, "o") as storage:
            claim = storage.claim("f", 0, 1, WORKLOAD, now=0.0)
            assert claim is not None
            storage.settle(claim, "COMPLETE", result)
    with open_storage(url, "c", "o") as storage:
        assert storage.seconds_per_step(WORKLOAD) == pytest.approx(0.5)
        assert storage.seconds_per_step("another") is None


def _claim_all(url: str, owner: str, n: int) -> int:
    with open_storage(url, "s", owner) as storage:
        return sum(storage.claim(f"f{i}", 0, i, WORKLOAD, now=1.0) is not None for i in range(n))


def test_processes_that_race_for_runs_get_each_one_once(url: str) -> None:
    with open_storage(url, "s", "o"):
        pass
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        won = pool.starmap(_claim_all, [(url, f"owner{i}", 20) for i in range(3)])
    assert sum(won) == 20


def test_deleting_a_study_leaves_the_others(url: str) -> None:
    for study in ("gone", "kept"):
        with open_storage(url, study, "o") as storage:
            storage.optuna_study(["maximize"])
            storage.claim("f", 0, 1, WORKLOAD, now=0.0)
    delete_study(url, "gone")
    with open_storage(url, "gone", "o") as gone, open_storage(url, "kept", "o") as kept:
        assert gone.runs() == {}
        assert len(kept.runs()) == 1


def test_an_unusable_url_is_one_clear_error_without_its_password() -> None:
    with pytest.raises(UserError, match=r"study\.storage: .*expected a SQLAlchemy URL"):
        Storage("no-url", "s", "o")
    with pytest.raises(UserError) as caught:
        Storage("sqlite:////proc/nowhere/x.db", "s", "o")
    assert "study.storage" in str(caught.value)


def test_other_directions_for_a_known_study_are_refused(url: str) -> None:
    with open_storage(url, "s", "o") as storage:
        storage.optuna_study(["maximize"])
        with pytest.raises(UserError, match=r"study\.metrics: got .*minimize.* expected .*maximize"):
            storage.optuna_study(["minimize"])
