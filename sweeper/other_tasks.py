"""Keys and options of another task than the chosen one: which task has them, for who forgot `task=`.

Read from the files of the options, each by itself: composing every task would take seconds.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from hydra.core.default_element import ConfigDefault, GroupDefault, InputDefault
from hydra.plugins.config_source import ConfigResult
from omegaconf import DictConfig, OmegaConf

from sweeper.config_faults import dotted_keys
from sweeper.errors import Fault

N_LISTED = 3


class Folder(Protocol):
    """What is asked of a config folder."""

    def options(self, group: str) -> tuple[str, ...]:
        """All options of a config group."""

    def file(self, path: str) -> ConfigResult | None:
        """An option's file, nothing composed into it; None where there is none."""


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


def _fewest(key: str, task: str, own: str | None, folder: Folder) -> Iterator[str]:
    """The fewest choices with which a task has the key: the task alone, or with an option of a section."""
    section, _, inner = key.partition(".")
    file = folder.file(f"task/{task}")
    usual = {e.group: e.value for e in _defaults(file) if isinstance(e, GroupDefault)}.get(f"/{section}")
    alone = [] if task == own else [f"task={task}"]
    if inner in _keys(f"{section}/{usual}", folder) or key in _written(file):
        yield " ".join(alone)
        return
    for option in folder.options(section):
        if option.startswith(f"{task}/") and inner in _keys(f"{section}/{option}", folder):
            yield " ".join([*alone, f"{section}={option}"])
            return


def _keys(path: str, folder: Folder) -> set[str]:
    """The dotted keys of an option, with those that it takes over from others of its group."""
    file = folder.file(path)
    keys, group = _written(file), path.partition("/")[0]
    for entry in _defaults(file):
        if isinstance(entry, ConfigDefault) and entry.path not in (None, "_self_"):
            prefix = "" if entry.package in (None, "_here_") else f"{entry.package}."
            keys |= {f"{prefix}{key}" for key in _keys(f"{group}/{entry.path}", folder)}
    return keys


def _written(file: ConfigResult | None) -> set[str]:
    return set(dotted_keys(file.config)) if file and isinstance(file.config, DictConfig) else set()


def _defaults(file: ConfigResult | None) -> Sequence[InputDefault]:
    return (file.defaults_list or []) if file else []


def task_of(option: str, folder: Folder) -> str | None:
    """The task that an option belongs to by its name: `captcha` of `captcha/ce`."""
    name, slash, _ = option.partition("/")
    return name if slash and name in folder.options("task") else None


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
