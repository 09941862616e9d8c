"""Of every task: a run that begins with what another has trained equals, to the last bit, the full run.

Where the two part is read from their configurations, as a study does it: at the end of a warm-up of the loss,
of the learning rate, or of the shorter run.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.layout import RunFolder
from sweeper.messages import Finished, Message, Reply
from sweeper.study.prefix_files import PrefixFiles
from sweeper.study.prefix_tree import equal_until
from sweeper.study.proposals import drafts_of
from sweeper.study.specs import TaskSpecs
from sweeper.trial import CheckpointRef, DeviceNeeds, JobSpec, Leave, RunSpec, TrialSpec
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.serve import run_job
from tests.golden import test_captcha, test_diagnosis, test_segmentation, test_sentiment
from tests.sweeper import small_esmm
from tests.sweeper.small_esmm import read_line

EVERY = 3
LENGTHS = ("trainer.max_steps=8,11", f"trainer.eval_every={EVERY}", "trainer.patience=2")
TASKS: dict[str, tuple[tuple[str, ...], int]] = {
    "esmm": (
        (*small_esmm.SMALL, "aux_focal.gamma=1,2", "aux_focal.detach_p_for_weight=true,false"),
        4,
    ),
    "captcha": ((*test_captcha.SMALL[:-1], "trainer.max_steps=20"), 8),
    "segmentation": ((*test_segmentation.SMALL, "trainer.schedule.lr_warmup_steps=4"), 4),
    "sentiment": ((*test_sentiment.SMALL, "trainer.schedule.lr_warmup_steps=5"), 5),
    "diagnosis": ((*test_diagnosis.SMALL,), 8),
}
"""A small study of each task, and the step at which its runs part."""


def is_plain(word: str) -> bool:
    return not word.startswith(("sweep=", "trainer.max_steps=", "+study.trials", "loss=captcha/weighted"))


def words_of(task: str) -> tuple[str, ...]:
    words, _ = TASKS[task]
    if task == "esmm":
        return (*words, f"trainer.eval_every={EVERY}")
    lengths = ("trainer.epochs=2,3", *LENGTHS[1:]) if task == "segmentation" else LENGTHS
    return (f"task={task}", *filter(is_plain, words), *lengths)


@dataclass
class Bench:
    """Where jobs of a study's trials run, one after another."""

    factory: TaskSpecs
    root: Path

    def path(self, trial: TrialSpec) -> Any:
        return self.factory.run_path(trial).path

    def run(self, trial: TrialSpec, name: str, **given: Any) -> tuple[RunFolder, Finished]:
        folder = RunFolder(self.root / name)
        run = RunSpec(trial=1, name=name, seed=0, config=trial.config, folder=str(folder.path), attempt=1)
        job = JobSpec(
            **{"job_id": name, "study": "s", "members": (run,), "stop_at": None, "start_from": None, **given},
            prepared=str(self.factory.prepared_of(trial).folder),
            needs=DeviceNeeds(device="cpu", n_threads=1),
        )
        heard: list[Message] = []

        def report(message: Message) -> Reply:
            heard.append(message)
            return "continue"

        run_job(job, report)
        assert isinstance(heard[-1], Finished), heard[-1]
        return folder, heard[-1]

    def leave_and_start(self, path: Any, step: int) -> tuple[tuple[Leave, ...], CheckpointRef]:
        """What a run leaves at `step`, and how another begins with it."""
        files = PrefixFiles(self.root / "prefixes")
        models = files.models(path, 0, "cpu-1", EVERY, step)
        whole = files.place(0, path[0].key, "cpu-1").whole(step)
        beside = (Leave(step=at, path=str(file), is_model=True) for at, file in models.items())
        start = CheckpointRef(path=str(whole), models={at: str(file) for at, file in models.items()})
        return (Leave(step=step, path=str(whole)), *beside), start


def rows_without_mark(folder: RunFolder) -> list[str]:
    return [line.replace(', "inherited": true', "") for line in folder.metrics.read_text().splitlines()]


@pytest.mark.parametrize("task", TASKS)
def test_forks_equal_full_runs_bitwise(task: str, tmp_path: Path) -> None:
    sweep = read_line(*words_of(task), f"study.results_dir={tmp_path}", multirun=True)
    factory = TaskSpecs(sweep)
    drafts = drafts_of(sweep, factory)
    leader, *others = drafts if task == "esmm" else drafts[:0:-1]
    bench, step = Bench(factory, tmp_path), TASKS[task][1]
    assert {equal_until(bench.path(leader), bench.path(other)) for other in others} == {step}
    leave, start = bench.leave_and_start(bench.path(leader), step)
    bench.run(leader, "leader", leave=leave)
    for at, trial in enumerate(others):
        whole, expected = bench.run(trial, f"whole{at}")
        fork, found = bench.run(trial, f"fork{at}", start_from=start)
        assert (found.steps_inherited, found.steps_trained) == (step, expected.steps_trained - step)
        same = {"metrics", "best_step", "ended_by"}
        assert found.model_dump(include=same) == expected.model_dump(include=same)
        assert rows_without_mark(fork) == rows_without_mark(whole)
        assert '"inherited": true' in fork.metrics.read_text()
        models = [read_checkpoint(folder.best)["model"] for folder in (fork, whole)]
        assert all(models[0][name].equal(models[1][name]) for name in models[1])
        records = [np.load(folder.records) for folder in (fork, whole)]
        assert all(np.array_equal(records[0][name], records[1][name]) for name in records[1])
