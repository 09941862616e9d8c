"""A tree whose values are changed for one point, read, and put back: no copy of it is made.

Of what is resolved only that is read again which may depend on the changed values.
"""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

Apply = Callable[[DictConfig], object]
"""Changes the tree; what it returns is true where that is not possible."""
Path = tuple[Any, ...]
"""The keys on the way to a value."""

_REFERENCE = re.compile(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}")
"""An interpolation of another key."""


class KeptTree:
    """One unresolved configuration."""

    def __init__(self, tree: DictConfig) -> None:
        self._tree = copy.deepcopy(tree)
        raw = OmegaConf.to_container(tree, resolve=False)
        assert isinstance(raw, dict)
        self._raw: dict[Any, Any] = raw
        self._marked = {path: _references(value) for path, value in _marked(raw, ())}
        self._plain: Any = None
        """What it resolves to as it is; None where it does not."""
        with suppress(OmegaConfBaseException):
            self._plain = OmegaConf.to_container(tree, resolve=True, throw_on_missing=True)

    def at(self, values: Sequence[tuple[str, Any]], apply: Apply) -> dict[Any, Any] | None:
        """The resolved configuration with these values at dotted keys, which `apply` sets in the tree.

        None where more would change than values that are there.
        """
        if self._plain is None or not all(self._has_place_for(key, value) for key, value in values):
            return None
        changed = [tuple(key.split(".")) for key, _ in values]
        try:
            if apply(self._tree):
                return None
            plain = _copied(self._plain)
            for path in self._stale(changed):
                _put(plain, path, self._read(path))
        except OmegaConfBaseException:
            return None
        finally:
            for path in changed:
                OmegaConf.update(self._tree, ".".join(path), self._raw_at(path), merge=False)
        assert isinstance(plain, dict)
        return plain

    def _stale(self, changed: Sequence[Path]) -> set[Path]:
        """The values that are changed, and those that may depend on them."""
        stale = set(changed)
        stale |= {path for path, references in self._marked.items() if references is None}
        left = {path: references or () for path, references in self._marked.items() if path not in stale}
        while new := {path for path, of in left.items() if _reach(of, stale)}:
            stale |= new
            left = {path: of for path, of in left.items() if path not in new}
        return stale

    def _read(self, path: Path) -> Any:
        node: Any = self._tree
        for part in path:
            node = node[part]
        if not OmegaConf.is_config(node):
            return node
        return OmegaConf.to_container(node, resolve=True, throw_on_missing=True)

    def _has_place_for(self, key: str, value: Any) -> bool:
        """Whether a value, or a list, takes the place of one that is there."""
        is_plain_key = not any(sign in key for sign in "[]@/\\")
        known = self._raw_at(tuple(key.split(".")))
        return is_plain_key and not isinstance(value, dict) and not isinstance(known, dict | _Absent)

    def _raw_at(self, path: Path) -> Any:
        node: Any = self._raw
        for part in path:
            if not isinstance(node, dict) or part not in node:
                return _Absent()
            node = node[part]
        return node


class _Absent:
    """Nothing is at a key."""


def _marked(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """The values that have to be resolved, a list as a whole."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _marked(item, (*path, key))
    elif _is_marked(value):
        yield path, value


def _is_marked(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_is_marked, value.values()))
    if isinstance(value, list):
        return any(map(_is_marked, value))
    return isinstance(value, str) and ("${" in value or "\\" in value)


def _references(value: Any) -> tuple[Path, ...] | None:
    """The keys that it depends on; None where that is not so simple."""
    if isinstance(value, list):
        found = [_references(item) for item in value]
        return None if None in found else tuple(path for paths in found for path in paths or ())
    if not isinstance(value, str):
        return None if _is_marked(value) else ()
    keys = _REFERENCE.findall(value)
    is_simple = "\\" not in value and value.count("${") == len(keys)
    return tuple(tuple(key.split(".")) for key in keys) if is_simple else None


def _reach(references: Sequence[Path], changed: Iterable[Path]) -> bool:
    """Whether one of the two is within one of the others."""
    return any(_overlap(one, other) for one in references for other in changed)


def _overlap(one: Path, other: Path) -> bool:
    """Whether one of the two is within the other."""
    n = min(len(one), len(other))
    return one[:n] == other[:n]


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def _put(plain: dict[Any, Any], path: Path, value: Any) -> None:
    for part in path[:-1]:
        plain = plain[part]
    plain[path[-1]] = value
