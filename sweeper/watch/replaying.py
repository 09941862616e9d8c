"""`python -m sweeper.watch.replaying < rest.json`: log what a study's log lacks, its best model included."""

import os
import sys

from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.watch.afterwards import WAY
from sweeper.watch.tracking import replay_study

NICENESS = 10
"""Whatever else the machine has to do goes first."""


def main() -> int:
    """The exit code: 0, or 1 with the reason on standard error."""
    os.nice(NICENESS)
    rest = WAY.validate_json(sys.stdin.buffer.read())
    folder = StudyFolder(rest.study)
    try:
        replay_study(folder, rest.tracking, rest.results_dir)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    folder.afterwards_log.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
