"""What a study has left in MLflow that was killed before its first report."""

from collections.abc import Sequence
from pathlib import Path

from sweeper.errors import Fault, UserError, redact
from sweeper.layout import ResultsFolder
from sweeper.schema import Tracking
from sweeper.watch.experiments import mark_deleted
from sweeper.watch.study_session import FORGOTTEN
from sweeper.watch.tracker import reason_of
from sweeper.watch.tracking_store import store_of


def forget_begun(names: Sequence[str], config: Tracking, results_dir: str | Path) -> int | None:
    """Mark the runs of the studies called so deleted; the number of their trials' seeds.

    None where a server has them in an experiment that is not named: without a summary nobody knows it, and
    another user's study may have the same name. Raises UserError where MLflow fails.
    """
    store = store_of(config, results_dir)
    if not store.is_embedded and store.experiment is None:
        return None
    if store.is_embedded and not ResultsFolder(Path(results_dir)).mlflow_db.exists():
        return 0
    try:
        kinds = [
            kind for name in names for kind in mark_deleted(name, FORGOTTEN, store.uri, store.experiment)
        ]
    except Exception as error:
        problem = f"MLflow at '{redact(store.uri)}' failed ({reason_of(error)})"
        raise UserError(Fault("tracking.uri", problem, "Repeat it")) from error
    return kinds.count("run")
