"""Why there is no file where a user means one."""

import re
from glob import glob, has_magic
from pathlib import Path

from sweeper.task import Fault

_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
N_SHOWN = 5


def fault_of_place(path: Path, key: str, advice: str, of_folder: str = "Name the file in it") -> Fault | None:
    """Why there is no file at a path, told by what is there instead; None where it is one."""
    try:
        return _fault(path, key, advice, of_folder)
    except (OSError, ValueError) as error:  # names that no file can have
        return Fault(
            key, f"got {str(path)[:200]!r}, which cannot be looked at ({error}); expected a file", advice
        )


def _fault(path: Path, key: str, advice: str, of_folder: str) -> Fault | None:
    if path.is_file():
        return None
    if path.is_dir():
        parts = sorted(part.name for part in path.iterdir() if not part.name.startswith((".", "_")))
        shown = ", ".join(parts[:N_SHOWN]) + (", ..." if len(parts) > N_SHOWN else "")
        inside = f". It holds {shown}" if parts else ". It is empty"
        return Fault(key, f"got {path}, a folder; expected a file", of_folder + inside)
    if path.exists():
        return Fault(key, f"got {path}, a device or a pipe; expected a file", advice)
    if _URL.match(text := str(path).replace(":/", "://", 1)):
        return Fault(key, f"got {text}, an address; expected a file", "Download it, and name the file")
    if has_magic(str(path)) and (found := sorted(glob(str(path)))):
        shown = ", ".join(found[:N_SHOWN]) + (", ..." if len(found) > N_SHOWN else "")
        return Fault(
            key, f"got {path}, which are {len(found)} files ({shown}); expected one", "Join them, or name one"
        )
    return Fault(key, f"got {path}; expected a file that exists. There is none", advice)
