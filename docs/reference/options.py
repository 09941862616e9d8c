"""Files of configuration, each as an option of its group, with what its comments say of every key.

A comment that stands at the end of a key's line, goes on below it, or stands on lines of its own above the
key, is the key's meaning. Comments at the top of a file describe the file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
OF_APPS = ROOT / "hydra_plugins" / "optuna_study" / "conf"
ALIAS = OF_APPS.parent / "alias"
"""What the plugin brings into an app, and what only where hydra-optuna-sweeper is not installed."""
WHOLE = "_global_"
"""The package of files whose keys are whole paths."""


@dataclass(frozen=True)
class Key:
    """One key by its whole path, with its default as YAML, and what it means."""

    path: str
    default: str
    meaning: str

    @property
    def section(self) -> str:
        """Its root key."""
        return self.path.split(".")[0]


@dataclass(frozen=True)
class Option:
    """One file of `conf/`: what is chosen by `group=name`.

    `base` is the option that it takes all other keys from; `brings` are the options of other groups that
    it chooses.
    """

    group: str
    name: str
    about: str
    base: str | None
    brings: tuple[str, ...]
    keys: tuple[Key, ...]


def read_option(path: Path, conf: Path = CONF) -> Option:
    """The option in a file of `conf`."""
    text = path.read_text()
    group, name = _group_and_name(path.relative_to(conf))
    root = yaml.compose(text)
    assert isinstance(root, MappingNode)
    defaults = _defaults(root)
    is_whole = text.startswith(f"# @package {WHOLE}")
    prefix = "" if is_whole or not group else f"{group.replace('/', '.')}."
    keys = [key for key in _keys(root, [*text.splitlines(), ""], prefix) if not _is_internal(key, group)]
    return Option(
        group=group,
        name=name,
        about=_header(text),
        base=next((_plain(line, group) for line in defaults if "@_here_" in line), None),
        brings=tuple(_chosen(line, group) for line in defaults if _is_choice(line)),
        keys=tuple(keys),
    )


def read_options(conf: Path = CONF) -> dict[tuple[str, str], Option]:
    """All options by group and name; a key without a comment means what it means in the option's base."""
    found = [read_option(path, conf) for path in sorted(conf.rglob("*.yaml"))]
    options = {(option.group, option.name): option for option in found}
    return {place: _with_meanings(option, options) for place, option in options.items()}


def _with_meanings(option: Option, options: dict[tuple[str, str], Option]) -> Option:
    """The option, where a key without a comment has the meaning that it has in the option's base."""
    known: dict[str, str] = {}
    base = option.base
    while base is not None:
        below = options[option.group, base]
        known = {key.path: key.meaning for key in below.keys} | known
        base = below.base
    return replace(
        option,
        brings=tuple(_without_alias(choice, options) for choice in option.brings),
        keys=tuple(replace(key, meaning=key.meaning or known.get(key.path, "")) for key in option.keys),
    )


def _without_alias(choice: str, options: dict[tuple[str, str], Option]) -> str:
    """`data=esmm` is `data=esmm/synthetic`: a file that only includes another is another name for it."""
    group, _, name = choice.partition("=")
    chosen = options.get((group, name))
    return f"{group}={chosen.base}" if chosen and chosen.base and not chosen.keys else choice


def _group_and_name(path: Path) -> tuple[str, str]:
    """`data/esmm/csv.yaml` is `data` and `esmm/csv`; folders in `hydra` and `monitor` belong to the group."""
    parts = path.with_suffix("").parts
    if parts[0] in ("hydra", "monitor"):
        return "/".join(parts[:-1]), parts[-1]
    return ("", parts[0]) if len(parts) == 1 else (parts[0], "/".join(parts[1:]))


