"""Keys and options of another task than the chosen one: which task has them, for who forgot `task=`.

Read from the files of the options, each by itself: composing every task would take seconds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Protocol

from omegaconf import DictConfig, OmegaConf

from sweeper.errors import Fault

N_LISTED = 3


@dataclass(frozen=True)
class OptionFile:
    """What stands in the file of an option.

    `keys`: dotted, that it writes itself. `groups`: the options that it chooses, by group. `parents`: options
    of its own group that it takes over (from `/` on where they are named absolutely), each with what goes
    before their keys.
    """

    keys: frozenset[str] = frozenset()
    groups: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[tuple[str, str], ...] = ()


class Folder(Protocol):
    """What is asked of a config folder."""

    def options(self, group: str) -> tuple[str, ...]:
        """All options of a config group."""

    def file(self, path: str) -> OptionFile:
        """An option's file, nothing composed into it; empty where there is none."""


def forgotten(key: str, tree: DictConfig, folder: Folder) -> str:
    """`"; did you forget task=captcha?"`: the choices that bring a key which `tree` lacks, "" for none.

    Those of the tree's own task, where it has any, else of all tasks.
    """
    own = OmegaConf.select(tree, "task.name", throw_on_missing=False)
    tasks = sorted(folder.options("task"), key=lambda name: name != own)
    found = [choices for task in tasks for choices in _fewest(key, task, own, folder)]
    at_home = [choices for choices in found if not choices.startswith("task=")]
    listed = ", or ".join((at_home or found)[:N_LISTED])
    return f"; did you forget {listed}?" if listed else ""


def meant(key: str, tree: DictConfig, own: Iterable[str], folder: Folder) -> str:
    """`"; did you mean 'loss.gamma', a key of loss=captcha/focal_ce?"`: where an option's key is the nearest.

    Those of the tree's own task in the section of `key` count; "" where one of `own`, the tree's keys, is as
    near.
    """
    task = OmegaConf.select(tree, "task.name", throw_on_missing=False)
    section, _, inner = key.partition(".")
    options = [option for option in folder.options(section) if option.startswith(f"{task}/")] if inner else []
    of = {f"{section}.{name}": option for option in options for name in _keys(f"{section}/{option}", folder)}
    mine = list(own)
    near = get_close_matches(key, sorted({*mine, *of}), n=1)
    if not near or near[0] in mine:
        return ""
    return f"; did you mean '{near[0]}', a key of {section}={of[near[0]]}?"


def _fewest(key: str, task: str, own: str | None, folder: Folder) -> Iterator[str]:
    """The fewest choices with which a task has the key: the task alone, or with an option of a section."""
    section, _, inner = key.partition(".")
    file = folder.file(f"task/{task}")
    usual = file.groups.get(f"/{section}")
    alone = [] if task == own else [f"task={task}"]
    if inner in _keys(f"{section}/{usual}", folder) or key in file.keys:
        yield " ".join(alone)
        return
    for option in folder.options(section):
        if option.startswith(f"{task}/") and inner in _keys(f"{section}/{option}", folder):
            yield " ".join([*alone, f"{section}={option}"])
            return


def _keys(path: str, folder: Folder) -> set[str]:
    """The dotted keys of an option, with those that it takes over from others of its group."""
    file, group = folder.file(path), path.partition("/")[0]
    keys = set(file.keys)
    for parent, prefix in file.parents:
        path = parent[1:] if parent.startswith("/") else f"{group}/{parent}"
        keys |= {f"{prefix}{key}" for key in _keys(path, folder)}
    return keys


def task_of(option: str, folder: Folder) -> str | None:
    """The task that an option belongs to by its name: `captcha` of `captcha/ce`, and of `captcha`."""
    name = option.partition("/")[0]
    return name if name in folder.options("task") else None


def and_its_task(fault: Fault, option: str, task: str | None, folder: Folder) -> Fault:
    """The fault of an option that is none, with the task whose options are called so, unless it is `task`."""
    other = task_of(option, folder)
    if other in (None, task):
        return fault
    asked = f"Did you also forget task={other}?"
    if fault.advice:
        return replace(fault, advice=f"{fault.advice} {asked}")
    return replace(fault, problem=f"{fault.problem} {asked}")


def with_forgotten_task(
    faults: Sequence[Fault], task: str, chosen: Iterable[tuple[str, str, str]], folder: Folder
) -> list[Fault]:
    """One fault in place of all those in a section whose option is another task's.

    `chosen`: group, option, and who chose it.
    """
    left = list(faults)
    for group, option, source in chosen:
        other = task_of(option, folder)
        about = [fault for fault in left if f"{fault.where}.".startswith(f"{group}.")]
        if other not in (None, task) and about:
            problem = (
                f"got '{option}' (from {source}), an option of another task; expected one of task {task}"
            )
            left = [fault for fault in left if fault not in about]
            left.append(Fault(group, f"{problem}; did you forget task={other}?"))
    return left
