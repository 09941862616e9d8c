"""A password in a URL stays where the user wrote it: it is in no output, no file, no child's arguments."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.test_end_to_end import SMALL

SECRET = "S3cr3t-x"
NOBODY_LISTENS = f"http://user:{SECRET}@127.0.0.1:9"
"""A tracking server that is down: its errors, and the advice to log later, name the place."""
PLACES = {SECRET.encode(), SECRET.encode("utf-16-le"), SECRET.encode("utf-16-be")}


def run(folder: Path, *words: str, **environment: str) -> tuple[int, str, set[str]]:
    """Exit code, output, and the arguments of every child process that was seen."""
    command = [sys.executable, "-m", "sweeper", *words]
    output, seen = folder.parent / "output.txt", set[str]()
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, stdout=file, stderr=subprocess.STDOUT, env={**os.environ, **environment}
        )
        deadline = time.monotonic() + 240
        while process.poll() is None:
            assert time.monotonic() < deadline
            seen |= children(process.pid)
            time.sleep(0.05)
    own = " ".join((*command, ""))  # which a child shows, too, until it has become another program
    return process.returncode, output.read_text(), seen - {own}


def children(parent: int) -> set[str]:
    """The command lines of a process's children and theirs."""
    found = set()
    for line in Path(f"/proc/{parent}/task").glob("*/children"):
        try:
            for child in line.read_text().split():
                found.add(Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode())
                found |= children(int(child))
        except OSError:
            continue  # it has ended meanwhile
    return found


def leaks(folder: Path) -> list[str]:
    """The files below that hold the secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(place in path.read_bytes() for place in PLACES)]


def test_a_study_tells_its_passwords_nowhere(tmp_path: Path) -> None:
    """Two tracked trials, one of which fails; secrets in the storage's and in the tracking server's URL."""
    folder = tmp_path / "work"
    folder.mkdir()
    words = [word for word in SMALL if not word.startswith("tracking")]
    code, output, seen = run(
        folder,
        *("-m", "optimizer.lr=1e-3,1e9", "study.baseline=[]", "optimizer=sgd", *words),
        *("study.n_seeds=1", "study.confirm_seeds=1"),
        f"tracking.uri={NOBODY_LISTENS}",
        f'study.storage="sqlite:///file:{folder}/studies.db?uri=true&password={SECRET}"',
    )
    assert code == 0, output
    assert "http://user:***@127.0.0.1:9" in output
    assert SECRET not in output
    assert leaks(folder) == []
    assert seen
    assert [line for line in seen if SECRET in line] == []
    assert list(folder.glob("results/*/best.yaml"))


@pytest.mark.parametrize(
    ("words", "full"),
    [
        ([f"tracking.urii={NOBODY_LISTENS}", f"tracking.name={NOBODY_LISTENS}"], "0"),
        ([f"study.storage=postgresql://u:{SECRET}@127.0.0.1:9/db"], "1"),
        ([f"tracking={NOBODY_LISTENS}"], "1"),
        ([f"tracking.uri={NOBODY_LISTENS}{{"], "1"),
    ],
    ids=["two faults", "no driver", "no option", "unreadable"],
)
def test_a_refused_command_line_tells_no_password_either(tmp_path: Path, words: list[str], full: str) -> None:
    """Exit code 2 and a line a fault; or, where the user asks Hydra for tracebacks, these."""
    folder = tmp_path / "work"
    folder.mkdir()
    code, output, _ = run(folder, "-m", "aux_focal.lambda=0.1,0.2", *SMALL, *words, HYDRA_FULL_ERROR=full)
    assert code == 2 or (full == "1" and "Traceback" in output)
    assert "***" in output
    assert SECRET not in output
    assert leaks(folder) == []
