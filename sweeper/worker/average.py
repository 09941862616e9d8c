"""Several trained models as one, evaluated as one model would be.

The members' probabilities are averaged batch by batch inside a model, so that those of a whole split never
exist at once; the task of the first member evaluates it.
"""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.ensemble_spec import EnsembleFigures, EnsembleSpec, Member, model_digest
from sweeper.errors import RunError
from sweeper.layout import EnsembleFolder, RunFolder, write_atomic
from sweeper.schema import TaskSection
from sweeper.task import Averageable, Evaluation, Task, config_of, task_entry
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.figures import by_split, write_records
from sweeper.worker.serve import device_of, opened


class Average(nn.Module):
    """Models as one: the mean of what they state, in the form of the first one's outputs."""

    def __init__(self, tasks: Sequence[Averageable], models: Sequence[nn.Module]) -> None:
        super().__init__()
        self._tasks, self.models = tuple(tasks), nn.ModuleList(models)

    def forward(self, batch: Any) -> Any:
        """Outputs of the first task for the mean of all members' probabilities; one member at a time."""
        pairs = zip(self._tasks, self.models, strict=True)
        return self._tasks[0].outputs_of(mean_of(task.probabilities(model(batch)) for task, model in pairs))


def mean_of(stated: Iterable[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """The mean, tensor by tensor; only the sums and one more are in memory at a time."""
    each = iter(stated)
    sums, n = tuple(tensor.clone() for tensor in next(each)), 1  # a task may hand out what is the model's own
    for tensors in each:
        for total, tensor in zip(sums, tensors, strict=True):
            total += tensor
        n += 1
    return tuple(total.div_(n) for total in sums)


@dataclass(frozen=True)
class Loaded:
    """A member, ready: its task, its model with the weights of best.pt, and the step that these are of."""

    task: Task
    model: nn.Module
    step: int


def load(member: Member, prepared: str, device: torch.device) -> Loaded:
    """The member as its run left it. Raises RunError where its model is not that of the request."""
    folder = RunFolder(Path(member.folder))
    content = read_checkpoint(folder.best)
    if model_digest(folder) != member.model:
        raise RunError(f"{member}: {folder.best} is not the model that was asked for")
    entry = task_entry(TaskSection.model_validate(member.config["task"]))
    config = config_of(entry.config_class(), member.config)
    task: Task = entry.task_class()(config, opened(prepared), device)
    model = task.build_model()
    model.load_state_dict(content["model"])
    return Loaded(task, model, content["step"])


def evaluate(spec: EnsembleSpec) -> tuple[dict[str, float], Evaluation]:
    """Metrics of validation and test by `split/name`, and the evaluation of test. Raises RunError."""
    device = device_of(spec.device)
    members = [load(member, spec.prepared, device) for member in spec.members]
    first = members[0]
    if not isinstance(first.task, Averageable):
        task = type(first.task).__name__
        raise RunError(f"{task} states no probabilities that could be averaged (sweeper.task.Averageable)")
    model = average_of(members)
    step = torch.tensor(first.step, device=device)
    evaluations = {
        split: first.task.evaluate(model, split, first.task.coefficients(), step) for split in ("val", "test")
    }
    return by_split({split: _finite(found) for split, found in evaluations.items()}), evaluations["test"]


def average_of(members: Sequence[Loaded]) -> Average:
    """The members as one model; all their tasks are averageable."""
    tasks = [member.task for member in members if isinstance(member.task, Averageable)]
    return Average(tasks, [member.model for member in members])


def _finite(evaluation: Evaluation) -> dict[str, float]:
    metrics = {name: float(value) for name, value in evaluation.metrics.items()}
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def run(spec: EnsembleSpec, folder: EnsembleFolder) -> None:
    """Evaluate, and write what was found; the result last."""
    start = time.monotonic()
    if spec.n_threads is not None:
        torch.set_num_threads(spec.n_threads)
    metrics, test = evaluate(spec)
    for key in (f"val/{spec.metric}", f"test/{spec.metric}"):
        if key not in metrics:
            raise RunError(f"{key}: got no finite value for the average; expected the objective")
    write_records(folder.records, test)
    figures = EnsembleFigures(metrics=metrics, device=spec.device, seconds=time.monotonic() - start)
    write_atomic(folder.result, figures.model_dump_json(indent=2))
