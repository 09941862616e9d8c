"""The sweepers that ours is measured against, each in a virtual environment of its own.

`hydra-optuna-sweeper` runs its trials through Hydra's joblib launcher, in batches of `n_jobs`. Version 1.3.0
asks for Optuna 2, whose SQLite storage fails on today's SQLAlchemy, so it is installed without its
dependencies; 1.4.0rc3 is a pre-release for Optuna 5.
"""

import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKER = "installed.txt"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


@dataclass(frozen=True)
class Peer:
    """A version of hydra-optuna-sweeper: the arguments of the `pip install` commands that make it run."""

    name: str
    installs: tuple[tuple[str, ...], ...]


PEERS = (
    Peer(
        "hydra-optuna-sweeper 1.3.0, Optuna 4.9",
        (
            ("hydra-core==1.3.8", "hydra-joblib-launcher==1.2.0", "optuna==4.9.0"),
            ("--no-deps", "hydra-optuna-sweeper==1.3.0"),
        ),
    ),
    Peer(
        "hydra-optuna-sweeper 1.4.0rc3, Optuna 5.0",
        (
            (
                *("--pre", "hydra-core==1.4.0rc3", "hydra-joblib-launcher==1.4.0rc3"),
                *("hydra-optuna-sweeper==1.4.0rc3", "optuna==5.0.0"),
            ),
        ),
    ),
)


def python_of(peer: Peer, folder: Path) -> Path:
    """The interpreter of the peer's environment below `folder`, made when it is not there yet."""
    place = folder / folder_name(peer)
    python, marker = place / "bin" / "python", place / MARKER
    wanted = repr(peer.installs)
    if not marker.exists() or marker.read_text() != wanted:
        print(f"installing {peer.name} into {place}", flush=True)
        venv.create(place, clear=True, with_pip=True)
        for arguments in peer.installs:
            called([str(python), *PIP, *arguments], place, {})
        marker.write_text(wanted)  # last: an environment without it is not whole
    return python


def folder_name(peer: Peer) -> str:
    """The peer's name as a folder's."""
    return "".join(c if c.isalnum() or c == "." else "-" for c in peer.name)


def in_environment(added: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without its import path, and what is `added`."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | dict(added)


def called(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command printed, run in `folder`. Raises RuntimeError, with its last words, where it fails."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=in_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last_words = "\n".join(done.stdout.splitlines()[-30:])
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}\n{last_words}")
    return done.stdout


def sweeper_command(*words: str) -> list[str]:
    """Our own command line, in this interpreter."""
    return [sys.executable, "-m", "sweeper", *words]


def import_path(*folders: Path) -> dict[str, str]:
    """The environment in which our side also imports from `folders`."""
    return {"PYTHONPATH": os.pathsep.join(str(folder) for folder in (*folders, ROOT, ROOT / "tasks"))}
