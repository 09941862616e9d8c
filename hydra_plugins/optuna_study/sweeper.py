"""The Hydra sweeper plugin. Hydra imports this file at every start, so heavy imports wait for a sweep."""

import logging
import sys
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from sweeper.config import BASIC_LAUNCHER


class OptunaStudySweeper(Sweeper):
    """Runs a whole study where Hydra expects one batch of jobs; the study decides what runs when.

    The options of `hydra.sweeper` arrive here resolved, but are read from the configuration with the rest: a
    documented grid may bring further ones.
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
        from sweeper.config import read_command_line
        from sweeper.study import run_sweep

        hydra = self._config.hydra
        lines = [*(str(line) for line in hydra.overrides.hydra), *arguments]
        loader = self._context.config_loader
        sweep = read_command_line(loader, hydra.job.config_name, lines, multirun=True)
        code = run_sweep(sweep)
        if code:
            sys.exit(code)
