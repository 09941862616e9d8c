"""The door to an MLflow store: its runs as records, looked for, made, added to."""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from sweeper.watch.embedded_writer import EmbeddedWriter, fits
from sweeper.watch.stored_run import RunWriter, StoredRun
from sweeper.watch.tracked_curves import CURVE, Point, Update
from sweeper.watch.tracking_store import Store, database_of
from sweeper.worker import collector_resting

HTTP_SETTINGS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}
QUIET_SETTINGS = {"MLFLOW_LOGGING_LEVEL": "ERROR", "MLFLOW_DISABLE_TELEMETRY": "true"}
EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}
"""Opens the experiment in the UI's view of training runs."""
VIEW = "mlflow.sharedViewState."
"""Before the key of a view: a tag of the experiment, which MLflow's own button "Share" writes as well."""
_importing = Lock()
IMPORT_TRIES = 3


class ClientWriter:
    """Writes runs by MLflow's client, each call at once; see `RunWriter`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def create(self, experiment: str, tags: Mapping[str, str], start_ms: int) -> StoredRun:
        """A new run, under way."""
        info = self._client.create_run(experiment, start_time=start_ms, tags=dict(tags)).info
        return StoredRun(info.run_id, info.status, start_ms, info.artifact_uri, dict(tags))

    def log(self, run: StoredRun, update: Update, params: Mapping[str, str]) -> None:
        """One call."""
        from mlflow.entities import Metric, Param, RunTag

        self._client.log_batch(
            run.run_id,
            [Metric(point.key, point.value, point.time_ms, point.step) for point in update.points],
            [Param(key, value) for key, value in params.items()],
            [RunTag(key, value) for key, value in update.tags.items()],
        )

    def set_status(self, run: StoredRun, status: str, end_ms: int | None) -> None:
        """One call."""
        if status == "RUNNING":
            self._client.update_run(run.run_id, status)
        else:
            self._client.set_terminated(run.run_id, status, end_ms)

    def log_file(self, run: StoredRun, path: Path) -> None:
        """One call, to wherever the run's artifacts are."""
        self._client.log_artifact(run.run_id, str(path))

    def commit(self) -> None:
        """Nothing is left to do."""

    def undo(self) -> None:
        """Nothing can be taken back."""


