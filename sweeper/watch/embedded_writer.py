"""Writes runs into MLflow's SQLite file itself, in far less time than MLflow's client takes for it.

The client opens several transactions a call, each with a flush to disk and some milliseconds of Python. Here
all that one event says is one transaction, so that a killed session leaves no half of it, either. MLflow
makes the file, migrates and reads it; `fits` tells whether its tables are those that are written here.
"""

import shutil
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from math import copysign, isinf, isnan
from pathlib import Path
from time import time
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from sweeper.watch.stored_run import StoredRun
from sweeper.watch.tracked_curves import Point, Update

BUSY_S = 20.0
"""So long it waits for another process that writes, as MLflow does."""
LARGEST = 1.7976931348623157e308
"""MLflow keeps infinity as this."""
COLUMNS = {
    "runs": (
        *("run_uuid", "name", "source_type", "source_name", "entry_point_name", "user_id", "status"),
        *("start_time", "source_version", "lifecycle_stage", "artifact_uri", "experiment_id", "end_time"),
    ),
    "tags": ("key", "value", "run_uuid"),
    "params": ("key", "value", "run_uuid"),
    "metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
    "latest_metrics": ("key", "value", "timestamp", "run_uuid", "step", "is_nan"),
}
"""What is written here, by table."""
NEW_RUN = "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, \
start_time, source_version, lifecycle_stage, artifact_uri, experiment_id) \
VALUES (?, ?, 'UNKNOWN', '', '', 'unknown', 'RUNNING', ?, '', 'active', ?, ?)"
NEW_TAG = "INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?) \
ON CONFLICT (key, run_uuid) DO UPDATE SET value = excluded.value"
NEW_PARAM = "INSERT OR IGNORE INTO params (key, value, run_uuid) VALUES (?, ?, ?)"
NEW_POINT = "INSERT OR IGNORE INTO metrics (key, value, timestamp, run_uuid, step, is_nan) \
VALUES (?, ?, ?, ?, ?, ?)"
LATEST = "INSERT INTO latest_metrics (key, value, timestamp, run_uuid, step, is_nan) \
VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key, run_uuid) DO UPDATE SET \
value = excluded.value, timestamp = excluded.timestamp, step = excluded.step, is_nan = excluded.is_nan \
WHERE (excluded.step, excluded.timestamp, excluded.value) > (step, timestamp, value)"


def fits(database: Path) -> bool:
    """Whether a store has the tables that are written here, without a column that has to be given beside."""
    with closing(sqlite3.connect(database)) as connection:
        for table, ours in COLUMNS.items():
            found = connection.execute(f"PRAGMA table_info({table})").fetchall()
            names = {name for _, name, *_ in found}
            needed = {name for _, name, _, not_null, default, _ in found if not_null and default is None}
            if not (needed <= set(ours) <= names):
                return False
    return True


class EmbeddedWriter:
    """Writes runs into the SQLite file of a store whose artifacts are files; see `RunWriter`.

    It may be used by any thread, one at a time.
    """

    def __init__(self, database: Path, artifacts: str) -> None:
        self._artifacts = artifacts
        self._connection = sqlite3.connect(database, timeout=BUSY_S, check_same_thread=False)

    def create(self, experiment: str, tags: Mapping[str, str], start_ms: int) -> StoredRun:
        """A new run, under way."""
        run_id = uuid4().hex
        place = f"{self._artifacts}/{run_id}/artifacts"
        row = (run_id, tags.get("mlflow.runName", run_id), start_ms, place, int(experiment))
        self._connection.execute(NEW_RUN, row)
        self._set_tags(run_id, tags)
        return StoredRun(run_id, "RUNNING", start_ms, place, dict(tags))

    def log(self, run: StoredRun, update: Update, params: Mapping[str, str]) -> None:
        """Points that are there already are not doubled."""
        rows = [_row(run.run_id, point) for point in update.points]
        self._connection.executemany(NEW_POINT, rows)
        self._connection.executemany(LATEST, rows)
        new = [(key, value, run.run_id) for key, value in params.items()]
        self._connection.executemany(NEW_PARAM, new)
        self._set_tags(run.run_id, update.tags)

    def set_status(self, run: StoredRun, status: str, end_ms: int | None) -> None:
        """A run that is under way again has no end."""
        ended = None if status == "RUNNING" else end_ms or int(1000 * time())
        update = "UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?"
        self._connection.execute(update, (status, ended, run.run_id))

    def log_file(self, run: StoredRun, path: Path) -> None:
        """A copy below the artifacts' folder."""
        folder = Path(unquote(urlsplit(run.artifacts).path))
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, folder / path.name)

    def commit(self) -> None:
        """All or nothing of what was written since the last time."""
        self._connection.commit()

    def undo(self) -> None:
        """All of it; files stay."""
        self._connection.rollback()

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        self._connection.executemany(NEW_TAG, [(key, value, run_id) for key, value in tags.items()])


def _row(run_id: str, point: Point) -> tuple[str, float, int, str, int, bool]:
    """As MLflow has it: what is no number is 0 and marked, infinity is the largest number."""
    value = copysign(LARGEST, point.value) if isinf(point.value) else point.value
    number = 0.0 if isnan(value) else value
    return point.key, number, point.time_ms, run_id, point.step, isnan(value)
