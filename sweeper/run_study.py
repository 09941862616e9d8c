"""`sweeper [key=value ...]`: one run, or with `-m` a study; the application that Hydra starts.

Exit codes: 0 finished, 1 no result, 2 the user's input, 130 after Ctrl-C, 143 after SIGTERM, 129 SIGHUP
(unless its terminal went away: that ends nothing).

Nothing heavier than Hydra is imported before Hydra has read the command line.
"""

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sweeper.config import (
    VERSION_BASE,
    read_files_as_written,
    read_names_as_written,
    read_options_of_sbatch,
)
from sweeper.errors import FULL_ERROR, Fault, StudyError, UserError, did_you_mean, redacting_excepthook
from sweeper.layout import CONF, at_home

# absolute: found from any folder, run as a module or imported, installed or not
CONFIG_PATH = str(CONF)
CONFIG_NAME = "config"
CONFIGURATION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
CONFIG_DIR = "A folder of yours beside that of the program is --config-dir."
PLUGIN = os.path.join("hydra_plugins", "optuna_study", "sweeper.py")
OWN_SWEEPER = "optuna_study"
MULTIRUN = ("-m", "--multirun")


@hydra.main(config_path=CONFIG_PATH, config_name=CONFIG_NAME, **VERSION_BASE)
def app(config: DictConfig) -> None:
    """Train one configuration in this process; read again by us, so that all faults are said at once."""
    from sweeper.config import read_command_line
    from sweeper.study import run_solo

    hydra_config = HydraConfig.get()
    chosen = hydra_config.runtime.choices.get("hydra/sweeper")
    lines = [*hydra_config.overrides.hydra, *hydra_config.overrides.task]
    with ends_by_exit_code():  # within Hydra's job, which would add a line of its own to any error
        if hydra_config.mode == RunMode.MULTIRUN:
            problem = f"got '{chosen}', which knows no study; expected {OWN_SWEEPER}"
            raise UserError(
                Fault("hydra/sweeper", problem, "Leave it out: every combination becomes a trial.")
            )
        loader = GlobalHydra.instance().config_loader()
        sweep = read_command_line(loader, hydra_config.job.config_name, lines, multirun=False)
        code = run_solo(sweep)
        if code:
            sys.exit(code)


def main(arguments: Sequence[str]) -> int:
    """0, or exits with another code; every mistake of the user is one line on stderr, without a traceback."""
    sys.excepthook = redacting_excepthook
    sys.argv[1:] = flags_first([with_home(word) for word in arguments])  # where Hydra reads them
    wants_tracebacks = os.environ.get(FULL_ERROR) == "1"
    read_files_as_written()
    read_options_of_sbatch()
    read_names_as_written()
    with with_traceback(wants_tracebacks), ends_by_exit_code():
        try:
            with hydra_raises():
                app()
        except UserError:
            raise
        except Exception as error:
            if wants_tracebacks:
                raise
            run_again(error)
    return 0


def flags_first(words: Sequence[str]) -> list[str]:
    """The words with `-m` in front: Hydra's parser takes it before or after all overrides only."""
    flags = [word for word in words if word in MULTIRUN]
    return [*flags[:1], *(word for word in words if word not in MULTIRUN)]


def with_home(word: str) -> str:
    """`data.path=~/a` with the folder that it means: shells leave such a `~` alone, and Hydra refuses it."""
    key, is_pair, value = word.partition("=")
    path = at_home(value)
    if not is_pair or path == value:
        return word
    if key.startswith("-"):
        return f"{key}={path}"
    from sweeper.search import text_of

    return f"{key}={text_of(path)}"


def explained(error: Exception) -> Exception:
    """A line for what Hydra stopped at; `error` itself where our own work had begun."""
    from sweeper.config import first_line

    if isinstance(error, CONFIGURATION_ERRORS) or not has_begun(error):
        return UserError(Fault("command line", first_line(error) or type(error).__name__))
    return error


def has_begun(error: Exception) -> bool:
    """Whether the error comes out of work of ours, rather than of Hydra's own reading."""
    return any(
        frame.filename.endswith(PLUGIN) or (frame.name == app.__name__ and frame.filename == __file__)
        for frame in extract_tb(error.__traceback__)
    )


def run_again(error: Exception) -> None:
    """Do what the command line says without Hydra's application, which stops at a fault.

    Raises UserError with all faults; `error`, explained, where it is none of reading the command line. What
    Hydra itself cannot read, and we can, runs: `choice(auto,null)`, a required group that is swept.
    """
    from sweeper.config import arguments_parser, loader_of, read_command_line, was_reading
    from sweeper.study import run_solo, run_sweep

    if has_begun(error):
        raise explained(error) from error
    arguments = arguments_parser().parse_args(sys.argv[1:])
    program, own = folders_of(arguments)
    with loader_of(program, own) as loader:
        try:
            sweep = read_command_line(
                loader, arguments.config_name or CONFIG_NAME, arguments.overrides, multirun=arguments.multirun
            )
        except CONFIGURATION_ERRORS:
            raise explained(error) from error  # nothing more is known than what Hydra stopped at
        if (
            not was_reading(error)
            or arguments.cfg
            or arguments.info
            or arguments.help
            or arguments.hydra_help
        ):
            raise explained(error) from error
        code = run_sweep(sweep) if arguments.multirun else run_solo(sweep)
    if code:
        sys.exit(code)


def folders_of(arguments: Namespace) -> tuple[Path, Path | None]:
    """The folders of `--config-path` and `--config-dir`.

    Raises UserError where one is none, or the primary config is in neither.
    """
    program = (CONF / (arguments.config_path or "")).resolve()
    own = None if arguments.config_dir is None else Path(arguments.config_dir).expanduser().absolute()
    for flag, folder in (("--config-path", program), ("--config-dir", own)):
        if folder is not None and not folder.is_dir():
            given = arguments.config_dir if folder is own else arguments.config_path
            raise UserError(Fault(flag, f"got '{given}'; expected a folder that exists"))
    folders = [folder for folder in (program, own) if folder is not None]
    name = str(arguments.config_name or CONFIG_NAME).removesuffix(".yaml")
    files = [folder / f"{name}.yaml" for folder in folders]
    if not any(path.is_file() for path in files):
        known = sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})
        problem = f"got '{name}', but there is no {' or '.join(map(str, files))}{did_you_mean(name, known)}"
        where = "--config-name" if arguments.config_name else "--config-path"
        raise UserError(Fault(where, problem, CONFIG_DIR))
    return program, own


@contextmanager
def ends_by_exit_code() -> Iterator[None]:
    """Turn what ends a study into the process's exit code."""
    try:
        yield
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except StudyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def with_traceback(is_wanted: bool) -> Iterator[None]:
    """Behind the line of what ends a command, print what led to it where that is wanted."""
    try:
        yield
    except SystemExit as end:
        cause = None if end.__context__ is None else end.__context__.__cause__
        if is_wanted and cause is not None:
            redacting_excepthook(type(cause), cause, cause.__traceback__)
        raise


@contextmanager
def hydra_raises() -> Iterator[None]:
    """Within, Hydra raises its errors instead of printing them and exiting with 1."""
    before = os.environ.get(FULL_ERROR)
    os.environ[FULL_ERROR] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[FULL_ERROR]
        else:
            os.environ[FULL_ERROR] = before
