"""How a study confirms its winner where the command does not say: as it was begun."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sweeper.errors import Fault, UserError
from sweeper.layout import StudyFolder
from sweeper.reports import read_summary
from sweeper.schema import ConfirmSeeds
from sweeper.search import TrialBook
from sweeper.study.division import attribution_faults
from sweeper.study.plan import Plan
from sweeper.study.proposals import policy_of
from sweeper.wording import plural

KEY = "confirm_seeds"
FIXED = "fixed"
"""What every study remembers that was ever begun."""
SCREENED = "screened"
"""All seeds that candidates of the study were ever chosen by."""


def as_begun(plan: Plan, attributes: Mapping[str, Any]) -> Plan:
    """The plan; where its command leaves `study.confirm_seeds` open, that of the study as it was begun.

    `attributes`: what is remembered of the study. One of an earlier version remembers nothing of this: it
    confirms on as many seeds as `study.n_seeds` says, as that version did. Raises UserError where an
    attribution asks for more, or a seed that is to confirm was there to choose by.
    """
    begun = _begun_with(plan, attributes)
    if _is_said(plan) or begun == "auto":
        _refuse_seen_seeds(plan.policy.confirm_seeds, attributes)
        return plan
    policy = policy_of(plan.sweep, begun)
    _refuse_seen_seeds(policy.confirm_seeds, attributes)
    if faults := attribution_faults(plan.sweep, plan.factory, policy, plan.drafts):
        raise UserError(faults)
    seeds = plural(len(policy.confirm_seeds), "fresh seed")
    said = f"confirmation on {seeds}, as this study was begun; study.confirm_seeds=auto: as many as it takes"
    is_told = bool(policy.confirm_seeds)
    return replace(plan, policy=policy, announced=(*plan.announced, *([said] if is_told else [])))


def opened(plan: Plan, trials: TrialBook) -> Plan:
    """The same for a study that is begun or goes on now; a new one remembers how it was begun.

    To be called before anything else is remembered: what is remembered without this is of an earlier version.
    """
    if not _is_known(trials.attributes):
        begun = plan.settings.study.confirm_seeds if _is_said(plan) else _begun_with(plan, {})
        trials.remember(KEY, "auto" if begun == 0 else begun)  # who confirmed nothing has nothing to keep
    plan = as_begun(plan, trials.attributes)
    trials.remember_more(SCREENED, plan.policy.seeds)
    return plan


def _refuse_seen_seeds(fresh: Sequence[int], attributes: Mapping[str, Any]) -> None:
    """Seeds of a study that once screened more: whoever chose the candidates may have seen what they gave."""
    if seen := sorted(set(fresh).intersection(attributes.get(SCREENED, ()))):
        problem = f"got {list(fresh)}, of which {seen} were screening seeds of this study before"
        raise UserError(Fault("study.confirm_seeds", f"{problem}; expected fresh ones", "Choose others"))


def _is_said(plan: Plan) -> bool:
    study = plan.settings.study
    return study.confirm_seeds != "auto" or plan.sweep.names("study.confirm_seeds")


def _is_known(attributes: Mapping[str, Any]) -> bool:
    return not attributes.keys().isdisjoint({KEY, FIXED})


def _begun_with(plan: Plan, attributes: Mapping[str, Any]) -> ConfirmSeeds:
    if KEY in attributes:
        begun = attributes[KEY]
        return tuple(begun) if isinstance(begun, list) else begun
    if _is_known(attributes):
        return plan.settings.study.n_seeds
    return _listed_in(plan.folder)


def _listed_in(folder: StudyFolder) -> ConfirmSeeds:
    """By the summary of a study whose database was lost; `auto` where there is none, or nothing in it."""
    if not folder.summary.exists():
        return "auto"
    summary = read_summary(folder)
    is_open = any(budget.is_sequential for budget in summary.budgets)
    return "auto" if is_open else summary.confirm_seeds or "auto"
