"""Ensembles that cannot be, told before anything runs."""

from sweeper.errors import Fault, UserError
from sweeper.schema import Settings
from sweeper.task.entry import TASKS

WHERE = "study.ensemble_top_k"


def check_ensemble(settings: Settings) -> None:
    """Raises UserError where an ensemble is asked for that cannot be, as far as it is known beforehand."""
    k, task, metrics = settings.study.ensemble_top_k, settings.task, settings.study.metrics or ()
    if k is None:
        return
    if len(metrics) > 1:
        problem = f"got {k} with {len(metrics)} objectives ({', '.join(metrics)}); expected one"
        raise UserError(Fault(WHERE, f"{problem}, since several have no best runs", f"Use {WHERE}=null"))
    if task.target is None and not TASKS[task.name].is_averageable:
        problem = f"got {k}, but task '{task.name}' states no probabilities that could be averaged"
        raise UserError(Fault(WHERE, problem, f"Use {WHERE}=null"))
