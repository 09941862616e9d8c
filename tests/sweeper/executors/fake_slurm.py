"""SLURM's commands as scripts that note how they were called, and say what a test has them say."""

import os
from pathlib import Path

import pytest

SCRIPT = """#!/bin/sh
here={folder}
echo "{name} $*" >>$here/calls.txt
{body}
"""
BODIES = {
    "sbatch": 'refusal=$(cat $here/refusal.txt); [ -z "$refusal" ] || { echo "$refusal" >&2; exit 1; }\n'
    'eval last=\\${$#}; cp "$last" $here/script.sh; echo $((11 + $(grep -c ^sbatch $here/calls.txt)))',
    "squeue": "cat $here/tasks.txt",
    "scontrol": "cat $here/job.txt",
    "scancel": 'case "$*" in *PENDING*) sed -i /PENDING/d $here/tasks.txt;; *) : >$here/tasks.txt;; esac',
}


class FakeSlurm:
    """`tasks`, `refusal` and `job`: what `squeue`, `sbatch` and `scontrol` say from now on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("calls", "tasks", "refusal", "job"):
            (folder / f"{name}.txt").touch()
        for name, body in BODIES.items():
            script = folder / name
            script.write_text(SCRIPT.format(folder=folder, name=name, body=body))
            script.chmod(0o755)

    def say(self, **texts: str) -> None:
        """What a command is to say from now on, by the name of its text."""
        for name, text in texts.items():
            written = self.folder / f"{name}.written"
            written.write_text(text)
            written.replace(self.folder / f"{name}.txt")  # a command reads one text or the other, never half

    def calls(self, command: str) -> list[str]:
        """With which words a command was called so far."""
        lines = (self.folder / "calls.txt").read_text().splitlines()
        return [line.partition(" ")[2] for line in lines if line.split()[0] == command]

    def read(self, name: str) -> str:
        """A file of the folder."""
        return (self.folder / name).read_text()


@pytest.fixture
def fake_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSlurm:
    """On the path, before a real one."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return FakeSlurm(folder)
