r"""`sweeper run`: a study of a program that is not ours, a Hydra app or any command line.

sweeper run train.py -m optimizer.lr=1e-3,1e-2
sweeper run --module my_package.train -m optimizer.lr=1e-3,1e-2
sweeper run --cmd 'python train.py --gamma {gamma} --seed {seed} --out {out}' gamma=0,1,2 \
        baseline.gamma=0 metric=val/acc:max
"""

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from sweeper.cli import Parser, exit_code
from sweeper.errors import Fault, UserError

OURS = "hydra_plugins.optuna_study.sweeper.OptunaStudySweeper"
EXAMPLE = "sweeper run --cmd 'python train.py --lr {lr} --seed {seed} --out {out}' lr=0.1,0.2 ..."
LOADED_BY_MAIN = "hydra._internal.hydra"
"""What `@hydra.main` imports when it is called."""
NOT_HYDRA = "it has ended without calling @hydra.main, so that nothing could be swept"
OTHERWISE = f"Of a program that is no Hydra app: {EXAMPLE}"
FORCED = ("hydra/sweeper=optuna_study", f"hydra.sweeper._target_={OURS}", "hydra.sweeper._recursive_=false")


def main(arguments: Sequence[str]) -> int:
    """The exit code of the study."""
    parser = Parser(
        prog="sweeper run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--cmd", metavar="COMMAND", help="any command line, with its parameters in braces")
    what.add_argument("--module", metavar="NAME", help="a Hydra app that is started by python -m NAME")
    parser.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="train.py and its own words; after --cmd: key=value",
    )
    given = parser.parse_args(arguments)
    if given.cmd is not None:
        return _run_command(given.cmd, given.words)
    if given.module is None and not given.words:
        parser.error("expected a script, --module or --cmd")
    script = given.module or given.words[0]
    words = given.words if given.module else given.words[1:]
    return _run_app(script, words, is_module=given.module is not None)


def as_study(words: Sequence[str]) -> list[str]:
    """The words of an app such that they start a study of ours, whatever sweeper its configuration names."""
    kept = [
        word
        for word in words
        if word not in ("-m", "--multirun") and not word.startswith(FORCED[0].partition("=")[0] + "=")
    ]
    return ["-m", *FORCED, *kept]


def _run_app(script: str, words: Sequence[str], *, is_module: bool) -> int:
    if not is_module and not Path(script).is_file():
        return exit_code(lambda: _refuse(script))
    folder = os.getcwd() if is_module else str(Path(script).resolve().parent)
    sys.argv = [script, *as_study(words)]
    sys.path.insert(0, folder)  # as Python does for a script, or with -m
    try:
        if is_module:
            runpy.run_module(script, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if "hydra" in sys.modules:
            raise
        print(_without_hydra(script), file=sys.stderr)
        return end.code if isinstance(end.code, int) and end.code else 2
    return 0 if LOADED_BY_MAIN in sys.modules else exit_code(lambda: _refuse_without_hydra(script))


def _run_command(template: str, words: Sequence[str]) -> int:
    from sweeper.app import run_command

    return run_command(template, words)


def _without_hydra(script: str) -> UserError:
    return UserError(Fault(script, NOT_HYDRA, OTHERWISE))


def _refuse_without_hydra(script: str) -> None:
    raise _without_hydra(script)


def _refuse(script: str) -> None:
    raise UserError(
        Fault(script, "there is no such file", "Name the script of your app, as train.py, or give --cmd")
    )
