"""The runs of a finished study, read back from the files that it left."""

import csv
from collections.abc import Mapping
from typing import Any

import yaml

from sweeper.layout import RunFolder, StudyFolder
from sweeper.results import RunResult
from sweeper.trial import TrialSpec


def read_runs(folder: StudyFolder, summary: Mapping[str, Any]) -> list[tuple[TrialSpec, RunResult]]:
    """Each row of `trials.csv` with its trial; the configuration comes from the run's own folder."""
    trials = {trial["trial"]: trial for trial in summary["trials"]}
    with folder.trials_csv.open(newline="") as file:
        return [_run(folder, row, trials[int(row["trial"])]) for row in csv.DictReader(file)]


def _run(
    folder: StudyFolder, row: Mapping[str, str], trial: Mapping[str, Any]
) -> tuple[TrialSpec, RunResult]:
    place = RunFolder(folder.path / row["folder"])
    config = yaml.safe_load(place.config.read_text()) if place.config.exists() else {}
    spec = TrialSpec(
        number=trial["trial"],
        name=trial["name"],
        role=trial["role"],
        prunable=trial["role"] == "candidate",
        params=trial["params"],
        overrides=tuple(trial["overrides"]),
        config=config,
        fingerprint=trial["fingerprint"],
        max_steps=int(row["steps_trained"]) + int(row["steps_inherited"]),
        notices=tuple(trial["warnings"]),
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
    )
    return spec, run
