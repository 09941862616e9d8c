"""Keys of a `data` section that say which split a row of a table is in; defaults are in `conf/data/`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sweeper.task import ActiveWhen, Cosmetic, SplitFiles, Splits, StrictModel
from sweeper_tasks.tables.keys import Name

NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]


class SplitKeys(StrictModel):
    """Files, a column, or rates; rows of a group stay together. The data's digest stands for the group."""

    files: Annotated[SplitFiles | None, Cosmetic()]
    split: Name | None
    group: Annotated[Name | None, Cosmetic()] = None
    val_rate: Annotated[OpenRate, ActiveWhen(draws_val=True)]
    test_rate: Annotated[OpenRate, ActiveWhen(draws_test=True)]
    split_seed: NonNegativeInt

    @property
    def splits(self) -> Splits:
        """Where the splits come from."""
        return Splits(
            files=self.files,
            column=self.split,
            group=self.group,
            val_rate=self.val_rate,
            test_rate=self.test_rate,
            seed=self.split_seed,
        )

    @property
    def draws_val(self) -> bool:
        """Whether validation is drawn."""
        return self.splits.draws_val

    @property
    def draws_test(self) -> bool:
        """Whether the test split is drawn."""
        return self.splits.draws_test

    @property
    def draws(self) -> bool:
        """Whether anything is."""
        return self.draws_val or self.draws_test

    @model_validator(mode="after")
    def _splits_are_described_once(self) -> Self:
        self.splits.check()
        return self
