"""Types, ranges and units of the `data` section for diagnosis; values are in `conf/data/diagnosis/`.

Where data lie (`path`, `files`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the
data.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeper.task import Cosmetic, StrictModel
from sweeper_tasks.tables.keys import Name, Names, TableKeys
from sweeper_tasks.tables.split_keys import SplitKeys

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]


class Preset(StrictModel):
    """What suits a data set's size; `trainer` refers to it by interpolation."""

    batch_size: PositiveInt
    max_steps: PositiveInt
    eval_every: PositiveInt


class _Source(StrictModel):
    """`requires_calibration` and `has_noise` are what the user knows; only `loss=diagnosis/auto` asks."""

    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]
    requires_calibration: bool
    has_noise: bool


class SyntheticCohort(_Source):
    """Patients drawn from a known model; see `synthetic_cohort.py`."""

    name: Literal["diagnosis/synthetic_cohort"]
    generator_seed: NonNegativeInt
    n_train: Annotated[int, Field(ge=100)]
    n_val: Annotated[int, Field(ge=100)]
    n_test: Annotated[int, Field(ge=100)]
    prevalence: OpenRate
    signal: Annotated[float, Field(ge=0, le=10)]
    missing_rate: Annotated[float, Field(ge=0, lt=1)]
    informative_missingness: bool
    label_noise: Annotated[float, Field(ge=0, lt=0.5)]


class BreastCancer(_Source):
    """scikit-learn's embedded table; see `breast_cancer.py`."""

    name: Literal["diagnosis/breast_cancer"]
    val_rate: OpenRate
    test_rate: OpenRate
    split_seed: NonNegativeInt


class CsvData(_Source, TableKeys, SplitKeys):
    """A table with one patient a row; see `table.py`."""

    name: Literal["diagnosis/csv", "diagnosis/thyroid"]
    path: Annotated[str | None, Cosmetic()]
    label: Name
    drop: Names
    categorical: Names
    min_count: PositiveInt
    split: Annotated[Name | None, Cosmetic()] = None  # like the files: the digest stands for both

    @model_validator(mode="after")
    def _label_is_kept(self) -> "CsvData":
        if self.label in self.drop:
            raise ValueError(
                f"data.drop: got '{self.label}', the column of data.label; expected other columns. "
                "Name the column with the diagnosis in data.label, and leave it out of data.drop."
            )
        return self


DataConfig = Annotated[SyntheticCohort | BreastCancer | CsvData, Field(discriminator="name")]
