"""`sweeper`, or `python -m sweeper`: a run, a study, or one of the commands that `sweeper --help` lists."""

import sys

from sweeper.cli import main

if __name__ == "__main__":
    sys.exit(main())
