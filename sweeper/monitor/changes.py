"""What a follow-up changes: a rule's `change` against the configuration of the trial that it follows."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from sweeper.criteria import NUMBER
from sweeper.errors import Fault, did_you_mean
from sweeper.monitor.rules import WHERE, Change, Compiled

_RELATIVE = re.compile(rf"\s*([*+-])\s*({NUMBER})\s*")
_PLAIN = re.compile(r"[\w./-]+")
_ABSENT = object()


@dataclass(frozen=True)
class Changes:
    """The overrides of the follow-up, all of them; what was changed in them, by key, with its new value.

    `left_out`: keys that this trial's configuration lacks, or whose value is no number to be changed.
    """

    overrides: tuple[str, ...]
    left_out: tuple[str, ...]
    params: dict[str, JsonValue]


def changed(change: Mapping[str, Any], config: Mapping[str, Any], overrides: Sequence[str]) -> Changes:
    """The overrides that apply changes by key to a trial of this configuration and these overrides.

    `params` is empty where nothing would be another than it is. Values may leave the range of their key,
    which validation then refuses.
    """
    return _changed(change, config, overrides)


def _changed(changes: Mapping[str, Any], config: Mapping[str, Any], overrides: Sequence[str]) -> Changes:
    lines, left_out, params = list(overrides), [], {}
    for key, change in changes.items():
        old = _value_at(config, key)
        new = _applied(old, change, is_choice=is_choice(key, change))
        if new is _ABSENT:
            left_out.append(key)
        elif new != old:
            params[key] = new
            lines = _replaced(lines, key, new)
    return Changes(tuple(lines), tuple(left_out), params)


def is_choice(key: str, change: Change) -> bool:
    """Whether the change chooses an option of a config group: text for a key without dots."""
    return "." not in key and isinstance(change, str) and not _RELATIVE.fullmatch(change)


def unknown_keys(rules: Iterable[Compiled], configs: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """A fault for each key of a change that none of the trials has; none for rules that are `if_known`."""
    known = {key for config in configs for key in keys_of(config)}
    return [
        Fault(f"{WHERE}.{one.name}.change.{key}", f"no trial of this study has it{did_you_mean(key, known)}")
        for one in rules
        if not one.rule.if_known
        for key in one.rule.change
        if key not in known
    ]


def keys_of(config: Mapping[str, Any], prefix: str = "") -> set[str]:
    """The dotted keys of a configuration, sections included."""
    found: set[str] = set()
    for key, value in config.items():
        found.add(f"{prefix}{key}")
        if isinstance(value, Mapping):
            found |= keys_of(value, f"{prefix}{key}.")
    return found


def _value_at(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; of a section that was chosen by its group the option's name."""
    node: Any = config
    for part in key.split("."):
        if not isinstance(node, Mapping) or part not in node:
            return _ABSENT
        node = node[part]
    return node.get("name", _ABSENT) if isinstance(node, Mapping) else node


def _applied(old: Any, change: Change, *, is_choice: bool) -> Any:
    """The new value; absent where there is no key, or no number that a relative change could change."""
    found = _RELATIVE.fullmatch(change) if isinstance(change, str) else None
    if old is _ABSENT and not is_choice:
        return _ABSENT
    if found is None:
        return change
    if isinstance(old, bool) or not isinstance(old, int | float):
        return _ABSENT
    amount = float(found[2])
    new = old * amount if found[1] == "*" else old + (amount if found[1] == "+" else -amount)
    # twelve digits: 0.006 times 0.6 is meant to be 0.0036
    return round(new) if isinstance(old, int) else float(f"{new:.12g}")


def _replaced(lines: Collection[str], key: str, new: Any) -> list[str]:
    """The overrides with this key's line in the place of its last one, or at the end."""
    line = f"{key}={_text(new)}"
    kept = [one for one in lines if _key_of(one) != key]
    at = next((n for n, one in enumerate(lines) if _key_of(one) == key), len(kept))
    return [*kept[:at], line, *kept[at:]]


def _key_of(line: str) -> str:
    return line.lstrip("+").partition("=")[0]


def _text(value: Any) -> str:
    """As an override writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "'" + value.replace("'", "\\'") + "'"
    return str(value)
