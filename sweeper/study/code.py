"""What this process was started by."""

import shlex
import sys

from sweeper.errors import redact


def command() -> str:
    """The command line that started this process, passwords blanked."""
    return redact(shlex.join(["python", "-m", "sweeper", *sys.argv[1:]]))
