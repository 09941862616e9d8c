"""What travels between a study and the process that averages its models; JSON both ways, torch-free."""

import os
from pathlib import Path

from pydantic import Field, JsonValue

from sweeper.layout import RunFolder, StudyFolder
from sweeper.models import StrictModel

N_DIGEST_BYTES = 32
"""The end of a checkpoint: the SHA-256 of what stands before it."""


class Member(StrictModel):
    """A run whose model takes part. `model` is the digest of its best.pt, `val` its objective there."""

    trial: int
    name: str
    seed: int
    val: float
    folder: str
    model: str
    config: dict[str, JsonValue]

    def __str__(self) -> str:
        """As reports call it."""
        return f"trial {self.trial} {self.name} seed {self.seed}"


class EnsembleSpec(StrictModel):
    """An ensemble to evaluate: its objective, its members, best on validation first, and where to do it."""

    study: str
    metric: str
    members: tuple[Member, ...] = Field(strict=False, min_length=1)
    prepared: str
    device: str
    n_threads: int | None

    def asks_the_same_as(self, other: "EnsembleSpec") -> bool:
        """Whether both mean the same models; the place of evaluation changes their figures by rounding."""
        return _meant(self) == _meant(other)


class EnsembleFigures(StrictModel):
    """What the evaluation gave: metrics by `split/name`, validation and test."""

    metrics: dict[str, float]
    device: str
    seconds: float


def member_folders(study: StudyFolder) -> set[Path]:
    """The run folders of the study's ensemble: whoever tidies up leaves their models."""
    spec = read_spec(study.ensemble.request)
    return {study.path.joinpath(*Path(one.folder).parts[-3:]) for one in spec.members} if spec else set()


def read_figures(path: Path) -> EnsembleFigures | None:
    """The figures of an evaluation that has ended; None where there are none that can be read."""
    try:
        return EnsembleFigures.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _meant(spec: EnsembleSpec) -> tuple[str, list[tuple[int, int, str]]]:
    return spec.metric, [(member.trial, member.seed, member.model) for member in spec.members]


def model_digest(folder: RunFolder) -> str:
    """The digest that best.pt ends with, in hex. Raises FileNotFoundError where there is none."""
    with folder.best.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - N_DIGEST_BYTES))
        return file.read().hex()


def read_spec(path: Path) -> EnsembleSpec | None:
    """The spec that an earlier session wrote; None where there is none that can be read."""
    try:
        return EnsembleSpec.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
