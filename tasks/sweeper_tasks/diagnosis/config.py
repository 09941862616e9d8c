"""Types, ranges and units of the sections that belong to diagnosis; default values are in `conf/`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from sweeper.task import SPLIT_SIZES, Fault, StrictModel, TaskConfig
from sweeper_tasks.diagnosis.data_config import DataConfig
from sweeper_tasks.diagnosis.judged import class_warnings
from sweeper_tasks.diagnosis.loss_config import Auto, LossConfig
from sweeper_tasks.diagnosis.names import PROBABILITY_METRICS, calibrated
from sweeper_tasks.diagnosis.strategy import Choice, Needs, alpha_of, chosen, faults_of_alpha

PositiveInt = Annotated[int, Field(gt=0)]


class TwoHeadModel(StrictModel):
    """A residual perceptron under two linear heads; see `model.py`."""

    name: Literal["diagnosis/two_head"]
    embedding_dim: PositiveInt
    width: PositiveInt
    n_blocks: Annotated[int, Field(ge=0)]
    dropout: Annotated[float, Field(ge=0, lt=1)]


class Calibration(StrictModel):
    """What is done to the probabilities after training."""

    temperature: bool


class DiagnosisConfig(TaskConfig):
    """Everything that belongs to the diagnosis task."""

    data: DataConfig
    model: TwoHeadModel
    loss: LossConfig
    calibration: Calibration

    def choice(self, facts: Mapping[str, Any]) -> Choice:
        """The strategy that trains on data with these facts."""
        return chosen(self.loss, Needs(self.data.requires_calibration, self.data.has_noise), facts)

    def faults(self, facts: Mapping[str, Any]) -> list[Fault]:
        """A list of alphas of another length than there are classes."""
        return faults_of_alpha(self.choice(facts), facts)

    def metric_names(self, facts: Mapping[str, Any], split: str = "val") -> frozenset[str] | None:
        """Those of the trivial predictor, of both heads together, of the temperature, and the losses."""
        if "trivial" not in facts:  # prepared by an earlier version
            return None
        after = ("temperature", *map(calibrated, PROBABILITY_METRICS)) if self.calibration.temperature else ()
        terms = (f"loss_{term}" for term in self.choice(facts).strategy.terms)
        return frozenset({*facts["trivial"][split], "head_agreement", *after, "loss", *terms})

    def inactive(self, max_steps: int) -> set[str]:
        """Also what the user knows of the data, where no choice depends on it."""
        needs = set() if isinstance(self.loss, Auto) else {"data.requires_calibration", "data.has_noise"}
        return super().inactive(max_steps) | needs

    def describe(self) -> str:
        """The strategy and its values; `announce` tells what `auto` chose."""
        loss = self.loss
        if isinstance(loss, Auto):
            return "loss: auto (chosen by the data)"
        values = ", ".join(f"{key} {_short(v)}" for key, v in loss.model_dump(exclude={"name"}).items())
        return f"loss: {_plain(loss.name)} ({values})"

    def announce(self, facts: Mapping[str, Any]) -> list[str]:
        """The classes, what was left out of the table, and what "auto" came to, with the reason."""
        choice, counts = self.choice(facts), facts["counts"]["train"]
        lines = [_sizes(facts), *(f"data: {note}" for note in facts.get("reading", ()))]
        lines += [f"data: column '{name}' is left out, {why}" for name, why in facts["dropped"].items()]
        if choice.reason:
            lines.append(f"loss: auto chose {_plain(choice.strategy.name)}: {choice.reason}")
        alpha, classes = choice.strategy.alpha, facts["classes"]
        if alpha == "auto" or (len(classes) > 2 and not isinstance(alpha, tuple)):
            lines.append(f"{choice.path}.alpha: {alpha} is {_each(classes, alpha_of(alpha, counts))}")
        return lines

    def warnings(self, facts: Mapping[str, Any]) -> list[str]:
        """Few patients of a judged class on val or test; columns that are likely not meant as read."""
        data = self.effective(0)["data"]
        sizes = [key for key in SPLIT_SIZES if data.get(key) is not None]
        return [*class_warnings(facts, [f"data.{key}" for key in sizes]), *facts.get("doubts", ())]


def _sizes(facts: Mapping[str, Any]) -> str:
    """Each class with its patients in all three splits."""
    counts = facts["counts"]
    in_each = zip(facts["classes"], counts["train"], counts["val"], counts["test"], strict=True)
    return "classes (train / val / test): " + ", ".join(f"{c} {n} / {v} / {t}" for c, n, v, t in in_each)


def _each(names: Sequence[str], values: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in zip(names, values, strict=True))


def _plain(name: str) -> str:
    return name.removeprefix("diagnosis/")


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
