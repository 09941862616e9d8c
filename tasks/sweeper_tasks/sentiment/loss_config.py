"""Types, ranges and units of the `loss` section for sentiment; values are in `conf/loss/sentiment/`."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from sweeper.task import Stackable, StrictModel
from sweeper_tasks.sentiment.polarities import N_POLARITIES, POLARITIES

NonNegative = Annotated[float, Field(ge=0)]
PerClass = Annotated[tuple[float, ...], Field(strict=False)]
CLASSES = (*POLARITIES, "not named")
Alpha = PerClass | Literal["auto", "per_aspect"] | None


def n_classes_of(absent: str) -> int:
    """Classes of an aspect: the polarities, and "not named" where `loss.absent` makes it a class."""
    return N_POLARITIES + (absent == "class")


class _Loss(StrictModel):
    absent: Literal["masked", "class"]

    @property
    def n_classes(self) -> int:
        """Outputs an aspect: the polarities, and "not named" where that is a class of its own."""
        return n_classes_of(self.absent)


class Ce(_Loss):
    """Cross-entropy of each aspect."""

    name: Literal["sentiment/ce"]


class MultilabelFocal(_Loss):
    """Focal loss of each aspect."""

    name: Literal["sentiment/multilabel_focal"]
    focal_gamma: Annotated[NonNegative, Stackable()]
    focal_alpha: Annotated[Alpha, Stackable()]

    @field_validator("focal_alpha")
    @classmethod
    def _an_alpha_a_class(cls, alpha: Alpha, info: ValidationInfo) -> Alpha:
        absent = info.data.get("absent", "masked")  # not there where it is wrong itself
        n = n_classes_of(absent)
        if isinstance(alpha, tuple) and (len(alpha) != n or min(alpha) < 0 or sum(alpha) == 0):
            order = ", ".join(CLASSES[:n])
            raise ValueError(
                f"got {list(alpha)}; expected {n} numbers >= 0, not all 0, in the order {order}: "
                f"with loss.absent={absent} an aspect has {n} classes"
            )
        return alpha


LossConfig = Annotated[Ce | MultilabelFocal, Field(discriminator="name")]
