"""Where a study's runs may be, as whoever kills things sees it: what can be killed there, what comes back."""

import random
import subprocess
import time
from collections.abc import Mapping
from typing import Protocol

from tests.cluster.engines import AGENT, SHARED, Engine, pids
from tests.faults.harness import MARK, FaultStudy, kill, started

DOWN_S = (3.0, 12.0)
"""A node that was killed stays down for so long, from one to the other."""
REMOTE = (
    "executor.host=127.0.0.1",
    f"executor.environment=[{MARK}]",
    "~executor.devices",
    "~executor.n_slots",
)


class Place(Protocol):
    """A place to run, of which parts may die."""

    @property
    def words(self) -> tuple[str, ...]:
        """What sends a study of the faulty task there."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What the study needs beside the environment of this process."""

    def victims(self, study: FaultStudy) -> dict[str, list[str]]:
        """By kind, what can be killed now beside the study's parent."""

    def kill(self, kind: str, which: str) -> bool:
        """Whether it was there to be killed."""

    def tend(self, study: FaultStudy) -> None:
        """What somebody would do who looks after the place: start again what is down."""

    def left(self, study: FaultStudy) -> list[str]:
        """What is still there; of a study that is over, nothing should be."""


class Here:
    """Slots of this machine."""

    words: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}

    def victims(self, study: FaultStudy) -> dict[str, list[str]]:
        """Workers."""
        return {"worker": [str(pid) for pid in study.workers()]}

    def kill(self, kind: str, which: str) -> bool:
        """By its number."""
        return kill(int(which))

    def tend(self, study: FaultStudy) -> None:
        """Nothing comes and goes."""

    def left(self, study: FaultStudy) -> list[str]:
        """Processes of the study."""
        return list(study.processes().values())


class ByHand(Here):
    """Two agents of this machine, started as the study says."""

    words = ("executor=agents", *SHARED)
    SIGN = "to start an agent, type where it is to run: "

    def __init__(self) -> None:
        self._agents: list[subprocess.Popen[str]] = []
        self._line = ""

    def victims(self, study: FaultStudy) -> dict[str, list[str]]:
        """Workers and agents."""
        agents = [pid for pid, words in study.processes().items() if AGENT in words and "bash" not in words]
        return {**super().victims(study), "agent": [str(pid) for pid in agents]}

    def tend(self, study: FaultStudy) -> None:
        """Two that live, for the study's present parent."""
        lines = [line for line in study.output().splitlines() if self.SIGN in line]
        if not lines:
            return
        line = lines[-1].partition(self.SIGN)[2]
        living = [agent for agent in self._agents if agent.poll() is None]
        self._agents = living if line == self._line else []
        self._line = line
        for _ in range(2 - len(self._agents)):
            command = line.replace("&& ", "&& exec ", 1) + " --patience 5"
            self._agents.append(started(["bash", "-c", command], study.folder, study.mark))


class OnEngine:
    """Two nodes of a cluster. `engine` is at work already."""

    def __init__(self, engine: Engine, rng: random.Random) -> None:
        self._engine, self._rng = engine, rng
        self._down: dict[str, float] = {}

    @property
    def words(self) -> tuple[str, ...]:
        """An agent a node."""
        return self._engine.words

    @property
    def environment(self) -> Mapping[str, str]:
        """The engine's."""
        return self._engine.environment

    def victims(self, study: FaultStudy) -> dict[str, list[str]]:
        """Workers, agents, and nodes that are up, unless one is down."""
        nodes = [] if self._down else list(self._engine.nodes)
        agents = [str(pid) for pid in pids(self._engine, AGENT)]
        return {"worker": [str(pid) for pid in study.workers()], "agent": agents, "node": nodes}

    def kill(self, kind: str, which: str) -> bool:
        """A node stays down for a while."""
        if kind != "node":
            return kill(int(which))
        self._engine.kill_node(which)
        self._down[which] = time.monotonic() + self._rng.uniform(*DOWN_S)
        return True

    def tend(self, study: FaultStudy) -> None:
        """Nodes come back."""
        for node in [node for node, until in self._down.items() if until < time.monotonic()]:
            del self._down[node]
            self._engine.start_node(node)

    def left(self, study: FaultStudy) -> list[str]:
        """Queue, agents, workers, and processes of the study."""
        return [*self._engine.left(), *study.processes().values()]
