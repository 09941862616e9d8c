"""Who logs a study in MLflow: an observer that does so, and what brings a store up to date afterwards.

Everything is logged from files that the study has written anyway, and may be logged again without doubling: a
run is found again by its tags, and remembers in `sweeper.logged` up to which step its curves are there. So an
answer that never came, a resumed study and a replay are one case.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import Fault, UserError, redact
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.locks import Turns
from sweeper.reports import Summary, read_runs, read_summary
from sweeper.schema import Tracking
from sweeper.watch.afterwards import Rest, send_afterwards
from sweeper.watch.logged_result import is_logged
from sweeper.watch.observers import Observer
from sweeper.watch.study_facts import facts_of_start, facts_of_summary
from sweeper.watch.study_session import LOCK_S, Session
from sweeper.watch.tracker import CLOSE_S, NoTracker, Tracker, reason_of
from sweeper.watch.tracking_store import Store, store_of

__all__ = ["LOCK_S", "Replayed", "Session", "forget_study", "make_tracker", "replay_study"]

SERVER_S = 5.0
"""So long a study waits at its end for a server; a database on a busy machine may take longer to be made."""


def make_tracker(
    config: Tracking,
    results_dir: str | Path,
    warn: Callable[[str], None] | None = None,
    turns: Turns | None = None,
) -> Observer:
    """The observer that `tracking` asks for. `warn` is called from a thread, at most once a study.

    Sessions log a study in `turns`: those of its folder, which sessions of other hosts may not see, if not
    given.
    """
    if config.name == "none":
        return NoTracker()
    store = store_of(config, results_dir)
    return Tracker(
        open_log=lambda start: Session(store, facts_of_start(start, config), start.folder, turns),
        place=f"MLflow at '{redact(store.uri)}'",
        warn=warn or logging.getLogger(__name__).warning,
        is_logged=lambda start, summary: is_logged(
            store, facts_of_start(start, config), summary, start.folder
        ),
        send_afterwards=lambda folder: send_afterwards(Rest(folder.path, config, Path(results_dir))),
        close_s=SERVER_S if store.has_server else CLOSE_S,
    )


@dataclass(frozen=True)
class Replayed:
    """How many runs were missing, how many there, and where the best model is registered.

    Or why it is not ("no: ...").
    """

    n_logged: int
    n_known: int
    model: str


def replay_study(folder: StudyFolder, config: Tracking, results_dir: str | Path) -> Replayed:
    """Log what a finished study is missing. Raises UserError where MLflow fails."""
    summary = read_summary(folder)
    runs = read_runs(folder, summary)
    with _session(config, store_of(config, results_dir), summary, folder) as session:
        logged = [session.log_end(spec, run) for spec, run in runs]
        session.log_result(summary, folder)
        return Replayed(sum(logged), len(logged) - sum(logged), session.log_champion(summary, folder))


def forget_study(folder: StudyFolder, config: Tracking, results_dir: str | Path) -> int:
    """Mark a study's runs deleted, as MLflow's UI does; their number. Raises UserError where MLflow fails."""
    summary, store = read_summary(folder), store_of(config, results_dir)
    if store.is_embedded and not ResultsFolder(Path(results_dir)).mlflow_db.exists():
        return 0
    with _session(config, store, summary, folder) as session:
        return session.delete()


@contextmanager
def _session(config: Tracking, store: Store, summary: Summary, folder: StudyFolder) -> Iterator[Session]:
    """The study's session; whatever fails in it is the user's to see."""
    try:
        yield Session(store, facts_of_summary(summary, config), folder)
    except Exception as error:
        problem = f"MLflow at '{redact(store.uri)}' failed ({reason_of(error)})"
        raise UserError(Fault("tracking.uri", problem, "Start the server and repeat")) from error
