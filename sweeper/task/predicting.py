"""The contract of what a trained model is used for: reading files that nobody has labelled.

Named by `task.predict_target`; `python -m sweeper.predict` finds the model, gives it the files in batches,
and writes what comes back. Tasks that read no files have none.
"""

from __future__ import annotations  # types of torch are named here, and never loaded

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sweeper.errors import Fault, UserError
from sweeper.layout import RunFolder
from sweeper.task.bad_files import N_LISTED, BadFile
from sweeper.task.entry import TaskEntry

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Predicted:
    """One input: its path below the input folder, as it was read, and its probabilities, on the CPU.

    `probabilities` are those of the predictor, one example of each tensor, averaged over all models.
    """

    name: str
    content: Any
    probabilities: tuple[Tensor, ...]


class Predictor(Protocol):
    """What one configuration of a task makes of new files.

    Made by `PredictorClass(config, device)`; needs no prepared data. Several configurations of a study may be
    averaged: they state the same probabilities about the same batch.
    """

    suffixes: Collection[str]
    """Of the files in a folder that are inputs, in small letters: `.png`."""

    def __init__(self, config: Any, device: torch.device) -> None:
        """`config` is the run's, validated."""

    def build_model(self) -> nn.Module:
        """The model on the device, whatever its weights."""

    def read(self, file: Path, root: Path) -> Any | BadFile:
        """The content of `file`, resized as in training; or what is wrong with it, named below `root`."""

    def batch(self, contents: Sequence[Any]) -> Any:
        """What the model is called with, on the device, as in evaluation."""

    def probabilities(self, outputs: Any) -> tuple[Tensor, ...]:
        """What the model's outputs state, float64; see `sweeper.task.Averageable`."""

    def targets(self, names: Sequence[str]) -> Sequence[str]:
        """The files that `results` will give for inputs of these names. Raises UserError where two clash."""

    def results(self, predicted: Iterable[Predicted]) -> Iterator[tuple[str, bytes]]:
        """Files to write: a path below the output folder, and its content. Takes inputs as they come."""


def refuse_clashes(targets: Sequence[str]) -> None:
    """Raises UserError where two inputs would be written to one file."""
    clashes = [target for target, n in Counter(targets).items() if n > 1]
    if clashes:
        more = f" and {len(clashes) - N_LISTED} more" if len(clashes) > N_LISTED else ""
        problem = f"got several pictures whose result would be {', '.join(clashes[:N_LISTED])}{more}"
        raise UserError(Fault("input", f"{problem}; expected names that differ", "Rename them"))


@dataclass(frozen=True)
class ChosenRun:
    """A run by its folder, with its whole configuration; `name` as reports call it."""

    name: str
    folder: RunFolder
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """The runs whose models are averaged, mostly one; `words` say which and why these. They can predict."""

    words: str
    entry: TaskEntry
    runs: tuple[ChosenRun, ...]
