"""Which tasks there are: a table of names, read without importing any of them.

`config` and `prepare` are torch-free, so that the parent process may load them; `task` is for workers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from tasks.config import TaskConfig
from tasks.prepared import Prepared


@dataclass(frozen=True)
class TaskEntry:
    """Where a task's three parts are, each as "module:name"."""

    config: str
    prepare: str
    task: str

    def config_class(self) -> type[TaskConfig]:
        """The pydantic model of the task's sections."""
        loaded: type[TaskConfig] = load(self.config)
        return loaded

    def prepare_function(self) -> Callable[[Any, Path], Prepared]:
        """`prepare(config, cache_dir)`: checks and prepares the data, once."""
        loaded: Callable[[Any, Path], Prepared] = load(self.prepare)
        return loaded

    def task_class(self) -> Callable[..., Any]:
        """The class that follows `tasks.base.Task`; imports torch."""
        loaded: Callable[..., Any] = load(self.task)
        return loaded


TASKS: dict[str, TaskEntry] = {
    "esmm": TaskEntry("tasks.esmm.config:EsmmConfig", "tasks.esmm.data:prepare", "tasks.esmm.task:EsmmTask"),
    "segmentation": TaskEntry(
        "tasks.segmentation.config:SegmentationConfig",
        "tasks.segmentation.data:prepare",
        "tasks.segmentation.task:SegmentationTask",
    ),
    "captcha": TaskEntry(
        "tasks.captcha.config:CaptchaConfig", "tasks.captcha.data:prepare", "tasks.captcha.task:CaptchaTask"
    ),
}


def load(target: str) -> Any:
    """The object at "module:name". Raises ImportError or AttributeError, naming the target's missing part."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)
