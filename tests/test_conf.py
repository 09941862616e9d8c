"""Forms that mean the same in every Hydra that is supported, and keys that an app shares with a task."""

from inspect import signature
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml

ROOT = Path(__file__).parents[1]
CONF = ROOT / "conf"
OF_APPS = ROOT / "hydra_plugins" / "optuna_study" / "conf" / "hydra" / "sweeper"
SHARED = [
    path.relative_to(OF_APPS)
    for group in ("pruner", "executor", "tracking")
    for path in sorted((OF_APPS / group).glob("*.yaml"))
]
OF_AN_APP_ALONE = {"executor/local.yaml": {"devices_per_job"}}
NOT_IN_ALL = {
    "TPESampler": {"consider_prior"},
    "CmaEsSampler": {"sigma0", "x0", "restart_strategy", "inc_popsize"},
    "NSGAIISampler": {"mutation"},
    "NSGAIIISampler": {"mutation"},
}
"""Options that some versions of Optuna lack, and that users may write."""
OPTIONS = [path for group in ("data", "loss", "model") for path in (CONF / group).rglob("*.yaml")]


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_no_defaults_list_chooses_an_option_in_a_folder(path: Path) -> None:
    """Hydra 1.4 reads `data: esmm/csv` there as `data/esmm: csv`, and then refuses `data=...`."""
    config = yaml.safe_load(path.read_text()) or {}
    chosen = [entry for entry in config.get("defaults", ()) if isinstance(entry, dict)]
    assert [entry for entry in chosen if "/" in str(*entry.values())] == []


@pytest.mark.parametrize("path", OPTIONS, ids=lambda path: str(path.relative_to(CONF)))
def test_an_option_in_a_folder_says_where_it_goes(path: Path) -> None:
    """So that it goes there too where somebody's own defaults list chooses it in Hydra 1.4."""
    group = path.relative_to(CONF).parts[0]
    assert path.read_text().startswith(f"# @package {group}\n")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


@pytest.mark.parametrize("path", SHARED, ids=str)
def test_a_choice_of_an_app_has_the_keys_that_a_tasks_has(path: Path) -> None:
    own, shared = read(OF_APPS / path), read(CONF / path)
    assert own.keys() - shared.keys() == OF_AN_APP_ALONE.get(path.as_posix(), set())
    assert shared.keys() <= own.keys()
    assert own["name"] == shared["name"]


def test_an_app_has_every_pruner_and_tracker() -> None:
    """The one executor is `local`: an app runs in a process of its own."""
    for group in ("pruner", "tracking"):
        assert {path.name for path in (OF_APPS / group).iterdir()} == {
            path.name for path in (CONF / group).iterdir()
        }


def test_an_app_has_every_sampler_of_ours_by_name() -> None:
    """`custom` is any other `_target_` there."""
    own = {path.stem for path in (OF_APPS / "sampler").iterdir()}
    assert {path.stem for path in (CONF / "sampler").iterdir()} - own == {"custom"}


@pytest.mark.parametrize("path", sorted((OF_APPS / "sampler").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_options_of_a_sampler_are_those_of_optuna(path: Path) -> None:
    node = read(path)
    name = node.pop("_target_").rpartition(".")[2]
    known = set(signature(getattr(optuna.samplers, name, optuna.samplers.RandomSampler)).parameters)
    assert node.keys() - known - NOT_IN_ALL.get(name, set()) == set()
    assert set(node.values()) == {None}
