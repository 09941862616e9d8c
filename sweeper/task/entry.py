"""Where the parts of a task are, and how they are loaded.

Built-in tasks and those of strangers are found alike: by the targets in their YAML. `config`, `prepare` and
`report` are torch-free, so that the parent process may load them; `task` and `predict` are for workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from sweeper.layout import CONF
from sweeper.schema import TaskSection
from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared
from sweeper.task.reporting import ReportParts


@dataclass(frozen=True)
class TaskEntry:
    """Where a task's parts are, each as "module:name". Not every task adds to the report, or can predict."""

    config: str
    prepare: str
    task: str
    report: str | None = None
    predict: str | None = None

    def config_class(self) -> type[TaskConfig]:
        """The pydantic model of the task's sections."""
        loaded: type[TaskConfig] = load(self.config)
        return loaded

    def prepare_function(self) -> Callable[[Any, Path], Prepared]:
        """`prepare(config, cache_dir)`: checks and prepares the data, once."""
        loaded: Callable[[Any, Path], Prepared] = load(self.prepare)
        return loaded

    def task_class(self) -> Callable[..., Any]:
        """The class that follows `sweeper.task.Task`; imports torch."""
        loaded: Callable[..., Any] = load(self.task)
        return loaded

    def predictor_class(self) -> Callable[..., Any]:
        """The class that follows `sweeper.task.Predictor`; imports torch. The entry names one."""
        assert self.predict is not None
        loaded: Callable[..., Any] = load(self.predict)
        return loaded

    def report_function(self) -> ReportParts:
        """`report_parts(comparison)`: what the task adds to a study's report; nothing where it has none."""
        if self.report is None:
            return lambda _: ()
        loaded: ReportParts = load(self.report)
        return loaded


def load(target: str) -> Any:
    """The object at "module:name". Raises ImportError or AttributeError, naming the target's missing part."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def task_entry(section: TaskSection) -> TaskEntry:
    """Where the parts of the configured task are.

    A section without a target means the built-in task of its name, as in runs that were stored before tasks
    named theirs; it may name a report of its own. Raises KeyError where there is no such task.
    """
    if section.target is None:
        section = built_in(section.name).model_copy(
            update={} if section.report_target is None else {"report_target": section.report_target}
        )
    assert section.target is not None
    assert section.config_target is not None
    assert section.prepare_target is not None
    return TaskEntry(
        section.config_target,
        section.prepare_target,
        section.target,
        section.report_target,
        section.predict_target,
    )


def built_in_tasks() -> tuple[str, ...]:
    """The names of the tasks that this program brings: those of the files in `conf/task/`."""
    return tuple(sorted(path.stem for path in (CONF / "task").glob("*.yaml")))


@cache
def option_of(group: str, name: str) -> dict[str, Any]:
    """What the product's own option of a config group states, as its file has it; its `defaults` left out."""
    stated = yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))
    return {key: value for key, value in stated.items() if key != "defaults"}


@cache
def built_in(name: str) -> TaskSection:
    """The section `task` of a built-in task, as its file states it. Raises KeyError where there is none."""
    import yaml  # only parents, and runs that were stored long ago, ask

    if name not in built_in_tasks():
        raise KeyError(name)
    section = yaml.safe_load((CONF / "task" / f"{name}.yaml").read_text(encoding="utf-8"))["task"]
    return TaskSection.model_validate(section)


def is_built_in(name: str, target: str | None) -> bool:
    """Whether this is a task that the program brings, whoever configures it."""
    return name in built_in_tasks() and target in (None, built_in(name).target)
