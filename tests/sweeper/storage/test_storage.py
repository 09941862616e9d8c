"""Leases and results beside Optuna's tables, on real SQLite files."""

import multiprocessing
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from sweeper.errors import UserError
from sweeper.findings import Look, PairBudget
from sweeper.storage.owners import is_gone, new_owner
from sweeper.storage.storage import LEASE_S, Storage, delete_study, open_storage
from tests.sweeper.storage.leases import age_leases

WORKLOAD = "toy|sha256:0|8|cpu"
RESULT = {"seconds": 4.0, "steps_trained": 8}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


def test_a_run_is_claimed_by_one_owner_only(url: str) -> None:
    with open_storage(url, "s", "first") as first, open_storage(url, "s", "second") as second:
        claim = first.claim("f", 0, 1, WORKLOAD)
        assert claim is not None
        assert claim.attempt == 1
        assert second.claim("f", 0, 1, WORKLOAD) is None
        assert second.claim("f", 1, 1, WORKLOAD) is not None


def test_a_lapsed_lease_is_taken_over_and_the_late_owner_is_fenced_off(url: str) -> None:
    with open_storage(url, "s", "late") as late, open_storage(url, "s", "next") as successor:
        old = late.claim("f", 0, 1, WORKLOAD)
        age_leases(late, LEASE_S + 1)
        new = successor.claim("f", 0, 1, WORKLOAD)
        assert old is not None
        assert new is not None
        assert new.attempt == 2
        assert not late.settle(old, "COMPLETE", RESULT)
        assert successor.settle(new, "COMPLETE", RESULT)
        assert successor.runs()["f", 0].attempt == 2


def test_renewing_keeps_a_lease(url: str) -> None:
    with open_storage(url, "s", "busy") as busy, open_storage(url, "s", "other") as other:
        busy.claim("f", 0, 1, WORKLOAD)
        age_leases(busy, LEASE_S - 1)
        busy.renew()
        age_leases(busy, 2)
        assert other.claim("f", 0, 1, WORKLOAD) is None


def test_the_lease_of_a_dead_process_of_this_host_is_free_at_once(url: str) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    dead = new_owner().replace(f":{os.getpid()}:", f":{child.pid}:")
    with open_storage(url, "s", dead) as first, open_storage(url, "s", new_owner()) as second:
        first.claim("f", 0, 1, WORKLOAD)
        assert second.claim("f", 0, 1, WORKLOAD) is None
        assert second.release(is_gone) == 1
        assert second.claim("f", 0, 1, WORKLOAD) is not None
        assert second.release(is_gone) == 0


def test_a_complete_run_is_never_claimed_again_an_interrupted_one_is(url: str) -> None:
    with open_storage(url, "s", "o") as storage:
        for seed, state in ((0, "COMPLETE"), (1, "INTERRUPTED"), (2, "FAILED")):
            claim = storage.claim("f", seed, 1, WORKLOAD)
            assert claim is not None
            storage.settle(claim, state, RESULT)
        again = {seed: storage.claim("f", seed, 1, WORKLOAD) for seed in range(3)}
    assert again[0] is None
    assert again[1] is not None
    assert again[2] is None


def test_seconds_per_step_is_a_mean_over_steps_of_all_studies(url: str) -> None:
    """4 s for 8 steps in one study and 2 s for 4 steps in another: 6 / 12 = 0.5 s a step."""
    for study, result in (("a", RESULT), ("b", {"seconds": 2.0, "steps_trained": 4})):
        with open_storage(url, study, "o") as storage:
            claim = storage.claim("f", 0, 1, WORKLOAD)
            assert claim is not None
            storage.settle(claim, "COMPLETE", result)
    with open_storage(url, "c", "o") as storage:
        assert storage.seconds_per_step(WORKLOAD) == pytest.approx(0.5)
        assert storage.seconds_per_step("another") is None
        assert storage.seconds_per_run(WORKLOAD) == pytest.approx(3.0)
        assert storage.seconds_per_run("another") is None


def _claim_all(url: str, owner: str, n: int) -> int:
    with open_storage(url, "s", owner) as storage:
        return sum(storage.claim(f"f{i}", 0, i, WORKLOAD) is not None for i in range(n))


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
            storage.claim("f", 0, 1, WORKLOAD)
    delete_study(url, "gone")
    with open_storage(url, "gone", "o") as gone, open_storage(url, "kept", "o") as kept:
        assert gone.runs() == {}
        assert len(kept.runs()) == 1


def test_an_unusable_url_is_one_clear_error_without_its_password() -> None:
    with pytest.raises(UserError, match=r"study\.storage: .*expected a SQLAlchemy URL"):
        Storage("no-url", "s", "o")
    with pytest.raises(UserError, match=r"study\.storage: cannot open '.*nowhere"):
        Storage("sqlite:////proc/nowhere/x.db", "s", "o")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+nodriver://u:S3cr3t-x@127.0.0.1:9/db",
        "nodatabase://u:S3cr3t-x@127.0.0.1:9/db",
        "postgresql://u:S3cr3t-x@127.0.0.1:port/db",
        "sqlite:////proc/nowhere/x.db?uri=true&token=S3cr3t-x",
    ],
)
def test_no_part_of_an_error_tells_the_password(url: str) -> None:
    """Neither its text nor, with HYDRA_FULL_ERROR=1, its traceback."""
    with pytest.raises(UserError, match=r"study\.storage") as caught:
        Storage(url, "s", "o")
    chain: list[BaseException] = [caught.value]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    assert [error for error in chain if "S3cr3t" in str(error)] == []


