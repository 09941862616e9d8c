"""A sampler at work before a study begins: options that it cannot use are found before anything trains."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import optuna

from sweeper.errors import Fault, UserError, in_a_line
from sweeper.schema import Sampler
from sweeper.search.samplers import sampler_of, suggest
from sweeper.search.search_space import SearchSpace

N_TOLD = {"tpe": 12}
"""Points after which a sampler uses all its options, where that takes no time; others are asked for one."""


def rehearsed(
    config: Sampler, space: SearchSpace, n_objectives: int, n_points: int
) -> Iterator[optuna.Trial]:
    """`n_points` fresh Optuna trials in a study in memory. Raises UserError where the sampler fails."""
    with _quietly():
        study = _study(config, n_objectives)
        for n in range(N_TOLD.get(config.name, 1) if space.swept else 0):
            _propose(config, space, study, [float(n % 3)] * n_objectives)
        study = _study(config, n_objectives)
        for _ in range(n_points):
            yield study.ask()


def _study(config: Sampler, n_objectives: int) -> optuna.Study:
    sampler = sampler_of(config, config.seed, n_objectives)
    return optuna.create_study(sampler=sampler, directions=["minimize"] * n_objectives)


def _propose(config: Sampler, space: SearchSpace, study: optuna.Study, values: list[float]) -> None:
    try:
        trial = study.ask()
        suggest(space, trial)
        study.tell(trial, values)
    except Exception as error:
        problem = f"got {config.options}, with which {config.name} fails ({in_a_line(error)})"
        raise UserError(Fault("sampler.options", problem, "Correct them, or leave them out")) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """What Optuna says of trials that nobody will see is not said."""
    logger = logging.getLogger("optuna")
    level = logger.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            logger.setLevel(level)
