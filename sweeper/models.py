"""What every model of a configuration has in common, and what the marks on its fields mean.

Types, ranges and units live in such models, default values in YAML. Nothing here imports torch.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Strings = Annotated[tuple[str, ...], Field(strict=False)]
"""A YAML list of strings."""
Direction = Literal["maximize", "minimize"]
DIRECTIONS: dict[str, Direction] = {
    "max": "maximize",
    "maximize": "maximize",
    "min": "minimize",
    "minimize": "minimize",
}
"""How a direction may be written, in small letters or capitals."""
Number = int | float
"""As it was read or computed: a file that is read and written again keeps 18 and 18.0 apart."""


class StrictModel(BaseModel):
    """Frozen, no unknown keys, no silent conversions, no NaN."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True
    )

    def without_cosmetics(self) -> dict[str, Any]:
        """The configuration without its cosmetic fields."""
        return effective_values(self, "", set())


class LenientModel(BaseModel):
    """Frozen; keys that it does not know are left out, so that files of other versions can be read."""

    model_config = ConfigDict(frozen=True)


@dataclass(frozen=True)
class ActiveFrom:
    """The field changes nothing that is trained before the step that its sibling `active_from` holds."""

    active_from: str


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


@dataclass(frozen=True)
class CountsAs:
    """In fingerprints the field has this value, whatever it is: what it does shows in the data's digest."""

    value: Any


@dataclass(frozen=True)
class UsuallyLeftOut:
    """In fingerprints the field is missing while it has this value: what held before it could be set."""

    value: Any


def key_in(model: type[BaseModel], name: str) -> str:
    """The field's key in YAML: its alias, where it has one."""
    return model.model_fields[name].alias or name


@cache
def marks_of(model: type[BaseModel], name: str, kind: type) -> tuple[Any, ...]:
    """The marks of that kind on a field."""
    return tuple(mark for mark in model.model_fields[name].metadata if isinstance(mark, kind))


def inactive_paths(model: BaseModel, prefix: str) -> set[str]:
    """Dotted paths of the fields that mean nothing at the values of their siblings (`ActiveWhen`)."""
    paths: set[str] = set()
    for name, key, conditions in _conditions(type(model)):
        value = getattr(model, name)
        if conditions and not all(mark.holds(model) for mark in conditions):
            paths.add(prefix + key)
        elif isinstance(value, BaseModel):
            paths |= inactive_paths(value, f"{prefix}{key}.")
    return paths


@cache
def _conditions(model: type[BaseModel]) -> tuple[tuple[str, str, tuple[ActiveWhen, ...]], ...]:
    """The fields: name, key, and when they mean something."""
    return tuple(
        (name, key_in(model, name), marks_of(model, name, ActiveWhen)) for name in model.model_fields
    )


def conditional_paths(model: BaseModel, prefix: str = "") -> dict[str, set[str]]:
    """By dotted path, the siblings without some values of which a field means nothing (`ActiveWhen`)."""
    found: dict[str, set[str]] = {}
    owner = type(model)
    for name in owner.model_fields:
        path, value = prefix + key_in(owner, name), getattr(model, name)
        conditions = [other for mark in marks_of(owner, name, ActiveWhen) for other in mark.conditions]
        if conditions:
            found[path] = {prefix + key_in(owner, other) for other in conditions}
        if isinstance(value, BaseModel):
            found |= conditional_paths(value, f"{path}.")
    return found


def starts(model: BaseModel, prefix: str = "") -> dict[str, int]:
    """By dotted path, the step from which a field acts; fields that act from the start are left out."""
    found: dict[str, int] = {}
    for name, key, marks in _beginnings(type(model)):
        path, value = prefix + key, getattr(model, name)
        for mark in marks:
            if mark.active_from is not None:
                found[path] = getattr(model, mark.active_from)
        if isinstance(value, BaseModel):
            found |= starts(value, f"{path}.")
    return found


@cache
def _beginnings(model: type[BaseModel]) -> tuple[tuple[str, str, tuple[Stackable | ActiveFrom, ...]], ...]:
    """The fields: name, key, and from when they act."""
    return tuple(
        (name, key_in(model, name), (*marks_of(model, name, Stackable), *marks_of(model, name, ActiveFrom)))
        for name in model.model_fields
    )


def effective_values(model: BaseModel, prefix: str, inactive: set[str]) -> dict[str, Any]:
    """The model's values by key without cosmetic ones, null at the paths that are `inactive`."""
    kept: dict[str, Any] = {}
    written: dict[str, str] = {}
    for name, key, counted, left_out in _fields_that_count(type(model)):
        value = getattr(model, name)
        if left_out and any(mark.value == value for mark in left_out):
            continue
        if counted:
            kept[key] = counted[0].value
        elif prefix + key in inactive:
            kept[key] = None
        elif isinstance(value, BaseModel):
            kept[key] = effective_values(value, f"{prefix}{key}.", inactive)
        else:
            kept[key] = written[key] = name
    if written:  # all at once: one call takes as long for a field as for ten
        dumped = model.model_dump(mode="json", by_alias=True, include=set(written.values()))
        kept.update((key, dumped[key]) for key in written)
    return kept


_Field = tuple[str, str, tuple[CountsAs, ...], tuple[UsuallyLeftOut, ...]]


@cache
def _fields_that_count(model: type[BaseModel]) -> tuple[_Field, ...]:
    """The fields that are not cosmetic: name, key, and what decides how they are written."""
    return tuple(
        (name, key_in(model, name), marks_of(model, name, CountsAs), marks_of(model, name, UsuallyLeftOut))
        for name in model.model_fields
        if not marks_of(model, name, Cosmetic)
    )


def drop_key(config: dict[str, Any], path: Sequence[str]) -> None:
    """Leave out the key at this path of nested sections, if there is one."""
    *parents, last = path
    node: Any = config
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(last, None)


def digest_of(*parts: str | bytes) -> str:
    """`sha256:...` over the parts, in order, unambiguously separated."""
    sha = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        sha.update(len(raw).to_bytes(8, "little") + raw)
    return f"sha256:{sha.hexdigest()}"


def stackable_values(model: BaseModel, prefix: str = "") -> dict[str, Any]:
    """The values of all stackable fields by dotted path; an absent section has none."""
    values: dict[str, Any] = {}
    for name in type(model).model_fields:
        path, value = prefix + key_in(type(model), name), getattr(model, name)
        if isinstance(value, BaseModel):
            values |= stackable_values(value, path + ".")
        elif marks_of(type(model), name, Stackable):
            values[path] = value
    return values
