"""From a configuration to the path of its runs: until which step others train the same. Pure.

What is read are facts of the configuration: which fields act from which step on (`Stackable`, `ActiveFrom`),
what the task says that a run of so many steps depends on (`TaskConfig.effective`), the length of the run, and
from when a schedule depends on it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.models import drop_key, starts
from sweeper.schema import RunSettings, Schedule, Settings
from sweeper.study.prefix_tree import RunPath, Segment
from sweeper.task import TaskConfig
from sweeper.trial import fingerprint

OWN = ("max_steps", "epochs", "schedule", "success")
"""Of the trainer, what is read for itself, and what trains nothing."""


@dataclass(frozen=True)
class Seen:
    """Of a run's settings what its segments are told by: the same for all trials that share them."""

    settings: RunSettings | Settings
    trainer: Mapping[str, Any]
    fixed: Mapping[str, Any]


def seen_of(settings: RunSettings | Settings) -> Seen:
    """What the segments of runs with these settings are told by."""
    task = settings.task
    return Seen(
        settings,
        {key: value for key, value in settings.trainer.without_cosmetics().items() if key not in OWN},
        {
            "task": [task.name, task.target, task.metric, task.direction],
            "optimizer": settings.optimizer.without_cosmetics(),
        },
    )


def path_of(settings: RunSettings | Settings | Seen, config: TaskConfig, n_train: int, base: str) -> RunPath:
    """The path of a run, and where others are likely to part from it; `base`: data and code, hashed.

    A run that ends by the clock shares nothing: the time that others have spent is not its own.
    """
    known = settings if isinstance(settings, Seen) else seen_of(settings)
    trainer = known.settings.trainer
    if trainer.max_seconds is not None:
        return RunPath()
    total = trainer.total_steps(n_train)
    acts = starts(config)
    parting = {step for step in (*acts.values(), *_turns(known.settings)) if 0 < step < total}
    path: list[Segment] = []
    for end in sorted({*parting, total}):
        rates = _rates(trainer.schedule, trainer.eval_every, end, total)
        effective = until(config, end, acts)
        decided = {**known.fixed, "config": effective, "trainer": {**known.trainer, "schedule": rates}}
        segment = Segment(end, fingerprint(decided, base))
        if path and path[-1].key == segment.key:
            path.pop()
        path.append(segment)
    return RunPath(tuple(path), frozenset(parting))


def until(config: TaskConfig, end: int, acts: Mapping[str, int]) -> Mapping[str, Any]:
    """What the first `end` steps depend on: without fields that act later only, as `acts` says by path."""
    seen = config.effective(end)
    for path, step in acts.items():
        if step >= end:
            drop_key(seen, path.split("."))
    return seen


def _turns(settings: RunSettings | Settings) -> Iterator[int]:
    """Steps before which a schedule does not depend on what comes after."""
    schedule, every = settings.trainer.schedule, settings.trainer.eval_every
    yield schedule.lr_warmup_steps
    if schedule.name == "plateau":
        yield _undisturbed(schedule, every)


def _undisturbed(schedule: Schedule, every: int) -> int:
    """The last step before a plateau may end: the first evaluation improves, `plateau_patience + 1` may not.

    The evaluation after that step is the one that reduces the rate.
    """
    return every * (schedule.plateau_patience + 2) - 1


def _rates(schedule: Schedule, every: int, end: int, total: int) -> list[Any]:
    """What stands for the learning rate over the first `end` steps, see `worker.schedules`."""
    warmup = schedule.lr_warmup_steps
    if schedule.name == "plateau":  # it remembers evaluations, which the others do not
        given = [schedule.plateau_factor, schedule.plateau_patience, schedule.min_lr_rate]
        return ["plateau", warmup, *(given if end > _undisturbed(schedule, every) else [])]
    floor = schedule.min_lr_rate if schedule.name == "cosine" else 0.0
    if schedule.name == "constant" or end <= warmup:
        return ["constant", warmup, floor + (1 - floor)]  # as cosine computes its 1 before it falls
    return ["cosine", warmup, floor, total]
