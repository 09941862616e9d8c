"""The contract between a task and whoever trains it."""

from __future__ import annotations  # types of torch are named here, and never loaded

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Coefficients: TypeAlias = "Mapping[str, Tensor]"
"""Loss coefficients by dotted path (`aux_focal.lambda`), each a 0-d float tensor on the task's device."""


@dataclass(frozen=True)
class Evaluation:
    """What one pass over a split says.

    `metrics`: plain names without the split (`ctcvr_auc`, `loss_ctr`). `records`: per-example arrays of equal
    length n; `records["influence_<metric>"]` holds the influence values of that metric: mean zero, and
    sum(x**2) / n**2 is its sampling variance over the finite split (DeLong's components for an AUC). A study
    of a metric without them knows the noise of seeds only. Those of the test split are kept, no others.
    """

    metrics: dict[str, float]
    records: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)


class Task(Protocol):
    """One ML problem on one device.

    Made by `TaskClass(config, prepared, device)`. Rules that let siblings train stacked: `loss` is a pure
    function of tensors, coefficients arrive as 0-d tensors, there is no branch on a tensor's value, no
    boolean indexing and no `.item()`; batches depend on seed and step only, never on the trial.
    """

    def __init__(self, config: Any, prepared: Prepared, device: torch.device) -> None:
        """Data are opened here and moved to the device; `prepared.once` keeps them for the next runs."""

    @property
    def n_train(self) -> int:
        """Number of training examples."""

    def build_model(self) -> nn.Module:
        """A freshly initialised model on the device; draws from torch's global generator."""

    def coefficients(self) -> dict[str, Tensor]:
        """The stackable loss coefficients of this configuration, as 0-d tensors."""

    def train_batch(self, indices: Tensor) -> Any:
        """The training examples at `indices` ([B] int64 on the device)."""

    def loss(
        self, outputs: Any, batch: Any, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The scalar to differentiate, and its components, detached. `step` is a 0-d int64 tensor."""

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """Metrics and per-example records on `split`: "train" (a fixed subset), "val" or "test".

        `model` is put into evaluation mode and left there. The model is called as `model(batch)` in training
        and here.
        """


@runtime_checkable
class Averageable(Protocol):
    """A task whose outputs are probabilities in another form, so that models can be averaged.

    `outputs_of(probabilities(outputs))` says the same as `outputs` does, and `loss` and `evaluate` accept it.
    """

    def probabilities(self, outputs: Any) -> tuple[Tensor, ...]:
        """The probabilities that outputs of this configuration's model state; float64."""

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> Any:
        """Outputs, as this configuration's model gives them, that state these probabilities."""


def config_of(config_class: type[TaskConfig], config: Mapping[str, Any]) -> TaskConfig:
    """The task's own sections of a whole configuration, validated."""
    keys = {info.alias or name for name, info in config_class.model_fields.items()}
    return config_class.model_validate({key: config[key] for key in keys if key in config})
