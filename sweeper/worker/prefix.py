"""What runs of one seed have in common: one trains it and leaves it, the others begin with it.

What is left at a step is the whole state after that step, with the evaluations on the way there. A run with
another loss has figures of its own for these: it evaluates what the models answered, which was left beside;
where that was too much, the models.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import torch

from sweeper.errors import CheckpointError
from sweeper.schema import own_sections
from sweeper.trial import CheckpointRef, Leave, RunSpec, canonical
from sweeper.worker.answers import Answers, answering, can_be_kept
from sweeper.worker.checkpoint import Content, environment, read_checkpoint, write_checkpoint
from sweeper.worker.training import MisfitError, Training

Row = dict[str, Any]
"""One evaluation of one split, as `metrics.jsonl` has it."""
Measure = Callable[[str, int], Mapping[str, float]]
"""The metrics of the present model on a split, the loss as of a step."""
N_PARTS = 4
"""Of a path, `seed0/<key>/<device>/<step>.pt` says what the file is."""
INHERITED = "inherited"
"""Marks a row that another run has trained for."""


@dataclass(frozen=True)
class Prefix:
    """The beginning of a run, trained by another: its state, and the rows that the run itself would have."""

    step: int
    content: Content
    rows: tuple[Row, ...]

    def by_step(self) -> Iterator[tuple[int, list[Row]]]:
        """The rows of each evaluation."""
        for step, rows in groupby(self.rows, key=lambda row: int(row["global_step"])):
            yield step, list(rows)


@dataclass(frozen=True)
class Prefixes:
    """What one run leaves for others (`leave`), and what it begins with itself (`start_from`).

    `sections`: the task's own part of its configuration, on which all its figures depend.
    """

    start_from: CheckpointRef | None = None
    leave: tuple[Leave, ...] = ()
    sections: str = ""
    objective: str = ""

    @classmethod
    def of(cls, run: RunSpec, start_from: CheckpointRef | None, leave: tuple[Leave, ...]) -> "Prefixes":
        """Those of a job's member."""
        task: Any = run.config["task"]
        return cls(start_from, leave, canonical(own_sections(run.config)), task["metric"])

    def wanted_at(self, step: int) -> list[Leave]:
        """What is to be left at this step and is not there."""
        return [one for one in self.leave if one.step == step and not Path(one.path).exists()]

    def asks_for_model(self, step: int) -> bool:
        """Whether others will evaluate the model of this step."""
        return any(one.is_model for one in self.wanted_at(step))

    def write(
        self, order: Leave, training: Training, rows: list[Row], answers: Mapping[str, Answers]
    ) -> None:
        """Leave it, atomically; `rows` are all evaluations so far, `answers` by split those of this step."""
        content: Content = {"model": training.model.state_dict()}
        if order.is_model and can_be_kept(answers):
            content = {"answers": dict(answers)}
        elif not order.is_model:
            training.watch.check()
            content = {
                "training": training.state_dict(),
                "environment": kind_of(training.device),
                "rows": rows,
                "sections": self.sections,
            }
        write_checkpoint(Path(order.path), {"prefix": mark_of(order.path), **content})

    def begin(self, training: Training, measure: Measure) -> tuple[Prefix | None, tuple[str, ...]]:
        """What the run begins with, loaded into `training`, or None; and what to say of it."""
        if self.start_from is None:
            return None, ()
        before = copy.deepcopy(training.state_dict())
        try:
            prefix = self.read(training, measure)
            training.load_state_dict(prefix.content["training"])
        except (CheckpointError, MisfitError) as error:
            training.load_state_dict(before)
            where = "" if isinstance(error, CheckpointError) else f"{self.start_from.path} "
            return None, (f"trains from its first step: {where}{error}",)
        return prefix, (f"begins at step {prefix.step} with what another run of this seed has trained",)

    def read(self, training: Training, measure: Measure) -> Prefix:
        """What the run begins with; the training's model may be another one afterwards.

        Raises CheckpointError where it is gone or damaged, MisfitError where this run would have come to
        other bits.
        """
        assert self.start_from is not None
        content = _read(self.start_from.path)
        if content["environment"] != kind_of(training.device):
            raise MisfitError("was trained in another environment, so that its last bits are others")
        rows = [{key: value for key, value in row.items() if key != INHERITED} for row in content["rows"]]
        if content["sections"] != self.sections:
            rows = self._restated(rows, self.start_from, training, measure)
        marked = tuple({**row, INHERITED: True} for row in rows)
        return Prefix(content["training"]["step"], content, marked)

    def _restated(
        self, rows: list[Row], ref: CheckpointRef, training: Training, measure: Measure
    ) -> list[Row]:
        """The rows with this run's own figures of the same models."""
        own: list[Row] = []
        for row in rows:
            split, step = row["split"], row["global_step"]
            if not own or step != own[-1]["global_step"]:
                content = _read(ref.models.get(step, f"{ref.path}: the model of step {step}"))
                if "model" in content:
                    training.model.load_state_dict(content["model"])
            answers = content.get("answers", {}).get(split)
            asked = nullcontext() if answers is None else answering(training.model, answers, training.device)
            with asked:
                found = measure(split, step)
            if split == "val" and found.get(self.objective) != row.get(self.objective):
                raise MisfitError(f"{self.objective} depends on what differs from the other run's loss")
            facts = {key: row[key] for key in ("epoch", "split", "global_step")}
            own.append({**facts, **found, "lr": row["lr"]})
        return own


def kind_of(device: torch.device) -> dict[str, str | int]:
    """What the last bits depend on; on GPUs also which they are."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {**environment(device), "name": name}


def mark_of(path: str) -> str:
    """What a file says that it is: seed, what it stands for, device and step, as its path has them."""
    return "/".join(Path(path).parts[-N_PARTS:])


def _read(path: str) -> Content:
    content = read_checkpoint(Path(path))
    if not isinstance(content, dict) or content.get("prefix") != mark_of(path):
        raise CheckpointError(path, "is not what was to be left there")
    return content
