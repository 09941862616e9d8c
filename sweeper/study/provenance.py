"""Where a result comes from: command, code, versions, machine."""

import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sweeper.errors import Fault, UserError, redact
from sweeper.layout import StudyFolder, folder_name
from sweeper.report import name_of
from sweeper.search import TrialBook
from sweeper.study.specs import SpecFactory, differences

PACKAGES = ("torch", "hydra-core", "optuna", "mlflow", "numpy")
PACKAGE = Path(__file__).resolve().parent.parent


def provenance(n_threads: int | None, target: str | None = None) -> dict[str, Any]:
    """All but the times of start and finish."""
    return {
        "command": command(),
        "git_sha": _git("rev-parse", "HEAD"),
        "git_dirty": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "code_hash": code_hash(target),
        "versions": {"python": platform.python_version(), **_versions()},
        "threads": n_threads,
        "cpu": cpu_name(),
    }


def command() -> str:
    """The command line that started this process, passwords blanked."""
    return redact(shlex.join(["python", "-m", "sweeper", *sys.argv[1:]]))


def code_hash(target: str | None = None) -> str:
    """A hash of the source that decides what a run computes.

    That is the worker's, the contract's with the task, and the package of `target` ("module:name").
    """
    sha = hashlib.sha256()
    for folder in (PACKAGE / "task", PACKAGE / "worker", *_package_folders(target)):
        for path in sorted(folder.rglob("*.py")):
            sha.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def _package_folders(target: str | None) -> list[Path]:
    """The folders of the top-level package in `target`, found without importing it."""
    spec = find_spec(target.partition(":")[0].partition(".")[0]) if target else None
    return [Path(folder) for folder in (spec.submodule_search_locations or [])] if spec else []


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


def _git(*words: str) -> str | None:
    """What git says of this project's own repository; None for an installed copy, wherever it lies."""
    if not (PACKAGE.parent / ".git").exists():
        return None
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
    try:
        done = subprocess.run(
            ["git", "-C", str(PACKAGE.parent), *words],
            capture_output=True,
            text=True,
            env=environment,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def changed_code(trials: TrialBook, target: str | None = None) -> list[str]:
    """What to say loudly when a study is opened again by other code than began it."""
    code = code_hash(target)
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
    study = {**begun["study"], "objectives": factory.objectives_as_now(begun["study"]["objectives"])}
    trained, now = begun.pop("objective", None), fixed.pop("objective", None)
    changed = differences({**begun, "study": study}, fixed)
    if not changed and trained != now:
        problem = f"got '{name}', whose runs an earlier version trained for the task's metric, not for {now}"
        raise UserError(Fault("study.name", problem, "Choose another name, so that all are trained alike"))
    if changed:
        problem = f"got '{name}', which was begun with another fixed configuration ({'; '.join(changed)})"
        raise UserError(Fault("study.name", problem, "Choose another name, or null to have one made"))
