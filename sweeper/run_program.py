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
import traceback
from collections.abc import Sequence
from pathlib import Path

from sweeper.cli import HELP, Parser, exit_code
from sweeper.errors import Fault, UserError

OURS = "hydra_plugins.optuna_study.sweeper.OptunaStudySweeper"
EXAMPLE = "sweeper run --cmd 'python train.py --lr {lr} --seed {seed} --out {out}' lr=0.1,0.2 ..."
LOADED_BY_MAIN = "hydra._internal.hydra"
"""What `@hydra.main` imports when it is called."""
NOT_HYDRA = "it has ended without calling @hydra.main, so that nothing could be swept"
OTHERWISE = f"Of a program that is no Hydra app: {EXAMPLE}"
MULTIRUN = ("-m", "--multirun")
"""Asked for by `sweeper run` itself, and may stand anywhere."""
FORCED = ("hydra/sweeper=optuna_study", f"hydra.sweeper._target_={OURS}", "hydra.sweeper._recursive_=false")


def main(arguments: Sequence[str]) -> int:
    """The exit code of the study."""
    parser = _parser()
    given, words = parser.parse_known_args([word for word in arguments if word not in MULTIRUN])
    if HELP & set(words[:1]) or (given.cmd is not None and HELP & set(words)):
        parser.print_help()
        return 0
    if given.cmd is not None:
        return _run_command(given.cmd, words)
    if given.module is not None:
        return _run_app(given.module, words, is_module=True)
    if not words:
        parser.error("expected a script, --module or --cmd")
    return _run_app(words[0], words[1:], is_module=False)


def _parser() -> Parser:
    """Reads the options of ours, wherever they stand; all other words are the app's, or the command's."""
    parser = Parser(
        prog="sweeper run",
        usage="sweeper run (SCRIPT | --module NAME | --cmd COMMAND) [-m] word ...",
        description=__doc__,
        epilog="The words are those of the app itself, after --cmd key=value. -m may stand anywhere.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--cmd", metavar="COMMAND", help="any command line, with its parameters in braces")
    what.add_argument("--module", metavar="NAME", help="a Hydra app that is started by python -m NAME")
    return parser


def as_study(words: Sequence[str]) -> list[str]:
    """The words of an app such that they start a study of ours, whatever sweeper its configuration names."""
    kept = [
        word
        for word in words
        if word not in MULTIRUN and not word.startswith(FORCED[0].partition("=")[0] + "=")
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
    except ImportError as error:
        if is_module or not _is_relative_import_of(script, error):
            raise
        return exit_code(lambda: _refuse_relative(script))
    except SystemExit as end:
        if "hydra" in sys.modules:
            raise
        print(_without_hydra(script), file=sys.stderr)
        return end.code if isinstance(end.code, int) and end.code else 2
    return 0 if LOADED_BY_MAIN in sys.modules else exit_code(lambda: _refuse_without_hydra(script))


def _is_relative_import_of(script: str, error: ImportError) -> bool:
    """Whether the script itself imports relatively, and no module that it imports."""
    last = [frame.filename for frame in traceback.extract_tb(error.__traceback__)][-1]
    return last == script and "no known parent package" in str(error)


def _refuse_relative(script: str) -> None:
    path = Path(os.path.relpath(script))
    is_beside = path.parent == Path() or path.parts[0] == os.pardir
    module = (
        f"{Path(script).resolve().parent.name}.{path.stem}"
        if is_beside
        else ".".join(path.with_suffix("").parts)
    )
    where = "from the folder above its package, " if is_beside else ""
    problem = "imports relatively, so it is part of a package"
    raise UserError(Fault(script, problem, f"Start it {where}as sweeper run --module {module} -m ..."))


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
