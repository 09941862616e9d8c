"""Databases of earlier and later versions, on real files."""

import multiprocessing
import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from sweeper.errors import UserError
from sweeper.storage import tables
from sweeper.storage.storage import open_storage

VERSION_1 = """
CREATE TABLE sweeper_runs (
    study VARCHAR(255) NOT NULL, fingerprint VARCHAR(64) NOT NULL, seed INTEGER NOT NULL,
    trial INTEGER NOT NULL, state VARCHAR(16) NOT NULL, attempt INTEGER NOT NULL,
    owner VARCHAR(64) NOT NULL, expires FLOAT NOT NULL, workload VARCHAR(255) NOT NULL, result TEXT NOT NULL,
    PRIMARY KEY (study, fingerprint, seed)
);
CREATE TABLE sweeper_looks (
    study VARCHAR(255) NOT NULL, split VARCHAR(80) NOT NULL, mark VARCHAR(80) NOT NULL, look TEXT NOT NULL,
    PRIMARY KEY (study, split, mark)
);
INSERT INTO sweeper_runs VALUES ('s', 'f', 0, 1, 'COMPLETE', 2, 'o', 0.0, 'w', '{"seconds": 2.5}');
INSERT INTO sweeper_runs VALUES ('s', 'f', 1, 1, 'INTERRUPTED', 1, 'o', 0.0, 'w', '{}');
INSERT INTO sweeper_runs VALUES ('s', 'f', 2, 1, 'RUNNING', 1, 'dead', 1800000000.5, 'w', '{}');
INSERT INTO sweeper_looks VALUES (
    's', 'split', 'm', '{"best": "b", "baseline": "a", "seeds": [0], "confirm_seeds": [1000]}'
);
"""
"""What was written before tables had a version."""


@pytest.fixture
def earlier(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "studies.db") as database:
        database.executescript(VERSION_1)
    return f"sqlite:///{tmp_path}/studies.db"


def versions(url: str) -> list[int]:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        return [row[0] for row in database.execute("SELECT version FROM sweeper_schema ORDER BY version")]


def test_a_database_from_before_there_were_versions_keeps_all_results_and_goes_on(earlier: str) -> None:
    with open_storage(earlier, "s", "me") as storage:
        known = storage.runs()
        assert {key: (row.state, row.attempt) for key, row in known.items()} == {
            ("f", 0): ("COMPLETE", 2),
            ("f", 1): ("INTERRUPTED", 1),
            ("f", 2): ("RUNNING", 1),
        }
        assert known["f", 0].result == {"seconds": 2.5}
        (look,) = storage.looks("split")
        assert look.best == "b"
        assert storage.claim("f", 0, 1, "w") is None
        resumed = storage.claim("f", 1, 1, "w")
        assert resumed is not None
        assert resumed.attempt == 2
        assert storage.claim("f", 2, 1, "w") is None
        assert storage.release(lambda owner: owner == "dead") == 1
        assert storage.claim("f", 2, 1, "w") is not None
    assert versions(earlier) == [2, tables.VERSION]


def _open(url: str) -> int:
    with open_storage(url, "s", "o") as storage:
        return len(storage.runs())


def test_sessions_may_bring_it_up_to_date_at_the_same_time(earlier: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_open, [earlier] * 6, chunksize=1) == [3] * 6
    assert versions(earlier) == [2, tables.VERSION]


def test_a_new_database_has_the_last_version_and_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    for _ in range(2):
        assert _open(url) == 0
        assert versions(url) == [2, tables.VERSION]


def test_a_later_version_is_refused_in_one_line_before_anything_is_changed(earlier: str) -> None:
    with sqlite3.connect(earlier.removeprefix("sqlite:///")) as database:
        database.execute("CREATE TABLE sweeper_schema (version INTEGER PRIMARY KEY)")
        database.execute("INSERT INTO sweeper_schema VALUES (99)")
    said = (
        rf"study\.storage: '{re.escape(earlier)}' was written by a later version \(tables 99; this one knows "
        rf"{tables.VERSION}\)\. Update sweeper, or choose another study\.storage$"
    )
    with pytest.raises(UserError, match=said), open_storage(earlier, "s", "o"):
        pass
    with sqlite3.connect(earlier.removeprefix("sqlite:///")) as database:
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'sweeper_turns'").fetchall()


def test_a_lease_has_8_bytes_and_names_differ_in_case_whatever_the_server() -> None:
    on_mysql = str(sa.schema.CreateTable(tables.runs).compile(dialect=mysql.dialect()))
    assert "expires DOUBLE NOT NULL" in on_mysql
    assert "result LONGTEXT NOT NULL" in on_mysql
    assert "study VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" in re.sub(
        r"VARCHAR\(255\) COLLATE", "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE", on_mysql
    )
    on_postgresql = str(sa.schema.CreateTable(tables.runs).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
    assert "expires DOUBLE PRECISION NOT NULL" in on_postgresql
