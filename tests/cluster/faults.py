"""What may go wrong with a study on a cluster, done for real; each fault says what came of it, and when.

Every study here ends with the bits of one that ran undisturbed on slots of this machine.
"""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.cluster.engines import AGENT, WORKER, Engine, OnRay, OnSlurm, pids
from tests.cluster.ray import Ray
from tests.cluster.slurm import Slurm
from tests.faults.harness import FaultStudy, kill, wait_for

STUDY = (
    *("optimizer.lr=0.01,0.02", "study.n_seeds=2", "study.confirm_seeds=0", "tracking=none"),
    *("loss.pause_ms=25", "trainer.max_steps=80", "executor.n_threads=1"),
)
N_RUNS = 6
LEAVE_S = 30.0
END_S = 150.0


@dataclass(frozen=True)
class Outcome:
    """What came of a fault. `seconds`: until what `happened` had; the others count runs and processes."""

    fault: str
    happened: str
    seconds: float
    lost: int
    doubled: int
    orphans: int


class Scene:
    """A study on an engine, and what it must come to."""

    def __init__(self, engine: Engine, folder: Path, reference: FaultStudy, *more: str) -> None:
        self.engine, self._reference = engine, reference
        self.study = FaultStudy(folder, replaced((*STUDY, *engine.words), more))
        self.local = FaultStudy(folder, STUDY, mark=self.study.mark)
        self.parent = self.study.start()

    def wait_until_training(self, n_runs: int = 2) -> None:
        """Until so many runs have been evaluated."""
        self.wait_for(lambda: len(self.study.last_steps()) >= n_runs, 90.0)

    def wait_for(self, condition: Callable[[], Any], timeout_s: float) -> float:
        """Seconds until the condition held; fails with what the study printed."""
        began = time.monotonic()
        wait_for(condition, timeout_s, lambda: f"{self.engine.left()}\n{self.study.output()[-3000:]}")
        return time.monotonic() - began

    def wait_for_words(self, words: str, timeout_s: float = 60.0) -> float:
        """Seconds until the study printed them."""
        return self.wait_for(lambda: words in self.study.output(), timeout_s)

    def some(self, named: str) -> tuple[int, str]:
        """A process of an agent or a worker, and the node that it is on."""
        self.wait_for(lambda: pids(self.engine, named), 60.0)
        return next(iter(pids(self.engine, named).items()))

    def seconds_to_go_on(self, before: Mapping[str, int]) -> float:
        """Until every run that trained then has been evaluated again."""
        return self.wait_for(lambda: self._are_past(before), END_S)

    def _are_past(self, before: Mapping[str, int]) -> bool:
        now = self.study.last_steps()
        return all(now[folder] > step or step == 80 for folder, step in before.items())

    def end(self, code: int = 0) -> None:
        """The study ends by itself."""
        self.wait_for(lambda: self.parent.poll() is not None, END_S)
        assert self.parent.returncode == code, self.study.output()[-3000:]

    def outcome(self, fault: str, happened: str, seconds: float) -> Outcome:
        """The state of things once all is over."""
        orphans = self._orphans()
        self.wait_for(lambda: not self.engine.left() and not self.study.processes(), LEAVE_S)
        figures, expected = self.study.figures(), self._reference.figures()
        n_lost = sum(figures.get(key) != value for key, value in expected.items())
        return Outcome(fault, happened, seconds, n_lost, doubled(self.study), orphans)

    def _orphans(self) -> int:
        """What is still there when nothing should be any more."""
        deadline = time.monotonic() + LEAVE_S
        while (left := [*self.engine.left(), *self.study.processes()]) and time.monotonic() < deadline:
            time.sleep(0.2)
        return len(left)

    def resume_here(self) -> None:
        """The same study, by slots of this machine."""
        self.local.run()


def replaced(words: Sequence[str], by: Sequence[str]) -> list[str]:
    """The words of a command, those of the same key replaced."""
    keys = {word.partition("=")[0] for word in by}
    return [*(word for word in words if word.partition("=")[0] not in keys), *by]


def doubled(study: FaultStudy) -> int:
    """Runs of which an evaluation stands twice in their records, as when two workers trained them."""
    twice = 0
    for path in study.results.glob("trials/*/*/metrics.jsonl"):
        lines = map(json.loads, path.read_text().splitlines())
        counts = Counter((line["split"], line["global_step"]) for line in lines)
        twice += max(counts.values(), default=0) > 1
    return twice


@contextmanager
def scene(engine: Engine, folder: Path, reference: FaultStudy, *more: str) -> Iterator[Scene]:
    """A study that has begun; whatever becomes of it, nothing of it runs on."""
    with patch.dict("os.environ", engine.environment):
        played = Scene(engine, folder, reference, *more)
        try:
            yield played
        finally:
            for pid in played.study.processes():
                kill(pid)
            played.parent.wait()


def worker_killed(played: Scene) -> Outcome:
    """`kill -9` of a worker."""
    played.wait_until_training()
    before = played.study.last_steps()
    kill(played.some(WORKER)[0])
    seconds = played.seconds_to_go_on(before)
    played.end()
    return played.outcome("worker killed", "its run went on from its checkpoint", seconds)


def agent_killed(played: Scene) -> Outcome:
    """`kill -9` of an agent; its worker notices and leaves."""
    played.wait_until_training()
    before = played.study.last_steps()
    kill(played.some(AGENT)[0])
    seconds = played.seconds_to_go_on(before)
    played.end()
    return played.outcome("agent killed", "its run went on elsewhere", seconds)


