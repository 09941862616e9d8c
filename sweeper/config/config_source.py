"""A config folder as Hydra reads it: its groups, and one composed base for each choice of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from sweeper.config.config_faults import dotted_keys, first_line, unknown_key
from sweeper.config.hydra_adapter import apply_override, config_file
from sweeper.config.other_tasks import OptionFile, forgotten, meant
from sweeper.errors import Fault
from sweeper.search import overrides_parser, unknown_option

COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException, ValueError)
"""What Hydra raises for input that it cannot compose; ValueError for some group overrides."""

UNREADABLE = (
    HydraException,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    LookupError,
    RecursionError,
)
"""What Hydra's parser raises for text that is no override: most of it is wrapped, some of its slips are not."""


class ConfigSource:
    """What never changes while a command line is read; everything is read once.

    Of `overrides` only `hydra.searchpath` counts, which adds places to look for options.
    """

    def __init__(self, loader: ConfigLoader, config_name: str | None, overrides: Sequence[str] = ()) -> None:
        self._loader, self._config_name = loader, config_name
        self._where = [line for line in overrides if line.startswith("hydra.searchpath=")]
        self._parser = overrides_parser(loader)
        self._parsed: dict[str, Override] = {}
        self._bases: dict[tuple[str, ...], DictConfig] = {}
        self._options: dict[str, tuple[str, ...]] = {}

    def parse(self, line: str) -> Override:
        """The override that the text stands for. Raises HydraException where it is none."""
        if line not in self._parsed:
            parsed = self._parser.parse_overrides([line])[0]
            if not parsed.key_or_group:
                raise HydraException("no key")
            self._parsed[line] = parsed
        return self._parsed[line]

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
        return [unknown_option(group, str(name), source, known) for name in named if name not in known]

    def base(self, choices: Iterable[str]) -> DictConfig:
        """What Hydra composes from these group choices alone: not to be changed, it is kept."""
        key = (*self._where, *(line for line in choices if line not in self._where))
        if key not in self._bases:
            self._bases[key] = self.load(key)
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
            return [Fault(override.key_or_group, f"{reason} (from {source})")]
        return []

    def _owner(self, key: str) -> str:
        """`"; only optimizer=sgd has it"`: the options of the key's group that have it, "" for none."""
        group, _, rest = key.partition(".")
        options = [name for name in self.options(group) if rest in self.file(f"{group}/{name}").keys]
        return f"; only {group}={', '.join(options)} has it" if rest and options else ""


def _prefix(package: str | None) -> str:
    return "" if package in (None, "_here_") else f"{package}."
