"""Which MLflow store `tracking` means, and where its reader finds it."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import redact
from sweeper.layout import ResultsFolder
from sweeper.schema import Tracking


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


def store_of(config: Tracking, results_dir: str | Path) -> Store:
    """The store that is meant; a database without a server keeps its artifacts under `results_dir`."""
    folder = ResultsFolder(Path(results_dir).resolve())
    uri = config.uri or f"sqlite:///{folder.mlflow_db}"
    has_server = uri.startswith(("http://", "https://", "databricks"))
    artifacts = None if has_server else folder.mlflow_artifacts.as_uri()
    return Store(uri, artifacts, config.experiment, config.uri is None, folder.tracking_lock)


def place_of_runs(config: Tracking, results_dir: str | Path) -> str | None:
    """Where a reader finds the runs, in one line; None without tracking."""
    if config.name == "none":
        return None
    if config.uri is not None:
        return redact(config.uri)
    return f"mlflow ui --backend-store-uri sqlite:///{ResultsFolder(Path(results_dir)).mlflow_db}"
