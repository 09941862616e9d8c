"""What every task's configuration has in common: strict models, and the facts a planner reads from them.

Types, ranges and units live in these models, default values in YAML. Nothing here imports torch.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from sweeper.errors import Fault
from sweeper.models import StrictModel, effective_values, inactive_paths
from sweeper.task.imbalance import Counts, class_counts

SPLIT_SIZES = ("val_rate", "test_rate", "n_val", "n_test")
"""Keys of a data section, where it has them, that say how large validation and test are."""


class Preset(StrictModel):
    """What suits a data set's size; `trainer` and `aux_focal` refer to it by interpolation."""

    batch_size: int = Field(gt=0)
    max_steps: int = Field(gt=0)
    eval_every: int = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    warmup_steps_short: int = Field(ge=0)


class TaskConfig(StrictModel):
    """The sections of a configuration that belong to a task; its fields are root keys (`data`, `loss`)."""

    is_averageable: ClassVar[bool] = True
    """False where its task does not follow `Averageable`: an ensemble is refused before anything runs."""

    def notices(self, max_steps: int) -> list[str]:
        """Warnings about values that are legal but likely not meant, each starting with the key."""
        return []

    def describe(self) -> str:
        """One line for the log of a run: which features are on."""
        return ""

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """Lines shown when a study or a run begins: which of the data's facts decide how it trains.

        Lines with which those of all trials begin are shown once, so what depends on the trial comes last.
        """
        return []

    def warnings(self, facts: Mapping[str, Any]) -> list[str]:
        """Warnings about the data, by their facts: what makes a study's result say less than it seems to."""
        return []

    def class_counts(self, facts: Mapping[str, Any]) -> Mapping[str, Counts]:
        """How many training examples each class has, by what they are the classes of; hints rest on it."""
        return class_counts(facts)

    def split_sizes(self) -> list[str]:
        """The keys that make validation or test larger in this configuration, dotted."""
        data = self.effective(0).get("data") or {}
        return [f"data.{key}" for key in SPLIT_SIZES if data.get(key) is not None]

    def faults(self, facts: Mapping[str, Any]) -> list[Fault]:
        """What in this configuration cannot train on data with these facts; asked before any run starts."""
        return []

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Names of exactly the metrics that `Task.evaluate` gives on `split` of data with these facts.

        On train, of which a task may evaluate a subset only, some of them may be missing. None: they are not
        known before training, and a metric that is asked for by a wrong name is told by the runs.
        """
        return None

    def nan_advice(self) -> str:
        """What to try when the loss becomes NaN."""
        return "Try a smaller optimizer.lr or trainer.grad_clip_norm=1."

    def inactive(self, max_steps: int) -> set[str]:
        """Dotted paths of the fields that mean nothing in this configuration."""
        return inactive_paths(self, "")

    def effective(self, max_steps: int) -> dict[str, Any]:
        """What training depends on: inactive fields blanked, cosmetic ones left out."""
        return effective_values(self, "", self.inactive(max_steps))
