"""Overrides -> a plain, resolved configuration, by Hydra's rules; fast where only values change.

Hydra composes the chosen groups first and then applies value overrides to the result, in order. So one tree
is kept for each combination of group choices, and value overrides are applied to a copy of it: the same
configuration in a tenth of the time.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.config.config_faults import first_line, required_group, unresolved
from sweeper.config.config_source import COMPOSITION_ERRORS, UNREADABLE, ConfigSource
from sweeper.config.kept_tree import KeptTree
from sweeper.config.other_tasks import and_its_task, with_forgotten_task
from sweeper.config.unreadable import unreadable
from sweeper.config.validation import Known, validated
from sweeper.errors import Fault, UserError
from sweeper.layout import at_home
from sweeper.schema import Settings
from sweeper.search import Sweep, Swept, key_of
from sweeper.task import TaskConfig, is_built_in, task_entry

__all__ = ["Composer", "TaskSweep", "task_entry"]

Line = tuple[str, Override]


@dataclass(frozen=True)
class Tree:
    """A composed, unresolved configuration, with Hydra's own node and without; what could not be applied."""

    whole: DictConfig
    own: DictConfig
    faults: list[Fault]


class Composer:
    """Composes configurations that share a config folder, a primary config and fixed overrides.

    `labels` says where the user wrote an override, by its text or its key, unless on the command line.
    """

    def __init__(
        self,
        source: ConfigSource,
        fixed: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        swept_groups: Iterable[str] = (),
    ) -> None:
        self.source, self.fixed, self._labels = source, tuple(fixed), dict(labels or {})
        self._swept_groups = tuple(swept_groups)
        self._trees: dict[tuple[str, ...], Tree] = {}
        self._kept: dict[tuple[str, ...], KeptTree] = {}
        self._last: tuple[Mapping[str, Any], Known] | None = None

    @classmethod
    def of(cls, loader: ConfigLoader, config_name: str | None, fixed: Sequence[str] = ()) -> "Composer":
        """A composer for Hydra's loader and the name of a primary config."""
        return cls(ConfigSource(loader, config_name, fixed), fixed)

    @property
    def labels(self) -> dict[str, str]:
        """Where overrides were written that are not as the user wrote them."""
        return dict(self._labels)

    def with_labels(self, labels: Mapping[str, str]) -> "Composer":
        """The same composer, knowing of more places where overrides were written."""
        return Composer(self.source, self.fixed, {**self._labels, **labels}, self._swept_groups)

    def compose(self, overrides: Sequence[str] = ()) -> dict[str, Any]:
        """The whole configuration but for Hydra's node. Raises UserError with all that stands in the way.

        Not to be changed: what two points have in common may be the same objects.
        """
        config, faults = self.attempt(overrides)
        if faults:
            raise UserError(dict.fromkeys(faults))
        return config

    def attempt(self, overrides: Sequence[str] = ()) -> tuple[dict[str, Any], list[Fault]]:
        """What can be composed, null for what cannot, and the faults. Raises UserError where nothing can."""
        at_once = self._at_once(overrides)
        if at_once is not None:
            return at_once, []
        tree, faults = self._tree_at(overrides)
        try:
            return _plain(tree), faults
        except OmegaConfBaseException:  # key by key only now: it costs as much as resolving
            missing = list(unresolved(tree, self.sources(overrides)))
        for fault in missing:
            OmegaConf.update(tree, fault.where, None)
        return _plain(tree), faults + missing

    def _at_once(self, overrides: Sequence[str]) -> dict[str, Any] | None:
        """The configuration where only plain values change and nothing is wrong; else None."""
        own, faults = self.parse(overrides)
        choices = tuple(line for line, override in own if self.source.is_choice(override))
        fixed = self._fixed_tree(choices)
        if faults or fixed.faults:
            return None
        if choices not in self._kept:
            self._kept[choices] = KeptTree(fixed.own, _with_home)
        values = [override for _, override in own if not self.source.is_choice(override)]
        if any(one.is_delete() or one.is_add() or one.is_force_add() or one.package for one in values):
            return None
        changes = [(key_of(one), one.value()) for one in values]
        return self._kept[choices].at(changes, lambda tree: self._applied(tree, own))

    def validate(
        self, config: Mapping[str, Any], overrides: Sequence[str] = ()
    ) -> tuple[Settings, TaskConfig]:
        """The typed halves of `config`, composed from `overrides`. Raises UserError with all faults."""
        try:
            settings, task_config = validated(config, {}, self._known(config))
            self._last = config, (settings, type(task_config))
            return settings, task_config
        except UserError:  # who wrote what is looked up only now: most configurations are valid
            pass
        try:
            return validated(config, self.sources(overrides))
        except UserError as error:
            raise UserError(self._explained(error.faults, config, overrides)) from error

    def _known(self, config: Mapping[str, Any]) -> Known | None:
        """What was found of the last valid configuration, where its sections are the very same objects."""
        if self._last is None:
            return None
        last, known = self._last
        return known if all(config.get(key) is last.get(key) for key in Settings.model_fields) else None

    def _explained(
        self, faults: Sequence[Fault], config: Mapping[str, Any], overrides: Sequence[str]
    ) -> Sequence[Fault]:
        """The faults, those of a section in one where its option is another built-in task's."""
        task = config.get("task") or {}
        if not is_built_in(
            str(task.get("name")), task.get("target")
        ):  # a task from outside may use the options of any
            return faults
        parsed, _ = self.parse([*self.fixed, *overrides])
        chosen = [
            (line[1].key_or_group, str(line[1].value()), self._label(line))
            for line in parsed
            if self.source.is_choice(line[1])
        ]
        return with_forgotten_task(faults, str(task.get("name")), chosen, self.source)

    def recompose(self, overrides: Sequence[str] = ()) -> dict[str, Any]:
        """What `compose` returns, by Hydra alone and from nothing: the reference for its tests."""
        return _plain(_without_hydra(self.source.load([*self.fixed, *overrides])))

    def tree(self) -> DictConfig:
        """The fixed configuration, unresolved, with Hydra's own node; what cannot be applied is left out."""
        return self._fixed_tree(()).whole

    def before_values(self, key: str) -> Any:
        """What the chosen options say at a dotted key, before value overrides; None for nothing."""
        chosen = tuple(line for line in self.parse(self.fixed)[0] if self.source.is_choice(line[1]))
        return OmegaConf.select(self._base(chosen)[0], key, throw_on_missing=False)

    def base_at(self, choice: str) -> DictConfig | None:
        """What the fixed choices and this one bring, no value overridden; None where they bring nothing."""
        fixed, _ = self.parse(self.fixed)
        own, _ = self.parse([choice])
        chosen = [line for line in fixed if self.source.is_choice(line[1])]
        try:
            return self._base((*chosen, *own))[0]
        except UserError:
            return None

    def brings(self, group: Swept, option: str, key: str) -> bool:
        """Whether this option of a swept group has the dotted key."""
        tree = self.base_at(group.override(option))
        node: Any = None if tree is None else OmegaConf.to_container(tree, resolve=False)
        for part in key.split("."):
            if not isinstance(node, dict) or part not in node:
                return False
            node = node[part]
        return True

    @property
    def fixed_faults(self) -> list[Fault]:
        """What is wrong with the fixed overrides, before validation."""
        return self._fixed_tree(()).faults

    def parse(self, lines: Iterable[str]) -> tuple[list[Line], list[Fault]]:
        """The overrides with their texts, and a fault for each text that Hydra's grammar refuses."""
        parsed, faults = [], []
        for line in lines:
            try:
                spelled = self.source.spelled(line)
                if spelled != line:
                    self._labels.setdefault(spelled, self._labels.get(line, f"override '{line}'"))
                parsed.append((spelled, self.source.parse(spelled)))
            except UNREADABLE as error:
                where = self._labels.get(line, f"override '{line}'")
                faults.append(unreadable(where, line, error, self.source.reads))
        return parsed, faults

    def sources(self, overrides: Sequence[str] = ()) -> dict[str, str]:
        """For each overridden key who overrode it, for each other section which group option it came from."""
        parsed, _ = self.parse([*self.fixed, *overrides])
        base, _ = self._base(tuple(line for line in parsed if self.source.is_choice(line[1])))
        choices = {
            str(group): f"{group}={choice}"
            for group, choice in base.hydra.runtime.choices.items_ex(resolve=False)
            if choice not in (None, "???") and "/" not in str(group)
        }
        origins = self.source.origins(line for line, override in parsed if self.source.is_choice(override))
        overridden = {key_of(override): self._label((line, override)) for line, override in parsed}
        return choices | origins | overridden

    def unresolved(self, overrides: Sequence[str]) -> tuple[DictConfig, list[Fault]]:
        """What is composed, without Hydra's node and with its interpolations, and the faults."""
        return self._tree_at(overrides)

    def _tree_at(self, overrides: Sequence[str]) -> tuple[DictConfig, list[Fault]]:
        own, faults = self.parse(overrides)
        choices = tuple(line for line, override in own if self.source.is_choice(override))
        fixed = self._fixed_tree(choices)
        tree = copy.deepcopy(fixed.own)
        return tree, [*fixed.faults, *faults, *self._applied(tree, own)]

    def _fixed_tree(self, choices: tuple[str, ...]) -> "Tree":
        """The tree of the fixed overrides and of a point's group choices; not to be changed, it is kept."""
        if choices not in self._trees:
            fixed, faults = self.parse(self.fixed)
            chosen = [line for line in fixed if self.source.is_choice(line[1])]
            base, refused = self._base((*chosen, *self.parse(choices)[0]))
            tree = copy.deepcopy(base)
            faults += [*refused, *self._applied(tree, fixed)]
            self._trees[choices] = Tree(tree, _without_hydra(tree), faults)
        return self._trees[choices]

    def _applied(self, tree: DictConfig, lines: Sequence[Line]) -> list[Fault]:
        values = [line for line in lines if not self.source.is_choice(line[1])]
        return [fault for line in values for fault in self.source.apply(tree, line[1], self._label(line))]

    def _base(self, chosen: Sequence[Line]) -> tuple[DictConfig, list[Fault]]:
        """The base for these group choices, without those that cannot be: each of them is a fault."""
        faults: list[Fault] = []
        good: list[Line] = []
        for line in chosen:
            wrong = self.source.option_faults(line[1], [line[1].value()], self._label(line))
            if wrong and "task" not in {override.key_or_group for _, override in chosen}:
                task = OmegaConf.select(self.source.base(()), "task.name", throw_on_missing=False)
                wrong = [and_its_task(fault, str(line[1].value()), task, self.source) for fault in wrong]
            faults += wrong
            good += [] if wrong else [line]
        try:
            return self.source.base(text for text, _ in good), faults
        except COMPOSITION_ERRORS as error:
            if group := required_group(error):
                return self._without_required(group, good), faults
            possible = [line for line in good if self.source.refusal([line[0]]) is None]
            if len(possible) == len(good):  # each alone is possible, all together are not
                raise UserError([*faults, Fault("configuration", first_line(error))]) from error
        refused = [
            Fault(key_of(line[1]), f"{self.source.refusal([line[0]])} (from {self._label(line)})")
            for line in good
            if line not in possible
        ]
        return self.source.base(text for text, _ in possible), [*faults, *refused]

    def _without_required(self, group: str, chosen: Sequence[Line]) -> DictConfig:
        """The base that lacks a group which has to be chosen; only where it is swept."""
        if group not in self._swept_groups:
            problem = f"no option is chosen; expected one of {', '.join(self.source.options(group))}"
            raise UserError(Fault(group, problem, f"Choose it: {group}=<option>"))
        self.source.required.add(group)
        return self.source.base((text for text, _ in chosen), skip_missing=True)

    def _label(self, line: Line) -> str:
        """Where the user wrote an override: known by its text, by its key (a swept one), or not at all."""
        text, override = line
        return self._labels.get(text) or self._labels.get(key_of(override)) or f"override '{text}'"


