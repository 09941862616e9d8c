"""Types, ranges and units of the `loss` section for captcha; values are in `conf/loss/captcha/`."""

from typing import Annotated, Literal

from pydantic import Field

from sweeper.task import ActiveWhen, Stackable, StrictModel

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Bce(StrictModel):
    """A yes-or-no question for each position and character."""

    name: Literal["captcha/bce"]


class WeightedBce(StrictModel):
    """The same, where the one right character of a position counts `pos_weight` times."""

    name: Literal["captcha/weighted_bce"]
    pos_weight: Annotated[Positive, Stackable()]


class BinaryFocal(StrictModel):
    """The same, where what is answered well already counts less."""

    name: Literal["captcha/binary_focal"]
    gamma: Annotated[NonNegative, Stackable()]
    use_alpha: bool
    alpha: Annotated[Share, ActiveWhen(use_alpha=True), Stackable()]


class Ce(StrictModel):
    """One choice out of all characters for each position."""

    name: Literal["captcha/ce"]


class FocalCe(StrictModel):
    """The same, where positions that are read well already count less."""

    name: Literal["captcha/focal_ce"]
    gamma: Annotated[NonNegative, Stackable()]


OneChoice = Ce | FocalCe
"""Losses under which the outputs of a position are a softmax; under the others each is a sigmoid."""
LossConfig = Annotated[Bce | WeightedBce | BinaryFocal | Ce | FocalCe, Field(discriminator="name")]
