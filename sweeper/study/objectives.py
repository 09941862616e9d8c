"""The metrics that a study asks for, and whether its task has them; all told before anything trains.

A metric is asked for as an objective (`study.metrics`, `task.metric`) or by a criterion of `trainer.success`.
Of a task that does not say what it measures nothing is known, and nothing refused.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from sweeper.config import Sweep
from sweeper.criteria import SPLITS
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.models import DIRECTIONS
from sweeper.results import Objective
from sweeper.study.specs import MetricNames, SpecFactory, in_short
from sweeper.trial import TrialSpec
from sweeper.verdict import criteria_of

WHERE = "study.metrics"


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


def metric_faults(sweep: Sweep, factory: SpecFactory, trials: Sequence[TrialSpec]) -> list[Fault]:
    """A fault for each metric that is asked for and that these trials, the baseline first, do not have.

    An objective must be one of every trial, on val, which it is optimised on, and on test, which it is judged
    on; a criterion's metric one of any trial, on its split.
    """
    given = objectives_of(sweep) if sweep.settings.study.metrics is not None else ()
    named = {trial.name: factory.metric_names(trial) for trial in trials}
    known = {name: names for name, names in named.items() if names is not None}
    if len(known) < len(named):
        return []
    task = sweep.settings.task
    asked = [*((WHERE, objective.metric) for objective in given), ("task.metric", task.metric)]
    faults = [_objective_fault(where, metric, task.name, known) for where, metric in asked]
    return [*filter(None, faults), *_success_faults(trials, task.name, known.values())]


def _objective_fault(where: str, metric: str, task: str, known: Mapping[str, MetricNames]) -> Fault | None:
    both = {name: names["val"] & names["test"] for name, names in known.items()}
    lacking = [name for name, names in both.items() if metric not in names]
    if not lacking:
        return None
    about = f" (in {in_short(lacking)})" if len(lacking) < len(known) else ""
    problem = f"got '{metric}'; expected a metric that {task} has on val and test"
    return Fault(f"{where}{about}", problem, _has(metric, both[lacking[0]]))


def _success_faults(
    trials: Iterable[TrialSpec], task: str, every: Collection[MetricNames]
) -> Iterable[Fault]:
    by_split = {split: frozenset().union(*(n[split] for n in every)) for split in SPLITS}
    criteria = dict.fromkeys(criterion for trial in trials for criterion in criteria_of(trial.config))
    for criterion in criteria:
        for split, _, metric in (figure.partition("/") for figure in criterion.figures):
            if metric not in by_split[split]:
                problem = (
                    f"got '{criterion.text}'; expected metrics that {task} has, not '{metric}' on {split}"
                )
                yield Fault("trainer.success", problem, _has(metric, by_split[split]))


def _has(got: str, names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"It has {', '.join(listed)}{did_you_mean(got, listed)}"


def _objective(text: str, default: str, example: str) -> Objective:
    name, colon, word = text.partition(":")
    name, direction = name.strip(), DIRECTIONS.get(word.strip().lower() if colon else default)
    if direction is None or not name:
        problem = f"got '{text}'; expected a metric's name, or name:max or name:min"
        raise UserError(Fault(WHERE, problem, example))
    return Objective(name, direction)
