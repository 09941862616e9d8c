"""A study of a program, from its command line to the exit code."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.app.command import CommandProgram
from sweeper.app.command_code import missing_program
from sweeper.app.command_words import as_typed, name_of, read_words
from sweeper.app.hydra_app import HydraApp
from sweeper.app.launch import launch_of
from sweeper.app.options import as_in_app
from sweeper.app.reading import AppSweep, read_app
from sweeper.app.specs import ProgramSpecs, refuse_what_is_not_for_programs
from sweeper.config import first_line, loader_of
from sweeper.errors import Fault, StudyError, UserError, did_you_mean
from sweeper.search import extremes
from sweeper.study import run_planned

UNKNOWN = re.compile(r"Could not override 'hydra\.sweeper\.([\w.]+)'")
"""What Hydra says of a setting that is not there."""
CONFIGURATION_ERRORS = (HydraException, OmegaConfBaseException)
EMPTY = Path(__file__).parent
"""A folder without configurations: a command line has none."""


def run_app(config: DictConfig, loader: ConfigLoader, arguments: Sequence[str]) -> int:
    """Run, resume or extend the study of the app that was started with `-m`; the exit code."""
    return _exit_code(lambda: _run_app(config, loader, arguments), as_in_app)


def run_command(template: str, words: Sequence[str]) -> int:
    """Run, resume or extend the study of a command line; the exit code."""
    return _exit_code(
        lambda: _run_command(template, words),
        lambda faults: as_typed(as_in_app(faults).faults, template, words),
    )


def _exit_code(study: Callable[[], int], spelt: Callable[[Iterable[Fault]], UserError]) -> int:
    """What the user can mend is a line each on standard error, code 2; a study without a result is code 1.

    `spelt`: the faults with the keys as this user writes them.
    """
    try:
        return study()
    except UserError as error:
        print(spelt(error.faults), file=sys.stderr)
        return 2
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1


def _unread(said: str, known: DictConfig) -> Fault:
    """Why a setting cannot be read; one that is not there, with what may be meant."""
    found = UNKNOWN.search(said)
    if found is None:
        return Fault("command line", said)
    where, _, name = found[1].rpartition(".")
    try:
        section = OmegaConf.select(known, where) if where else known
        others = [str(key) for key in section] if isinstance(section, DictConfig) else []
    except OmegaConfBaseException:
        others = []
    return Fault(found[1], f"no such setting{did_you_mean(name, others)}")


def _run_app(config: DictConfig, loader: ConfigLoader, arguments: Sequence[str]) -> int:
    hydra = config.hydra
    sweep = read_app(loader, hydra.job.config_name, hydra, arguments)
    refuse_what_is_not_for_programs(sweep.settings)
    lines = [str(line) for line in hydra.overrides.hydra]
    launch = launch_of(lines, str(hydra.runtime.cwd), always_sweeps=_always_sweeps(loader, hydra, sweep))
    return run_planned(sweep, ProgramSpecs(HydraApp(sweep, launch), sweep))


def _always_sweeps(loader: ConfigLoader, hydra: DictConfig, sweep: AppSweep) -> bool:
    """Whether the app's configuration, and not only the command line, asks for a sweep (`hydra.mode`)."""
    of_hydra = [str(line) for line in hydra.overrides.hydra if not str(line).startswith("hydra.mode=")]
    lines = [*of_hydra, *sweep.space.fixed, *next(extremes(sweep.space)).overrides]
    try:
        mode: RunMode | None = loader.load_configuration(hydra.job.config_name, lines, RunMode.RUN).hydra.mode
    except CONFIGURATION_ERRORS:  # a group that only named trials choose
        return False
    return mode == RunMode.MULTIRUN


def _run_command(template: str, words: Sequence[str]) -> int:
    read = read_words(template, words)
    if missing := missing_program(read.template, Path.cwd()):
        problem = f"got '{missing}', but there is no such file here"
        raise UserError(Fault("--cmd", problem, "Name it by its path from this folder"))
    with loader_of(EMPTY, None) as loader:
        options = ["hydra/sweeper=optuna_study", *read.options]
        try:
            hydra = loader.load_configuration(None, options, RunMode.MULTIRUN).hydra
        except CONFIGURATION_ERRORS as error:
            known = loader.load_configuration(None, options[:1], RunMode.MULTIRUN).hydra.sweeper
            raise UserError(_unread(first_line(error), known)) from error
        hydra.job.name = name_of(read.template)
        sweep = read_app(loader, None, hydra, read.arguments)
        refuse_what_is_not_for_programs(sweep.settings)
        program = CommandProgram(sweep, read, Path.cwd())
        return run_planned(sweep, ProgramSpecs(program, sweep))
