"""Types, ranges and units of the `data` section for segmentation; values are in `conf/data/segmentation/`.

Where data lie (`path`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the data.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sweeper.task import Cosmetic, CountsAs, StrictModel, option_of
from sweeper_tasks.augmentation_config import Augmentation
from sweeper_tasks.segmentation.class_facts import ClassFacts

Positive = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, le=1)]


class Preset(StrictModel):
    """What suits a data set's size; `trainer`, `optimizer`, `model` and the documented grids refer to it."""

    batch_size: PositiveInt
    batch_size_small: PositiveInt
    epochs: PositiveInt
    epochs_long: PositiveInt
    eval_every: PositiveInt
    patience: PositiveInt | None
    lr_warmup_steps: NonNegativeInt
    lr_warmup_steps_small: NonNegativeInt
    lr: Positive
    lr_focal: Positive
    lr_aggressive: Positive
    depths: Annotated[tuple[PositiveInt, ...], Field(strict=False)]
    mlp_ratio: PositiveInt
    first_stride: Literal[1, 2, 4]


ADDED = {*ClassFacts.model_fields, "images", "masks", "image_suffix", "mask_suffix"}
BEFORE_CLASSES = ("segmentation/celebamask", "segmentation/synthetic_faces")
"""Options that had no class facts: configurations of stored runs, and options of users', may lack them."""


class _Source(ClassFacts):
    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]
    image_size: Annotated[int, Field(ge=16, le=1024)]
    augmentation: Augmentation

    @model_validator(mode="before")
    @classmethod
    def _those_of_faces(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "classes" in given or given.get("name") not in BEFORE_CLASSES:
            return given
        stated = option_of("data", given["name"])
        return {key: stated[key] for key in stated if key in cls.model_fields and key in ADDED} | given


class SyntheticFaces(_Source):
    """Faces drawn from ellipses; see `tasks/segmentation/synthetic.py`."""

    name: Literal["segmentation/synthetic_faces"]
    generator_seed: NonNegativeInt
    n_train: PositiveInt
    n_val: PositiveInt
    n_test: PositiveInt
    occlusion_rate: Rate
    noise: Annotated[float, Field(ge=0, le=1)]


class CelebAMask(_Source):
    """Photographs and their masks in a folder of the user's; see `tasks/segmentation/celebamask.py`."""

    name: Literal["segmentation/celebamask", "segmentation/folder"]
    path: Annotated[str | None, Cosmetic()]
    images: Annotated[str, Cosmetic()]
    masks: Annotated[str, Cosmetic()]
    image_suffix: Annotated[str, Cosmetic()]
    mask_suffix: Annotated[str, Cosmetic()]
    val_rate: OpenRate
    test_rate: OpenRate
    split_seed: NonNegativeInt
    skip_bad: Annotated[bool, CountsAs(False)]

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "CelebAMask":
        if self.val_rate + self.test_rate >= 1:
            raise ValueError(
                f"data.val_rate + data.test_rate: got {self.val_rate} + {self.test_rate}; expected a sum "
                "below 1. The rest is the training split."
            )
        return self


DataConfig = Annotated[SyntheticFaces | CelebAMask, Field(discriminator="name")]
