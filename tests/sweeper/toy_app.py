"""Reads command lines as `python -m sweeper --config-dir toy_conf task=toy` would."""

from functools import cache
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from sweeper.config.command_line import read_overrides
from sweeper.config.compose import Composer, TaskSweep
from sweeper.config.config_source import ConfigSource
from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.errors import UserError

CONF = Path(__file__).parents[2] / "conf"
TOY = (f"hydra.searchpath=['file://{Path(__file__).parent / 'toy_conf'}']", "task=toy")


@cache
def source() -> ConfigSource:
    """Shared by all tests, as the files are: it only keeps what Hydra composed."""
    with initialize_config_dir(config_dir=str(CONF), job_name="test", **VERSION_BASE):
        return ConfigSource(GlobalHydra.instance().config_loader(), "config", TOY)


def toy_composer(*fixed: str) -> Composer:
    return Composer(source(), [*TOY, *fixed])


def read(*overrides: str, multirun: bool = True) -> TaskSweep:
    return read_overrides(source(), [*TOY, *overrides], multirun=multirun)


def faults(*overrides: str, multirun: bool = True) -> list[str]:
    """What the user would read, a line each; empty where all is well."""
    try:
        read(*overrides, multirun=multirun)
    except UserError as error:
        return str(error).split("\n")
    return []


def values(sweep: TaskSweep) -> list[tuple[object, ...]]:
    """The swept values of each point, in order."""
    assert sweep.points is not None
    return [tuple(point.params.values()) for point in sweep.points]
