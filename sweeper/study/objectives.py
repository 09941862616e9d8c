"""The metrics that a study asks for, and whether its task has them; all told before anything trains.

A metric is asked for as an objective (`study.metrics`, `task.metric`), by a criterion of `trainer.success`,
by a guard (`study.guards`) or by a rule of `monitor.rules`. Of a task that does not say what it measures
nothing is known, and nothing refused.
"""

from collections.abc import Iterable, Mapping, Sequence

from sweeper.config import objectives_of
from sweeper.criteria import SPLITS, parse_guard
from sweeper.errors import Fault, did_you_mean
from sweeper.monitor import readable, unknown_metrics
from sweeper.search import Sweep
from sweeper.study.spec_factory import MetricNames, SpecFactory
from sweeper.study.specs import in_short
from sweeper.trial import TrialSpec
from sweeper.verdict import criteria_of

__all__ = ["guard_faults", "guards_in_words", "metric_faults", "objectives_of"]

WHERE = "study.metrics"
GUARDS = "study.guards"
JUDGED_ON = ("val", "test")


def metric_faults(sweep: Sweep, factory: SpecFactory, trials: Sequence[TrialSpec]) -> list[Fault]:
    """A fault for each metric that is asked for and that these trials, the baseline first, do not have.

    An objective must be one of every trial, on val, which it is optimised on, and on test, which it is judged
    on; a guard's metric one of every trial on test; a criterion's or a rule's metric one of any trial, on its
    split.
    """
    given = objectives_of(sweep) if sweep.settings.study.metrics is not None else ()
    named = {trial.name: factory.metric_names(trial) for trial in trials}
    known = {name: names for name, names in named.items() if names is not None}
    if len(known) < len(named):
        return []
    task = sweep.settings.task
    asked = [(WHERE, objective.metric) for objective in given] or [("task.metric", task.metric)]
    faults = [_objective_fault(where, metric, task.name, known) for where, metric in asked]
    faults += [_guard_fault(text, task.name, known) for text in sweep.settings.study.guards]
    by_split = {split: frozenset().union(*(n[split] for n in known.values())) for split in SPLITS}
    about_rules = unknown_metrics(readable(sweep.settings.monitor), by_split)
    return [*filter(None, faults), *_success_faults(trials, task.name, by_split), *about_rules]


def guard_faults(sweep: Sweep) -> list[Fault]:
    """What is wrong with the guards of a study, whatever its task measures."""
    study, objectives = sweep.settings.study, objectives_of(sweep)
    if not study.guards:
        return []
    listed, faults = f"got [{', '.join(study.guards)}]", []
    if len(objectives) > 1:
        problem = f"{listed} beside {len(objectives)} objectives; expected one: a front has no one winner"
        faults.append(Fault(GUARDS, problem, f"Leave one in {WHERE}, or the guards out"))
    if study.confirm_seeds == 0:
        problem = f"{listed} beside study.confirm_seeds=0; expected seeds on which guards are judged"
        faults.append(Fault(GUARDS, problem, "Give study.confirm_seeds 3 or more, or leave the guards out"))
    names = {objective.metric for objective in objectives}
    own = [text for text in study.guards if parse_guard(text).metric in names]
    problem = "got '{}', a bound on what the study is judged by; expected another metric"
    advice = "The verdict is about this one: study.min_effect names the smallest difference that matters"
    return [*faults, *(Fault(GUARDS, problem.format(text), advice) for text in own)]


def guards_in_words(sweep: Sweep) -> list[str]:
    """A line on what the winner must keep; none without guards."""
    listed = ", ".join(sweep.settings.study.guards)
    return [f"guards, of the best candidate minus the baseline on test: {listed}"] if listed else []


def _guard_fault(text: str, task: str, known: Mapping[str, MetricNames]) -> Fault | None:
    return _lacking_fault(GUARDS, text, parse_guard(text).metric, task, known, ("test",))


def _objective_fault(where: str, metric: str, task: str, known: Mapping[str, MetricNames]) -> Fault | None:
    return _lacking_fault(where, metric, metric, task, known, JUDGED_ON)


def _lacking_fault(
    where: str,
    got: str,
    metric: str,
    task: str,
    known: Mapping[str, MetricNames],
    splits: Sequence[str],
) -> Fault | None:
    """The fault where some trial does not have the metric on all these splits."""
    on_all = {name: frozenset.intersection(*(names[s] for s in splits)) for name, names in known.items()}
    lacking = [name for name, names in on_all.items() if metric not in names]
    if not lacking:
        return None
    about = f" (in {in_short(lacking)})" if len(lacking) < len(known) else ""
    problem = f"got '{got}'; expected a metric that {task} has on {' and '.join(splits)}"
    return Fault(f"{where}{about}", problem, _has(metric, on_all[lacking[0]]))


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
