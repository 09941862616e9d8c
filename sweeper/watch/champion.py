"""Which model of a study is registered, and under which name and alias; done by a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sweeper.agent import SAME_PATH, import_path
from sweeper.ensemble_spec import model_digest
from sweeper.errors import redact
from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports import Summary, read_rows
from sweeper.watch.registering import Registration
from sweeper.watch.study_facts import StudyFacts

TIMEOUT_S = 120.0
"""So long a model may take to be loaded and stored."""
BETTER = "better"
"""The verdict with which a study's best model is the champion; with any other it is a candidate."""
NO = "no: "
"""Begins the reason why no model is registered."""
OF_A_PROGRAM = f"{NO}the model of a program is its own"


def model_of(study: StudyFolder, summary: Summary) -> Path | str:
    """The folder of the best candidate's run that has kept its model, or why there is none.

    Of several the best on validation. They are those of `trials.csv`, whichever session has made them.
    """
    if summary.is_multi_objective:
        return f"{NO}a front of several objectives has no one best"
    if not summary.best:
        return f"{NO}no candidate is the best"
    (objective, *_), best = summary.objectives, summary.best[0]
    key = f"metrics.val/{objective.metric}"
    rows = [row for row in read_rows(study) if row["trial"] == str(best.trial) and row["state"] == "COMPLETE"]
    kept = [row for row in rows if row.get(key) and RunFolder(study.path / row["folder"]).best.exists()]
    found = max(kept, key=lambda row: objective.sign * float(row[key]), default=None)
    if found is None and any(runner_of(study.path / row["folder"]) not in ("task", None) for row in rows):
        return OF_A_PROGRAM
    if found is None:
        return f"{NO}no model of trial {best.trial} {best.name} is kept (study.keep_models)"
    place = study.path / found["folder"]
    return place if runner_of(place) == "task" else OF_A_PROGRAM


def runner_of(run: Path) -> str | None:
    """`task` where our trainer trained the run in this folder; None where nobody can tell."""
    try:
        job = json.loads(RunFolder(run).job.read_text(encoding="utf-8"))
        runner, is_of_task = str(job.get("runner", "task")), "task" in job["members"][0]["config"]
        return runner if runner != "task" or is_of_task else None
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None


def registration_of(facts: StudyFacts, summary: Summary, uri: str, study_run: str, run: Path) -> Registration:
    """`sweeper-<task>` with the alias `champion` or `candidate`, and tags that lead back to the study."""
    best = summary.best[0]
    tags = {
        "sweeper.study": facts.study,
        "sweeper.study_run": study_run,
        "sweeper.trial": str(best.trial),
        "sweeper.name": best.name,
        "sweeper.seed": run.name.removeprefix("seed"),
        "sweeper.verdict": summary.verdict,
        "sweeper.model": model_digest(RunFolder(run)),
    }
    return Registration(
        uri=uri,
        name=f"sweeper-{facts.task}",
        alias="champion" if summary.verdict == BETTER else "candidate",
        run_id=study_run,
        folder=str(run.resolve()),
        tags=tags,
        description=f"Trial {best.trial} {best.name} of study {facts.study}: {summary.verdict}.",
    )


def register_elsewhere(asked: Registration) -> str:
    """The `mark` of what is registered now, or why it is not, in a line."""
    with tempfile.TemporaryDirectory() as folder:
        request = Path(folder) / "request.json"
        request.touch(mode=0o600)
        request.write_text(
            asked.model_dump_json(), encoding="utf-8"
        )  # the store's address may hold a password
        command = [sys.executable, *SAME_PATH, "-m", "sweeper.watch.registering", str(request)]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, **import_path()},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"{NO}it took more than {TIMEOUT_S:g} s"
    if done.returncode == 0:
        return asked.mark
    return f"{NO}{redact((done.stderr.strip().splitlines() or ['no word'])[-1])[:300]}"
