"""`python -m sweeper` for tests: in this process, or in one of its own where that is the point."""

import io
import json
import os
import subprocess
import sys
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

INLINE = "executor=inline"
"""For commands in this process: their jobs need no worker to import torch once more."""


def sweeper(folder: Path, *words: str, code: int = 0) -> str:
    """What `python -m sweeper` prints in `folder`, called here; fails unless it ends with `code`.

    It differs from a process of its own in that modules are imported already, that warnings are errors, and
    that a killed worker would be ours.
    """
    printed = io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(chdir(folder))
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.enter_context(patch.object(sys, "argv", ["sweeper", *words]))
        stack.enter_context(patch.object(sys, "excepthook", sys.excepthook))
        stack.enter_context(patch.dict(os.environ))
        ended = _ended()
    assert ended == code, printed.getvalue()
    return printed.getvalue()


def sweeper_process(folder: Path, *words: str, code: int = 0) -> str:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "sweeper", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def summary(folder: Path) -> dict[str, Any]:
    """The result of the only study in `folder`."""
    (path,) = folder.glob("results/*/summary.json")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def _ended() -> int:
    from sweeper.cli import main

    try:
        return main()
    except SystemExit as end:
        return int(end.code or 0)
