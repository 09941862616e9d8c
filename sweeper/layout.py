"""Every file name of a results folder, in one place; and how a crash leaves no file half written."""

import os
import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.errors import Fault, UserError
from sweeper.wording import slugify

if TYPE_CHECKING:
    from sweeper.trial import TrialSpec

PACKAGE = Path(__file__).resolve().parent
CONF = next(
    (folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir()), PACKAGE / "conf"
)
"""The program's own configuration: within the package where it is installed, beside it in a checkout."""

MAX_NAME_LENGTH = 200
"""What every database, and MLflow, can hold."""
RESERVED = {"cache", "mlartifacts", "mlflow.db", "mlruns", "published", "solo", "studies.db"}
"""What a results folder holds beside its studies."""
LIKE_OURS = re.compile(r"-[0-9a-f]{10}$")
"""A name that ends as the folders of other names do."""


_HOME = re.compile(r"(?P<scheme>sqlite:///|file://|)(?P<path>~[\w.-]*(?:/.*)?)", re.ASCII | re.DOTALL)


def at_home(text: str) -> str:
    """A path, or a URL of a file, with the home folder for a `~` before it: shells leave `key=~/data` alone.

    What is no such path, or the home of nobody, stays as it is.
    """
    found = _HOME.fullmatch(text)
    if found is None or ("/" not in text and text != "~"):
        return text
    return found["scheme"] + os.path.expanduser(found["path"])


def write_atomic(path: Path, data: str | bytes, *, flush: bool = True) -> None:
    """Write beside, flush to disk, rename: readers see the old file or the new one, never a part.

    Without `flush` this holds unless the machine loses power within about half a minute.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    raw = data.encode() if isinstance(data, str) else data
    try:
        with beside.open("wb") as file:
            file.write(raw)
            file.flush()
            if flush:
                os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@dataclass(frozen=True)
class RunFolder:
    """What one run leaves: `results/<study>/trials/<number>-<slug>/seed<k>/`."""

    path: Path

    @property
    def config(self) -> Path:
        """The run's validated configuration."""
        return self.path / "config.yaml"

    @property
    def overrides(self) -> Path:
        """The strings that Hydra was given for this trial."""
        return self.path / "overrides.yaml"

    @property
    def job(self) -> Path:
        """The JobSpec; `python -m sweeper.worker <this file>` runs it again."""
        return self.path / "job.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: an evaluation of one split."""
        return self.path / "metrics.jsonl"

    @property
    def system(self) -> Path:
        """One JSON object a line: CPU, memory and GPU at one moment; only where that was asked for."""
        return self.path / "system.jsonl"

    @property
    def records(self) -> Path:
        """Per-example records of the test split."""
        return self.path / "records.npz"

    @property
    def checkpoint(self) -> Path:
        """The last checkpoint, from which an interrupted run goes on."""
        return self.path / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        """The checkpoint before the last, used where the last one is damaged."""
        return self.path / "checkpoint.previous.pt"

    @property
    def best(self) -> Path:
        """The model of the best evaluation so far."""
        return self.path / "best.pt"

    @property
    def checkpoints(self) -> tuple[Path, ...]:
        """All checkpoint files that there are."""
        return tuple(path for path in (self.checkpoint, self.previous_checkpoint, self.best) if path.exists())

    @property
    def outcome(self) -> Path:
        """What became of the last attempt, written before the database is told of it."""
        return self.path / "outcome.json"

    @property
    def lock(self) -> Path:
        """Held by the worker that writes here, so that a late one of an earlier attempt cannot."""
        return self.path / ".lock"

    @property
    def log(self) -> Path:
        """What the worker had to say, tracebacks included; of a program all that it prints."""
        return self.path / "log.txt"

    @property
    def app(self) -> Path:
        """The output folder of a program; those of earlier attempts are `app.1` and so on."""
        return self.path / "app"

    def set_app_aside(self) -> None:
        """Move the output folder to the first free name, so that the next attempt finds nothing in it."""
        if self.app.exists():
            names = (self.app.with_name(f"{self.app.name}.{number}") for number in count(1))
            self.app.rename(next(path for path in names if not path.exists()))

    @property
    def app_results(self) -> Path:
        """The figures that such a program writes, if it writes any."""
        return self.path / "results.json"


@dataclass(frozen=True)
class EnsembleFolder:
    """What an average of models leaves: `results/<study>/ensemble/`."""

    path: Path

    @property
    def request(self) -> Path:
        """The EnsembleSpec; `python -m sweeper.worker.ensemble <this file>` evaluates it again."""
        return self.path / "request.json"

    @property
    def result(self) -> Path:
        """The EnsembleFigures of that request; written last."""
        return self.path / "result.json"

    @property
    def records(self) -> Path:
        """Per-example records of the test split."""
        return self.path / "records.npz"

    @property
    def log(self) -> Path:
        """What the process had to say, tracebacks included."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Held by the session that evaluates."""
        return self.path / ".lock"


