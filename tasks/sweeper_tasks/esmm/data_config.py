"""Types, ranges and units of the `data` section for esmm; default values are in `conf/data/esmm/`.

Where data lie (`path`, `files`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the
data.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeper.task import ActiveWhen, Cosmetic, CountsAs, Preset, StrictModel, Strings
from sweeper_tasks.tables.keys import Name, Names, TableKeys
from sweeper_tasks.tables.split_keys import SplitKeys

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Source(StrictModel):
    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]


class SyntheticData(_Source):
    """Impressions drawn from a known model; see `tasks/esmm/synthetic.py`."""

    name: Literal["esmm/synthetic", "esmm/synthetic_rare"]
    generator_seed: NonNegativeInt
    n_train: PositiveInt
    n_val: PositiveInt
    n_test: PositiveInt
    n_users: Annotated[int, Field(ge=2)]
    n_items: Annotated[int, Field(ge=2)]
    click_rate: OpenRate
    conversion_rate: OpenRate
    ctr_signal: Annotated[float, Field(ge=0, le=10)]
    cvr_signal: Annotated[float, Field(ge=0, le=10)]
    correlation: Annotated[float, Field(ge=-1, le=1)]
    id_share: Share


class CsvData(_Source, TableKeys, SplitKeys):
    """A table with one impression a row; see `tasks/esmm/tables.py`."""

    name: Literal["esmm/csv", "esmm/hillstrom", "esmm/ali_ccp_csv"]
    path: Annotated[str | None, Cosmetic()]
    click: Name
    conversion: Name
    sparse: Names
    dense: Names
    drop: Names
    split_seed: Annotated[NonNegativeInt, ActiveWhen(draws=True)]
    min_count: PositiveInt


class AliCcpData(_Source):
    """The raw files of Ali-CCP; see `tasks/esmm/ali_ccp.py`."""

    name: Literal["esmm/ali_ccp"]
    path: Annotated[str | None, Cosmetic()]
    common_fields: Strings
    sample_fields: Strings
    dense: Strings
    val_rate: OpenRate
    split_seed: NonNegativeInt
    min_count: PositiveInt
    skip_bad: Annotated[bool, CountsAs(False)]

    @model_validator(mode="after")
    def _dense_are_fields(self) -> "AliCcpData":
        unknown = sorted(set(self.dense) - set(self.common_fields) - set(self.sample_fields))
        if unknown:
            raise ValueError(
                f"data.dense: got {', '.join(unknown)}; expected names out of data.common_fields and "
                "data.sample_fields. A dense feature is the value that stands behind a field's id."
            )
        return self


DataConfig = Annotated[SyntheticData | CsvData | AliCcpData, Field(discriminator="name")]
