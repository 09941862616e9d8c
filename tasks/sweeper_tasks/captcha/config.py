"""Types, ranges and units of the sections that belong to captcha; default values are in `conf/`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sweeper.task import StrictModel, TaskConfig, lines_of_ignored, lines_of_skipped
from sweeper_tasks.captcha.data_config import DataConfig
from sweeper_tasks.captcha.loss_config import BinaryFocal, LossConfig
from sweeper_tasks.captcha.names import OUTPUT_METRICS
from sweeper_tasks.picture_facts import lines_of_read

PositiveInt = Annotated[int, Field(gt=0)]
Widths = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]
DropRate = Annotated[float, Field(ge=0, lt=1)]


class CnnModel(StrictModel):
    """Convolutions, each halving the image, then a head: see `tasks/captcha/heads.py`."""

    name: Literal["captcha/cnn"]
    widths: Widths
    head: Literal["dense", "attention"]
    dense_width: PositiveInt
    conv_dropout: DropRate
    dense_dropout: DropRate
    channel_attention: bool

    @property
    def stride(self) -> int:
        """Pixels of the image, down and across, to one place of the last convolution."""
        stride: int = 2 ** len(self.widths)
        return stride


class CaptchaConfig(TaskConfig):
    """Everything that belongs to the captcha task."""

    data: DataConfig
    model: CnnModel
    loss: LossConfig

    @model_validator(mode="after")
    def _a_place_is_left(self) -> "CaptchaConfig":
        height, width, stride = self.data.height, self.data.width, self.model.stride
        if min(height, width) < stride:
            raise ValueError(
                f"data.height, data.width: got {height} x {width}; expected at least {stride} each, the "
                f"stride of the {len(self.model.widths)} convolutions of model.widths. Use larger images "
                "or fewer convolutions."
            )
        return self

    def describe(self) -> str:
        """What a run trains on."""
        data, loss = self.data, self.loss
        weight = f" (gamma {loss.gamma:g}, {_alpha(loss)})" if isinstance(loss, BinaryFocal) else ""
        augmented = "augmented" if data.augmentation.enabled else "not augmented"
        return f"captcha: {data.n_positions} positions, {augmented}; {loss.name}{weight}"

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Those of the trivial predictor, of single outputs, and the losses."""
        if "trivial" not in facts:  # prepared by an earlier version
            return None
        return frozenset({*facts["trivial"][split], *OUTPUT_METRICS, "ce", "loss"})

    def class_counts(self, facts: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
        """Of a position's outputs, each a yes-or-no question to a binary loss, one of which is right."""
        from sweeper_tasks.captcha.alphabet import CHARACTERS  # numpy

        is_binary = self.loss.name in ("captcha/bce", "captcha/binary_focal", "captcha/weighted_bce")
        return {"outputs of a position": {"wrong": len(CHARACTERS), "right": 1}} if is_binary else {}

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """What was left out of the folder, what was not looked at, and what had to be read with care."""
        read, ignored = lines_of_read(facts.get("read", {})), lines_of_ignored(facts.get("ignored", {}))
        shown = ", ".join(f"{name} reads '{text}'" for name, text in facts.get("texts", {}).items())
        texts = [f"texts by the files' names: {shown}"] if shown else []
        return [*lines_of_skipped(facts.get("skipped", {})), *ignored, *read, *texts]


def _alpha(loss: BinaryFocal) -> str:
    return f"alpha {loss.alpha:g}" if loss.use_alpha else "no alpha"
