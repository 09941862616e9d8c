"""What the checks run on: a local executor on one device, its jobs' stories, and the device's memory.

Torch-free, as a study's process is.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from benchmarks.on_gpu import jobs
from sweeper.agent import Gpu, gpus_found, gpus_here
from sweeper.executors import LocalExecutor, Placement, arrange
from sweeper.layout import RunFolder
from sweeper.messages import Failed, Finished, Lost, Message, Reported, Started, Stopped
from sweeper.schema import Local
from sweeper.trial import JobSpec

DEADLINE_S = 180.0
GIB = 2**30

Kind = TypeVar("Kind")


class CheckError(Exception):
    """Something did not go as it must for a check to be made at all."""


@dataclass(frozen=True)
class Sizes:
    """How much is trained. `n_slots`: the numbers of jobs at a time that are compared."""

    n_train: int
    n_eval: int
    n_ids: int
    batch_size: int
    steps: int
    eval_every: int
    n_slots: tuple[int, ...]
    ballast_gib: float
    n_pieces: int


ON_GPU = Sizes(
    n_train=350_000,
    n_eval=60_000,
    n_ids=6000,
    batch_size=1024,
    steps=2000,
    eval_every=500,
    n_slots=(1, 2, 4),
    ballast_gib=2.0,
    n_pieces=9,
)
REHEARSAL = Sizes(
    n_train=4000,
    n_eval=1000,
    n_ids=50,
    batch_size=128,
    steps=40,
    eval_every=20,
    n_slots=(1, 2),
    ballast_gib=0.01,
    n_pieces=1,
)


@dataclass
class Story:
    """What was heard of one job, with the time of each message."""

    job: JobSpec
    submitted: float
    heard: list[tuple[float, Message]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """From its submission to its last word."""
        return self.heard[-1][0] - self.submitted

    @property
    def last(self) -> Message:
        """Its last word."""
        return self.heard[-1][1]

    @property
    def has_ended(self) -> bool:
        """Whether that has been said."""
        return bool(self.heard) and isinstance(self.last, Finished | Stopped | Failed | Lost)

    @property
    def trained(self) -> tuple[float, float]:
        """When it started and ended."""
        return next(at for at, message in self.heard if isinstance(message, Started)), self.heard[-1][0]

    @property
    def folder(self) -> RunFolder:
        """Of its only member."""
        return RunFolder(Path(self.job.members[0].folder))

    @property
    def witness(self) -> dict[str, Any]:
        """Process and GPUs, as the task that takes memory has last seen them."""
        return witness(self.folder)

    @property
    def steps_per_s(self) -> float:
        """While it trained; the median over its evaluations."""
        return statistics.median(m.steps_per_s for _, m in self.heard if isinstance(m, Reported))

    @property
    def result(self) -> Finished:
        """Its last word. Raises CheckError where it has no result."""
        return self.ended(Finished)

    def finished(self) -> "Story":
        """The story itself. Raises CheckError where it has no result."""
        self.ended(Finished)
        return self

    def ended(self, kind: type[Kind]) -> Kind:
        """Its last word. Raises CheckError where it is another."""
        return self._as(self.last, kind)

    def started(self) -> Started:
        """Its first word. Raises CheckError where it is another."""
        return self._as(self.heard[0][1], Started)

    def _as(self, message: Message, kind: type[Kind]) -> Kind:
        if isinstance(message, kind):
            return message
        what = getattr(message, "reason", "")
        raise CheckError(f"{self.job.job_id}: {type(message).__name__} instead of {kind.__name__}: {what}")


def ignore(message: Reported) -> None:
    """At a report, nothing."""


@dataclass
class Rig:
    """A device, an executor on it, and a folder for its runs. `gpu` is None for a rehearsal."""

    folder: Path
    gpu: Gpu | None
    sizes: Sizes
    executor: LocalExecutor

    def esmm(self, *, steps: int | None = None, precision: str = "fp32") -> dict[str, Any]:
        """The configuration of an ESMM run, at these sizes."""
        sizes = self.sizes
        return jobs.esmm_config(
            n_train=sizes.n_train,
            n_eval=sizes.n_eval,
            n_ids=sizes.n_ids,
            batch_size=sizes.batch_size,
            steps=steps or sizes.steps,
            eval_every=sizes.eval_every,
            precision=precision,
        )

    def job(self, name: str, config: dict[str, Any], **options: Any) -> JobSpec:
        """A job for any of the slots: they are alike. `options` are those of `jobs.job`."""
        return jobs.job(self.folder, name, config, self.executor.slots[0], **options)

    def run(
        self, *specs: JobSpec, first_slot: int = 0, at_report: Callable[[Reported], None] = ignore
    ) -> list[Story]:
        """The jobs' stories, one a slot from `first_slot` on, all at once. `at_report` sees them wait."""
        stories: dict[str, Story] = {}
        slots = self.executor.slots[first_slot : first_slot + len(specs)]
        for slot, spec in zip(slots, specs, strict=True):
            stories[spec.job_id] = Story(spec, time.monotonic())
            self.executor.submit(slot, spec)
        deadline = time.monotonic() + DEADLINE_S
        while late := [name for name, story in stories.items() if not story.has_ended]:
            if time.monotonic() > deadline:
                self._give_up(late)
            for message in self.executor.receive(0.5):
                if message.job_id in stories:  # not of an earlier one that was given up
                    self._hear(stories[message.job_id], message, at_report)
        return list(stories.values())

    def _hear(self, story: Story, message: Message, at_report: Callable[[Reported], None]) -> None:
        story.heard.append((time.monotonic(), message))
        if isinstance(message, Reported):
            at_report(message)
            self.executor.reply(message, "continue")

    def _give_up(self, late: Sequence[str]) -> NoReturn:
        for name in late:
            self.executor.kill(name, "late")
        raise CheckError(f"not done after {DEADLINE_S:g} s: {', '.join(late)}")

    def used_gib(self) -> float:
        """Of the GPU's memory, by all processes; 0 in a rehearsal."""
        alike = [gpu for gpu in gpus_found().shown if self.gpu is not None and gpu.uuid == self.gpu.uuid]
        return alike[0].used_bytes / GIB if alike else 0.0


