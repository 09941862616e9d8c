"""Whose names begin with an underscore is nobody else's business, but for two adapters."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.laws import modules

ADAPTERS = ("sweeper.storage.optuna_adapter", "sweeper.config.hydra_adapter")
LIBRARIES = ("hydra", "omegaconf", "optuna")
DOCUMENTED = ("_exit", "_fields", "_replace")
"""Of the standard library: `os._exit`, and what a named tuple has."""


def private_parts(path: Path) -> Iterator[str]:
    """What a module reads of the private parts of others."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    read = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    own = {node.attr for node in read if isinstance(node.ctx, ast.Store)}
    for node in read:
        is_dunder = node.attr.endswith("__")
        if not (is_dunder or node.attr in own or node.attr in DOCUMENTED or _is_self(node.value)):
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"
    for one in nodes:
        for name in _imported(one):
            first, *rest = name.split(".")
            if first in LIBRARIES and any(word.startswith("_") for word in rest):
                yield f"{path}: {name}"


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def test_only_adapters_reach_into_another_s_private_parts() -> None:
    others = [module for name, module in modules().items() if name not in ADAPTERS]
    assert [part for module in others for part in private_parts(module.path)] == []


def test_both_ways_to_reach_there_are_seen(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("from hydra._internal import utils\nx = study._storage\nself._x = self._y\n")
    found = [part.split(": ")[1] for part in private_parts(module)]
    assert found == ["study._storage", "hydra._internal.utils"]
