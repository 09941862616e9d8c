"""Which runs are known, who has them, and what is written of them, on a real SQLite file."""

import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.layout import StudyFolder
from sweeper.results import RunResult
from sweeper.storage import run_book
from sweeper.storage.rows import Claim
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import LEASE_S, Storage, open_storage
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.storage.leases import age_leases, left_s

ONE, SAME, OTHER = plain_trial(1, "same"), plain_trial(2, "same"), plain_trial(3)


class Watch:
    """A clock that a test moves, and the leases of the database with it."""

    def __init__(self, storage: Storage) -> None:
        self.now, self._storage = 1000.0, storage

    def __call__(self) -> float:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += seconds
        age_leases(self._storage, seconds)


@pytest.fixture
def watch(storage: Storage) -> Watch:
    return Watch(storage)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "s")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        yield storage


@pytest.fixture
def book(storage: Storage, folder: StudyFolder, watch: Watch) -> RunBook:
    return RunBook(storage, folder, lambda trial: f"work of {trial.number}", watch)


def result(folder: StudyFolder, seed: int = 0, state: str = "COMPLETE") -> RunResult:
    """A run of `ONE` with every field filled."""
    return RunResult(
        trial=1,
        seed=seed,
        state=state,  # type: ignore[arg-type]
        reason="why",
        metrics={"val/auc": 0.7, "test/auc": 0.6},
        best_step=80,
        steps_trained=90,
        steps_inherited=10,
        seconds=2.5,
        attempt=1,
        folder=folder.run(ONE, seed).path,
        device="gpu 3",
        incidents=("worker killed", "checkpoint skipped"),
    )


def test_a_settled_run_is_known_with_all_that_was_said_of_it(book: RunBook, folder: StudyFolder) -> None:
    assert book.claim(ONE, 0) == 1
    assert book.known([ONE]) == {}
    assert book.settle(ONE, result(folder))
    assert book.known([ONE]) == {(1, 0): result(folder)}


def test_trials_of_one_fingerprint_share_a_run_and_the_second_has_not_trained_it(
    book: RunBook, folder: StudyFolder
) -> None:
    book.claim(ONE, 0)
    book.settle(ONE, result(folder))
    known = book.known([SAME, ONE, OTHER])
    assert {key: (run.trial, run.reused) for key, run in known.items()} == {
        (1, 0): (1, False),
        (2, 0): (2, True),
    }
    assert known[2, 0].folder == folder.run(ONE, 0).path


@pytest.mark.parametrize("state", ["COMPLETE", "FAILED", "PRUNED"])
def test_what_has_a_result_is_nobodys_to_claim(book: RunBook, folder: StudyFolder, state: str) -> None:
    book.claim(ONE, 0)
    book.settle(ONE, result(folder, state=state))
    assert [run.state for run in book.known([ONE]).values()] == [state]
    assert book.claim(ONE, 0) is None
    assert book.claim(SAME, 0) is None


def test_an_interrupted_run_is_unknown_and_is_claimed_as_the_next_attempt(
    book: RunBook, folder: StudyFolder
) -> None:
    book.claim(ONE, 0)
    book.settle(ONE, result(folder, state="INTERRUPTED"))
    assert book.known([ONE]) == {}
    assert book.claim(ONE, 0) == 2


def test_a_run_is_settled_once_and_only_by_who_claimed_it(book: RunBook, folder: StudyFolder) -> None:
    assert not book.settle(ONE, result(folder))
    book.claim(ONE, 0)
    assert book.settle(ONE, result(folder))
    assert not book.settle(ONE, result(folder, state="FAILED"))
    assert [run.state for run in book.known([ONE]).values()] == ["COMPLETE"]


def test_a_claim_is_kept_alive_while_it_is_renewed_in_time(
    storage: Storage, book: RunBook, watch: Watch, tmp_path: Path, folder: StudyFolder
) -> None:
    """Renewed every 40 s for 200 s; the lease is 60 s, from the last renewal."""
    book.claim(ONE, 0)
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "another") as others:
        theirs = RunBook(others, folder, lambda _: "w", watch)
        for _ in range(5):
            watch.passes(2 / 3 * LEASE_S)
            assert book.renew() == []
            theirs.look()
            assert theirs.claim(ONE, 0) is None
        watch.passes(LEASE_S + 1)
        theirs.look()
        assert theirs.claim(ONE, 0) == 2


