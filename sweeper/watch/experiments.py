"""The runs of an MLflow experiment as a table, whoever logged them."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.errors import Fault, UserError, did_you_mean, in_a_line, redact
from sweeper.layout import ResultsFolder
from sweeper.watch.run_store import import_mlflow

if TYPE_CHECKING:
    import pandas as pd

PAGE = 1000
SUMMARIES = ("study", "trial")
"""Values of the tag `sweeper.kind`: runs that are means of others."""


def experiment_frame(experiment: str, uri: str | None = None) -> "pd.DataFrame":
    """A row for each run: `run_id`, `status`, and `params.lr`, `metrics.val/acc`, `tags.user` as it has them.

    Runs that only sum up others, as ours of a study and of a trial do, are left out.
    `uri`: of the store; without one MLFLOW_TRACKING_URI, else our own store in `results`, else `mlruns`.
    Raises UserError where there is no such store or experiment.
    """
    place = uri or _default_uri()
    _refuse_missing(place)
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    client = MlflowClient(tracking_uri=place, registry_uri=place)
    try:
        found = client.get_experiment_by_name(experiment)
        if found is None:
            known = [one.name for one in client.search_experiments(max_results=PAGE)]
            suggestion = did_you_mean(experiment, known)
            advice = "" if suggestion else f"There are {', '.join(known) or 'none'}"
            problem = f"got '{experiment}'; expected an experiment of {redact(place)}{suggestion}"
            raise UserError(Fault("mlflow", problem, advice))
        rows = _rows(client, found.experiment_id)
    except MlflowException as error:
        problem = f"{redact(place)} cannot be read ({in_a_line(error)})"
        raise UserError(Fault("mlflow", problem, "Name the store, --uri URI")) from error
    return pd.DataFrame(rows)


def mark_deleted(study: str, mark: str, uri: str, experiment: str | None) -> list[str]:
    """Mark the runs of a study of ours deleted, in all experiments or in that one; the kind of each.

    The study's own run has the tag `mark` then. Raises what MLflow raises.
    """
    import_mlflow()
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    known = client.search_experiments(max_results=PAGE)
    places = [one.experiment_id for one in known if experiment in (None, one.name)]
    quote = '"' if "'" in study else "'"
    of_study = f"tags.`sweeper.study` = {quote}{study}{quote}"
    kinds = []
    while found := client.search_runs(places, of_study, max_results=PAGE):
        for run in found:
            kinds.append(run.data.tags.get("sweeper.kind", ""))
            if kinds[-1] == "study":
                client.set_tag(run.info.run_id, mark, "true")
            client.delete_run(run.info.run_id)
    return kinds


def _default_uri() -> str:
    if given := os.environ.get("MLFLOW_TRACKING_URI"):
        return given
    own = ResultsFolder(Path("results")).mlflow_db
    return f"sqlite:///{own}" if own.is_file() else "mlruns"


def _refuse_missing(uri: str) -> None:
    """MLflow would make a new store, empty."""
    path = Path(uri.removeprefix("sqlite:///").removeprefix("file://"))
    is_local = uri.startswith(("sqlite:///", "file://")) or "://" not in uri
    if is_local and not path.exists():
        raise UserError(Fault("mlflow", f"got {uri}; expected a store. There is none", "Name it, --uri URI"))


def _rows(client: Any, experiment_id: str) -> list[dict[str, Any]]:
    rows, token = [], None
    while True:
        page = client.search_runs([experiment_id], max_results=PAGE, page_token=token)
        rows += [_row(run) for run in page if run.data.tags.get("sweeper.kind") not in SUMMARIES]
        token = page.token
        if not token:
            return rows


def _row(run: Any) -> dict[str, Any]:
    facts = {"run_id": run.info.run_id, "status": run.info.status}
    for kind in ("params", "metrics", "tags"):
        facts |= {f"{kind}.{key}": value for key, value in getattr(run.data, kind).items()}
    return facts
