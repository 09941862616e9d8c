"""Types, ranges and units of the `loss` section for segmentation; values are in `conf/loss/segmentation/`."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from sweeper.task import Stackable, StrictModel

NonNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _not_all_0(weights: tuple[float, ...]) -> tuple[float, ...]:
    if sum(weights) == 0:
        raise ValueError("one number >= 0 for each class, not all 0")
    return weights


PerClass = Annotated[tuple[NonNegative, ...], Field(strict=False), AfterValidator(_not_all_0)]
ClassWeights = PerClass | Literal["inverse_frequency", "effective_number"]
Alpha = Share | PerClass | Literal["auto"] | None


class _Loss(StrictModel):
    terms: ClassVar[tuple[str, ...]] = ("loss_pixels",)
    ignore_index: Annotated[int, Field(ge=0)] | None


class _WithDice(_Loss):
    terms: ClassVar[tuple[str, ...]] = ("loss_pixels", "loss_dice")
    ce_weight: Annotated[NonNegative, Stackable()]
    dice_weight: Annotated[NonNegative, Stackable()]

    @model_validator(mode="after")
    def _something_to_minimise(self) -> "_WithDice":
        if self.ce_weight == self.dice_weight == 0:
            raise ValueError(
                "loss.ce_weight, loss.dice_weight: got 0 and 0; expected one of them above 0. "
                "Without both there is nothing to minimise."
            )
        return self


class Ce(_Loss):
    """Cross-entropy, each pixel alike."""

    name: Literal["segmentation/ce"]


class CeWeighted(_Loss):
    """Cross-entropy, each pixel weighted by its class."""

    name: Literal["segmentation/ce_weighted"]
    class_weights: Annotated[ClassWeights, Stackable()]


class CeDice(_WithDice):
    """Cross-entropy and soft Dice."""

    name: Literal["segmentation/ce_dice"]


class Focal(_Loss):
    """Focal loss alone."""

    name: Literal["segmentation/focal"]
    focal_gamma: Annotated[NonNegative, Stackable()]
    focal_alpha: Annotated[Alpha, Stackable()]


class FocalDice(_WithDice):
    """Focal loss and soft Dice; `ce_weight` is the weight of the focal term."""

    name: Literal["segmentation/focal_dice"]
    focal_gamma: Annotated[NonNegative, Stackable()]
    focal_alpha: Annotated[Alpha, Stackable()]


class FocalDiceWeighted(_WithDice):
    """The same, with weights by class beside alpha in the focal term."""

    name: Literal["segmentation/focal_dice_weighted"]
    focal_gamma: Annotated[NonNegative, Stackable()]
    focal_alpha: Annotated[Alpha, Stackable()]
    class_weights: Annotated[ClassWeights, Stackable()]


AnyFocal = Focal | FocalDice | FocalDiceWeighted
LossConfig = Annotated[
    Ce | CeWeighted | CeDice | Focal | FocalDice | FocalDiceWeighted, Field(discriminator="name")
]
