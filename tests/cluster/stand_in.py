"""In an agent's place, where only its start and its end are of interest: it notes what it is given.

Ends when its standard input does, as an agent with a lifeline, or at SIGTERM.
"""

import json
import os
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


def main() -> None:
    """Note, and wait for the end."""
    folder = Path(sys.argv[1])
    note = {"at": time.time(), "pid": os.getpid(), "words": sys.argv[2:], "environment": dict(os.environ)}
    beside = folder / f"{os.getpid()}.part"
    beside.write_text(json.dumps(note))
    beside.rename(folder / f"{os.getpid()}-{time.time_ns()}.json")
    if stat.S_ISFIFO(os.fstat(0).st_mode) or stat.S_ISSOCK(os.fstat(0).st_mode):
        sys.stdin.read()
    else:
        time.sleep(600)


if __name__ == "__main__":
    main()
