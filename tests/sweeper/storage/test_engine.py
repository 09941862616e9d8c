"""A database that is locked, gone, or away, on real SQLite files."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import StudyError, UserError
from sweeper.search.trial_book import TrialBook
from sweeper.storage import waiting as waiting_module
from sweeper.storage.engine import outlast
from sweeper.storage.places import place_faults_named
from sweeper.storage.storage import Storage, delete_study, open_storage
from sweeper.storage.waiting import ConnectionCut, Waiting
from tests.sweeper.plain_trials import plain_trial

WORKLOAD = "toy|sha256:0|8|cpu"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "studies.db"


@pytest.fixture
def url(database: Path) -> str:
    return f"sqlite:///{database}"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of 0.5 s, told after 0.1 s."""
    monkeypatch.setattr(waiting_module, "OPENING_S", 0.5)
    monkeypatch.setattr(waiting_module, "RUNNING_S", 0.5)
    monkeypatch.setattr(waiting_module, "WARN_AFTER_S", 0.1)


@contextmanager
def locked(database: Path, seconds: float | None = None) -> Iterator[None]:
    """The file with another connection's write lock on it, for so long or to the end of the block."""
    other = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    timer = threading.Timer(seconds or 0.0, other.rollback)
    if seconds is not None:
        timer.start()
    try:
        yield
    finally:
        if seconds is not None:
            timer.join()
        else:
            other.rollback()
        other.close()


@pytest.mark.usefixtures("impatient")
def test_a_new_study_on_a_locked_database_is_refused_in_one_line(url: str, database: Path) -> None:
    with open_storage(url, "another", "o") as storage:
        storage.optuna_study(["maximize"])
    told: list[str] = []
    with locked(database), open_storage(url, "s", "o") as storage:
        storage.warn_of_waits(told.append, lambda: False)
        with pytest.raises(UserError, match=r"study\.storage: '.*' is locked by another process") as caught:
            storage.optuna_study(["maximize"])
    assert "\n" not in str(caught.value)
    assert len(told) == 1
    assert "waiting up to 0.5 s" in told[0]


@pytest.mark.usefixtures("impatient")
def test_a_database_that_cannot_even_be_read_is_refused_when_it_is_opened(url: str, database: Path) -> None:
    """Without a write-ahead log a writer keeps readers out as well."""
    with sqlite3.connect(database) as plain:
        plain.execute("CREATE TABLE t (x)")
    with locked(database), pytest.raises(UserError, match="is locked by another process"):
        Storage(url, "s", "o")


