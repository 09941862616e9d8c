"""Which trials of a study its last command asks for, and what is said where the best is none of them.

A study accumulates: trials of earlier commands, from another range or list, stay part of it, and one of them
may be the best of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.errors import sentences
from sweeper.results import Judgement, Objective, StudyResult, TrialResult
from sweeper.search import custom_search_space, holds
from sweeper.study.plan import Plan
from sweeper.study.specs import in_short
from sweeper.trial import TrialSpec
from sweeper.verdict import best_of
from sweeper.wording import number, plural

IsAskedFor = Callable[[TrialSpec], bool]


def asked_for(plan: Plan) -> IsAskedFor:
    """Whether a trial is one that the plan's command asks for; the baseline always is."""
    sweep = plan.sweep
    if not sweep.is_adaptive:
        marks = {draft.fingerprint for draft in plan.drafts}
        return lambda trial: _follows(trial) or trial.fingerprint in marks
    custom = sweep.settings.study.custom_search_space
    configure = None if custom is None else custom_search_space(custom)
    return lambda trial: _follows(trial) or holds(sweep.space, trial.params, configure, sweep.config)


def _follows(trial: TrialSpec) -> bool:
    """Whether a trial is asked for by none of the command's words: the baseline, and what others led to."""
    return trial.role == "baseline" or trial.parent is not None


def warnings_of_others(plan: Plan, known: Sequence[TrialSpec]) -> list[str]:
    """What to say where trials that an adaptive command does not ask for use up its `study.n_trials`."""
    n_trials = plan.settings.study.n_trials
    if not plan.sweep.is_adaptive or n_trials is None:
        return []
    candidates = [trial for trial in known if trial.role == "candidate" and trial.parent is None]
    is_asked_for = asked_for(plan)
    n_others = sum(not is_asked_for(trial) for trial in candidates)
    if not n_others:
        return []
    n_left = max(0, n_trials - len(candidates))
    return [
        f"{plural(n_others, 'trial')} of earlier commands: outside what this command asks for "
        f"({_asked(plan)}). They stay in the study and count in study.n_trials={n_trials}: {n_left} are left "
        "to try. Raise study.n_trials, or choose another study.name for a study of these alone"
    ]


def with_others_named(plan: Plan, result: StudyResult, judgement: Judgement) -> Judgement:
    """The judgement; its sentence goes on where the best, or the front, is not what the command asks for."""
    is_asked_for = asked_for(plan)
    chosen = judgement.front if judgement.front is not None else [judgement.best]
    others = [t for t in result.candidates if t.spec.number in chosen and not is_asked_for(t.spec)]
    if not others:
        return judgement
    if judgement.front is not None:
        names = in_short([trial.spec.name for trial in others])
        said = f"Of the front, {names} lie outside what this command asks for ({_asked(plan)})."
    else:
        said = (
            f"The best of all trials, {others[0].spec.name}, lies outside what this command asks for "
            f"({_asked(plan)}); {_best_of_asked(plan, result, others[0], is_asked_for)}. Another study.name "
            "makes a study of what it asks for alone."
        )
    return replace(judgement, sentence=sentences(judgement.sentence, said))


def _best_of_asked(plan: Plan, result: StudyResult, best: TrialResult, is_asked_for: IsAskedFor) -> str:
    asked = [trial for trial in result.trials if is_asked_for(trial.spec)]
    found = best_of(asked, plan.policy)
    if found is None:
        return "none of those that it asks for has finished on every seed"
    inside = next(trial for trial in asked if trial.spec.number == found)
    objective = plan.policy.objectives[0]
    values = " against ".join(_value(result, trial, objective) for trial in (inside, best))
    return f"of those that it asks for, {inside.spec.name} is best (val {objective.metric} {values})"


def _value(result: StudyResult, trial: TrialResult, objective: Objective) -> str:
    return number(trial.mean(result.seeds, f"val/{objective.metric}"))


def _asked(plan: Plan) -> str:
    """The swept words of the command, as they were written."""
    sources = [swept.source for swept in plan.sweep.space.swept]
    return ", ".join(sources) or "its named trials"