def test_leases_are_renewed_four_times_in_their_length_and_no_more(
    storage: Storage, book: RunBook, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked every second for four minutes: at most once in 15 s, so that 60 s pass for no lease unrenewed."""
    book.claim(ONE, 0)
    renewed: list[float] = []

    def renew(claims: Collection[Claim]) -> list[Claim]:
        renewed.append(watch.now)
        return []

    monkeypatch.setattr(storage, "renew", renew)
    for _ in range(240):
        watch.now += 1.0
        book.renew()
    assert renewed == [1000.0 + 16 * n for n in range(1, 16)]


def test_where_nothing_is_claimed_the_database_is_left_alone(
    storage: Storage, book: RunBook, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "renew", None)  # would fail if it were called
    watch.passes(LEASE_S)
    assert book.renew() == []


def test_a_run_that_is_known_from_elsewhere_is_written_down_unless_it_is_known_here(
    book: RunBook, folder: StudyFolder
) -> None:
    book.adopt(ONE, result(folder, seed=1))
    book.adopt(ONE, result(folder, seed=1, state="FAILED"))
    assert book.known([ONE]) == {(1, 1): result(folder, seed=1)}


def test_the_time_of_a_run_counts_for_the_workload_of_its_trial(
    storage: Storage, book: RunBook, folder: StudyFolder
) -> None:
    """2.5 s for 90 steps of its own."""
    book.claim(ONE, 0)
    book.settle(ONE, result(folder))
    assert storage.seconds_per_step("work of 1") == pytest.approx(2.5 / 90)
    assert storage.seconds_per_step("work of 2") is None


def test_a_study_that_was_moved_finds_its_runs_in_its_new_folder(
    storage: Storage, book: RunBook, folder: StudyFolder, tmp_path: Path
) -> None:
    book.claim(ONE, 0)
    book.settle(ONE, result(folder))
    elsewhere = StudyFolder.of(tmp_path / "elsewhere", "s")
    (run,) = RunBook(storage, elsewhere, lambda _: "w").known([ONE]).values()
    assert run.folder == elsewhere.run(ONE, 0).path


@pytest.fixture
def other(tmp_path: Path, folder: StudyFolder, watch: Watch) -> Iterator[RunBook]:
    """The book of another session of the same study."""
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "other") as storage:
        yield RunBook(storage, folder, lambda trial: "w", watch)


@pytest.fixture
def statements(storage: Storage) -> list[str]:
    """What this session asks of its database from now on."""
    said: list[str] = []
    sa.event.listen(storage._engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    return said


def test_what_another_session_holds_is_asked_for_once_between_two_looks(
    book: RunBook, other: RunBook, watch: Watch, statements: list[str]
) -> None:
    assert other.claim(ONE, 0) == 1
    for _ in range(100):
        assert book.claim(ONE, 0) is None
    assert len(statements) == 1
    book.look()
    assert book.claim(ONE, 0) is None
    assert len(statements) == 3  # the look told
    watch.passes(LEASE_S + 1)
    assert book.claim(ONE, 0) is None
    book.look()
    assert book.claim(ONE, 0) == 2


def test_a_look_says_whether_others_have_finished_anything(
    book: RunBook, other: RunBook, folder: StudyFolder
) -> None:
    assert not book.look()
    book.claim(ONE, 0)
    book.settle(ONE, result(folder))
    assert not book.look()  # our own result is no news
    other.claim(ONE, 1)
    assert not book.look()
    other.settle(ONE, result(folder, seed=1))
    assert book.look()
    assert not book.look()
    other.claim(ONE, 2)
    other.settle(ONE, result(folder, seed=2, state="INTERRUPTED"))
    assert not book.look()
    assert book.claim(ONE, 2) == 2


def test_claims_outlive_what_takes_longer_than_a_lease(
    storage: Storage, book: RunBook, other: RunBook, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sampler that thinks for five minutes; by its clock a lease would have lapsed four times."""
    monkeypatch.setattr(run_book, "RENEW_S", 0.001)
    assert book.claim(ONE, 0) == 1
    with book.kept_alive():
        for _ in range(10):
            watch.passes(LEASE_S / 2)
            until = time.monotonic() + 10
            while left_s(storage) < LEASE_S - 5 and time.monotonic() < until:
                time.sleep(0.001)
            other.look()
            assert other.claim(ONE, 0) is None
    assert book.renew() == []
    watch.passes(LEASE_S + 1)
    other.look()
    assert other.claim(ONE, 0) == 2  # nothing goes on renewing
    assert book.renew() == [(1, 0)]


def test_who_waits_for_a_session_of_this_machine_that_was_killed_has_its_run_within_two_looks(
    tmp_path: Path, book: RunBook
) -> None:
    code = "from sweeper.storage.owners import new_owner; print(new_owner())"
    gone = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", gone.strip()) as theirs:
        assert theirs.claim(OTHER.fingerprint, 0, OTHER.number, "work") is not None
    assert book.claim(OTHER, 0) is None
    book.look()
    assert sum(book.holders.values()) == 1
    book.look()
    assert book.holders == {}
    assert book.claim(OTHER, 0) == 2
