"""Sweeps of the real esmm task, on data small enough to be drawn in a second."""

from functools import cache
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from sweeper.config.command_line import read_overrides
from sweeper.config.compose import TaskSweep
from sweeper.config.config_source import ConfigSource
from sweeper.config.hydra_adapter import VERSION_BASE
from sweeper.study.plan import Plan, plan
from sweeper.study.specs import TaskSpecs

CONF = Path(__file__).parents[2] / "conf"
SMALL = (
    *("data.n_train=4000", "data.n_val=2000", "data.n_test=2000", "data.n_users=100", "data.n_items=100"),
    *("trainer.max_steps=20", "aux_focal.warmup_steps=4", "tracking=none"),
)


@cache
def _source() -> ConfigSource:
    with initialize_config_dir(config_dir=str(CONF), job_name="test", **VERSION_BASE):
        return ConfigSource(GlobalHydra.instance().config_loader(), "config", ())


def small_sweep(results: Path, *overrides: str) -> TaskSweep:
    """What `python -m sweeper -m <overrides>` would sweep, with results below `results`."""
    return read_overrides(_source(), [*SMALL, f"study.results_dir={results}", *overrides], multirun=True)


def small_plan(results: Path, *overrides: str) -> Plan:
    """What a study of these overrides would do."""
    sweep = small_sweep(results, *overrides)
    return plan(sweep, TaskSpecs(sweep))


def read_line(*overrides: str, multirun: bool) -> TaskSweep:
    """What `python -m sweeper <overrides>` would do, at full size."""
    return read_overrides(_source(), list(overrides), multirun=multirun)
