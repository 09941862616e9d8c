"""Types, ranges and units of image augmentation; values are in the `data` options. No torch here."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sweeper.task import ActiveWhen, StrictModel

Rate = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, lt=1)]
Factor = Annotated[float, Field(gt=0)]


def _in_order(scale: tuple[float, float]) -> tuple[float, float]:
    if scale[0] > scale[1]:
        raise ValueError("two factors, the smaller first, as [0.85, 1.15]")
    return scale


Factors = Annotated[tuple[Factor, Factor], Field(strict=False), AfterValidator(_in_order)]


class Augmentation(StrictModel):
    """How training images are varied, each on its own; see `sweeper_tasks.augmentation.augment`."""

    enabled: bool
    flip_rate: Annotated[Rate, ActiveWhen(enabled=True)]
    rotation_deg: Annotated[float, Field(ge=0, le=180), ActiveWhen(enabled=True)]
    scale: Annotated[Factors, ActiveWhen(enabled=True)]
    brightness: Annotated[Spread, ActiveWhen(enabled=True)]
    contrast: Annotated[Spread, ActiveWhen(enabled=True)]
    saturation: Annotated[Spread, ActiveWhen(enabled=True)]
    noise: Annotated[Rate, ActiveWhen(enabled=True)]