class RunStore:
    """One experiment in an open store, made where there is none. Every call may raise what MLflow raises."""

    def __init__(self, store: Store, experiment: str) -> None:
        with collector_resting():
            import_mlflow()
            from mlflow import MlflowClient

            self._client = MlflowClient(tracking_uri=store.uri, registry_uri=store.uri)
        self.uri = store.uri
        self.experiment = self._experiment_id(experiment, store.artifacts)
        self._writer = self._writer_for(store)

    def _writer_for(self, store: Store) -> RunWriter:
        """Into an experiment whose artifacts are elsewhere, somebody's own choice, the client writes."""
        place = self._client.get_experiment(self.experiment).artifact_location
        if store.is_embedded and place == store.artifacts and fits(database_of(store)):
            return EmbeddedWriter(database_of(store), place)
        return ClientWriter(self._client)

    def _experiment_id(self, name: str, artifacts: str | None) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is None:
            return str(self._client.create_experiment(name, artifacts, EXPERIMENT_TAGS))
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def create(self, tags: dict[str, str], start_ms: int) -> StoredRun:
        """A new run, under way."""
        return self._writer.create(self.experiment, tags, start_ms)

    def commit(self) -> None:
        """What was written is there for others from now on."""
        self._writer.commit()

    def undo(self) -> None:
        """Of what was written since, nothing is kept that can be taken back."""
        self._writer.undo()

    def look_up(self, run_id: str) -> StoredRun:
        """A run as it is in the store now."""
        return _stored(self._client.get_run(run_id))

    def search(self, condition: str) -> list[StoredRun]:
        """The experiment's runs of which this holds, deleted ones too."""
        from mlflow.entities import ViewType

        self._writer.commit()
        found, token, of_all = [], None, ViewType.ALL
        while True:
            page = self._client.search_runs([self.experiment], condition, of_all, 1000, page_token=token)
            found += [_stored(run) for run in page]
            token = page.token
            if not token:
                return found

    def curve(self, run: StoredRun, key: str) -> list[Point]:
        """All points of a metric."""
        history = self._client.get_metric_history(run.run_id, key)
        return [Point(key, one.value, one.step, one.timestamp) for one in history]

    def log(self, run: StoredRun, update: Update, params: Mapping[str, str] | None = None) -> None:
        """One call; params that are there stay as they are, for MLflow forbids to change them."""
        new = {key: value for key, value in (params or {}).items() if key not in run.params}
        if run.is_deleted or not (update or new):
            return
        self._writer.log(run, update, new)
        run.tags |= update.tags
        run.params |= new.keys()
        run.metrics |= {point.key: point.value for point in update.points}

    def log_data(self, run: StoredRun, name: str, digest: str, facts: str) -> None:
        """The data set that a run learns from; a data set that is there is not doubled."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        if run.is_deleted:
            return
        self._writer.commit()
        data = Dataset(name, digest, source_type="local", source=json.dumps({"uri": name}), profile=facts)
        tags = [InputTag("mlflow.data.context", "training")]
        self._client.log_inputs(run.run_id, [DatasetInput(data, tags)])

    def log_file(self, run: StoredRun, path: Path) -> None:
        """The file as an artifact, where there is one."""
        if path.exists() and not run.is_deleted:
            self._writer.log_file(run, path)

    def log_folder(self, run: StoredRun, path: Path) -> None:
        """A folder's files as artifacts below its name, where there is one."""
        self._writer.commit()
        if path.exists():
            self._client.log_artifacts(run.run_id, str(path), path.name)

    def log_text(self, run: StoredRun, text: str, name: str) -> None:
        """A text as an artifact."""
        self._writer.commit()
        self._client.log_text(run.run_id, text, name)

    def has_artifact(self, run: StoredRun, name: str) -> bool:
        """Whether a run has an artifact of that name."""
        return any(found.path == name for found in self._client.list_artifacts(run.run_id))

    def set_status(self, run: StoredRun, status: str, end_ms: int | None = None) -> None:
        """Nothing where the run has it already."""
        if run.status != status and not run.is_deleted:
            self._writer.set_status(run, status, end_ms)
            run.status = status

    def delete(self, run: StoredRun) -> None:
        """Mark a run deleted, as MLflow's UI does."""
        self._writer.commit()
        if not run.is_deleted:
            self._client.delete_run(run.run_id)
            run.is_deleted = True

    def restore(self, run: StoredRun) -> None:
        """Undo that."""
        self._writer.commit()
        self._client.restore_run(run.run_id)
        run.is_deleted = False

    def keep_view(self, key: str, view: str) -> None:
        """A view of the experiment, which its page shows at `viewStateShareKey=<key>`."""
        self._writer.commit()
        self._client.set_experiment_tag(self.experiment, VIEW + key, view)


def _stored(run: Any) -> StoredRun:
    """A run that is under way in the store may be one whose session was killed inside a call."""
    tags, metrics, status = dict(run.data.tags), dict(run.data.metrics), run.info.status
    unsure = [key for key in metrics if key.startswith(CURVE)] if status == "RUNNING" else []
    is_deleted = run.info.lifecycle_stage == "deleted"
    params = set(run.data.params)
    info = run.info
    facts = (info.run_id, status, info.start_time, info.artifact_uri)
    return StoredRun(*facts, tags, params, metrics, unsure, is_deleted)


def import_mlflow() -> None:
    """MLflow, imported only here: it takes two seconds. Settings of the user's are left alone."""
    for name, value in (HTTP_SETTINGS | QUIET_SETTINGS).items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with _importing:
        for left in reversed(range(IMPORT_TRIES)):
            try:
                import mlflow  # noqa: F401

                return
            except (ImportError, AttributeError):  # the latter of a module that is half there
                if not left:
                    raise
            # another thread was importing something that both need, and half of MLflow is there
            for name in [name for name in sys.modules if name.partition(".")[0] == "mlflow"]:
                del sys.modules[name]
            time.sleep(0.5)
