"""Types, ranges and units of the sections that belong to segmentation; default values are in `conf/`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sweeper.task import StrictModel, TaskConfig, lines_of_ignored, lines_of_skipped
from sweeper_tasks.picture_facts import lines_of_read
from sweeper_tasks.segmentation.class_facts import ClassFacts, stated
from sweeper_tasks.segmentation.data_config import DataConfig
from sweeper_tasks.segmentation.loss_config import AnyFocal, LossConfig

PositiveInt = Annotated[int, Field(gt=0)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Four = Annotated[tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt], Field(strict=False)]
Widths = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=2)]


class MicroSeg(StrictModel):
    """A small SegFormer (Xie et al. 2021, arXiv:2105.15203); each list has a number a stage."""

    name: Literal["segmentation/microseg"]
    lmsa: bool
    first_stride: Literal[1, 2, 4]
    widths: Four
    depths: Four
    heads: Four
    reductions: Four
    mlp_ratio: PositiveInt
    decoder_width: PositiveInt
    dropout: Dropout

    @property
    def stride(self) -> int:
        """Pixels of the picture, across, to one place of the last stage."""
        return 8 * self.first_stride

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "MicroSeg":
        for width, heads in zip(self.widths, self.heads, strict=True):
            if width % heads:
                raise ValueError(
                    f"model.heads: got {heads} heads for a width of {width}; expected a divisor of it. "
                    "Each head has an equal part of the width."
                )
        return self


class UnetSmall(StrictModel):
    """A U-Net (Ronneberger et al. 2015, arXiv:1505.04597); one level a width."""

    name: Literal["segmentation/unet_small"]
    widths: Widths
    dropout: Dropout

    @property
    def stride(self) -> int:
        """Pixels of the picture, across, to one place of the lowest level."""
        return int(2 ** (len(self.widths) - 1))


ModelConfig = Annotated[MicroSeg | UnetSmall, Field(discriminator="name")]


class SegmentationConfig(TaskConfig):
    """Everything that belongs to the segmentation task."""

    data: DataConfig
    model: ModelConfig
    loss: LossConfig

    @model_validator(mode="after")
    def _size_fits_the_network(self) -> "SegmentationConfig":
        size, stride = self.data.image_size, self.model.stride
        if size % stride:
            raise ValueError(
                f"data.image_size: got {size}; expected a multiple of the network's stride, {stride}. "
                f"Use {max(size // stride, 1) * stride}, or another model."
            )
        return self

    @model_validator(mode="after")
    def _one_number_a_class(self) -> "SegmentationConfig":
        n, index = self.data.n_classes, self.loss.ignore_index
        for name in ("focal_alpha", "class_weights"):
            given = getattr(self.loss, name, None)
            if isinstance(given, tuple) and len(given) != n:
                raise ValueError(
                    f"loss.{name}: got {len(given)} numbers; expected one for each of {n} classes "
                    "(data.classes)."
                )
        if index is not None and index >= n:
            raise ValueError(
                f"loss.ignore_index: got {index}; expected a class, 0 to {n - 1}. Values of masks that no "
                f"class has, and that count nowhere: data.ignored=[{index}]."
            )
        return self

    def inactive(self, max_steps: int) -> set[str]:
        """Also what shapes a focal or weighted term that counts nothing."""
        paths = super().inactive(max_steps)
        if getattr(self.loss, "ce_weight", 1.0) == 0:
            shaping = {"focal_gamma", "focal_alpha", "class_weights"}
            paths |= {f"loss.{name}" for name in shaping & type(self.loss).model_fields.keys()}
        return paths

    def describe(self) -> str:
        """Which loss, with its parameters, and which block."""
        name = self.loss.name.removeprefix("segmentation/")
        given = self.loss.model_dump(exclude={"name", "ignore_index"})
        values = ", ".join(f"{key} {_short(value)}" for key, value in given.items())
        block = f"; lmsa {'on' if self.model.lmsa else 'off'}" if isinstance(self.model, MicroSeg) else ""
        return f"loss: {name}" + (f" ({values})" if values else "") + block

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """Which files were left out, which were not looked at, and which had to be read with care."""
        read, ignored = lines_of_read(facts.get("read", {})), lines_of_ignored(facts.get("ignored", {}))
        return [*lines_of_skipped(facts.get("skipped", {})), *ignored, *read]

    def class_counts(self, facts: Mapping[str, Any]) -> Mapping[str, Mapping[str, int]]:
        """Of pixels, which the loss is over, not of pictures."""
        return {"pixels": dict(zip(self.data.classes, facts.get("pixels", ()), strict=False))}

    def warnings(self, facts: Mapping[str, Any]) -> list[str]:
        """Masks that are likely of other classes, and much that was left out."""
        from sweeper_tasks.segmentation.facts import warnings_of  # numpy

        return warnings_of(facts, self.data)

    def effective(self, max_steps: int) -> dict[str, Any]:
        """Without the classes of stored studies, which did not state them."""
        values = super().effective(max_steps)
        kept = {key: value for key, value in values["data"].items() if key not in ClassFacts.model_fields}
        return {**values, "data": {**kept, **stated(self.data)}}

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Those of the trivial predictor, which depend on the classes that a split holds, and the losses."""
        if "trivial" not in facts:  # prepared by an earlier version
            return None
        return frozenset({*facts["trivial"][split], "ce", "loss", *self.loss.terms})

    def notices(self, max_steps: int) -> list[str]:
        """A focal term that is no focal term."""
        loss, alpha = self.loss, getattr(self.loss, "focal_alpha", None)
        if isinstance(alpha, float) and self.data.background_class is None:
            return [
                f"loss.focal_alpha: got {alpha:g} for data without a background; it scales all classes "
                "alike. Name the background (data.background=...), or give a number for each class, or auto."
            ]
        if isinstance(loss, AnyFocal) and loss.focal_gamma == 0 and loss.focal_alpha is None:
            return [
                "loss.focal_gamma: got 0 without loss.focal_alpha; the focal term is plain cross-entropy."
            ]
        return []


def _short(value: object) -> str:
    return (
        f"{value:g}" if isinstance(value, float) else "per class" if isinstance(value, tuple) else str(value)
    )
