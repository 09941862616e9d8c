"""What a study leaves to another process to log: a slow server's part, and the registering of its best model.

Nobody waits for that process. Where it cannot live on (a container that ends with the study's process),
`sweeper studies replay` does the same.
"""

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from pydantic import TypeAdapter

from sweeper.agent import SAME_PATH, import_path
from sweeper.layout import StudyFolder
from sweeper.schema import Tracking


@dataclass(frozen=True)
class Rest:
    """Of which study something may be missing, in its folder `study`, and where it is logged."""

    study: Path
    tracking: Tracking
    results_dir: Path


WAY = TypeAdapter(Rest)
"""How it is told to the other process, on its standard input."""


def send_afterwards(rest: Rest) -> None:
    """Returns at once. The study's `afterwards.log` says why it failed, and is gone when all is well."""
    with StudyFolder(rest.study).afterwards_log.open("w", encoding="utf-8") as words:
        process = subprocess.Popen(
            [sys.executable, *SAME_PATH, "-m", "sweeper.watch.replaying"],
            env={**os.environ, **import_path()},
            stdin=subprocess.PIPE,  # the address may hold a password, which arguments would show
            stdout=subprocess.DEVNULL,
            stderr=words,
            start_new_session=True,
        )
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as request:
        request.write(WAY.dump_json(rest))
    Thread(target=process.wait, name="afterwards", daemon=True).start()  # no zombie, if this one lives on