def test_what_optuna_writes_and_what_we_write_waits_for_a_lock_to_end(url: str, database: Path) -> None:
    """A lock of a second; SQLite's own patience is a quarter of that."""
    with open_storage(url, "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        with locked(database, 1.0):
            begin = time.monotonic()
            assert storage.claim("f", 0, 1, WORKLOAD) is not None
            assert time.monotonic() - begin > 0.9
        with locked(database, 1.0):
            spec = book.add({}, {}, lambda number: plain_trial(number))
        assert [trial.number for trial in book.specs()] == [spec.number]


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_outlasts_a_running_study_ends_it_in_one_line(url: str, database: Path) -> None:
    with open_storage(url, "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        claim = storage.claim("f", 0, 1, WORKLOAD)
        assert claim is not None
        with locked(database):
            with pytest.raises(
                StudyError, match=r"has for 0\.5 s\. Later the same command resumes the study"
            ):
                storage.settle(claim, "COMPLETE", {})
            with pytest.raises(StudyError, match="is locked by another process"):
                book.add({}, {}, lambda number: plain_trial(number))
        assert storage.settle(claim, "COMPLETE", {})
        assert book.add({}, {}, lambda number: plain_trial(number)).number == 1


def test_signals_are_handled_while_a_lock_is_waited_for(url: str, database: Path) -> None:
    """The handler of a signal that comes after 0.3 s runs within another half second."""
    seen: list[float] = []
    before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
    try:
        with open_storage(url, "s", "o") as storage:
            storage.optuna_study(["maximize"])
            with locked(database, 1.5):
                begin = time.monotonic()
                threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
                storage.claim("f", 0, 1, WORKLOAD)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert 0.2 < seen[0] - begin < 0.9


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_is_deleted_or_replaced_ends_the_study_in_one_line(
    url: str, database: Path, *, replaced: bool
) -> None:
    with open_storage(url, "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        claim = storage.claim("f", 0, 1, WORKLOAD)
        assert claim is not None
        database.unlink()
        if replaced:
            sqlite3.connect(database).close()
        with pytest.raises(StudyError, match=r"studies\.db' was deleted or replaced.*run folders are whole"):
            storage.settle(claim, "COMPLETE", {})
        with pytest.raises(StudyError, match="deleted or replaced"):
            book.specs()
        with pytest.raises(StudyError, match="deleted or replaced"):
            storage.renew([claim])


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DROP TABLE sweeper_runs", "no such table: sweeper_runs"),
        ("DROP TABLE study_user_attributes", "no such table: study_user_attributes"),
    ],
)
def test_a_database_that_has_lost_a_table_ends_the_study_in_one_line(
    url: str, database: Path, statement: str, reason: str
) -> None:
    with open_storage(url, "s", "o") as storage:
        book = TrialBook(storage.optuna_study(["maximize"]))
        with sqlite3.connect(database) as other:
            other.execute(statement)
        broken = storage.runs if "sweeper" in statement else book.specs
        with (
            pytest.raises(StudyError, match=rf"study\.storage: .*failed .*\({reason}\)") as caught,
            place_faults_named("results"),
        ):
            broken()
    assert "\n" not in str(caught.value)


def test_a_file_that_is_overwritten_ends_the_study_in_one_line(url: str, database: Path) -> None:
    with open_storage(url, "s", "o") as storage:
        storage.optuna_study(["maximize"])
        database.write_bytes(b"not a database" * 5000)
        database.with_name("studies.db-wal").write_bytes(b"")
        storage._engine.dispose()  # what a connection has read it does not read again
        with (
            pytest.raises(StudyError, match=r"study\.storage: .*failed while the study ran \(.*\)"),
            place_faults_named("results"),
        ):
            storage.runs()


def test_a_failing_database_of_a_users_own_is_not_the_storages_fault(tmp_path: Path) -> None:
    with (
        pytest.raises(sa.exc.OperationalError, match="no such table: clicks"),
        place_faults_named("results"),
        sa.create_engine(f"sqlite:///{tmp_path}/data.db").connect() as connection,
    ):
        connection.execute(sa.text("SELECT * FROM clicks"))


@pytest.mark.usefixtures("impatient")
def test_deleting_a_study_does_not_wait_for_minutes_either(url: str, database: Path) -> None:
    with open_storage(url, "s", "o") as storage:
        storage.optuna_study(["maximize"])
    with locked(database), pytest.raises(UserError, match="End that process, or wait and try again"):
        delete_study(url, "s")


def test_a_server_that_comes_back_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine whose driver refuses two connections, as one does while its server restarts."""
    engine, waiting = sa.create_engine("sqlite://"), Waiting("server")
    monkeypatch.setattr(engine.dialect, "name", "postgresql")
    outlast(engine, waiting)
    monkeypatch.setattr(engine.dialect, "name", "sqlite")
    real, refused = engine.dialect.connect, [sqlite3.OperationalError("connection refused")] * 2

    def connect(*arguments: object, **options: object) -> object:
        if refused:
            raise refused.pop()
        return real(*arguments, **options)

    monkeypatch.setattr(engine.dialect, "connect", connect)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar() == 1
    assert refused == []


@pytest.mark.usefixtures("impatient")
def test_a_server_that_stays_away_ends_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, told = Waiting("postgresql://u:***@h/db"), list[str]()
    waiting.warn = told.append
    waiting.study_runs()

    def refuse() -> None:
        raise ConnectionError("refused")

    with pytest.raises(StudyError, match=r"'postgresql://u:\*\*\*@h/db' does not answer, and has for 0.5 s"):
        waiting.connect(refuse, ConnectionError)
    assert len(told) == 1


@pytest.mark.usefixtures("impatient")
def test_connections_that_are_cut_all_the_time_end_the_study_in_one_line() -> None:
    waiting, told = Waiting("postgresql://h/db"), list[str]()
    waiting.warn = told.append
    waiting.study_runs()

    def cut() -> None:
        raise ConnectionCut("cut")

    with pytest.raises(StudyError, match=r"'postgresql://h/db' cuts its connections, and has for 0.5 s"):
        waiting.repeated(cut)
    assert len(told) == 1


def test_a_thread_that_waits_is_no_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to stop, the study's own thread leaves as at a second Ctrl-C; another one has its one line."""
    monkeypatch.setattr(waiting_module, "STOP_S", 0.1)
    waiting = Waiting("server")
    waiting.should_stop = lambda: True
    met: list[type[BaseException]] = []

    def wait() -> None:
        try:
            waiting.repeated(cut)
        except BaseException as error:
            met.append(type(error))

    def cut() -> None:
        raise ConnectionCut("cut")

    thread = threading.Thread(target=wait)
    thread.start()
    thread.join()
    wait()
    assert met == [StudyError, KeyboardInterrupt]


def test_an_absence_is_remembered_for_as_long_as_others_may_still_be_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting_module, "WARN_AFTER_S", 0.1)
    waiting, left = Waiting("server"), [ConnectionCut("cut")] * 20
    assert waiting.lately_away_s == 0.0

    def action() -> str:
        if left:
            raise left.pop()
        return "done"

    assert waiting.repeated(action) == "done"
    assert 0.2 < waiting.lately_away_s < 5
    monkeypatch.setattr(waiting_module, "RECENT_S", 0.0)
    assert waiting.lately_away_s == 0.0
