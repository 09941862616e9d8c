"""The one number that trials differ in."""

from pydantic import Field

from sweeper.models import StrictModel
from sweeper.task import TaskConfig


class Data(StrictModel):
    """Nothing to configure."""

    name: str


class Loss(StrictModel):
    """Trials differ in `x`; the best one is 0.3."""

    x: float = Field(ge=0, le=1)


class NoopConfig(TaskConfig):
    """Each field is a section of the configuration."""

    data: Data
    loss: Loss
