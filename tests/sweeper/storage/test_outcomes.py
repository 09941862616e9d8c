"""How a run ended is in its folder before the database knows: believed for that attempt, and for no other."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.errors import StudyError
from sweeper.layout import StudyFolder
from sweeper.results import RunResult
from sweeper.search.trial_book import TrialBook
from sweeper.storage.outcomes import read_outcome
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import LEASE_S, Storage, open_storage
from sweeper.study.recovery import completed, recovered
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.storage.leases import age_leases

DONE = {"metrics": {"val/auc": 0.7}, "steps_trained": 9, "seconds": 2.0}


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "s")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture
def storage(url: str) -> Iterator[Storage]:
    with open_storage(url, "s", "me") as storage:
        yield storage


@pytest.fixture
def trial(storage: Storage) -> TrialSpec:
    return TrialBook(storage.optuna_study(["maximize"])).add({}, {}, plain_trial)


def book_of(storage: Storage, folder: StudyFolder) -> RunBook:
    return RunBook(storage, folder, lambda _: "w")


def ended_unheard(
    storage: Storage, folder: StudyFolder, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run of `storage`'s session ends while its database is away for too long; the lease lapses."""
    book = book_of(storage, folder)
    assert book.claim(trial, 0) is not None
    folder.run(trial, 0).path.mkdir(parents=True, exist_ok=True)

    def away(*_: object) -> bool:
        raise StudyError("does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "settle", away)
        with pytest.raises(StudyError, match="does not answer"):
            book.settle(trial, RunResult(trial.number, 0, "COMPLETE", attempt=1, **DONE))  # type: ignore[arg-type]
    age_leases(storage, LEASE_S + 1)


def test_the_next_command_takes_over_what_ended_unheard(
    url: str, storage: Storage, folder: StudyFolder, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_unheard(storage, folder, trial, monkeypatch)
    with open_storage(url, "s", "next") as later:
        said = completed(later, folder, TrialBook(later.optuna_study(["maximize"])))
        assert said == [
            "study.storage: 1 run had ended of which the database was not told; "
            "taken over from the run folders"
        ]
        (run,) = book_of(later, folder).known([trial]).values()
        assert (run.state, run.metrics, run.attempt) == ("COMPLETE", DONE["metrics"], 1)
        assert completed(later, folder, TrialBook(later.optuna_study(["maximize"]))) == []


def test_a_session_that_takes_over_a_lapsed_run_does_not_train_one_that_had_ended(
    url: str, storage: Storage, folder: StudyFolder, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_unheard(storage, folder, trial, monkeypatch)
    with open_storage(url, "s", "next") as later:
        book = book_of(later, folder)
        assert book.claim(trial, 0) is None
        assert book.look()
        assert [run.state for run in book.known([trial]).values()] == ["COMPLETE"]
        assert book.holders == {}


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("row", "attempt"), 2),
        (("row", "fingerprint"), "another"),
        (("row", "seed"), 1),
        (("owner",), "another session"),
        (("study",), "another study"),
        (("row", "state"), "INTERRUPTED"),
    ],
)
def test_what_is_not_of_that_very_attempt_is_not_believed(
    url: str,
    storage: Storage,
    folder: StudyFolder,
    trial: TrialSpec,
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[str, ...],
    value: object,
) -> None:
    ended_unheard(storage, folder, trial, monkeypatch)
    file = folder.run(trial, 0).outcome
    written = json.loads(file.read_text())
    (written["row"] if len(place) == 2 else written)[place[-1]] = value
    file.write_text(json.dumps(written))
    with open_storage(url, "s", "next") as later:
        assert completed(later, folder, TrialBook(later.optuna_study(["maximize"]))) == []
        assert book_of(later, folder).claim(trial, 0) == 2


def test_a_failed_run_that_is_to_be_tried_again_is(
    url: str, storage: Storage, folder: StudyFolder, trial: TrialSpec
) -> None:
    """Its last outcome is of the very attempt that the database has; but the database has heard of it."""
    book = book_of(storage, folder)
    book.claim(trial, 0)
    folder.run(trial, 0).path.mkdir(parents=True)
    assert book.settle(trial, RunResult(trial.number, 0, "FAILED", "broken", attempt=1))
    assert read_outcome(folder.run(trial, 0)) is not None
    assert storage.reopen({"FAILED"}) == 1
    assert completed(storage, folder, TrialBook(storage.optuna_study(["maximize"]))) == []
    assert book.claim(trial, 0) == 2


def test_an_interrupted_run_and_one_without_a_folder_leave_none(
    storage: Storage, folder: StudyFolder, trial: TrialSpec
) -> None:
    book = book_of(storage, folder)
    book.claim(trial, 0)
    assert book.settle(trial, RunResult(trial.number, 0, "PRUNED", "hopeless"))
    assert not folder.run(trial, 0).path.exists()
    book.claim(trial, 1)
    folder.run(trial, 1).path.mkdir(parents=True)
    assert book.settle(trial, RunResult(trial.number, 1, "INTERRUPTED", "at step 3"))
    assert read_outcome(folder.run(trial, 1)) is None


def test_a_file_that_is_cut_short_is_no_outcome(
    storage: Storage, folder: StudyFolder, trial: TrialSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended_unheard(storage, folder, trial, monkeypatch)
    file = folder.run(trial, 0).outcome
    file.write_text(file.read_text()[:40])
    assert read_outcome(folder.run(trial, 0)) is None


@pytest.mark.parametrize(("last_attempt", "n_known"), [(1, 1), (2, 0)])
def test_a_lost_database_learns_of_runs_that_no_table_lists(
    tmp_path: Path,
    storage: Storage,
    folder: StudyFolder,
    trial: TrialSpec,
    last_attempt: int,
    n_known: int,
) -> None:
    """The study was killed, its database deleted; where a later attempt has begun, it goes on from that."""
    book, run = book_of(storage, folder), folder.run(trial, 0)
    book.claim(trial, 0)
    run.path.mkdir(parents=True)
    book.settle(trial, RunResult(trial.number, 0, "COMPLETE", attempt=1, **DONE))  # type: ignore[arg-type]
    run.records.write_bytes(b"")
    run.job.write_text(json.dumps({"study": "s", "members": [{"attempt": last_attempt}]}))
    with open_storage(f"sqlite:///{tmp_path}/new.db", "s", "me") as new:
        (said,) = recovered(new, folder, TrialBook(new.optuna_study(["maximize"])))
        assert f"{n_known} results are taken over" in said
        assert len(book_of(new, folder).known([trial])) == n_known
