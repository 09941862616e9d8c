"""Types, ranges and units of the `data` section for sentiment; values are in `conf/data/sentiment/`.

Where data lie (`path`, `cache_dir`) is cosmetic: the digest of the prepared data stands for the data.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sweeper.task import ActiveWhen, Cosmetic, StrictModel, Strings
from sweeper_tasks.tables.keys import TextKeys

PositiveInt = Annotated[int, Field(gt=0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
OpenRate = Annotated[float, Field(gt=0, lt=1)]
Rate = Annotated[float, Field(ge=0, le=1)]
Texts = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]


class Preset(StrictModel):
    """What suits a data set's size; `trainer` refers to it by interpolation."""

    batch_size: PositiveInt
    max_steps: PositiveInt
    eval_every: PositiveInt
    lr_warmup_steps: NonNegativeInt


class _Source(StrictModel):
    cache_dir: Annotated[str, Cosmetic()]
    preset: Annotated[Preset, Cosmetic()]
    max_tokens: Annotated[int, Field(ge=4)]
    vocabulary_size: Annotated[int, Field(ge=50, le=60_000)]
    lowercase: bool
    min_support: PositiveInt


class _Files(_Source):
    path: Annotated[str | None, Cosmetic()]
    skip_bad: bool


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
    """UIT-ViSFD as it is published; see `tasks/sentiment/visfd.py`."""

    name: Literal["sentiment/visfd"]


class Words(StrictModel):
    """How a table writes each polarity, and that an aspect is not named; capitals do not matter."""

    positive: Texts
    negative: Texts
    neutral: Texts
    not_named: Texts

    @model_validator(mode="after")
    def _each_word_once(self) -> "Words":
        words = [word.lower() for words in self.model_dump().values() for word in words]
        if twice := sorted({word for word in words if words.count(word) > 1}):
            raise ValueError(f"data.words: got '{twice[0]}' twice; expected one meaning for each word")
        return self


class AbsaCsv(_Files, TextKeys):
    """A table with one review a row and one column an aspect; see `tasks/sentiment/absa_csv.py`."""

    name: Literal["sentiment/absa_csv"]
    text: str
    aspects: Strings | None
    drop: Strings
    words: Words
    split: str | None
    val_rate: Annotated[OpenRate, ActiveWhen(split=None)]
    test_rate: Annotated[OpenRate, ActiveWhen(split=None)]
    split_seed: Annotated[NonNegativeInt, ActiveWhen(split=None)]

    @model_validator(mode="after")
    def _something_to_train_on(self) -> "AbsaCsv":
        if self.val_rate + self.test_rate >= 1:
            raise ValueError(
                f"data.val_rate + data.test_rate: got {self.val_rate} + {self.test_rate}; expected a sum "
                "below 1. The rest is the training split."
            )
        return self


class SemEvalXml(_Files):
    """Files of SemEval 2014 task 4 or 2016 task 5; see `tasks/sentiment/semeval_xml.py`."""

    name: Literal["sentiment/semeval_xml"]
    train_file: str
    test_file: str
    val_rate: OpenRate
    split_seed: NonNegativeInt


DataConfig = Annotated[SyntheticReviews | Visfd | AbsaCsv | SemEvalXml, Field(discriminator="name")]
