"""How a study stands at this moment: from the files that it left, and from the table of its runs.

Read by itself, without Optuna: looking must be quick, and must work while others write, and for a database
that only a later Optuna understands.
"""

import json
import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sweeper.errors import Fault, UserError, redact
from sweeper.layout import StudyFolder, folder_name
from sweeper.reports.summary import read_summary
from sweeper.reports.summary_model import Summary
from sweeper.results import ENDED
from sweeper.storage import is_gone

QUERY = (
    "SELECT study, state, owner, expires, COUNT(*) FROM sweeper_runs GROUP BY study, state, owner, expires"
)

Row = tuple[str, str, str, float, int]
"""Study, state, owner, end of the lease, number of runs."""


@dataclass
class Activity:
    """The runs of one study: ended, and under a live lease.

    `lost_until`: when the last lease of a session that died ended, in seconds since the epoch. `where`: host
    and process of each session at work. `names`: the study's full name, by which the database knows it.
    """

    n_ended: int = 0
    n_running: int = 0
    lost_until: float = 0.0
    where: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class StudyStatus:
    """One line of a list of studies. `summary` is None where there is none that can be read."""

    folder: StudyFolder
    summary: Summary | None
    activity: Activity
    problem: UserError | None = None

    @property
    def state(self) -> str:
        """`running`, `finished`, `failed`, `interrupted`, or `damaged` where the summary cannot be read."""
        if self.activity.n_running:
            return "running"
        if self.problem:
            return "damaged"
        if self.summary is None or self.activity.lost_until > self._finished_s:
            return "interrupted"
        return "failed" if self.summary.has_failed else self.summary.state

    @property
    def where(self) -> str:
        """`host:123, host:456`."""
        return ", ".join(sorted(self.activity.where))

    @property
    def hint(self) -> str:
        """What to know when reading its report; empty for a finished study."""
        if self.state == "running":
            return f"running on {self.where} now: what you see is its last report"
        if self.state == "finished" or self.summary is None:
            return ""
        why, command = self.summary.stopped_because, self.command
        if self._is_left_open:
            return f"interrupted after its last report; goes on with: {command}"
        if self.summary.totals.to_go_on and self.summary.has_failed:
            return f"{self.state}{f' ({why})' if why else ''}: {self.summary.totals.to_go_on}: {command}"
        return f"interrupted{f' ({why})' if why else ''}; goes on with: {command}"

    @property
    def command(self) -> str | None:
        """The command that goes on with it: that of its last session, which may have left no report."""
        with suppress(OSError, UnicodeDecodeError):
            return self.folder.command_txt.read_text(encoding="utf-8").strip()
        return self.summary.provenance.command if self.summary else None

    @property
    def _is_left_open(self) -> bool:
        """Whether a session after the last report was killed, of whose plan the report knows nothing."""
        return self.state == "interrupted" and self.summary is not None and self.summary.state == "finished"

    @property
    def runs(self) -> str:
        """`12/18`; `12 + 2` while 2 are running, since a study grows; `12/?` where nobody knows."""
        if self.activity.n_running:
            return f"{self.activity.n_ended} + {self.activity.n_running}"
        if self.summary is None:
            return f"{self.activity.n_ended}/?"
        totals = self.summary.totals
        n_ended = sum(totals.states.get(state, 0) for state in ENDED)
        if self.state == "interrupted":  # by kill -9, after which there is no report
            n_ended = max(n_ended, self.activity.n_ended)
        if self._is_left_open:
            return f"{n_ended}/?"
        return f"{n_ended}/{max(n_ended, totals.runs_planned)}"

    @property
    def last_s(self) -> float:
        """Seconds since the epoch when the study last said something."""
        if self.state == "finished":
            return self._finished_s
        said = [path for run in self.folder.runs for path in (run.metrics, run.job) if path.exists()]
        return max((path.stat().st_mtime for path in said), default=self.folder.path.stat().st_mtime)

    @property
    def _finished_s(self) -> float:
        finished = self.summary.provenance.finished if self.summary else None
        return datetime.fromisoformat(finished).timestamp() if finished else 0.0


def name_of(folder: StudyFolder) -> str:
    """The study's own name, of which the folder's may be what is fit for a file system."""
    for path, key in ((folder.summary, "study"), *((run.job, "study") for run in folder.runs[:1])):
        with suppress(OSError, ValueError, KeyError, TypeError):
            return str(json.loads(path.read_text())[key])
    return folder.path.name


def shown_name(folder: StudyFolder) -> str:
    """The study's name, and its folder's where that is another."""
    name = name_of(folder)
    return name if name == folder.path.name else f"'{name}' ({folder.path.name})"


def status_of(folder: StudyFolder, activity: Activity | None) -> StudyStatus:
    """How the study in `folder` stands; `activity` is None where the database does not know it."""
    activity = activity or Activity()
    if not folder.summary.exists():
        return StudyStatus(folder, None, activity)
    try:
        return StudyStatus(folder, read_summary(folder), activity)
    except UserError as error:
        return StudyStatus(folder, None, activity, error)


def activities(url: str, now: float | None = None) -> dict[str, Activity]:
    """By name of the study's folder, what the database at `url` says of its runs.

    Empty where there is no such database yet. Raises UserError where it cannot be read.
    """
    now = time.time() if now is None else now
    found: dict[str, Activity] = {}
    for study, state, owner, expires, n in _rows(url):
        activity = found.setdefault(folder_name(study), Activity())
        activity.names.add(study)
        if state in ENDED:
            activity.n_ended += n
        elif state == "RUNNING" and expires > now and not is_gone(owner):
            activity.n_running += n
            activity.where.add(":".join(owner.split(":")[:2]))
        elif state == "RUNNING":
            activity.lost_until = max(activity.lost_until, expires)
    return found


def _rows(url: str) -> Sequence[Row]:
    plain = "sqlite:///"
    try:
        return _of_file(Path(url.removeprefix(plain))) if url.startswith(plain) else _of_server(url)
    except sqlite3.Error as error:
        raise UserError(_unreadable(url, error)) from error


def _of_file(path: Path) -> Sequence[Row]:
    if not path.exists():
        return []
    try:
        return _answer(path, "mode=ro")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK):
            raise
        return _answer(path, "mode=ro&immutable=1")  # SQLite's log wants to write a file beside it


def _answer(path: Path, options: str) -> Sequence[Row]:
    with closing(sqlite3.connect(f"file:{quote(str(path))}?{options}", uri=True, timeout=5.0)) as database:
        try:
            return database.execute(QUERY).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise


def _of_server(url: str) -> Sequence[Row]:
    """By our own clock: the ends of leases are by the server's."""
    import sqlalchemy as sa

    from sweeper.storage import DatabaseClock

    try:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with closing(engine.connect()) as connection:
            if not sa.inspect(connection).has_table("sweeper_runs"):
                return []
            ahead_s = connection.execute(sa.select(DatabaseClock())).scalar_one() - time.time()
            rows = connection.execute(sa.text(QUERY)).all()
            return [(row[0], row[1], row[2], row[3] - ahead_s, row[4]) for row in rows]
    except (sa.exc.SQLAlchemyError, ImportError) as error:
        raise UserError(_unreadable(url, error)) from error


def _unreadable(url: str, error: Exception) -> Fault:
    reason = redact(str(error).splitlines()[0])
    return Fault(
        "--storage", f"cannot read '{redact(url)}' ({reason})", "Check that it is the study's storage"
    )
