"""What every task's configuration has in common: strict models, and the facts a planner reads from them.

Types, ranges and units live in these models, default values in YAML. Nothing here imports torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sweeper.errors import Fault

Strings = Annotated[tuple[str, ...], Field(strict=False)]
"""A YAML list of strings."""
SPLIT_SIZES = ("val_rate", "test_rate", "n_val", "n_test")
"""Keys of a data section, where it has them, that say how large validation and test are."""


class StrictModel(BaseModel):
    """Frozen, no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )

    def without_cosmetics(self) -> dict[str, Any]:
        """The configuration without its cosmetic fields."""
        return _effective(self, "", set())


@dataclass(frozen=True)
class Stackable:
    """Sibling runs may differ in this field; it changes nothing before step `active_from`."""

    active_from: str | None = None


class ActiveWhen:
    """The field means something only while its siblings have these values: `ActiveWhen(enabled=True)`."""

    def __init__(self, **conditions: Any) -> None:
        self.conditions = conditions

    def holds(self, owner: BaseModel) -> bool:
        """Whether `owner`, the model that has the field, makes it active."""
        return all(getattr(owner, name) == value for name, value in self.conditions.items())


@dataclass(frozen=True)
class Cosmetic:
    """The field changes what is written, or where data lie, never what is trained: not in the fingerprint."""


class Preset(StrictModel):
    """What suits a data set's size; `trainer` and `aux_focal` refer to it by interpolation."""

    batch_size: int = Field(gt=0)
    max_steps: int = Field(gt=0)
    eval_every: int = Field(gt=0)
    warmup_steps: int = Field(ge=0)
    warmup_steps_short: int = Field(ge=0)


class TaskConfig(StrictModel):
    """The sections of a configuration that belong to a task; its fields are root keys (`data`, `loss`)."""

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
        return _inactive(self, "")

    def effective(self, max_steps: int) -> dict[str, Any]:
        """What training depends on: inactive fields blanked, cosmetic ones left out."""
        return _effective(self, "", self.inactive(max_steps))


def stackable_values(model: BaseModel, prefix: str = "") -> dict[str, Any]:
    """The values of all stackable fields by dotted path; an absent section has none."""
    values: dict[str, Any] = {}
    for name in type(model).model_fields:
        path, value = prefix + _key(type(model), name), getattr(model, name)
        if isinstance(value, BaseModel):
            values |= stackable_values(value, path + ".")
        elif _marks(type(model), name, Stackable):
            values[path] = value
    return values


def _key(model: type[BaseModel], name: str) -> str:
    return model.model_fields[name].alias or name


def _marks(model: type[BaseModel], name: str, kind: type) -> list[Any]:
    return [mark for mark in model.model_fields[name].metadata if isinstance(mark, kind)]


def _inactive(model: BaseModel, prefix: str) -> set[str]:
    paths: set[str] = set()
    for name in type(model).model_fields:
        path, value = prefix + _key(type(model), name), getattr(model, name)
        if not all(mark.holds(model) for mark in _marks(type(model), name, ActiveWhen)):
            paths.add(path)
        elif isinstance(value, BaseModel):
            paths |= _inactive(value, path + ".")
    return paths


def _effective(model: BaseModel, prefix: str, inactive: set[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in type(model).model_fields:
        key, value = _key(type(model), name), getattr(model, name)
        if _marks(type(model), name, Cosmetic):
            continue
        if prefix + key in inactive:
            kept[key] = None
        elif isinstance(value, BaseModel):
            kept[key] = _effective(value, f"{prefix}{key}.", inactive)
        else:
            kept[key] = model.model_dump(mode="json", by_alias=True, include={name})[key]
    return kept


Direction = Literal["maximize", "minimize"]
