"""`sweeper [key=value ...]`: one run, or with `-m` a study; the application that Hydra starts.

Exit codes: 0 finished, 1 no result, 2 the user's input, 130 after Ctrl-C, 143 after SIGTERM, 129 SIGHUP
(unless its terminal went away: that ends nothing).

Nothing heavier than Hydra is imported before Hydra has read the command line.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from sweeper.config import VERSION_BASE
from sweeper.errors import Fault, StudyError, UserError, redacting_excepthook
from sweeper.layout import CONF, at_home

# absolute: found from any folder, run as a module or imported, installed or not
CONFIG_PATH = str(CONF)
CONFIG_NAME = "config"
FULL_ERROR = "HYDRA_FULL_ERROR"
CONFIGURATION_ERRORS = (HydraException, OmegaConfBaseException, YAMLError)
GLOBAL_GROUPS = ("task", "sweep")
"""Groups whose options write root keys, by their `@package` line."""
MULTIRUN = ("-m", "--multirun")


@hydra.main(config_path=CONFIG_PATH, config_name=CONFIG_NAME, **VERSION_BASE)
def app(config: DictConfig) -> None:
    """Train one configuration in this process; read again by us, so that all faults are said at once."""
    from sweeper.config import read_command_line
    from sweeper.study import run_solo

    hydra_config = HydraConfig.get()
    lines = [*hydra_config.overrides.hydra, *hydra_config.overrides.task]
    with ends_by_exit_code():  # within Hydra's job, which would add a line of its own to any error
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
    with ends_by_exit_code():
        try:
            with hydra_raises():
                app()
        except (*CONFIGURATION_ERRORS, ValueError) as error:
            if wants_tracebacks:
                raise
            raise explained(error) from error
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
    """All faults of the command line at which Hydra stopped, or `error` where there are none."""
    from sweeper.config import first_line

    try:
        read_again(sys.argv[1:])
    except UserError as all_faults:
        return all_faults
    except CONFIGURATION_ERRORS:
        pass  # nothing more is known than what Hydra stopped at
    if isinstance(error, YAMLError):
        return UserError(Fault("configuration", f"cannot be read: {' '.join(str(error).split())}"))
    if isinstance(error, CONFIGURATION_ERRORS):
        return UserError(Fault("command line", first_line(error), _forgotten_header()))
    return error


def _forgotten_header() -> str:
    """Advice where an option of a folder of the user's lacks the line that makes its keys root keys."""
    from sweeper.config import arguments_parser

    folder = arguments_parser().parse_known_args(sys.argv[1:])[0].config_dir
    groups = [Path(folder) / group for group in GLOBAL_GROUPS] if folder else []
    for path in (path for group in groups for path in sorted(group.glob("*.yaml"))):
        if "@package" not in path.read_text(errors="replace"):
            return f"Does {path} lack its first line, '# @package _global_'?"
    return ""


def read_again(argv: Sequence[str]) -> None:
    """Read the arguments without Hydra's application, which stops at a fault. Raises UserError with all."""
    from sweeper.config import arguments_parser, read_command_line
    from sweeper.search import text_of

    arguments = arguments_parser().parse_args(list(argv))
    lines = list(arguments.overrides)
    if arguments.config_dir is not None:
        folder = os.path.abspath(arguments.config_dir)
        if not os.path.isdir(folder):
            raise UserError(
                Fault("--config-dir", f"got '{arguments.config_dir}'; expected a folder that exists")
            )
        lines.insert(0, f"hydra.searchpath=[{text_of('file://' + folder)}]")
    configs = Path(__file__).resolve().parent / (arguments.config_path or CONFIG_PATH)
    with hydra.initialize_config_dir(config_dir=str(configs.resolve()), job_name="sweeper", **VERSION_BASE):
        loader = GlobalHydra.instance().config_loader()
        name = arguments.config_name or CONFIG_NAME
        read_command_line(loader, name, lines, multirun=arguments.multirun)


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
