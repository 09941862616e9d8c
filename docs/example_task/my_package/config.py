"""Types and ranges of the task's own sections; their values are in my_conf/. No torch here."""

from typing import Annotated

from pydantic import Field

from sweeper.task import Stackable, StrictModel, TaskConfig


class Data(StrictModel):
    """Which data, and how they are split: alike for all trials and seeds."""

    name: str
    split_seed: int = Field(ge=0)


class Model(StrictModel):
    """One hidden layer of `width` units."""

    width: int = Field(gt=0)


class Loss(StrictModel):
    """Trials that differ in gamma only may train together."""

    gamma: Annotated[float, Stackable(), Field(ge=0)]


class MyConfig(TaskConfig):
    """Each field is a section of the configuration."""

    data: Data
    model: Model
    loss: Loss
