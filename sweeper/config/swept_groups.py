"""Swept config groups: keys that only some of their options have, and options that change the whole study."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.config.compose import Composer
from sweeper.errors import Fault
from sweeper.search import PER_STUDY, Choices, Interval, SearchSpace, Swept, text_of

N_NAMED = 6
UNKNOWN = "no such parameter"


@dataclass(frozen=True)
class SweptGroup:
    """A swept group, and the section of the configuration that its option becomes."""

    swept: Swept
    section: str

    @property
    def options(self) -> tuple[str, ...]:
        """The options, in the user's order."""
        assert isinstance(self.swept.domain, Choices)
        return tuple(option for option in self.swept.domain.values if isinstance(option, str))

    def has(self, key: str) -> bool:
        """Whether the key is one of the section."""
        return key.startswith(f"{self.section}.")


def swept_groups(composer: Composer, space: SearchSpace) -> list[SweptGroup]:
    """The groups that the space sweeps over."""
    return [
        SweptGroup(one, _section(one.key))
        for one in space.swept
        if isinstance(one.domain, Choices) and composer.source.is_group_name(one.key)
    ]


def is_of_swept_group(fault: Fault, groups: Sequence[SweptGroup]) -> bool:
    """Whether the fault is a key that another option of a swept group may have."""
    return fault.problem.startswith(UNKNOWN) and any(group.has(fault.where) for group in groups)


def explained(faults: Iterable[Fault], composer: Composer, space: SearchSpace) -> list[Fault]:
    """The faults; of a key that only some options of a swept group have, which, and what to write."""
    groups = swept_groups(composer, space)
    found: dict[str, Fault] = {}
    for fault in faults:
        # of a key that is nowhere each option has another that is like it
        key = fault.where if fault.problem.startswith(UNKNOWN) else str(fault)
        found.setdefault(key, _explained(fault, composer, space, groups))
    return list(found.values())


def whole_study_faults(
    composer: Composer, groups: Sequence[SweptGroup], per_study: Sequence[str] = PER_STUDY
) -> list[Fault]:
    """A fault for each swept option that changes what holds for all trials: sections at these root keys."""
    found = []
    for group in groups:
        trees = {
            option: composer.base_at(f"{group.swept.mark}{group.swept.key}={option}")
            for option in group.options
        }
        for section in _of_study(per_study):
            values = {option: _plain(tree, section) for option, tree in trees.items() if tree is not None}
            if len({text_of(value) for value in values.values()}) > 1:
                key = _first_difference(section, list(values.values()))
                problem = (
                    f"the options of {group.swept.key} differ in this key (from override "
                    f"'{group.swept.source}'); it holds for a whole study, so a trial cannot change it"
                )
                advice = (
                    f"Start a study for each option, or write {key} on the command line, without sweeping it."
                )
                found.append(Fault(key, problem, advice))
    return found


def _of_study(roots: Sequence[str]) -> tuple[str, ...]:
    return (*(root for root in roots if root != "hydra"), "hydra.sweeper")


def _explained(fault: Fault, composer: Composer, space: SearchSpace, groups: Sequence[SweptGroup]) -> Fault:
    group = next((one for one in groups if is_of_swept_group(fault, [one])), None)
    if group is None:
        return fault
    having = [option for option in group.options if composer.brings(group.swept, option, fault.where)]
    if not having:
        return fault
    lacking = [option for option in group.options if option not in having]
    source = re.search(r"\(from (.*?)\)(?=;|\.|$)", fault.problem)
    key = group.swept.key
    has = f"only {key}={', '.join(having)} has it"
    problem = (
        f"{key}={', '.join(lacking)} has no such parameter{f' (from {source[1]})' if source else ''}; {has}"
    )
    return Fault(
        fault.where,
        problem,
        f"Name the candidates, each with its own keys: {_named(fault.where, group, having, space)}",
    )


def _named(key: str, group: SweptGroup, having: Sequence[str], space: SearchSpace) -> str:
    """`study.trials=...` that says what was meant: the key only with the options that have it."""
    swept = next((one for one in space.swept if one.key == key), None)
    if swept is None:
        fixed = next(
            (line for line in space.fixed if line.lstrip("+").partition("=")[0] == key), f"{key}=..."
        )
        lines = [fixed.lstrip("+")]
    else:
        domain = swept.domain
        listed = () if isinstance(domain, Interval) else range(min(len(domain), N_NAMED))
        values = [domain.at(index) for index in listed if not isinstance(domain, Interval)]
        lines = [f"{key}={text_of(value)}" for value in values] or [f"{key}=..."]
    trials: dict[str, list[str]] = {}
    for option in group.options:
        name = re.sub(r"\W+", "_", option.rpartition("/")[2])
        choice = f"{group.swept.key}={option}"
        if option not in having:
            trials[name] = [choice]
            continue
        for number, line in enumerate(lines, 1):
            trials[name if len(lines) == 1 else f"{name}_{number}"] = [choice, line]
    return f'"study.trials={text_of(trials)}"'


def _section(group: str) -> str:
    """Where an option of the group goes: `pruner@pruner.wrapped` says so itself."""
    name, _, package = group.partition("@")
    return package.rpartition(":")[2] or name.replace("/", ".")


def _plain(tree: DictConfig, section: str) -> Any:
    """What the section holds, unresolved; None where there is none."""
    node: Any = OmegaConf.to_container(tree, resolve=False)
    for part in section.split("."):
        node = node.get(part) if isinstance(node, dict) else None
    return node


def _first_difference(section: str, values: Sequence[Any]) -> str:
    """The dotted key below the section in which the values differ, as far down as they are sections."""
    if not all(isinstance(value, dict) for value in values):
        return section
    keys = dict.fromkeys(key for value in values for key in value)
    for key in keys:
        inner = [value.get(key) for value in values]
        if len({text_of(one) for one in inner}) > 1:
            return _first_difference(f"{section}.{key}", inner)
    return section
