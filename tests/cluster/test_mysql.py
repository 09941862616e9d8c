"""Studies on a real MariaDB."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sweeper.errors import UserError
from sweeper.reports.standing import activities
from sweeper.storage import tables
from sweeper.storage.clock import DatabaseClock
from sweeper.storage.storage import LEASE_S, open_storage
from tests.cluster.mysql import Server, missing, mysql
from tests.faults.harness import STARTED, FaultStudy, kill, marked_processes, wait_for
from tests.sweeper.storage.leases import age_leases

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if problem := missing():
        pytest.skip(problem)
    with mysql() as running:
        yield running


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    return server.create(f"d{abs(hash(request.node.name))}")


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    for mark, process in STARTED:
        for pid in marked_processes(mark):
            kill(pid)
        process.wait()
    STARTED.clear()


def test_two_parents_share_a_study_while_connections_are_cut(
    tmp_path: Path, server: Server, url: str
) -> None:
    words = ("optimizer.lr=0.01,0.02", "loss.pause_ms=25", "trainer.max_steps=100", "tracking=none")
    study = FaultStudy(tmp_path, words, storage=url)
    parents = [study.start(), study.start()]
    wait_for(lambda: len(study.last_steps()) >= 2)
    n_cut = 0
    while any(parent.poll() is None for parent in parents):
        n_cut += server.cut_connections()
        time.sleep(0.2)
    assert [parent.returncode for parent in parents] == [0, 0], study.output()
    assert n_cut > 3
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 3


def test_a_lease_ends_by_the_servers_clock_to_the_millisecond(url: str) -> None:
    with open_storage(url, "s", "me") as storage, open_storage(url, "s", "other") as other:
        assert storage.claim("f", 0, 1, "w") is not None
        with storage._engine.connect() as connection:
            query = sa.select(tables.runs.c.expires - DatabaseClock())
            assert connection.execute(query).scalar_one() == pytest.approx(LEASE_S, abs=2)
        assert other.claim("f", 0, 1, "w") is None
        assert activities(url)["s"].n_running == 1
        age_leases(storage, LEASE_S + 1)
        assert other.claim("f", 0, 1, "w") is not None


def test_turns_are_taken_one_by_one(url: str, tmp_path: Path) -> None:
    lock = tmp_path / ".asking.lock"
    with open_storage(url, "s", "a") as one, open_storage(url, "s", "b") as other:
        mine, theirs = one.turns(lock, 1.0), other.turns(lock, 0.2)
        with mine.take(), pytest.raises(TimeoutError, match="held by another process"), theirs.take():
            pass
        changes = []
        for turns in (mine, theirs, theirs, mine):
            with turns.take() as has_changed:
                changes.append(has_changed)
    assert changes == [False, True, False, True]


def test_tables_of_the_first_version_get_leases_of_8_bytes_and_keep_what_they_have(url: str) -> None:
    with open_storage(url, "s", "me") as storage, storage._engine.begin() as connection:
        assert storage.claim("f", 0, 1, "w") is not None
        for change in ("MODIFY expires FLOAT NOT NULL", "MODIFY result TEXT NOT NULL"):
            connection.exec_driver_sql(f"ALTER TABLE sweeper_runs {change}")
        connection.exec_driver_sql("DROP TABLE sweeper_schema")
    with open_storage(url, "s", "me") as storage:
        assert list(storage.runs()) == [("f", 0)]
        with storage._engine.connect() as connection:
            columns = {
                one["name"]: str(one["type"]) for one in sa.inspect(connection).get_columns("sweeper_runs")
            }
    assert (columns["expires"], columns["result"]) == ("DOUBLE", "LONGTEXT")


def test_a_name_that_the_server_takes_for_another_is_refused(url: str) -> None:
    with open_storage(url, "run", "me") as storage:
        storage.optuna_study(["maximize"])
    said = r"study\.name: got 'Run', which the database of study\.storage takes for study 'run'"
    with open_storage(url, "Run", "me") as storage, pytest.raises(UserError, match=said):
        storage.optuna_study(["maximize"])


def test_many_sessions_may_open_a_new_database_at_once(tmp_path: Path, url: str) -> None:
    code = (
        "import sys\nfrom sweeper.storage.storage import open_storage\n"
        "with open_storage(sys.argv[1], 's', sys.argv[2]) as storage:\n"
        "    storage.optuna_study(['maximize'])\n    print(storage.claim('f', 0, 1, 'w') is not None)"
    )
    study = FaultStudy(tmp_path, ())
    command = [study.command[0], "-c", code, url]
    opened = [
        subprocess.Popen([*command, f"o{n}"], stdout=subprocess.PIPE, text=True, env=study.environment)
        for n in range(4)
    ]
    said = sorted(process.communicate(timeout=120)[0].strip() for process in opened)
    assert said == ["False"] * 3 + ["True"]
