"""Which tasks there are: a table of names, read without importing any of them.

`config`, `prepare` and `report` are torch-free, so that the parent process may load them; `task` is for
workers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from sweeper.schema import TaskSection
from sweeper.task.config import TaskConfig
from sweeper.task.prepared import Prepared
from sweeper.task.reporting import ReportParts


@dataclass(frozen=True)
class TaskEntry:
    """Where a task's parts are, each as "module:name". Not every task adds to the report, or can predict.

    `is_averageable`: its task follows `tasks.base.Averageable`; said here, since only workers may look.
    """

    config: str
    prepare: str
    task: str
    report: str | None = None
    predict: str | None = None
    is_averageable: bool = False

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

    def predictor_class(self) -> Callable[..., Any]:
        """The class that follows `tasks.predicting.Predictor`; imports torch. The entry names one."""
        assert self.predict is not None
        loaded: Callable[..., Any] = load(self.predict)
        return loaded

    def report_function(self) -> ReportParts:
        """`report_parts(comparison)`: what the task adds to a study's report; nothing where it has none."""
        if self.report is None:
            return lambda _: ()
        loaded: ReportParts = load(self.report)
        return loaded


TASKS: dict[str, TaskEntry] = {
    "esmm": TaskEntry(
        "tasks.esmm.config:EsmmConfig",
        "tasks.esmm.data:prepare",
        "tasks.esmm.task:EsmmTask",
        is_averageable=True,
    ),
    "segmentation": TaskEntry(
        "tasks.segmentation.config:SegmentationConfig",
        "tasks.segmentation.data:prepare",
        "tasks.segmentation.task:SegmentationTask",
        "tasks.segmentation.report:report_parts",
        predict="tasks.segmentation.predicting:MaskPainter",
        is_averageable=True,
    ),
    "captcha": TaskEntry(
        "tasks.captcha.config:CaptchaConfig",
        "tasks.captcha.data:prepare",
        "tasks.captcha.task:CaptchaTask",
        "tasks.captcha.report:report_parts",
        predict="tasks.captcha.predicting:TextReader",
        is_averageable=True,
    ),
    "sentiment": TaskEntry(
        "tasks.sentiment.config:SentimentConfig",
        "tasks.sentiment.data:prepare",
        "tasks.sentiment.task:SentimentTask",
        report="tasks.sentiment.report:report_parts",
        is_averageable=True,
    ),
    "diagnosis": TaskEntry(
        "tasks.diagnosis.config:DiagnosisConfig",
        "tasks.diagnosis.data:prepare",
        "tasks.diagnosis.task:DiagnosisTask",
        "tasks.diagnosis.report:report_parts",
        is_averageable=True,
    ),
}


def load(target: str) -> Any:
    """The object at "module:name". Raises ImportError or AttributeError, naming the target's missing part."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def task_entry(section: TaskSection) -> TaskEntry:
    """Where the parts of the configured task are: in the registry, or at the section's own targets.

    A built-in task may have a report of the user's own.
    """
    if section.target is None:
        known = TASKS[section.name]
        return replace(known, report=section.report_target or known.report)
    assert section.config_target is not None
    assert section.prepare_target is not None
    return TaskEntry(section.config_target, section.prepare_target, section.target, section.report_target)
