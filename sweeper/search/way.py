"""The way through the stages of a plan: a function of the results alone. Pure.

So a study that is interrupted and resumed, or run by two sessions, takes the same way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sweeper.criteria import OPERATORS
from sweeper.findings import Decision
from sweeper.models import Direction
from sweeper.monitor import Change
from sweeper.results import ENDED, TrialState
from sweeper.search.stages import BEST, STOP, NamedStage, Turn
from sweeper.wording import number


@dataclass(frozen=True)
class TrialSeen:
    """What is known of a candidate that has begun.

    `value`: its mean on validation over the screening seeds, of the study's first objective; None unless it
    is complete. `parent` and `rule`: those of its `TrialSpec`.
    """

    number: int
    name: str
    state: TrialState
    value: float | None = None
    parent: int | None = None
    rule: str = ""


@dataclass(frozen=True)
class WantedTrial:
    """A trial that its stage asks for; of an adjusted one also the trial that it changes, `of`, and how.

    The `rule` of an adjusted trial is its `stage`, its `parent` the number of the trial `of`; `parent` is
    None where that one has not begun.
    """

    name: str
    stage: str
    of: str = ""
    parent: TrialSeen | None = None
    change: Mapping[str, Change] | None = None


@dataclass(frozen=True)
class Known:
    """What a way is decided by: the candidates, which way is better, the baseline's mean.

    `trials`: follow-ups and adjusted ones among them. `baseline`: its mean, as theirs; where a decision asks
    for `gain`, its stage is not over before it is known.
    """

    trials: Sequence[TrialSeen]
    direction: Direction
    baseline: float | None = None


def way(stages: Sequence[NamedStage], known: Known) -> tuple[Decision, ...]:
    """The stages that have begun, in order, each with its decision; the last may have none yet.

    A stage is over when all its trials, and what follows up on them, have ended.
    """
    by_name, found = {stage.name: stage for stage in stages}, list[Decision]()
    at = stages[0].name if stages else STOP
    while at != STOP:
        decision = _decision(by_name[at], found, known, by_name)
        found.append(decision)
        if decision.go is None:
            break
        at = decision.go
    return tuple(found)


def is_over(decisions: Sequence[Decision]) -> bool:
    """Whether nothing more is tried."""
    return bool(decisions) and decisions[-1].go == STOP


def wanted(
    stages: Sequence[NamedStage], decisions: Sequence[Decision], trials: Sequence[TrialSeen]
) -> tuple[WantedTrial, ...]:
    """The trials of all stages that have begun, each once, in order; those of the present stage are last."""
    by_name = {stage.name: stage for stage in stages}
    found: dict[str, WantedTrial] = {}
    for index, decision in enumerate(decisions):
        for one in _asked_by(by_name[decision.stage], decisions[:index], trials):
            found.setdefault(one.name, one)
    return tuple(found.values())


def _decision(
    stage: NamedStage, before: Sequence[Decision], known: Known, stages: Collection[str]
) -> Decision:
    """What is known of a stage, given the decisions before it."""
    asked = {one.name: one for one in _asked_by(stage, before, known.trials)}
    own = [t for t in known.trials if t.name in asked and _is_asked(t, asked[t.name])]
    members = _with_follow_ups(own, known.trials, stages)
    best = _best(members, known)
    so_far = Decision(
        stage=stage.name,
        trials=tuple(t.number for t in members),
        best=best.number if best else None,
        value=best.value if best else None,
    )
    if {t.name for t in own} != asked.keys() or any(t.state not in ENDED for t in members):
        return so_far
    if best and known.baseline is None and any(turn.figure == "gain" for turn in stage.turns):
        return so_far
    figures = _figures(best, known)
    turn = next(turn for turn in stage.turns if _holds(turn, figures))
    because = _because(stage, turn, best, figures)
    return so_far.model_copy(update={"go": turn.go, "because": because})


def _best(members: Sequence[TrialSeen], known: Known) -> TrialSeen | None:
    """The trial with the best mean, of equals the first; None where none has one."""
    ranked = [(-_sign(known) * t.value, t.number, t) for t in members if t.value is not None]
    return min(ranked)[2] if ranked else None


def _sign(known: Known) -> int:
    return 1 if known.direction == "maximize" else -1


def _asked_by(
    stage: NamedStage, before: Sequence[Decision], trials: Sequence[TrialSeen]
) -> tuple[WantedTrial, ...]:
    """The trials that a stage asks for; of a stage without a value the first trial is the one adjusted."""
    if stage.adjusted is None:
        return tuple(WantedTrial(name, stage.name) for name in stage.trials)
    of, last = stage.adjusted.of, before[-1]
    chosen = last.best if last.best is not None else last.trials[0]
    parent = next((t for t in trials if (t.number == chosen if of == BEST else t.name == of)), None)
    name = parent.name if parent else of
    made = f"{name}+{stage.adjusted.word}"
    return (WantedTrial(made, stage.name, name, parent, stage.adjusted.change),)


def _is_asked(trial: TrialSeen, asked: WantedTrial) -> bool:
    """Whether a trial of that name is the one asked for: a follow-up may be called as an adjusted one is."""
    return trial.rule == (asked.stage if asked.change is not None else "")


def _with_follow_ups(
    own: Sequence[TrialSeen], trials: Sequence[TrialSeen], stages: Collection[str]
) -> list[TrialSeen]:
    """The trials and what follows up on them; what another stage has made from them is its own."""
    members = {t.number: t for t in own}
    for trial in sorted(trials, key=lambda t: t.number):  # a follow-up is younger than its parent
        if trial.parent in members and trial.rule not in stages:
            members[trial.number] = trial
    return list(members.values())


def _figures(best: TrialSeen | None, known: Known) -> dict[str, float]:
    if best is None or best.value is None:
        return {}
    gain = {} if known.baseline is None else {"gain": _sign(known) * (best.value - known.baseline)}
    return {"best": best.value, **gain}


def _holds(turn: Turn, figures: Mapping[str, float]) -> bool:
    """Of a stage without a value no condition holds."""
    if turn.when is None:
        return True
    value = figures.get(turn.figure)
    return value is not None and bool(OPERATORS[turn.when.op](value, turn.when.bound))


def _because(stage: NamedStage, turn: Turn, best: TrialSeen | None, figures: Mapping[str, float]) -> str:
    """Why, in words: the figure, what holds or what does not, and what the plan says."""
    said = f": {turn.say}" if turn.say else ""
    if best is None:
        return f"no trial of this stage has a value{said}"
    read = stage.turns[: stage.turns.index(turn) + 1]
    asked = [turn] if turn.when else [one for one in read if one.when]
    names = list(dict.fromkeys(one.figure for one in asked)) or ["best"]
    told = ", ".join(f"{name} is {_shown(name, figures[name], read)}" for name in names)
    return f"{told} ({best.name}){_held(turn, asked)}{said}"


def _held(turn: Turn, asked: Sequence[Turn]) -> str:
    """The condition that holds, or those that do not."""
    texts = [one.when.text for one in asked if one.when]
    if turn.when or not texts:
        return f", {turn.when.text}" if turn.when else ""
    return f", not {texts[0]}" if len(texts) == 1 else f", neither {' nor '.join(texts)}"


def _shown(name: str, value: float, read: Sequence[Turn]) -> str:
    """The figure, with all its digits where rounding would seem to decide otherwise."""
    short, conditions = number(value), [one.when for one in read if one.when and one.figure == name]
    agrees = all(
        OPERATORS[one.op](float(short), one.bound) == OPERATORS[one.op](value, one.bound)
        for one in conditions
    )
    return short if agrees else repr(value)
