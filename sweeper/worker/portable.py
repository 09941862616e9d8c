"""A trained model as a module of plain tensors, for whoever knows nothing of tasks and batches."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.layout import RunFolder
from sweeper.schema import TaskSection
from sweeper.task import Prepared, config_of, task_entry
from sweeper.trial import JobSpec
from sweeper.worker.checkpoint import read_checkpoint

N_EXAMPLES = 2


class Portable(nn.Module):
    """`model`, called with the tensors of a batch that it looks at; returns one tensor, or a tuple."""

    def __init__(self, model: nn.Module, batch_type: type, fields: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.batch_type, self.fields = model, batch_type, fields

    def forward(self, *tensors: Any) -> Any:
        """What the model says of a batch, given as tensors in order, or as one mapping of them by name.

        Labels are left out.
        """
        by_name = (
            tensors[0] if isinstance(tensors[0], Mapping) else dict(zip(self.fields, tensors, strict=True))
        )
        given = {name: torch.as_tensor(by_name[name]) for name in self.fields}
        names = self.batch_type._fields  # type: ignore[attr-defined]  # a NamedTuple
        outputs = self.model(self.batch_type(**{name: given.get(name) for name in names}))
        return tuple(outputs) if isinstance(outputs, tuple | list) else outputs


@dataclass(frozen=True)
class PortableModel:
    """The module, an example of each of its inputs and of its outputs, by name.

    The example holds zeros in the shapes of the training data: nothing of the data leaves with it. An output
    without a name of its own is `output_0`, `output_1`, ... `tools` are files that inputs are made with.
    """

    module: Portable
    example: dict[str, Tensor]
    outputs: dict[str, Tensor]
    tools: tuple[Path, ...] = ()

    @property
    def batch(self) -> str:
        """What its task says of the batches of which the inputs are parts."""
        return " ".join((self.module.batch_type.__doc__ or "").split())


class Watched:
    """A batch that remembers which of its fields somebody has asked for."""

    def __init__(self, batch: Any) -> None:
        self._batch = batch
        self.seen: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.seen.append(name)
        return getattr(self._batch, name)


@torch.no_grad()
def portable(run: RunFolder) -> PortableModel:
    """The model that a run of one of our tasks has kept, on the CPU.

    Raises ValueError for a task whose batches are no named tuples of tensors, CheckpointError, OSError where
    a file is gone, and whatever the task raises.
    """
    job = JobSpec.model_validate_json(run.job.read_text(encoding="utf-8"))
    config = job.members[0].config
    entry = task_entry(TaskSection.model_validate(config["task"]))
    prepared = Prepared.open(_prepared(run, job))
    task = entry.task_class()(config_of(entry.config_class(), config), prepared, torch.device("cpu"))
    model: nn.Module = task.build_model()
    model.load_state_dict(read_checkpoint(run.best)["model"])
    batch = task.train_batch(torch.arange(N_EXAMPLES))
    if not hasattr(batch, "_fields") or not all(isinstance(part, Tensor) for part in batch):
        raise ValueError(f"the batches of {entry.task} are no named tuples of tensors")
    zeros = type(batch)(*(torch.zeros_like(part) for part in batch))
    module = Portable(model, type(batch), looked_at(model.eval(), zeros)).eval()
    example = {name: getattr(zeros, name) for name in module.fields}
    return PortableModel(module, example, _named(model(zeros)), prepared.tools)


def _named(outputs: Any) -> dict[str, Tensor]:
    each = outputs if isinstance(outputs, tuple | list) else (outputs,)
    names = getattr(outputs, "_fields", [f"output_{i}" for i in range(len(each))])
    return dict(zip(names, each, strict=True))


def _prepared(run: RunFolder, job: JobSpec) -> Path:
    """The job's data; beside the study where the results were moved, or another folder is the current one."""
    given, moved = Path(job.prepared), run.path.resolve().parents[3] / "cache" / Path(job.prepared).name
    return moved if moved.exists() and not given.exists() else given


def looked_at(model: nn.Module, batch: Any) -> tuple[str, ...]:
    """The fields of a batch that a model uses; all where it takes the batch for a tuple."""
    watched = Watched(batch)
    try:
        model(watched)
    except Exception:  # it unpacks the batch, or looks at its type
        return tuple(batch._fields)
    return tuple(name for name in batch._fields if name in watched.seen)
