"""Types, ranges and units of the `loss` section for sentiment; values are in `conf/loss/sentiment/`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tasks.config import Stackable, StrictModel
from tasks.sentiment.polarities import N_POLARITIES

NonNegative = Annotated[float, Field(ge=0)]
PerClass = Annotated[tuple[NonNegative, ...], Field(strict=False)]
Alpha = PerClass | Literal["auto", "per_aspect"] | None


class _Loss(StrictModel):
    absent: Literal["masked", "class"]

    @property
    def n_classes(self) -> int:
        """Outputs an aspect: the polarities, and "not named" where that is a class of its own."""
        return N_POLARITIES + (self.absent == "class")


class Ce(_Loss):
    """Cross-entropy of each aspect."""

    name: Literal["sentiment/ce"]


class MultilabelFocal(_Loss):
    """Focal loss of each aspect."""

    name: Literal["sentiment/multilabel_focal"]
    focal_gamma: Annotated[NonNegative, Stackable()]
    focal_alpha: Annotated[Alpha, Stackable()]

    @model_validator(mode="after")
    def _an_alpha_a_class(self) -> "MultilabelFocal":
        alpha, n = self.focal_alpha, self.n_classes
        if isinstance(alpha, tuple) and (len(alpha) != n or sum(alpha) == 0):
            order = "positive, negative, neutral" + (", not named" if self.absent == "class" else "")
            raise ValueError(
                f"loss.focal_alpha: got {list(alpha)}; expected {n} numbers >= 0, not all 0, in the order "
                f"{order}. With loss.absent={self.absent} an aspect has {n} classes."
            )
        return self


LossConfig = Annotated[Ce | MultilabelFocal, Field(discriminator="name")]