def _header(text: str) -> str:
    """The comment at the top of a file, as sentences; lines that are indented stay lines of their own."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        if "@package" not in line:
            lines.append(line.removeprefix("#").removeprefix(" "))
    paragraphs: list[str] = []
    for line in lines:
        is_code = line.startswith("  ")
        if is_code:
            paragraphs.append(f"    {line.strip()}")
        elif paragraphs and not paragraphs[-1].startswith("    "):
            paragraphs[-1] += f" {line}"
        else:
            paragraphs.append(line)
    return "\n\n".join(paragraphs)


def _keys(node: MappingNode, lines: list[str], prefix: str) -> Iterator[Key]:
    """The keys of a mapping that have values, those of the sections below it included."""
    for name, value in node.value:
        if isinstance(value, MappingNode) and not value.flow_style:
            if about := _comment(lines[name.start_mark.line]):
                yield Key(f"{prefix}{name.value}", "", about)
            yield from _keys(value, lines, f"{prefix}{name.value}.")
        else:
            yield Key(f"{prefix}{name.value}", _default(value, lines), _meaning(name, value, lines))


def _is_internal(key: Key, group: str) -> bool:
    """Whether a key only repeats the option's name, or is Hydra's own affair."""
    own = [f"{group.replace('/', '.')}.{name}" for name in ("name", "_target_", "_recursive_")]
    return key.path in (*own, "task.name") or key.path.split(".")[-1] == "defaults"


def _default(node: Node, lines: list[str]) -> str:
    """The value as it is written, on one line."""
    start, end = node.start_mark, node.end_mark
    if isinstance(node, SequenceNode) and not node.flow_style:
        return f"[{', '.join(_default(item, lines) for item in node.value)}]"
    if start.line == end.line:
        return lines[start.line][start.column : end.column]
    within = [
        lines[start.line][start.column :],
        *lines[start.line + 1 : end.line],
        lines[end.line][: end.column],
    ]
    return " ".join(line.strip() for line in within)


def _meaning(name: Node, value: Node, lines: list[str]) -> str:
    """What the comments at, below and above a key say."""
    column, first, last = name.start_mark.column, name.start_mark.line, value.end_mark.line
    is_block = isinstance(value, SequenceNode) and not value.flow_style
    beside = lines[first].partition(":")[2] if is_block else lines[last][value.end_mark.column :]
    found = [] if not (text := _comment(beside)) else [text]
    following = range(last if is_block else last + 1, len(lines))
    for number in following:
        if not _is_comment(lines[number]) or _column(lines[number]) <= column:
            break
        found.append(_comment(lines[number]))
    above: list[str] = []
    for number in range(first - 1, -1, -1):
        if not _is_comment(lines[number]) or _column(lines[number]) != column or _is_header(number, lines):
            break
        above.insert(0, _comment(lines[number]))
    return " ".join([*above, *found])


def _is_header(number: int, lines: list[str]) -> bool:
    """Whether only comments stand above a line."""
    return all(line.startswith("#") for line in lines[: number + 1])


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _column(line: str) -> int:
    return len(line) - len(line.lstrip())


def _comment(text: str) -> str:
    return text.partition("#")[2].strip()


def _defaults(root: MappingNode) -> list[str]:
    """The lines of the defaults list, as `group: option`."""
    for name, value in root.value:
        if name.value == "defaults":
            return [_line(item) for item in value.value]
    return []


def _line(item: Node) -> str:
    if isinstance(item, ScalarNode):
        return str(item.value)
    assert isinstance(item, MappingNode)
    ((group, option),) = item.value
    return f"{group.value}: {option.value}"


def _is_choice(line: str) -> bool:
    return ": " in line and "@_here_" not in line and not line.endswith(": null")


def _chosen(line: str, owner: str) -> str:
    """`override /model@_global_.model: a` is `model=a`; `/pruner@wrapped: a` is `pruner@pruner.wrapped=a`.

    A group without a slash in front lies in the one that the option itself is of.
    """
    place, _, option = line.removeprefix("override ").partition(": ")
    whole = place.removeprefix("/") if place.startswith("/") or not owner else f"{owner}/{place}"
    group, _, package = whole.partition("@")
    if package and WHOLE not in package:
        return f"{group}@{owner.replace('/', '.')}.{package}={option}"
    return f"{group}={option}"


def _plain(line: str, group: str) -> str:
    """`/model/captcha/cnn@_here_` -> `captcha/cnn`."""
    return line.partition("@")[0].removeprefix(f"/{group}/")
