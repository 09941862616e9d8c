"""Studies of tiny apps in real processes, marked so that whatever they leave behind can be found."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from tests.faults.harness import marked_environment, marked_processes, started, wait_for

OURS = "hydra/sweeper=optuna_study"
PLAIN = ("hydra/sweeper/tracking=none", "hydra.sweeper.study.confirm_seeds=0", "hydra.sweeper.study_name=s")
ONE_SEED = (*PLAIN, "hydra.sweeper.study.n_seeds=1")
LEAVE_S = 10.0
HEAD = """
import os, sys, time
import hydra

def begins(cfg):
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "starts.txt"), "a") as file:
        file.write(f"{cfg.mode} {cfg.x} {cfg.seed}\\n")

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    begins(cfg)
"""
TAIL = """
if __name__ == "__main__":
    main()
"""
CONFIG = "{seed: 0, mode: good, x: 0, ckpt: null}"


def write_app(folder: Path, body: str, config: str = CONFIG, script: str = "app.py") -> None:
    """An app that notes each start in starts.txt beside it, and goes on with `body`, given `cfg`."""
    indented = "\n".join(f"    {line}" for line in dedent(body).strip().split("\n"))
    place = folder / script
    (place.parent / "conf").mkdir(parents=True, exist_ok=True)
    (place.parent / "conf" / "config.yaml").write_text(config)
    place.write_text(f"{HEAD}{indented}\n{TAIL}")


@dataclass(frozen=True)
class AppStudy:
    """The command line of a study in `folder`, Python before it. Every process of it carries `mark`."""

    folder: Path
    words: Sequence[str]
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def command(self) -> list[str]:
        """As a user would type it."""
        return [sys.executable, *self.words]

    @property
    def environment(self) -> dict[str, str]:
        """Ours, with the mark."""
        return marked_environment(self.mark)

    def start(self, *more: str) -> "subprocess.Popen[str]":
        """The study's process, its output in `output.txt`."""
        return started([*self.command, *more], self.folder, self.mark)

    def run(self, *more: str, code: int = 0, timeout_s: float = 300.0) -> str:
        """What the study prints from its start to its end."""
        before = len(self.output())
        process = self.start(*more)
        try:
            ended = process.wait(timeout_s)
        finally:
            for pid in marked_processes(self.mark):
                os.kill(pid, signal.SIGKILL)
        assert ended == code, self.output()[before:]
        return self.output()[before:]

    def output(self) -> str:
        """All that was printed so far."""
        path = self.folder / "output.txt"
        return path.read_text() if path.exists() else ""

    def starts(self) -> Counter[str]:
        """How often the app began, by mode, x and seed."""
        path = self.folder / "starts.txt"
        return Counter(path.read_text().split("\n")[:-1]) if path.exists() else Counter()

    def of_runs(self) -> dict[int, str]:
        """Living processes of runs, by the mark that every process of a run has, with their command lines."""
        found = {}
        for pid, line in marked_processes(self.mark).items():
            try:
                environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(one.startswith(b"SWEEPER_RUN=") for one in environment):
                found[pid] = line
        return found

    def workers(self) -> list[int]:
        """The process numbers of living workers."""
        return sorted(pid for pid, line in marked_processes(self.mark).items() if "worker.slot" in line)

    def wait_until_empty(self, timeout_s: float = LEAVE_S) -> None:
        """Fails unless all processes are gone in time."""
        wait_for(
            lambda: not marked_processes(self.mark),
            timeout_s,
            lambda: f"left behind: {marked_processes(self.mark)}",
        )

    @property
    def results(self) -> Path:
        """Where the study's files are."""
        return self.folder / "results" / "s"

    def folder_of(self, name: str, seed: int = 0) -> Path:
        """The run folder of a trial by its name."""
        (found,) = self.results.glob(f"trials/*-{name}/seed{seed}")
        return found

    def job(self, name: str, seed: int = 0) -> dict[str, Any]:
        """The program of a run, as job.json has it."""
        loaded = json.loads((self.folder_of(name, seed) / "job.json").read_text())
        program: dict[str, Any] = loaded["members"][0]["config"]["program"]
        return program

    def trials(self) -> dict[str, dict[str, Any]]:
        """The trials of the summary, by name."""
        loaded = json.loads((self.results / "summary.json").read_text())
        return {trial["name"]: trial for trial in loaded["trials"]}

    def rows(self) -> dict[tuple[int, int], tuple[str, int, Mapping[str, Any]]]:
        """State, attempt and result of each run in the database, by trial and seed; none before it is."""
        query = "select trial, seed, state, attempt, result from sweeper_runs order by trial, seed"
        path = self.folder / "results" / "studies.db"
        with sqlite3.connect(path) if path.exists() else sqlite3.connect(":memory:") as database:
            if not database.execute("select 1 from sqlite_master where name = 'sweeper_runs'").fetchall():
                return {}
            return {
                (trial, seed): (state, attempt, json.loads(result))
                for trial, seed, state, attempt, result in database.execute(query)
            }
