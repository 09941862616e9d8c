"""What throw-away clusters are made of: whether it is here, and where it may be installed, it is."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec

ALLOWED = "SWEEPER_CLUSTER_INSTALL"
"""Set to 1, it allows root to install Debian's packages."""


def lacking(programs: Sequence[str]) -> list[str]:
    """Those that no folder of programs has."""
    folders = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return [program for program in programs if shutil.which(program, path=folders) is None]


def why_not(
    programs: Sequence[str],
    packages: Sequence[str],
    allowed: str = ALLOWED,
    target: str = "cluster-test",
) -> str:
    """In a line, what is missing and what would bring it; empty where all is there, if installed just now.

    `allowed`: the variable that allows it, in `make <target>`.
    """
    if not (missing := lacking(programs)):
        return ""
    install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    told = f"{', '.join(missing)} not found; {' '.join(install)}"
    if os.environ.get(allowed) != "1":
        return f"{told} (make {target} does so with {allowed}=1, as root)"
    if os.geteuid() != 0:
        return f"{told} (only root may)"
    if problem := _installed(install):
        return f"{told} failed: {problem}"
    return (
        f"{', '.join(missing)} not found though {' '.join(packages)} is installed"
        if lacking(programs)
        else ""
    )


def why_no_module(module: str, extra: str) -> str:
    """In a line, how to get a Python package that is missing; empty where it is there."""
    return "" if find_spec(module) else f'{module} is not installed; pip install "sweeper[{extra}]"'


def _installed(command: Sequence[str]) -> str:
    """The last words of an installation that failed."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["apt-get", "update", "-qq"], command):
        try:
            done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=300)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return ""
