"""`sweeper`, or `python -m sweeper`: a run, a study, or one of the commands that `sweeper --help` lists."""

import os
import sys


def _look_here_last() -> None:
    """`python -m` looks in the user's folder first, where a `yaml.py` of his would take a library's place.

    A task beside him is still found. Where the program itself lies there, in a checkout, all stays as it is,
    so that workers run the same program.
    """
    here = os.getcwd()
    program = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if sys.path and os.path.abspath(sys.path[0]) == here != program:
        sys.path.append(sys.path.pop(0))


if __name__ == "__main__":
    _look_here_last()

from sweeper.cli import main

if __name__ == "__main__":
    sys.exit(main())
