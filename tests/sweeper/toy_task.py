"""A task from outside the repository, as far as reading a command line needs one: its configuration."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from sweeper.models import StrictModel
from sweeper.task.config import Preset, TaskConfig
from sweeper.task.prepared import Prepared


class Data(StrictModel):
    """A data set with a preset."""

    name: Literal["toy/small", "toy/large"]
    path: str | None
    preset: Preset


class Narrow(StrictModel):
    """A model with a width."""

    name: Literal["toy/narrow"]
    width: int = Field(gt=0)


class Wide(StrictModel):
    """A model with a width and a depth."""

    name: Literal["toy/wide"]
    width: int = Field(gt=0)
    depth: int = Field(gt=0)


class Loss(StrictModel):
    """A value of each kind that YAML has."""

    weight: float = Field(ge=0)
    kind: Literal["plain", "focal"]
    label: str | None
    words: tuple[str, ...] = Field(strict=False)
    table: dict[str, Any]
    is_on: bool


class ToyConfig(TaskConfig):
    """The sections of the toy task."""

    data: Data
    model: Annotated[Narrow | Wide, Field(discriminator="name")]
    loss: Loss


def prepare(config: ToyConfig, cache_dir: Path) -> Prepared:
    """Never called: these tests read command lines and run nothing."""
    raise AssertionError("reading a command line prepares no data")
