"""Types, ranges and units of the sections that belong to sentiment; default values are in `conf/`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sweeper.task import SPLIT_SIZES, Cosmetic, Fault, StrictModel, TaskConfig, lines_of_skipped, plural
from sweeper_tasks.sentiment.alphas import distribution_table
from sweeper_tasks.sentiment.cells import cell_lines, cell_warnings
from sweeper_tasks.sentiment.classes import alike_warnings, class_faults
from sweeper_tasks.sentiment.data_config import DataConfig, SyntheticReviews
from sweeper_tasks.sentiment.lengths import length_lines, length_warnings
from sweeper_tasks.sentiment.loss_config import LossConfig, MultilabelFocal

PositiveInt = Annotated[int, Field(gt=0)]
DropRate = Annotated[float, Field(ge=0, lt=1)]
Kernels = Annotated[tuple[PositiveInt, ...], Field(strict=False, min_length=1)]


class ModelPreset(StrictModel):
    """What suits a network; `optimizer` refers to it by interpolation."""

    lr: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)]


class _Model(StrictModel):
    preset: Annotated[ModelPreset, Cosmetic()]
    dropout: DropRate


class TransformerSmall(_Model):
    """A transformer encoder trained from scratch."""

    name: Literal["sentiment/transformer_small"]
    width: PositiveInt
    depth: PositiveInt
    heads: PositiveInt
    mlp_ratio: PositiveInt

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> "TransformerSmall":
        if self.width % self.heads:
            raise ValueError(
                f"model.heads: got {self.heads} heads for a width of {self.width}; expected a divisor of it. "
                "Each head has an equal part of the width."
            )
        return self


class TextCnn(_Model):
    """Convolutions over words, the largest answer of each counts."""

    name: Literal["sentiment/textcnn"]
    width: PositiveInt
    n_filters: PositiveInt
    kernels: Kernels


class Pretrained(_Model):
    """An encoder of Hugging Face, with its own tokenizer."""

    name: Literal["sentiment/pretrained"]
    encoder: str


ModelConfig = Annotated[TransformerSmall | TextCnn | Pretrained, Field(discriminator="name")]


class SentimentConfig(TaskConfig):
    """Everything that belongs to the sentiment task."""

    data: DataConfig
    model: ModelConfig
    loss: LossConfig

    def inactive(self, max_steps: int) -> set[str]:
        """Also how a tokenizer is trained, where the encoder brings its own, and rates of given splits."""
        trained = {"data.vocabulary_size", "data.lowercase"} if isinstance(self.model, Pretrained) else set()
        return super().inactive(max_steps) | trained | self._given_splits()

    def _given_splits(self) -> set[str]:
        """The keys that say how splits are drawn, as far as nothing is drawn."""
        if isinstance(self.data, SyntheticReviews):
            return set()
        splits = self.data.splits
        drawn = {"data.val_rate": splits.draws_val, "data.test_rate": splits.draws_test}
        drawn["data.split_seed"] = any(drawn.values())
        return {key for key, is_drawn in drawn.items() if not is_drawn}

    def describe(self) -> str:
        """Which model and which loss, with its parameters."""
        model, loss = (section.name.removeprefix("sentiment/") for section in (self.model, self.loss))
        absent = "masked" if self.loss.absent == "masked" else "a class of their own"
        return f"sentiment: {model}; {loss}{_values(self.loss)}; aspects not named are {absent}"

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Those of the trivial predictor, which depend on the cells that count on a split, and the losses."""
        if "trivial" not in facts:  # prepared by an earlier version
            return None
        return frozenset({*facts["trivial"][split], "ce", "loss"})

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """Sizes, reviews left out, cells that macro_f1 leaves out, polarities in training, alphas.

        What depends on the loss comes last.
        """
        n_aspects = len(facts["aspects"])
        size = f"{facts['rows']['train']} training reviews, {plural(n_aspects, 'aspect')}"
        left_out = lines_of_skipped(facts.get("skipped", {}))
        told = [*left_out, *length_lines(facts), *cell_lines(facts)]
        return [size, *told, *distribution_table(self.loss, facts)]

    def warnings(self, facts: Mapping[str, Any]) -> list[str]:
        """An objective that rests on little, aspects that look like one, texts that are cut or not known."""
        return [
            *alike_warnings(facts["aspects"]),
            *cell_warnings(facts, self._more_examples()),
            *length_warnings(facts),
        ]

    def faults(self, facts: Mapping[str, Any]) -> list[Fault]:
        """Polarities to tell apart, where that is the question: at least two of them in training."""
        return class_faults(facts) if self.loss.absent == "masked" else []

    def _more_examples(self) -> str:
        """How a split gets more of them: by its size where that is an option, else by more data."""
        data = self.effective(0)["data"]
        sizes = [f"data.{key}" for key in SPLIT_SIZES if data.get(key) is not None]
        return f"a larger {' and '.join(sizes)}, or more data" if sizes else "more data"

    def notices(self, max_steps: int) -> list[str]:
        """A focal loss that is none."""
        loss = self.loss
        if isinstance(loss, MultilabelFocal) and loss.focal_gamma == 0 and loss.focal_alpha is None:
            return ["loss.focal_gamma: got 0 without loss.focal_alpha; the loss is plain cross-entropy."]
        return []


def _values(loss: LossConfig) -> str:
    if not isinstance(loss, MultilabelFocal):
        return ""
    alpha = loss.focal_alpha
    listed = " ".join(f"{a:g}" for a in alpha) if isinstance(alpha, tuple) else alpha or "none"
    return f" (gamma {loss.focal_gamma:g}, alpha {listed})"
