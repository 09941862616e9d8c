"""A study of a Hydra app, from the sweeper plugin's call to the exit code."""

import sys
from collections.abc import Sequence

from hydra.core.config_loader import ConfigLoader
from omegaconf import DictConfig

from sweeper.app.hydra_app import HydraApp
from sweeper.app.launch import launch_of
from sweeper.app.options import as_in_app
from sweeper.app.reading import read_app
from sweeper.app.specs import ProgramSpecs, refuse_what_is_not_for_programs
from sweeper.errors import StudyError, UserError
from sweeper.study import run_planned


def run_app(config: DictConfig, loader: ConfigLoader, arguments: Sequence[str]) -> int:
    """Run, resume or extend the study of the app that was started with `-m`; the exit code.

    What the user can mend is a line each on standard error, code 2.
    """
    try:
        return _run(config, loader, arguments)
    except UserError as error:
        print(as_in_app(error.faults), file=sys.stderr)
        return 2
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1


def _run(config: DictConfig, loader: ConfigLoader, arguments: Sequence[str]) -> int:
    hydra = config.hydra
    sweep = read_app(loader, hydra.job.config_name, hydra, arguments)
    refuse_what_is_not_for_programs(sweep.settings)
    app = HydraApp(sweep, launch_of([str(line) for line in hydra.overrides.hydra], str(hydra.runtime.cwd)))
    return run_planned(sweep, ProgramSpecs(app, sweep.settings, sweep.swept_keys))
