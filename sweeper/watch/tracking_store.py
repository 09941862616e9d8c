"""Which MLflow store `tracking` means, and where its reader finds it."""

import shlex
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from sweeper.errors import Fault, UserError, in_a_line, redact
from sweeper.layout import ResultsFolder
from sweeper.schema import Tracking

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
SERVERS = ("http://", "https://", "databricks")
QUIET_S = 5.0
"""So long whoever makes a store writes nothing into it, at most."""
SCHEMES = ("", "file", "http", "https", "databricks", "databricks-uc", "uc")


@dataclass(frozen=True)
class Store:
    """An MLflow store by its URI. `artifacts` is where its files go, None when its server decides.

    Sessions that share `lock` open it one after another.
    """

    uri: str
    artifacts: str | None
    experiment: str | None
    is_embedded: bool
    lock: Path

    @property
    def has_server(self) -> bool:
        """Whether MLflow asks a server, not a database."""
        return self.uri.startswith(SERVERS)


def store_of(config: Tracking, results_dir: str | Path) -> Store:
    """The store that is meant; a database without a server keeps its artifacts under `results_dir`."""
    folder = ResultsFolder(Path(results_dir).resolve())
    uri = config.uri or f"sqlite:///{folder.mlflow_db}"
    artifacts = None if uri.startswith(SERVERS) else folder.mlflow_artifacts.as_uri()
    return Store(uri, artifacts, config.experiment, config.uri is None, folder.tracking_lock)


PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Where MLflow's database keeps the places of files, each a whole URI."""


def database_of(store: Store) -> Path:
    """The file of an embedded store."""
    return Path(store.uri.removeprefix("sqlite:///"))


def set_aside_half_made(store: Store) -> None:
    """Rename an embedded store in whose making a process was killed: it has no run, and nobody can open it.

    To be called with the store's lock; what MLflow itself is just making, as its UI does, is waited for.
    """
    database = database_of(store)
    while store.is_embedded and _is_half_made(database):
        if time.time() - database.stat().st_mtime >= QUIET_S:
            database.replace(database.with_name(f"{database.name}.half-made"))
        else:
            time.sleep(0.1)


def _is_half_made(database: Path) -> bool:
    """Whether tables are there, but no experiment: MLflow makes its own one last."""
    if not database.is_file() or database.stat().st_size == 0:
        return False
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("SELECT 1 FROM experiments LIMIT 1").fetchone() is None
    except sqlite3.OperationalError as error:
        return "no such table" in str(error)
    except sqlite3.Error:  # MLflow will tell
        return False


def follow_folder(store: Store) -> None:
    """Have the embedded store look for its files beside it: whoever moves or copies the results moves both.

    MLflow keeps whole paths, and has no call that changes them.
    """
    database = database_of(store)
    if not store.is_embedded or store.artifacts is None or not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in PLACES:
            rows = connection.execute(f"SELECT rowid, {column} FROM {table}") if table in tables else ()
            moved = [(_moved(uri, store.artifacts), row) for row, uri in rows if uri]
            changed = [(uri, row) for uri, row in moved if uri is not None]
            connection.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed)


def _moved(uri: str, place: str) -> str | None:
    """Where a file or folder is that lay in the artifacts' folder at `uri`; None where it still is there."""
    name = place.rpartition("/")[2]
    head, _, tail = f"{uri}/".rpartition(f"/{name}/")
    is_here = f"{uri}/".startswith(f"{place}/") or not head.startswith("file:")
    return None if is_here else f"{place}/{tail}".rstrip("/")


def check_tracking(config: Tracking) -> None:
    """Raises UserError where MLflow knows no such store; whether a server answers shows later."""
    if config.name != "none" and config.system_metrics and find_spec("psutil") is None:
        problem = "got true; expected the package psutil, which samples CPU and memory"
        raise UserError(Fault("tracking.system_metrics", problem, "pip install psutil"))
    if config.name == "none" or config.uri is None:
        return None
    scheme = config.uri.partition(":")[0] if ":" in config.uri else ""
    kind = scheme.partition("+")[0].lower()
    if kind in DATABASES:
        return _check_database(config.uri)
    plugins = {point.name for point in entry_points(group="mlflow.tracking_store")}
    if kind not in (*SCHEMES, *plugins) or (kind in ("http", "https") and not urlsplit(config.uri).netloc):
        _refuse(config.uri, "is no address that MLflow knows")
    return None


def _check_database(uri: str) -> None:
    import sqlalchemy as sa

    try:
        sa.create_engine(uri).dispose()
    except (sa.exc.ArgumentError, ImportError, ValueError) as error:
        _refuse(uri, f"cannot be opened ({in_a_line(error)})")


def _refuse(uri: str, why: str) -> NoReturn:
    problem = f"got '{uri}', which {why}; expected http(s)://<host>, {', '.join(DATABASES)} or a folder"
    raise UserError(Fault("tracking.uri", problem, "Use tracking=none to log nothing"))


def place_of_runs(config: Tracking, results_dir: str | Path) -> str | None:
    """Where a reader finds the runs, in one line; None without tracking."""
    if config.name == "none":
        return None
    if config.uri is not None:
        return redact(config.uri)
    uri = f"sqlite:///{ResultsFolder(Path(results_dir)).mlflow_db}"
    return f"mlflow ui --backend-store-uri {shlex.quote(uri)}"


def view_key(study: str) -> str:
    """The key under which a study's view is kept in its experiment."""
    return sha256(study.encode(errors="surrogatepass")).hexdigest()[:16]


def pages(results_dir: str | Path) -> dict[str, str]:
    """By study, the address at which MLflow's UI shows its trials, the latest study last.

    Of studies that have a result in the embedded store, with the UI on its usual port.
    """
    database = ResultsFolder(Path(results_dir)).mlflow_db
    if not database.is_file():
        return {}
    with closing(sqlite3.connect(database)) as connection:
        try:
            rows = connection.execute(STUDIES).fetchall()
        except sqlite3.OperationalError:  # the store is being made
            return {}
    return {study: f"{UI}/#/experiments/{place}/runs?{TRAINING}={view_key(study)}" for study, place in rows}


UI = "http://127.0.0.1:5000"
TRAINING = "workflowType=machine_learning&viewStateShareKey"
"""The mode that is about training models, not about language models; and the view."""
STUDIES = """
SELECT tags.value, runs.experiment_id FROM runs
JOIN tags ON tags.run_uuid = runs.run_uuid AND tags.key = 'sweeper.study'
JOIN tags AS kinds ON kinds.run_uuid = runs.run_uuid AND kinds.key = 'sweeper.kind' AND kinds.value = 'study'
WHERE runs.lifecycle_stage = 'active' ORDER BY runs.start_time"""
