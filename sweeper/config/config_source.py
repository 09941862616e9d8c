"""A config folder as Hydra reads it: its groups, and one composed base for each choice of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sweeper.config.config_faults import dotted_keys, first_line, unknown_key
from sweeper.config.hydra_adapter import (
    apply_override,
    config_file,
    files_of,
    folders,
    open_mappings,
    read_files_as_written,
)
from sweeper.config.other_tasks import OptionFile, forgotten, meant
from sweeper.errors import Fault
from sweeper.layout import CONF
from sweeper.search import overrides_parser, text_of, unknown_option

SLIPS = (ValueError, TypeError, AttributeError, AssertionError, LookupError, RecursionError, ArithmeticError)
"""What Hydra raises by mistake for input that it does not expect."""
UNREADABLE = (HydraException, *SLIPS)
"""What Hydra's parser raises for text that is no override."""
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, *SLIPS)
"""What Hydra raises for input that it cannot compose."""
OF_A_SWEEP = ("hydra/sweeper=", "hydra/sweeper/", "hydra/launcher=")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", re.ASCII)
"""Text that Hydra's grammar reads as a number, an integer where it is digits alone."""
MISNAMED = (".yml", ".YAML", ".YML", ".yaml.txt", ".json")


class ConfigSource:
    """What never changes while a command line is read; everything is read once.

    Of `overrides` only `hydra.searchpath` counts, which adds places to look for options, and with an app the
    choices of sweeper and launcher, whose options its files may set. `is_ours`: its files are read as
    `config_files` does; an app's are read by Hydra alone, in its jobs as here.
    """

    def __init__(
        self,
        loader: ConfigLoader,
        config_name: str | None,
        overrides: Sequence[str] = (),
        *,
        is_ours: bool = True,
    ) -> None:
        if is_ours:
            read_files_as_written()
        self._loader, self._config_name, self._is_ours = loader, config_name, is_ours
        self._where = [line for line in overrides if line.startswith("hydra.searchpath=")]
        chosen = [line for line in overrides if line.startswith(OF_A_SWEEP) and not is_ours]
        self._always = [*self._where, *chosen]
        self._parser = overrides_parser(loader)
        self._parsed: dict[str, Override] = {}
        self._of_numbers: dict[str, Override] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._options: dict[str, tuple[str, ...]] = {}
        self.required: set[str] = set()
        """Groups found to have no option unless one is chosen: whatever is not swept has to choose."""
        self._origins: dict[tuple[str, ...], dict[str, str]] = {}

    def parse(self, line: str) -> Override:
        """The override that the text stands for. Raises HydraException where it is none."""
        if line not in self._parsed:
            self._parsed[line] = self._as_the_last(line) or self._read(line)
        return self._parsed[line]

    def _read(self, line: str) -> Override:
        parsed = self._parser.parse_overrides([line])[0]
        if not parsed.key_or_group:
            raise HydraException("no key")
        if NUMBER.fullmatch(line.partition("=")[2]):
            self._of_numbers[line.partition("=")[0]] = parsed
        return parsed

    def _as_the_last(self, line: str) -> Override | None:
        """The override of another number at a key that was read with a number before.

        Hydra's grammar takes a millisecond for a line, and a grid may have ten thousand.
        """
        key, _, text = line.partition("=")
        if key not in self._of_numbers or not NUMBER.fullmatch(text):
            return None
        value = int(text) if text.lstrip("-").isdigit() else float(text)
        return replace(self._of_numbers[key], _value=value, input_line=line)

    def spelled(self, line: str) -> str:
        """The override as Hydra takes it, the name of an option as text: `sweep=0.1` chooses 0.1.yaml."""
        parsed = self.parse(line)
        is_name = isinstance(parsed.value(), (bool, int, float)) and not parsed.is_delete()
        if not is_name or not self.options(parsed.key_or_group):
            return line
        return f"{parsed.get_key_element()}='{line.partition('=')[2].strip()}'"

    def reads(self, line: str) -> bool:
        """Whether the text is an override."""
        try:
            self.parse(line)
        except UNREADABLE:
            return False
        return True

    def options(self, group: str) -> tuple[str, ...]:
        """All options of a config group, those of its subfolders as `folder/name`."""
        if group not in self._options:
            own, inner = self._listed(group, ObjectType.CONFIG), self._listed(group, ObjectType.GROUP)
            nested = [f"{name}/{option}" for name in inner for option in self.options(f"{group}/{name}")]
            self._options[group] = (*own, *nested)
        return self._options[group]

    def _listed(self, group: str, kind: ObjectType) -> list[str]:
        # the primary config may name further places, too, and is loaded for that unless an override decides
        config_name = None if self._where else self._config_name
        return self._loader.get_group_options(group, kind, config_name, self._where)

    def _folders(self) -> list[Path]:
        values = [self.parse(line).value() for line in self._where if self.reads(line)]
        added = [str(path) for value in values if isinstance(value, list) for path in value]
        return [
            *(Path(path.removeprefix("file://")) for path in map(_unquoted, added)),
            *folders(self._loader),
        ]

    def origins(self, choices: Iterable[str]) -> dict[str, str]:
        """For each dotted key that a file of the user's sets, with these group choices, its path."""
        key = tuple(choices)
        if key not in self._origins:
            self._origins[key] = self._origins_at(key)
        return self._origins[key]

    def _origins_at(self, choices: tuple[str, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            for path, package, content in files_of(
                self._loader, self._config_name, [*self._always, *choices]
            ):
                keys = [f"{package}.{key}" if package else key for key in dotted_keys(content, hydra=True)]
                is_own = not path or CONF in Path(path).parents
                for key in keys:
                    found.pop(key, None) if is_own else found.update({key: path})
        except COMPOSITION_ERRORS:
            return {}
        return found

    def path_of(self, path: str) -> str:
        """Where the file of an option is, `<group>/<option>`."""
        found = (folder / f"{path}.yaml" for folder in self._folders())
        return str(next((one for one in found if one.is_file()), path))

    def file(self, path: str) -> OptionFile:
        """The file of an option, `<group>/<option>`, nothing composed into it; empty where there is none."""
        found = config_file(self._loader, path)
        if found is None:
            return OptionFile()
        parents = tuple((parent, _prefix(package)) for parent, package in found.configs)
        return OptionFile(frozenset(dotted_keys(found.content)), found.groups, parents)

    def is_group(self, override: Override) -> bool:
        """Whether the override chooses an option of a config group; a dict given to a group is a value."""
        if isinstance(override.value(), dict):
            return False
        return override.package is not None or bool(self.options(override.key_or_group))

    def is_group_name(self, key: str) -> bool:
        """Whether a swept key is a group, with or without a package."""
        return "@" in key or bool(self.options(key))

    def is_choice(self, override: Override) -> bool:
        """Whether only Hydra can compose it: group choices, and what changes where Hydra looks."""
        return self.is_group(override) or override.key_or_group == "hydra.searchpath"

    def option_faults(self, override: Override, values: Sequence[Any], source: str) -> list[Fault]:
        """A fault for each of `values` that is no option of the override's group."""
        group = override.key_or_group
        known = self.options(group)
        if not known or override.is_delete():
            return []
        if None in values:
            problem = f"got null (from {source}); expected an option"
            return [Fault(group, problem, f"Use ~{group} to leave the group out.")]
        named = [name for value in values for name in (value if isinstance(value, list) else [value])]
        unknown = [name for name in named if str(name) not in known]
        return [
            self._misnamed(group, str(name)) or unknown_option(group, str(name), source, known)
            for name in unknown
        ]

    def _misnamed(self, group: str, name: str) -> Fault | None:
        """The fault of an option whose file is there under a name that Hydra does not read."""
        stem = name.removesuffix(".yaml").removesuffix(".yml")
        found = (folder / group / f"{stem}{end}" for folder in self._folders() for end in MISNAMED)
        path = next((path for path in found if path.is_file()), None)
        if path is None:
            return None
        return Fault(
            group, f"{path} is not read; expected a name that ends in .yaml", f"Rename it to {stem}.yaml."
        )

    def base(self, choices: Iterable[str], *, skip_missing: bool = False) -> DictConfig:
        """What Hydra composes from these group choices alone: not to be changed, it is kept.

        `skip_missing`: without required groups that nobody chooses.
        """
        key = (*self._always, *(line for line in choices if line not in self._always))
        if key not in self._bases:
            mode = RunMode.MULTIRUN if skip_missing else RunMode.RUN
            base = self._loader.load_configuration(self._config_name, list(key), mode)
            if self._is_ours:
                open_mappings(base.get("data"))
            self._bases[key] = base
        return self._bases[key]

    def refusal(self, choices: Iterable[str]) -> str | None:
        """Why Hydra cannot compose these group choices, or None where it can."""
        try:
            self.base(choices)
        except COMPOSITION_ERRORS as error:
            return first_line(error)
        return None

    def load(self, overrides: Iterable[str]) -> DictConfig:
        """What Hydra composes from these overrides, values and all, from nothing."""
        return self._loader.load_configuration(self._config_name, list(overrides), RunMode.RUN)

    def apply(self, tree: DictConfig, override: Override, source: str) -> list[Fault]:
        """Change `tree` as Hydra would by a value override, or say why that is not possible."""
        try:
            apply_override(tree, override)
        except COMPOSITION_ERRORS as error:
            reason = first_line(error)
            is_unknown = ("Key" in reason and "not in" in reason) or reason.startswith("Could not override")
            if is_unknown and not (override.is_add() or override.is_force_add()):
                key = override.key_or_group
                hint = forgotten(key, tree, self) or self._owner(key)
                hint = hint or meant(key, tree, dotted_keys(tree), self)
                return [unknown_key(key, tree, source, hint)]
            if reason.startswith("Error merging override") and isinstance(override.value(), list):
                reason = f"got {text_of(override.value())}; expected a mapping, {{name: value}}"
            return [Fault(override.key_or_group, f"{reason} (from {source})")]
        return []

    def _owner(self, key: str) -> str:
        """`"; only optimizer=sgd has it"`: the options of the key's group that have it, "" for none."""
        group, _, rest = key.partition(".")
        options = [name for name in self.options(group) if rest in self.file(f"{group}/{name}").keys]
        return f"; only {group}={', '.join(options)} has it" if rest and options else ""


def _unquoted(text: str) -> str:
    return text.strip("'\"")


def _prefix(package: str | None) -> str:
    return "" if package in (None, "", "_here_") else f"{package}."
