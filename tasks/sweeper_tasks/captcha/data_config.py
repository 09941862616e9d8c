"""Types, ranges and units of the `data` section for captcha; values are in `conf/data/captcha/`.

Where data lie (`path`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the data.
"""

from typing import Annotated, Literal

from pydantic import Field

from sweeper.task import Cosmetic, CountsAs, StrictModel
from sweeper_tasks.augmentation_config import Augmentation

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]


class Preset(StrictModel):
    """What suits a data set's size; `optimizer` and `trainer` refer to it by interpolation."""

    lr: Annotated[float, Field(gt=0)]
    schedule: Literal["constant", "cosine", "plateau"]
    batch_size: PositiveInt
    max_steps: PositiveInt
    eval_every: PositiveInt
    lr_warmup_steps: NonNegativeInt
    plateau_patience: NonNegativeInt
    patience: PositiveInt


class _Images(StrictModel):
    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]
    height: PositiveInt
    width: PositiveInt
    n_channels: Literal[1, 3]
    augmentation: Augmentation


class GeneratedData(_Images):
    """Images drawn by the `captcha` package; see `tasks/captcha/generated.py`."""

    name: Literal["captcha/generated", "captcha/generated_mixed"]
    generator_seed: NonNegativeInt
    characters: Literal["digits", "letters", "mixed"]
    length: Literal[4, 6]
    n_train: PositiveInt
    n_val: PositiveInt
    n_test: PositiveInt

    @property
    def n_positions(self) -> int:
        """Characters that a network has to read."""
        return self.length


class FolderData(_Images):
    """Images in a folder and below; see `tasks/captcha/folder.py`."""

    name: Literal["captcha/folder"]
    path: Annotated[str | None, Cosmetic()]
    labels: Literal["auto", "csv", "names"]
    max_length: PositiveInt
    trim: bool
    skip_bad: Annotated[bool, CountsAs(False)]

    @property
    def n_positions(self) -> int:
        """Characters that a network has to read; shorter texts are padded."""
        return self.max_length


DataConfig = Annotated[GeneratedData | FolderData, Field(discriminator="name")]
