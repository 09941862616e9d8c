"""Trained models at work on new files: found, read, given to the models in batches, written down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor, nn

from sweeper.errors import CheckpointError, Fault, RunError, UserError
from sweeper.layout import write_atomic
from sweeper.task import (
    BadFile,
    Chosen,
    ChosenRun,
    Predicted,
    Predictor,
    TaskEntry,
    config_of,
    fault_of,
    lines_of_ignored,
    list_files,
)
from sweeper.worker.average import mean_of
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.serve import device_of

BATCH = 32
"""Files that a model sees at a time."""


@dataclass(frozen=True)
class PredictRequest:
    """What to read, where to write, on which device; `skip_bad`: files that cannot be used are left out."""

    input: Path
    output: Path
    device: str
    skip_bad: bool

    @property
    def root(self) -> Path:
        """The folder below which inputs have their names."""
        return self.input if self.input.is_dir() else self.input.parent


@dataclass(frozen=True)
class Done:
    """How many inputs were read, how many files written; in words, where anything was, what was left out.

    `ignored`: which files of the folder were not looked at.
    """

    n_read: int
    n_written: int
    left_out: str
    ignored: Sequence[str] = ()


@dataclass(frozen=True)
class Trained:
    """A predictor and its model with the weights of a run."""

    predictor: Predictor
    model: nn.Module


def predict(chosen: Chosen, errand: PredictRequest) -> Done:
    """Read all inputs with the average of the chosen models. Raises UserError before anything is written."""
    device = _device(errand.device)
    models = [_trained(run, chosen.entry, device) for run in chosen.runs]
    predictor = models[0].predictor
    files, ignored = inputs_of(errand, predictor)
    bad = [
        found for file in files.values() if isinstance(found := predictor.read(file, errand.root), BadFile)
    ]
    left_out = _told(bad, errand, is_all=len(bad) == len(files))
    unusable = {found.file for found in bad}
    good = {name: file for name, file in files.items() if name not in unusable}
    _refuse_to_overwrite(predictor.targets(list(good)), errand, files.values())
    n_written = 0
    for target, content in predictor.results(_predicted(models, good, errand.root)):
        write_atomic(errand.output / target, content, flush=False)
        n_written += 1
    return Done(len(good), n_written, left_out, ignored)


def inputs_of(errand: PredictRequest, predictor: Predictor) -> tuple[dict[str, Path], list[str]]:
    """By its name, the input, or each picture in that folder and below; lines on what is none.

    Raises UserError where there is none.

    What lies in the output folder is no input, unless the two are one.
    """
    if errand.input.is_file():
        return {errand.input.name: errand.input}, []
    written, root = errand.output.resolve(), errand.input.resolve()
    listing = list_files(errand.input, predictor.suffixes)
    found = {
        file.relative_to(errand.input).as_posix(): file
        for file in listing.files
        if written == root or written not in file.resolve().parents
    }
    if not found:
        known = ", ".join(sorted(predictor.suffixes))
        problem = f"got '{errand.input}' without a picture; expected files in {known}"
        raise UserError(Fault("input", f"{problem}; there is {listing.words()}"))
    return found, lines_of_ignored(listing.facts())


def _told(bad: Sequence[BadFile], errand: PredictRequest, *, is_all: bool) -> str:
    """What is left out, in words. Raises UserError where it must not be, or where nothing else is there."""
    if not bad:
        return ""
    problem = fault_of(bad, "input").problem
    if errand.skip_bad and not is_all:
        return f"left out: {problem.removeprefix('got ')}"
    advice = "Repair or remove them" + (", or leave them out with skip_bad=true" if not is_all else "")
    raise UserError(Fault(str(errand.input), problem, advice))


def _refuse_to_overwrite(targets: Iterable[str], errand: PredictRequest, inputs: Iterable[Path]) -> None:
    taken = {file.resolve() for file in inputs}
    if hit := [target for target in targets if (errand.output / target).resolve() in taken]:
        problem = f"got '{errand.output}', where {hit[0]} is one of the inputs; expected another folder"
        raise UserError(Fault("output", problem))


def _device(name: str) -> torch.device:
    try:
        return device_of(name)
    except RunError as error:
        problem = f"got '{name}', which cannot be used here; expected auto, cpu or cuda:<n>"
        raise UserError(Fault("device", problem)) from error


def _trained(run: ChosenRun, entry: TaskEntry, device: torch.device) -> Trained:
    try:
        predictor = entry.predictor_class()(config_of(entry.config_class(), run.config), device)
        model = predictor.build_model()
        model.load_state_dict(read_checkpoint(run.folder.best)["model"])
    except CheckpointError as error:
        advice = f"Train it again with: python -m sweeper.worker {quote(str(run.folder.job))}"
        raise UserError(Fault(run.name, str(error), advice)) from error
    except (ValidationError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        problem = f"does not fit the present code ({first})"
        raise UserError(Fault(run.name, problem, "Predict with the version that trained it")) from error
    return Trained(predictor, model.eval())


def _predicted(models: Sequence[Trained], files: Mapping[str, Path], root: Path) -> Iterator[Predicted]:
    predictor, rest = models[0].predictor, iter(files.items())
    while part := list(islice(rest, BATCH)):
        contents = [_content(predictor, file, root) for _, file in part]
        averaged = _averaged(models, predictor.batch(contents))
        for i, (name, _) in enumerate(part):
            yield Predicted(name, contents[i], tuple(p[i] for p in averaged))


@torch.no_grad()
def _averaged(models: Sequence[Trained], batch: Any) -> tuple[Tensor, ...]:
    """The mean of what the models state about a batch, on the CPU."""
    mean = mean_of(one.predictor.probabilities(one.model(batch)) for one in models)
    return tuple(p.cpu() for p in mean)


def _content(predictor: Predictor, file: Path, root: Path) -> Any:
    """Read once more: a folder of photographs need not fit in memory."""
    content = predictor.read(file, root)
    if isinstance(content, BadFile):
        raise UserError(Fault(str(file), f"has changed meanwhile: {content.rule}, got {content.got}"))
    return content
