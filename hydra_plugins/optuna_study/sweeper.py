"""The Hydra plugins. Hydra imports this file at every start of any app, so heavy imports wait for a sweep."""

import logging
import sys
from pathlib import Path
from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.optuna_study.other_sweeper import explain_the_other, is_installed
from sweeper.config import BASIC_LAUNCHER, read_options_of_sbatch, report_faults_in_lines

FOLDER = Path(__file__).parent


class OptunaStudySearchPath(SearchPathPlugin):
    """Lets `hydra/sweeper=optuna_study` be found in any app, behind the app's own folders.

    `hydra/sweeper=optuna` is the same where hydra-optuna-sweeper, which brings its own, is not installed.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Add the folders."""
        search_path.append("optuna_study", f"file://{FOLDER / 'conf'}")
        if not is_installed():
            search_path.append("optuna_study", f"file://{FOLDER / 'alias'}")
            explain_the_other()
        if any(word.startswith("hydra/sweeper=optuna_study") for word in sys.argv[1:]):
            report_faults_in_lines()
            read_options_of_sbatch()


class OptunaStudySweeper(Sweeper):
    """Runs a whole study where Hydra expects one batch of jobs; the study decides what runs when.

    The options of `hydra.sweeper` arrive here resolved, but are read from the configuration with the rest: a
    documented grid may bring further ones. Those of an app have a section `app`, those of our own program
    refer to `study.*`.
    """

    def __init__(self, **_: Any) -> None:
        self._config: DictConfig | None = None
        self._context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember where configurations come from."""
        self._config, self._context = config, hydra_context
        launcher = OmegaConf.select(config, "hydra.launcher._target_")
        if launcher != BASIC_LAUNCHER:
            logging.getLogger(__name__).warning(
                "hydra/launcher: got %s, which has no effect; the section executor says where jobs run",
                launcher,
            )

    def sweep(self, arguments: list[str]) -> None:
        """Run the study; ends the process with the study's exit code unless that is 0."""
        assert self._config is not None
        assert self._context is not None
        run = _run_app if "app" in self._config.hydra.sweeper else _run_task
        code = run(self._config, self._context, arguments)
        if code:
            sys.exit(code)


def _run_app(config: DictConfig, context: HydraContext, arguments: list[str]) -> int:
    from sweeper.app import run_app

    return run_app(config, context.config_loader, arguments)


def _run_task(config: DictConfig, context: HydraContext, arguments: list[str]) -> int:
    from sweeper.config import read_command_line
    from sweeper.study import run_sweep

    lines = [*(str(line) for line in config.hydra.overrides.hydra), *arguments]
    sweep = read_command_line(context.config_loader, config.hydra.job.config_name, lines, multirun=True)
    return run_sweep(sweep)
