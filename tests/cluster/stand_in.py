"""In an agent's place, where only its start and its end are of interest: it notes what it is given.

Ends when its standard input does, as an agent with a lifeline, at SIGTERM, or when the study is over.
"""

import json
import os
import select
import stat
import sys
import time
from pathlib import Path

SCRIPT = f"#!/bin/sh\nexec {sys.executable} {__file__} "
"""What takes the place of Python in an agent's command line; the folder for notes is to follow."""


def write(folder: Path) -> Path:
    """A program to be used as an agent's Python."""
    notes = folder / "notes"
    notes.mkdir()
    program = folder / "python"
    program.write_text(f'{SCRIPT}{notes} "$@"\n')
    program.chmod(0o755)
    return program


def notes(folder: Path) -> list[dict[str, object]]:
    """What those that were started have noted, the first one first."""
    found = [json.loads(path.read_text()) for path in (folder / "notes").glob("*.json")]
    return sorted(found, key=lambda note: note["at"])


def end_all(folder: Path) -> None:
    """As when a study is over: all that were started leave by themselves."""
    (folder / "notes" / "over").touch()


def main() -> None:
    """Note, and wait for the end."""
    folder = Path(sys.argv[1])
    note = {"at": time.time(), "pid": os.getpid(), "words": sys.argv[2:], "environment": dict(os.environ)}
    beside = folder / f"{os.getpid()}.part"
    beside.write_text(json.dumps(note))
    beside.rename(folder / f"{os.getpid()}-{time.time_ns()}.json")
    has_lifeline = stat.S_ISFIFO(os.fstat(0).st_mode)
    while not (folder / "over").exists():
        if select.select([0] if has_lifeline else [], [], [], 0.2)[0]:
            return


if __name__ == "__main__":
    main()