@dataclass(frozen=True)
class StudyFolder:
    """`results/<study>/`."""

    path: Path

    @classmethod
    def of(cls, results_dir: str | Path, study: str) -> "StudyFolder":
        """The folder of the study of that name; no other study's."""
        return cls(Path(results_dir) / folder_name(study))

    @property
    def summary(self) -> Path:
        """The result; written last."""
        return self.path / "summary.json"

    @property
    def report_md(self) -> Path:
        """Verdict, leaderboard, plots."""
        return self.path / "report.md"

    @property
    def report_html(self) -> Path:
        """The same as one page for a browser, which needs no other file; there while a study runs, too."""
        return self.path / "report.html"

    @property
    def page_data(self) -> Path:
        """What that page shows of the runs' folders, where a study was published without them."""
        return self.path / "curves.json"

    @property
    def trials_csv(self) -> Path:
        """One row a run."""
        return self.path / "trials.csv"

    @property
    def command_txt(self) -> Path:
        """The command of the session that went on with the study last, written at its start."""
        return self.path / "command.txt"

    @property
    def best_yaml(self) -> Path:
        """The chosen configuration, re-runnable."""
        return self.path / "best.yaml"

    @property
    def plots(self) -> Path:
        """The folder of plots."""
        return self.path / "plots"

    @property
    def ensemble(self) -> EnsembleFolder:
        """The folder of the ensemble of its best runs."""
        return EnsembleFolder(self.path / "ensemble")

    @property
    def prefixes(self) -> Path:
        """What runs have left for others that begin alike, for as long as it is needed."""
        return self.path / "prefixes"

    @property
    def asking_lock(self) -> Path:
        """Held by the session that looks for the next trial."""
        return self.path / ".asking.lock"

    @property
    def registering_lock(self) -> Path:
        """Held while the study's best model is registered."""
        return self.path / ".registering.lock"

    @property
    def afterwards_log(self) -> Path:
        """Why something could not be logged after the study's end."""
        return self.path / "afterwards.log"

    @property
    def tracking_lock(self) -> Path:
        """Held by the session that logs this study; holds the id of the one that did so last."""
        return self.path / ".tracking.lock"

    def run(self, trial: "TrialSpec", seed: int) -> RunFolder:
        """The folder of one run."""
        return RunFolder(self.path / "trials" / trial.slug / f"seed{seed}")

    @property
    def runs(self) -> tuple[RunFolder, ...]:
        """The folders of all runs, in order."""
        return tuple(RunFolder(path) for path in sorted(self.path.glob("trials/*/seed*")))


@dataclass(frozen=True)
class ResultsFolder:
    """`results/`: what all studies share."""

    path: Path

    @property
    def mlflow_db(self) -> Path:
        """The embedded MLflow store."""
        return self.path / "mlflow.db"

    @property
    def mlflow_artifacts(self) -> Path:
        """Artifacts of the embedded MLflow store."""
        return self.path / "mlartifacts"

    @property
    def tracking_lock(self) -> Path:
        """Held by the session that opens the MLflow store."""
        return self.path / ".tracking.lock"

    @property
    def solo(self) -> Path:
        """The runs of commands without `-m`."""
        return self.path / "solo"

    @property
    def studies_db(self) -> Path:
        """The default storage of studies."""
        return self.path / "studies.db"

    @property
    def published(self) -> Path:
        """Reports that are committed."""
        return self.path / "published"

    @property
    def studies(self) -> tuple[StudyFolder, ...]:
        """The folders of all studies that have a summary, in order of their names."""
        return tuple(StudyFolder(path.parent) for path in sorted(self.path.glob("*/summary.json")))


def check_study_name(name: str) -> None:
    """Raises UserError for a name that no table, tag or line of a terminal could show."""
    expected = f"expected 1 to {MAX_NAME_LENGTH} characters that can be printed"
    if len(name) > MAX_NAME_LENGTH:
        problem = f"got {len(name)} characters ('{name[:20]}...'); {expected}"
        raise UserError(Fault("study.name", problem, "Choose a shorter one"))
    if not name.strip() or not name.isprintable():
        raise UserError(Fault("study.name", f"got {name!r}; {expected}", "Choose another"))


def folder_name(study: str) -> str:
    """The name itself where it is fit for a folder; else what is left of it, with a hash of the whole."""
    safe = slugify(study)
    is_reserved = safe.lower() in RESERVED or safe.lower().startswith(("studies.db", "mlflow.db"))
    if safe == study and not is_reserved and not LIKE_OURS.search(study):
        return safe
    return f"{slugify(study, limit=60)}-{sha256(study.encode(errors='surrogatepass')).hexdigest()[:10]}"
