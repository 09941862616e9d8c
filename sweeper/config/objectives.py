"""What a command optimises: one or several metrics, each with its direction. The first decides training."""

from collections import Counter
from collections.abc import Iterable

from sweeper.config.compose import TaskSweep
from sweeper.errors import Fault, UserError
from sweeper.models import DIRECTIONS
from sweeper.results import Objective
from sweeper.search import Sweep
from sweeper.task import built_in, is_built_in

WHERE = "study.metrics"
OF_TASK = ("task.metric", "task.direction")


def objectives_of(sweep: Sweep) -> tuple[Objective, ...]:
    """`study.metrics`, each as `name` or `name:max` or `name:min`; by default the task's metric.

    Raises UserError where one cannot be read or is there twice, and for an empty list.
    """
    task, given = sweep.settings.task, sweep.settings.study.metrics
    listed = (task.metric,) if given is None else given
    example = f"For example {WHERE}=[{task.metric}:{task.direction[:3]}]"
    if not listed:
        raise UserError(Fault(WHERE, "got []; expected at least one metric, or null", example))
    objectives = tuple(_objective(text, task.direction, example) for text in listed)
    counts = Counter(objective.metric for objective in objectives)
    if twice := [name for name, n in counts.items() if n > 1]:
        problem = f"got {', '.join(twice)} more than once in [{', '.join(listed)}]; expected each metric once"
        raise UserError(Fault(WHERE, problem, example))
    return objectives


def usual_objective(sweep: TaskSweep) -> Objective:
    """What the task is trained for where nobody asks for anything else: what its own file says."""
    task = sweep.settings.task
    if is_built_in(task.name, task.target):
        task = built_in(task.name)
        return Objective(task.metric, task.direction)
    metric, direction = (sweep.composer.before_values(key) for key in OF_TASK)
    return Objective(str(metric), direction)


def training_in_words(sweep: TaskSweep) -> list[str]:
    """A line on what the kept step, patience and plateau follow, where that is no matter of course."""
    first, *others = objectives_of(sweep)
    if not others and first == usual_objective(sweep):
        return []
    why = f", the first of {len(others) + 1} objectives" if others else ""
    return [f"training follows val/{first.metric}, {first.direction}d{why}: kept step, patience, plateau"]


def objective_warnings(sweep: TaskSweep) -> Iterable[str]:
    """What of the words on objectives has no effect, or another one than it seems."""
    task, given = sweep.settings.task, sweep.settings.study.metrics
    if given is None:
        return
    first = objectives_of(sweep)[0]
    overruled = [line for line in sweep.composer.fixed if line.lstrip("+").partition("=")[0] in OF_TASK]
    if overruled and first != Objective(task.metric, task.direction):
        key, line = overruled[0].partition("=")[0], overruled[0]
        yield f"{key}: '{line}' has no effect beside {WHERE}, which decides"
    for text in given:
        if ":" not in text and text != task.metric:
            yield (
                f"{WHERE}: '{text}' has no direction of its own and is {task.direction}d, as {task.metric} "
                f"is; write {text}:min or {text}:max"
            )


def objective_by_value(text: str, default: str) -> str:
    """`name:maximize` or `name:minimize`, however it is written; `default` where `text` has no direction."""
    name, colon, word = text.partition(":")
    written = word.strip().lower() if colon else default
    return f"{name.strip()}:{DIRECTIONS.get(written, written)}"


def _objective(text: str, default: str, example: str) -> Objective:
    name, _, word = objective_by_value(text, default).partition(":")
    direction = DIRECTIONS.get(word)
    if direction is None or not name:
        problem = f"got '{text}'; expected a metric's name, or name:max or name:min"
        raise UserError(Fault(WHERE, problem, example))
    return Objective(name, direction)