def placements_on(device: str, n_slots: int) -> tuple[Placement, ...]:
    """So many slots on the first GPU, or on the CPU, as a study would get them."""
    found = arrange(
        Local(
            name="local",
            devices=(0,) if device == "gpu" else "cpu",
            jobs_per_device=n_slots if device == "gpu" else 1,
            n_slots=None if device == "gpu" else n_slots,
            n_threads=None if device == "gpu" else 1,
            max_jobs=None,
            job_timeout_s=None,
            silence_s=DEADLINE_S,
            retries=0,
        )
    )
    return found.placements


def rig_on(device: str, folder: Path) -> Rig:
    """A rig on the first GPU, or on the CPU."""
    sizes = ON_GPU if device == "gpu" else REHEARSAL
    executor = LocalExecutor(placements_on(device, max(sizes.n_slots)))
    return Rig(folder, gpus_here().shown[0] if device == "gpu" else None, sizes, executor)


def witness(folder: RunFolder) -> dict[str, Any]:
    """The last line of JSON in a run's log."""
    found: dict[str, Any] = json.loads(
        [line for line in folder.log.read_text().splitlines() if line.startswith("{")][-1]
    )
    return found


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def comes_true(condition: Callable[[], bool], timeout_s: float) -> float | None:
    """The seconds until `condition` holds; None where that is later than `timeout_s`."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            return None
        time.sleep(0.02)
    return time.monotonic() - began


def steps_together(stories: Sequence[Story]) -> float:
    """Steps a second of all jobs together, from the first start to the last end, evaluations included."""
    n_steps = sum(story.result.steps_trained for story in stories)
    seconds = max(story.trained[1] for story in stories) - min(story.trained[0] for story in stories)
    return n_steps / seconds


def write_job(path: Path, spec: JobSpec) -> Path:
    """The job as a file, for another process."""
    path.write_text(spec.model_dump_json(by_alias=True))
    return path


def import_path() -> dict[str, str]:
    """The environment in which another process imports what this one does."""
    root = Path(__file__).resolve().parents[2]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "tasks"), os.environ.get("PYTHONPATH", "")]),
    }