def node_killed(played: Scene) -> Outcome:
    """A node's power fails."""
    played.wait_until_training()
    before = played.study.last_steps()
    played.engine.kill_node(played.some(WORKER)[1])
    seconds = played.seconds_to_go_on(before)
    played.end()
    return played.outcome("node killed", "its run went on elsewhere", seconds)


def parent_killed(played: Scene) -> Outcome:
    """`kill -9` of the study; another one goes on with another executor."""
    played.wait_until_training()
    kill(played.parent.pid)
    played.parent.wait()
    seconds = played.wait_for(lambda: not played.engine.left(), LEAVE_S)
    assert list(played.study.results.glob("trials/*/*/checkpoint.pt"))
    played.resume_here()
    assert "resumed from the checkpoint of step" in played.study.output()
    return played.outcome(
        "parent killed", "checkpoints written, queue empty; resumed with executor=local", seconds
    )


def interrupted(played: Scene, times: int) -> Outcome:
    """Ctrl-C, once or twice; then the study goes on with another executor."""
    played.wait_until_training()
    for _ in range(times):
        kill(played.parent.pid, signal.SIGINT)
        time.sleep(0.3)
    played.end(130)
    seconds = played.wait_for(lambda: not played.engine.left(), LEAVE_S)
    played.resume_here()
    how = "once" if times == 1 else "twice"
    return played.outcome(f"Ctrl-C {how}", "queue empty; resumed with executor=local", seconds)


def undisturbed(played: Scene) -> Outcome:
    """Nothing."""
    began = time.monotonic()
    played.end()
    return played.outcome("none", "ran to its end", time.monotonic() - began)


def preempted(played: Scene) -> Outcome:
    """A job of higher priority takes a node of SLURM, and gives it back."""
    slurm = on_slurm(played)
    played.wait_until_training()
    before = played.study.last_steps()
    node = played.some(WORKER)[1]
    slurm.preempt(node, seconds=2)
    seconds = played.seconds_to_go_on(before)
    played.wait_for_words("SIGUSR1")
    played.wait_for(lambda: sum("sweeper" in line for line in slurm.jobs()) == 2, 30.0)
    played.wait_for(lambda: played.study.output().count("2 of 2 slots") > 1, 60.0)
    played.end()
    return played.outcome(
        "preempted", "checkpoint at once, went on elsewhere; the agent was requeued", seconds
    )


def out_of_time(played: Scene) -> Outcome:
    """The time limit of the agents' jobs is over; they are submitted again."""
    played.wait_until_training()
    played.wait_for_words("SIGUSR1", 90.0)
    before = played.study.last_steps()
    seconds = played.seconds_to_go_on(before)
    played.end()
    return played.outcome("time limit", "checkpoint at once; agents came back by themselves", seconds)


def short_of_room(played: Scene) -> Outcome:
    """More agents are asked for than the cluster has room for."""
    seconds = played.wait_for_words(
        "waiting: " if played.engine.name == "slurm" else "have a place; each asks"
    )
    played.end()
    return played.outcome("no room for an agent", "said with what it waits for; the others work", seconds)


def head_killed(played: Scene) -> Outcome:
    """Ray's head is gone, and with it, after a while, its nodes; somebody starts it all again."""
    played.wait_until_training()
    ray = on_ray(played)
    ray.kill_head()
    played.wait_for(lambda: not pids(played.engine, AGENT), 200.0)
    assert played.parent.poll() is None
    before = played.study.last_steps()
    ray.heal(is_used=True)
    seconds = played.seconds_to_go_on(before)
    played.end()
    return played.outcome("head killed", "study waited; went on when the cluster was there again", seconds)


def on_slurm(played: Scene) -> Slurm:
    """Of a scene that is played there."""
    assert isinstance(played.engine, OnSlurm)
    return played.engine.slurm


def on_ray(played: Scene) -> Ray:
    """Of a scene that is played there."""
    assert isinstance(played.engine, OnRay)
    return played.engine.ray


@dataclass(frozen=True)
class OwnFault:
    """One that only some engines have: what is done, and further words of its study."""

    play: Callable[[Scene], Outcome]
    words: tuple[str, ...] = ()


OWN_FAULTS: dict[str, dict[str, OwnFault]] = {
    "slurm": {
        "preempted": OwnFault(preempted, ("loss.pause_ms=60",)),
        "no room for an agent": OwnFault(short_of_room, ("executor.agents=3",)),
        "time limit": OwnFault(
            out_of_time,
            ("executor.sbatch=['--cpus-per-task=2','--time=1','--signal=B:USR1@5']", "loss.pause_ms=250"),
        ),
    },
    "ray": {
        "no room for an agent": OwnFault(short_of_room, ("executor.agents=5", "loss.pause_ms=200")),
        "head killed": OwnFault(head_killed, ("loss.pause_ms=250",)),
    },
}
LONG = ("time limit", "head killed")

FAULTS: dict[str, Callable[[Scene], Outcome]] = {
    "worker killed": worker_killed,
    "agent killed": agent_killed,
    "node killed": node_killed,
    "parent killed": parent_killed,
    "Ctrl-C once": lambda played: interrupted(played, 1),
    "Ctrl-C twice": lambda played: interrupted(played, 2),
}
"""What is done on every engine."""
