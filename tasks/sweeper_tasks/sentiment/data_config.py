"""Types, ranges and units of the `data` section for sentiment; values are in `conf/data/sentiment/`.

Where data lie (`path`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the data.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeper.task import Cosmetic, CountsAs, SplitFiles, Splits, StrictModel
from sweeper_tasks.sentiment.words import plain
from sweeper_tasks.tables.keys import Name, Names, TextKeys

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, le=1)]


class Preset(StrictModel):
    """What suits a data set's size; `trainer` refers to it by interpolation."""

    batch_size: PositiveInt
    max_steps: PositiveInt
    eval_every: PositiveInt
    lr_warmup_steps: NonNegativeInt
    patience: PositiveInt | None


class _Source(StrictModel):
    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]
    max_tokens: Annotated[int, Field(ge=4)]
    vocabulary_size: Annotated[int, Field(ge=50, le=60_000)]
    lowercase: bool
    min_support: PositiveInt


class Words(StrictModel):
    """How files write each polarity, and that an aspect has none; see `words.py` for what counts as equal."""

    positive: Names
    negative: Names
    neutral: Names
    not_named: Names

    @model_validator(mode="after")
    def _each_word_once(self) -> "Words":
        words = [word for words in self.model_dump().values() for word in {plain(word) for word in words}]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"got '{twice[0]}' twice; expected one meaning for each word")
        return self


class _Files(_Source):
    path: Annotated[str | None, Cosmetic()]
    words: Words
    skip_bad: Annotated[bool, CountsAs(False)]
    val_rate: OpenRate
    test_rate: OpenRate
    split_seed: NonNegativeInt

    def splits_of(
        self, files: SplitFiles | None, column: str | None = None, group: str | None = None
    ) -> Splits:
        """Where the splits come from."""
        return Splits(
            files=files,
            column=column,
            group=group,
            val_rate=self.val_rate,
            test_rate=self.test_rate,
            seed=self.split_seed,
        )


class SyntheticReviews(_Source):
    """Reviews written by a grammar; see `tasks/sentiment/synthetic_reviews.py`."""

    name: Literal["sentiment/synthetic_reviews"]
    generator_seed: NonNegativeInt
    n_train: PositiveInt
    n_val: PositiveInt
    n_test: PositiveInt
    shares: Annotated[tuple[OpenRate, OpenRate, OpenRate], Field(strict=False)]
    negation_rate: Rate
    typo_rate: Rate

    @model_validator(mode="after")
    def _shares_are_of_one_whole(self) -> "SyntheticReviews":
        if abs(sum(self.shares) - 1) > 1e-6:
            raise ValueError(
                f"data.shares: got {list(self.shares)}, in sum {sum(self.shares):g}; expected a sum of 1. "
                "They are the shares of positive, negative and neutral opinions."
            )
        return self


class Visfd(_Files):
    """UIT-ViSFD as it is published; see `visfd.py`."""

    name: Literal["sentiment/visfd"]
    files: Annotated[SplitFiles, Cosmetic()]

    @property
    def splits(self) -> Splits:
        """Where the splits come from."""
        return self.splits_of(self.files)


class AbsaCsv(_Files, TextKeys):
    """A table with one review a row and one column an aspect; see `absa_csv.py`."""

    name: Literal["sentiment/absa_csv"]
    files: Annotated[SplitFiles | None, Cosmetic()]
    text: Name
    aspects: Names | None
    drop: Names
    split: Name | None
    group: Name | None

    @property
    def splits(self) -> Splits:
        """Where the splits come from."""
        return self.splits_of(self.files, self.split, self.group)

    @model_validator(mode="after")
    def _splits_are_possible(self) -> "AbsaCsv":
        self.splits.check()
        return self


class SemEvalXml(_Files):
    """Files of SemEval 2014 task 4, 2015 task 12 or 2016 task 5; see `semeval_xml.py`."""

    name: Literal["sentiment/semeval_xml"]
    files: Annotated[SplitFiles, Cosmetic()]

    @property
    def splits(self) -> Splits:
        """Where the splits come from."""
        return self.splits_of(self.files)

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "SemEvalXml":
        self.splits.check()
        return self


DataConfig = Annotated[SyntheticReviews | Visfd | AbsaCsv | SemEvalXml, Field(discriminator="name")]