@dataclass(frozen=True)
class Configuration:
    """A composed configuration with its typed halves."""

    config: dict[str, Any]
    settings: Settings
    task_config: TaskConfig


@dataclass(frozen=True, kw_only=True)
class TaskSweep(Sweep):
    """The sweep of a task that our trainer trains, and what composes its points.

    `settings`, `task_config` and `config` are those of the fixed overrides; of the first point, where only
    the swept keys make a valid configuration. `checked`: the configurations that checking has composed, by
    the overrides of their points.
    """

    composer: Composer
    settings: Settings
    task_config: TaskConfig
    checked: Mapping[tuple[str, ...], Configuration] = field(default_factory=dict, repr=False)

    def at(self, overrides: Sequence[str]) -> Configuration:
        """The configuration of a point, composed and validated unless it has been. Raises UserError."""
        known = self.checked.get(tuple(overrides))
        if known is not None:
            return known
        config = self.composer.compose(overrides)
        return Configuration(config, *self.composer.validate(config, overrides))


def _plain(tree: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(tree, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    return _at_home(plain)


def _at_home(plain: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _with_home(value) for key, value in plain.items()}


def _with_home(value: Any) -> Any:
    """The value with the home folder for a `~` at the beginning of any path in it."""
    if isinstance(value, str):
        return at_home(value) if "~" in value else value
    if isinstance(value, dict):
        return {key: _with_home(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_home(item) for item in value]
    return value


def _without_hydra(tree: DictConfig) -> DictConfig:
    own = OmegaConf.masked_copy(tree, [str(key) for key in tree if key != "hydra"])
    OmegaConf.set_struct(own, True)
    return own
