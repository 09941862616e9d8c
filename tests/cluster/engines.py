"""The engines that run agents, as tests and benchmarks see them: how one is used, and what stays there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from tests.cluster.processes import Part
from tests.cluster.ray import Ray
from tests.cluster.slurm import Slurm
from tests.faults.harness import MARK

AGENT = "sweeper.agent"
WORKER = "sweeper.worker.slot"
SHARED = (
    *("executor.agents=2", "executor.host=127.0.0.1", "executor.wait_s=5"),
    *(f"executor.environment=[{MARK}]", "~executor.devices", "~executor.n_slots"),
)
"""Of a study of the faulty task, whose own file is for slots of this machine; workers carry a test's mark."""


class Engine(Protocol):
    """Two nodes, of which a study may use all."""

    @property
    def name(self) -> str:
        """As `executor=` takes it."""

    @property
    def words(self) -> tuple[str, ...]:
        """What sends a study of the faulty task there, an agent a node."""

    @property
    def environment(self) -> dict[str, str]:
        """What the study's process needs beside its own."""

    @property
    def nodes(self) -> Mapping[str, Part]:
        """By name."""

    def kill_node(self, node: str) -> None:
        """As when its power fails."""

    def start_node(self, node: str) -> None:
        """Switch it on again."""

    def heal(self) -> None:
        """As at the beginning."""

    def left(self) -> list[str]:
        """What is in a queue, or runs, of any study."""


@dataclass(frozen=True)
class OnSlurm:
    """Follows `Engine`."""

    slurm: Slurm
    name: str = "slurm"

    @property
    def words(self) -> tuple[str, ...]:
        """Agents that take a node each."""
        return ("executor=slurm", "executor.sbatch=['--cpus-per-task=2']", *SHARED)

    @property
    def environment(self) -> dict[str, str]:
        """Where SLURM is."""
        return {"SLURM_CONF": self.slurm.environment["SLURM_CONF"]}

    @property
    def nodes(self) -> Mapping[str, Part]:
        """By name."""
        return self.slurm.nodes

    def kill_node(self, node: str) -> None:
        """With the jobs on it."""
        self.slurm.kill_node(node)

    def start_node(self, node: str) -> None:
        """Its server."""
        self.slurm.nodes[node].start()

    def heal(self) -> None:
        """An empty queue."""
        self.slurm.heal()

    def left(self) -> list[str]:
        """The queue, and agents and workers."""
        return [*self.slurm.queue(), *running(self)]


@dataclass(frozen=True)
class OnRay:
    """Follows `Engine`."""

    ray: Ray
    name: str = "ray"

    @property
    def words(self) -> tuple[str, ...]:
        """Agents that take half of a node's GPUs each, wherever."""
        return ("executor=ray", f"executor.address='{self.ray.address}'", *SHARED)

    @property
    def environment(self) -> dict[str, str]:
        """The token."""
        return {name: value for name, value in self.ray.environment.items() if name.startswith("RAY_")}

    @property
    def nodes(self) -> Mapping[str, Part]:
        """By name."""
        return self.ray.nodes

    def kill_node(self, node: str) -> None:
        """With the actors on it."""
        self.ray.kill_node(node)

    def start_node(self, node: str) -> None:
        """Another one of that name."""
        self.ray.start_node(node)

    def heal(self) -> None:
        """No actors."""
        self.ray.heal()

    def left(self) -> list[str]:
        """Agents and workers."""
        return running(self)


def pids(engine: Engine, named: str) -> dict[int, str]:
    """Processes of all nodes whose command line has that in it, each with its node."""
    return {pid: node for node, part in engine.nodes.items() for pid in part.pids(named)}


def running(engine: Engine) -> list[str]:
    """Agents and workers that run, in words."""
    return [
        f"{named} {pid} on {node}" for named in (AGENT, WORKER) for pid, node in pids(engine, named).items()
    ]
