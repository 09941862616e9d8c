"""Types, ranges and units of the `loss` section for diagnosis; values are in `conf/loss/diagnosis/`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from sweeper.task import ActiveWhen, Stackable, StrictModel

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
PerClass = Annotated[tuple[NonNegative, ...], Field(strict=False, min_length=2)]
Alpha = Share | PerClass | Literal["auto"]


class _Strategy(StrictModel):
    """What all have: the focal loss F of the main head, and its weight; `terms` are what a run reports."""

    terms: ClassVar[tuple[str, ...]] = ("main", "aux")
    alpha: Annotated[Alpha, Stackable()]
    gamma: Annotated[NonNegative, Stackable()]
    main_weight: Annotated[Positive, Stackable()]
    aux_weight: Annotated[NonNegative, Stackable()]


class _Diverse(_Strategy):
    """What rewards heads that differ."""

    terms: ClassVar[tuple[str, ...]] = ("main", "aux", "diversity")
    diversity_weight: Annotated[NonNegative, Stackable()]
    divergence: Literal["js", "kl"]
    kl_cap: Annotated[Positive, ActiveWhen(divergence="kl"), Stackable()]


class DualFocal(_Strategy):
    """Focal loss of both heads."""

    name: Literal["diagnosis/dual_focal"]


class Balanced(_Strategy):
    """A softened auxiliary head that is kept near the main one."""

    terms: ClassVar[tuple[str, ...]] = ("main", "aux", "consistency")
    name: Literal["diagnosis/balanced"]
    smoothing: Annotated[Share, Stackable()]
    consistency_weight: Annotated[NonNegative, Stackable()]


class FocalSmooth(_Diverse):
    """A softened, cooled auxiliary head that is rewarded for being different."""

    name: Literal["diagnosis/focal_smooth"]
    smoothing: Annotated[Share, Stackable()]
    aux_temperature: Annotated[Positive, Stackable()]


class ConfidenceAware(_Strategy):
    """The auxiliary head learns where the main one is unsure, and the main one when it may be sure."""

    terms: ClassVar[tuple[str, ...]] = ("main", "aux", "calibration")
    name: Literal["diagnosis/confidence_aware"]
    main_confidence_weight: Annotated[NonNegative, Stackable()]
    aux_confidence_weight: Annotated[NonNegative, Stackable()]
    calibration_weight: Annotated[NonNegative, Stackable()]

    @model_validator(mode="after")
    def _never_rewards_mistakes(self) -> "ConfidenceAware":
        if self.aux_confidence_weight > self.aux_weight:
            raise ValueError(
                f"loss.aux_confidence_weight: got {self.aux_confidence_weight:g} above loss.aux_weight "
                f"({self.aux_weight:g}); expected at most that. Else a sure main head would reward the "
                "auxiliary head's mistakes."
            )
        return self


class Adversarial(_Diverse):
    """Heads that are rewarded for being different where both are right."""

    name: Literal["diagnosis/adversarial"]


Strategy = DualFocal | Balanced | FocalSmooth | ConfidenceAware | Adversarial


class Auto(StrictModel):
    """One of four strategies, by the training split and by what the user needs; see `strategy.py`."""

    name: Literal["diagnosis/auto"]
    rare_below: Share
    focal_smooth: FocalSmooth
    confidence_aware: ConfidenceAware
    adversarial: Adversarial
    balanced: Balanced


LossConfig = Annotated[Strategy | Auto, Field(discriminator="name")]