@pytest.mark.parametrize(
    ("revision", "advice"),
    [
        ("v99.0.0.a", r"Install that Optuna or a newer one"),
        ("v3.0.0.a", r"Upgrade a copy of it with `optuna storage upgrade`"),
    ],
)
def test_a_storage_of_another_optuna_is_refused_with_both_versions(
    url: str, revision: str, advice: str
) -> None:
    """Optuna's own version tables, changed by hand; v3.0.0.a is a schema that it once had."""
    with open_storage(url, "s", "o"):
        pass
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        database.execute("UPDATE version_info SET library_version = '99.1.0'")
    written = rf"written by Optuna 99\.1\.0 \(schema {re.escape(revision)}\)"
    own = rf"this is Optuna {re.escape(optuna.__version__)} \(schema "
    with pytest.raises(UserError, match=rf"study\.storage: .*{written}; {own}.*{advice}"):
        Storage(url, "s", "o")


def _open_and_claim(url: str) -> bool:
    with open_storage(url, "s", "o") as storage:
        storage.optuna_study(["maximize"])
        return storage.claim("f", os.getpid(), 1, WORKLOAD) is not None


def test_processes_may_make_a_new_database_at_the_same_time(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        for attempt in range(4):
            url = f"sqlite:///{tmp_path}/{attempt}/studies.db"
            assert all(pool.map(_open_and_claim, [url] * 3, chunksize=1))


def test_a_claim_whose_answer_was_lost_can_be_repeated_by_its_owner_only(url: str) -> None:
    with open_storage(url, "s", "me") as me, open_storage(url, "s", "other") as other:
        me.claim("f", 0, 1, WORKLOAD)
        assert other.claim("f", 0, 1, WORKLOAD) is None
        again = me.claim("f", 0, 1, WORKLOAD)
        assert again is not None
        assert again.attempt == 2


def test_renewing_tells_which_claims_are_lost(url: str) -> None:
    """Three claims; another session takes one over after the lease has lapsed."""
    with open_storage(url, "s", "late") as late, open_storage(url, "s", "next") as successor:
        claims = [late.claim("f", seed, 1, WORKLOAD) for seed in range(3)]
        held = [claim for claim in claims if claim is not None]
        assert late.renew(held) == []
        age_leases(late, LEASE_S + 1)
        assert successor.claim("f", 1, 1, WORKLOAD) is not None
        assert late.renew(held) == [held[1]]


def test_braces_in_a_path_are_no_template_of_optunas(tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/{{x}}.db", "s", "o"):
        pass
    assert (tmp_path / "{x}.db").exists()


def test_other_directions_for_a_known_study_are_refused(url: str) -> None:
    with open_storage(url, "s", "o") as storage:
        storage.optuna_study(["maximize"])
        with pytest.raises(
            UserError, match=r"study\.metrics: got minimize; .* begun with objective maximize"
        ):
            storage.optuna_study(["minimize"])


def test_looking_for_a_study_begins_none_and_refuses_as_beginning_it_does(url: str) -> None:
    with open_storage(url, "s", "o") as storage:
        assert storage.begun_study(["maximize"]) is storage.begun_study(["maximize"]) is None
        storage.optuna_study(["maximize"])
        assert storage.begun_study(["maximize"]) is not None
        with pytest.raises(UserError, match=r"study\.metrics: got minimize"):
            storage.begun_study(["minimize"])


LOOK = Look(best="b", baseline="a", seeds=(0, 1), confirm_seeds=(1000,))


def test_looks_are_kept_by_study_and_test_split_each_once(url: str) -> None:
    other = LOOK.model_copy(update={"confirm_seeds": (1000, 1001)})
    for look in (LOOK, other, LOOK):  # an earlier session's, this one's, the same command again
        with open_storage(url, "s", "me") as storage:
            storage.add_look("sha256:split", look)
    with open_storage(url, "s", "me") as storage:
        assert set(storage.looks("sha256:split")) == {LOOK, other}
        assert len(storage.looks("sha256:split")) == 2
        assert storage.looks("sha256:another") == ()
    with open_storage(url, "another", "me") as storage:
        assert storage.looks("sha256:split") == ()


def test_a_deleted_study_has_looked_at_nothing(url: str) -> None:
    with open_storage(url, "s", "me") as storage:
        storage.add_look("split", LOOK)
    delete_study(url, "s")
    with open_storage(url, "s", "me") as storage:
        assert storage.looks("split") == ()


def test_budgets_are_kept_in_their_places_whoever_comes_second_and_go_with_their_study(url: str) -> None:
    first, second = (
        PairBudget(best=best, baseline="a", seeds=(0,), pairs=(1000, 1001), is_sequential=True)
        for best in ("b", "c")
    )
    with open_storage(url, "s", "me") as storage:
        storage.add_budget("split", 0, first)
        storage.add_budget("split", 1, second)
        storage.add_budget("split", 1, first)  # another session, which thought that the place was free
        assert storage.budgets("split") == (first, second)
        assert storage.budgets("another") == ()
    delete_study(url, "s")
    with open_storage(url, "s", "me") as storage:
        assert storage.budgets("split") == ()
