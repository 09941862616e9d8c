"""Studies in real processes, marked so that whatever they leave behind can be found."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import sqlalchemy as sa

from tests.commands import sweeper

ROOT = Path(__file__).parents[2]
MARK = "SWEEPER_FAULT_TEST"
STUDY = "s"
STARTED: list[tuple[str, "subprocess.Popen[str]"]] = []
"""Mark and process of each study of a test, so that one that fails leaves nothing running."""


def marked_environment(mark: str) -> dict[str, str]:
    """Ours, with the mark, and with what tests import where it can be."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tasks")])
    return {**os.environ, MARK: mark, "PYTHONPATH": path}


def started(command: Sequence[str], folder: Path, mark: str) -> "subprocess.Popen[str]":
    """The process of a study, its output at the end of `output.txt`."""
    with (folder / "output.txt").open("a") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=marked_environment(mark),
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_hangups,
        )
    STARTED.append((mark, process))
    return process


@dataclass(frozen=True)
class FaultStudy:
    """The command line of a study of the faulty task in `folder`. Every process of it carries `mark`.

    `storage`: the URL of its database, where that is not the file in its results.
    """

    folder: Path
    words: Sequence[str]
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)
    storage: str = ""

    @property
    def arguments(self) -> list[str]:
        """As a user would type them; no model is registered, by a process that outlives the study."""
        conf = ["--config-dir", str(Path(__file__).parent / "conf"), "task=faulty", f"study.name={STUDY}"]
        conf += ["tracking.register_model=false"]
        return ["-m", *conf, *([f"study.storage={self.storage}"] if self.storage else []), *self.words]

    @property
    def command(self) -> list[str]:
        """With the program before them."""
        return [sys.executable, "-m", "sweeper", *self.arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Ours, with the mark, and with the faulty task where it can be imported."""
        return marked_environment(self.mark)

    def start(self, *more: str) -> "subprocess.Popen[str]":
        """The study's process, its output in `output.txt`."""
        return started([*self.command, *more], self.folder, self.mark)

    def run(self, *more: str, code: int = 0, timeout_s: float = 600.0) -> str:
        """What the study prints from its start to its end."""
        before = len(self.output())
        process = self.start(*more)
        ended = process.wait(timeout_s)
        assert ended == code, self.output()[before:]
        return self.output()[before:]

    def run_here(self, *more: str, code: int = 0) -> str:
        """The same with this process as the parent, for what asks nothing of it; workers are processes."""
        with patch.dict(os.environ, {MARK: self.mark}):
            return sweeper(self.folder, *self.arguments, *more, code=code)

    def output(self) -> str:
        """All that was printed so far."""
        path = self.folder / "output.txt"
        return path.read_text() if path.exists() else ""

    def processes(self) -> dict[int, str]:
        """Living processes that carry the mark, with their command lines."""
        return marked_processes(self.mark)

    def workers(self) -> list[int]:
        """The process numbers of living workers."""
        return sorted(pid for pid, line in self.processes().items() if "sweeper.worker.slot" in line)

    def wait_until_empty(self, timeout_s: float) -> None:
        """Fails unless all processes are gone in time."""
        wait_for(lambda: not self.processes(), timeout_s, lambda: f"left behind: {self.processes()}")

    @property
    def results(self) -> Path:
        """Where the study's files are."""
        return self.folder / "results" / STUDY

    def summary(self) -> dict[str, Any]:
        """The result as written."""
        loaded: dict[str, Any] = json.loads((self.results / "summary.json").read_text())
        return loaded

    def trial(self, name: str) -> dict[str, Any]:
        """One trial of the summary."""
        (found,) = [trial for trial in self.summary()["trials"] if trial["name"] == name]
        assert isinstance(found, dict)
        return found

    def rows(self) -> list[tuple[int, int, str, int, dict[str, Any]]]:
        """Trial, seed, state, attempt and result of each run in the database, in order."""
        query = "select trial, seed, state, attempt, result from sweeper_runs order by trial, seed"
        if self.storage:
            engine = sa.create_engine(self.storage, poolclass=sa.NullPool)
            with engine.connect() as connection:
                rows = connection.exec_driver_sql(query).all()
            return [(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows]
        with sqlite3.connect(self.folder / "results" / "studies.db") as database:
            return [(*row[:4], json.loads(row[4])) for row in database.execute(query)]

    def optuna_trials(self) -> list[tuple[str, str | None]]:
        """State and attribute `reason` of each of Optuna's trials."""
        query = (
            "select t.state, a.value_json from trials t left join trial_user_attributes a "
            "on a.trial_id = t.trial_id and a.key = 'reason' order by t.number"
        )
        with sqlite3.connect(self.folder / "results" / "studies.db") as database:
            return [
                (state, None if reason is None else json.loads(reason))
                for state, reason in database.execute(query)
            ]

    def figures(self) -> dict[tuple[int, int], Any]:
        """All that a run's training decides: metrics, steps, and the bytes of its records."""
        found = {}
        for trial, seed, state, _, result in self.rows():
            assert state == "COMPLETE", (trial, seed, state, result)
            with np.load(self.results / result["folder"] / "records.npz") as records:
                arrays = {name: records[name].tobytes() for name in records.files}
            found[trial, seed] = (result["metrics"], result["best_step"], result["steps_trained"], arrays)
        return found

    def last_steps(self) -> dict[str, int]:
        """The last evaluated step of each run folder that has one."""
        steps = {}
        for path in self.results.glob("trials/*/*/metrics.jsonl"):
            lines = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
            if lines:
                steps[str(path.parent.relative_to(self.results))] = json.loads(lines[-1])["global_step"]
        return steps


def _heed_hangups() -> None:
    """Tests that run under `nohup` have children that would ignore a hangup, as they should."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def marked_processes(mark: str) -> dict[int, str]:
    """Living processes with that mark in their environment, with their command lines."""
    marked = f"{MARK}={mark}".encode()
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if marked in (place / "environ").read_bytes().split(b"\0") and not _is_zombie(place):
                found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def _is_zombie(place: Path) -> bool:
    return (place / "stat").read_text().rpartition(")")[2].split()[0] == "Z"


def wait_for(
    condition: Callable[[], Any], timeout_s: float = 180.0, told: Callable[[], str] = lambda: "it never came"
) -> None:
    """Fails with `told()` unless `condition()` becomes true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Whether there was such a process to send the signal to."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def trials(**overrides: Sequence[str]) -> str:
    """`study.trials=...` for these named trials."""
    named = ",".join(
        f"{name}:[{','.join(json.dumps(word) for word in words)}]" for name, words in overrides.items()
    )
    return f"study.trials={{{named}}}"
