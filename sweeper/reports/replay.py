"""The runs of a finished study, read back from the files that it left."""

import csv
import json
from collections.abc import Mapping

import yaml

from sweeper.errors import Fault, UserError
from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports.summary_model import Summary, TrialEntry
from sweeper.results import RunResult
from sweeper.trial import TrialSpec


def read_runs(folder: StudyFolder, summary: Summary) -> list[tuple[TrialSpec, RunResult]]:
    """Each row of `trials.csv` with its trial; the configuration comes from the run's own folder.

    Raises UserError where the table does not belong to the summary, or is damaged.
    """
    trials = {trial.trial: trial for trial in summary.trials}
    try:
        return [_run(folder, row, trials[int(row["trial"])]) for row in read_rows(folder)]
    except (KeyError, ValueError, TypeError) as error:
        problem = f"is damaged, or not of this summary ({type(error).__name__}: {error})"
        advice = "The command that began the study writes both anew, without training anything again"
        raise UserError(Fault(str(folder.trials_csv), problem, advice)) from error


def read_rows(folder: StudyFolder) -> list[dict[str, str]]:
    """The rows of `trials.csv`, a run each; none where there is no such file."""
    try:
        with folder.trials_csv.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except FileNotFoundError:
        return []


def _run(folder: StudyFolder, row: Mapping[str, str], trial: TrialEntry) -> tuple[TrialSpec, RunResult]:
    place = RunFolder(folder.path / row["folder"])
    config = yaml.safe_load(place.config.read_text(encoding="utf-8")) if place.config.exists() else {}
    spec = TrialSpec(
        number=trial.trial,
        name=trial.name,
        role=trial.role,
        prunable=trial.role == "candidate",
        params=trial.params,
        overrides=trial.overrides,
        config=config,
        fingerprint=trial.fingerprint,
        max_steps=int(row["steps_trained"]) + int(row["steps_inherited"]),
        notices=trial.warnings,
    )
    prefix = "metrics."
    metrics = {
        key.removeprefix(prefix): float(text) for key, text in row.items() if text and key.startswith(prefix)
    }
    run = RunResult(
        trial=spec.number,
        seed=int(row["seed"]),
        state=row["state"],  # type: ignore[arg-type]
        reason=row["reason"] or None,
        metrics=metrics,
        best_step=int(row["best_step"]),
        steps_trained=int(row["steps_trained"]),
        steps_inherited=int(row["steps_inherited"]),
        seconds=float(row["seconds"]),
        attempt=int(row["attempt"]),
        reused=row["reused"] == "True",
        folder=place.path,
        device=row.get("device") or "",
        incidents=tuple(json.loads(row.get("incidents") or "[]")),
    )
    return spec, run
