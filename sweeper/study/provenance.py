"""Where a result comes from: command, code, versions, machine."""

import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from sweeper.agent import PACKAGE, code_hash
from sweeper.config import objective_by_value
from sweeper.errors import Fault, UserError
from sweeper.layout import StudyFolder, folder_name
from sweeper.reports import name_of
from sweeper.search import TrialBook
from sweeper.study.code import command
from sweeper.study.spec_factory import SpecFactory
from sweeper.study.specs import differences
from sweeper.trial import by_value

PACKAGES = ("torch", "hydra-core", "optuna", "mlflow", "numpy")
N_SHOWN = 6
"""So many differences between two configurations are told."""


def provenance(
    n_threads: int | None,
    code: str | None = None,
    started_by: str | None = None,
    repository: Path | None = None,
) -> dict[str, Any]:
    """All but the times of start and finish.

    `code` is the hash of the code, `started_by` the command line, `repository` a folder in the repository of
    the code; by default all are our own.
    """
    return {
        "command": started_by or command(),
        "git_sha": _git(repository, "rev-parse", "HEAD"),
        "git_dirty": bool(_git(repository, "status", "--porcelain", "--untracked-files=no")),
        "code_hash": code_hash() if code is None else code,
        "versions": {"python": platform.python_version(), **_versions()},
        "threads": n_threads,
        "cpu": cpu_name(),
    }


def cpu_name() -> str:
    """The processor's model name, or the architecture where it is not told."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    named = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(repository: Path | None, *words: str) -> str | None:
    """What git says there, or of our own repository; None for an installed copy of ours, wherever it lies."""
    if repository is None and not (PACKAGE.parent / ".git").exists():
        return None
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(repository or PACKAGE.parent), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def changed_code(trials: TrialBook, code: str) -> list[str]:
    """What to say loudly when a study is opened again by other code, by its hash, than began it."""
    if trials.remember("code_hash", code) == code:
        return []
    return [
        "the code of the task or of the trainer has changed since this study was begun; its old results "
        "stand beside new ones as if it had not. Give the study another study.name to start afresh"
    ]


def refuse_shared_folder(folder: StudyFolder, study: str) -> None:
    """Raises UserError where the folder is, on this file system, that of a study of another name.

    `Run` and `run` are two names and, on most disks of Macs and Windows, one folder.
    """
    owner = name_of(folder)
    own, found = folder_name(owner), folder.path.name
    if owner != study and own != found and own.casefold() == found.casefold():
        problem = f"got '{study}', whose folder {folder.path} is that of study '{owner}' on this disk"
        raise UserError(Fault("study.name", problem, "Choose a name that differs in more than its case"))


def refuse_another_study(trials: TrialBook, factory: SpecFactory, name: str) -> None:
    """Raises UserError where a study of that name was begun with another fixed configuration."""
    fixed = json.loads(json.dumps(factory.fixed()))
    begun = json.loads(trials.remember("fixed", json.dumps(fixed)))
    trained, now = begun.pop("objective", None), fixed.pop("objective", None)
    directions = dict(text.split(":") for text in fixed["study"]["objectives"])
    if fault := _another_study(_comparable(begun, directions), _comparable(fixed, directions), name):
        raise UserError(fault)
    if trained != now:
        problem = f"got '{name}', whose runs an earlier version trained for the task's metric, not for {now}"
        raise UserError(Fault("study.name", problem, "Choose another name, so that all are trained alike"))


def _another_study(begun: dict[str, Any], fixed: dict[str, Any], name: str) -> Fault | None:
    """What this command has other than the one that began the study; the ways out beside it."""
    task, own_task = begun["task"][0], fixed["task"][0]
    objectives, own = (", ".join(one["study"]["objectives"]) for one in (begun, fixed))
    another = "Choose another name, or null to have one made"
    if task != own_task:
        problem = f"got '{name}', which was begun for task {task}; this command is for task {own_task}"
        is_program = "config" in begun  # of its own, and none that could be chosen
        way = "" if is_program else f"; to go on with that study: task={task}"
        return Fault("study.name", problem, f"{another}{way}")
    if objectives != own:
        problem = f"got '{name}', which was begun with objective {objectives}; this command has {own}"
        way = f"to go on with that study: study.metrics=[{objectives}]"
        return Fault("study.name", problem, f"{another}; {way}")
    if not (changed := differences(begun, fixed)):
        return None
    more = f"; and {len(changed) - N_SHOWN} more" if len(changed) > N_SHOWN else ""
    what = f"{'; '.join(changed[:N_SHOWN])}{more}"
    problem = f"got '{name}', which was begun with another fixed configuration ({what})"
    return Fault("study.name", problem, another)


def _comparable(fixed: dict[str, Any], directions: Mapping[str, str]) -> dict[str, Any]:
    """The same by value: what an earlier version, or another spelling, wrote otherwise is no difference.

    `directions`: those of metrics that an earlier version wrote without.
    """
    study = fixed["study"]
    baseline = dict(_assignment(text) for text in study["baseline"])
    objectives = [objective_by_value(text, directions.get(text, "")) for text in study["objectives"]]
    found: dict[str, Any] = by_value(
        {**fixed, "study": {**study, "baseline": baseline, "objectives": objectives}}
    )
    return found


def _assignment(override: str) -> tuple[str, Any]:
    """The key of an override without `+`, and its value; one that sets nothing is its own value."""
    key, equals, text = override.partition("=")
    return (key.lstrip("+"), _value(text.strip())) if equals else (override, True)


def _value(text: str) -> Any:
    try:
        number = float(text)  # YAML takes 1e-3 for a text
    except ValueError:
        pass
    else:
        return number if math.isfinite(number) else text  # nan differs from itself
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text
