"""The metrics that a study asks for, and whether its task has them; all told before anything trains.

A metric is asked for as an objective (`study.metrics`, `task.metric`), by a criterion of `trainer.success`
or by a rule of `monitor.rules`.
Of a task that does not say what it measures nothing is known, and nothing refused.
"""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.config import Sweep, objectives_of
from sweeper.criteria import SPLITS
from sweeper.errors import Fault, did_you_mean
from sweeper.monitor import compiled, unknown_metrics
from sweeper.study.specs import MetricNames, SpecFactory, in_short
from sweeper.trial import TrialSpec
from sweeper.verdict import criteria_of

__all__ = ["metric_faults", "objectives_of"]

WHERE = "study.metrics"


def metric_faults(sweep: Sweep, factory: SpecFactory, trials: Sequence[TrialSpec]) -> list[Fault]:
    """A fault for each metric that is asked for and that these trials, the baseline first, do not have.

    An objective must be one of every trial, on val, which it is optimised on, and on test, which it is judged
    on; a criterion's or a rule's metric one of any trial, on its split.
    """
    given = objectives_of(sweep) if sweep.settings.study.metrics is not None else ()
    named = {trial.name: factory.metric_names(trial) for trial in trials}
    known = {name: names for name, names in named.items() if names is not None}
    if len(known) < len(named):
        return []
    task = sweep.settings.task
    asked = [(WHERE, objective.metric) for objective in given] or [("task.metric", task.metric)]
    faults = [_objective_fault(where, metric, task.name, known) for where, metric in asked]
    by_split = {split: frozenset().union(*(n[split] for n in known.values())) for split in SPLITS}
    about_rules = unknown_metrics(compiled(sweep.settings.monitor), by_split)
    return [*filter(None, faults), *_success_faults(trials, task.name, by_split), *about_rules]


def _objective_fault(where: str, metric: str, task: str, known: Mapping[str, MetricNames]) -> Fault | None:
    both = {name: names["val"] & names["test"] for name, names in known.items()}
    lacking = [name for name, names in both.items() if metric not in names]
    if not lacking:
        return None
    about = f" (in {in_short(lacking)})" if len(lacking) < len(known) else ""
    problem = f"got '{metric}'; expected a metric that {task} has on val and test"
    return Fault(f"{where}{about}", problem, _has(metric, both[lacking[0]]))


def _success_faults(trials: Iterable[TrialSpec], task: str, by_split: MetricNames) -> Iterable[Fault]:
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
