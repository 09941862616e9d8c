"""Configurations of an app, composed and unresolved: what of them can be known without running it."""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.config import Composer, Findings
from sweeper.errors import UserError


def composed(composer: Composer, overrides: Sequence[str], found: Findings) -> DictConfig | None:
    """What these overrides give, its faults found; None where nothing can be composed."""
    try:
        tree, faults = composer.unresolved(overrides)
    except UserError as error:
        found.add(error.faults)
        return None
    found.add(faults)
    return tree


def has_key(tree: DictConfig | Mapping[str, Any], key: str) -> bool:
    """Whether the configuration has this dotted key, whatever its value, null and ??? included."""
    node: Any = OmegaConf.to_container(tree, resolve=False) if OmegaConf.is_config(tree) else tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def selected(tree: DictConfig | None, key: str) -> Any:
    """The value at a dotted key; None where there is none, or where only a run can resolve it."""
    if tree is None or not has_key(tree, key):
        return None
    try:
        return OmegaConf.select(tree, key)
    except OmegaConfBaseException:
        return None


def plain_tree(tree: DictConfig) -> dict[str, Any]:
    """The configuration with its interpolations, in plain lists and dicts."""
    found = OmegaConf.to_container(tree, resolve=False)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
