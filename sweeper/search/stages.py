"""The section `plan`: its stages, read and checked, all faults together. Pure.

A stage tries named trials, or one made from a trial of before (`adjust`); when all of them have ended, its
decisions (`then`) are read in order, and the first that holds says where to go. No stage runs twice.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated, Any

from pydantic import Field, ValidationError

from sweeper.criteria import Criterion, parse
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.models import StrictModel, Strings
from sweeper.monitor import ByKey, Change
from sweeper.schema import StudyPlan

STOP = "stop"
"""Where a decision goes after which nothing more is tried."""
BEST = "best"
"""The trial of the stage before with the best mean, which an adjusted one changes."""
FIGURES = ("best", "gain")
WHEN = "'best <op> <number>' or 'gain <op> <number>' with an op of < <= > >=, as in 'best >= 0.73'"
_RELATIVE = re.compile(r"[*+-]\s*(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[\w.-]+")


class Decides(StrictModel):
    """Go to the stage `go`, or `stop`, where `when` holds, or without it always; `say` is a reader's why."""

    go: str
    when: str | None = None
    say: str = ""


class Adjust(StrictModel):
    """The trial `of`, or the best of the stage before, with other values; `*0.6` and `+10` are relative."""

    of: str = BEST
    change: Annotated[ByKey, Field(min_length=1)]
    word: Annotated[str | None, Field(alias="as")] = None


class Stage(StrictModel):
    """What stands under a stage's name: one of `trials` and `adjust`, and what is decided after it."""

    trials: Strings = ()
    adjust: Adjust | None = None
    then: Annotated[tuple[Decides, ...], Field(strict=False)] = ()


MODELS: Mapping[str, type[StrictModel]] = {"": Stage, "adjust": Adjust, "then": Decides}
"""What stands in a stage, and in the sections in it."""
EXPECTED = {
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a section of keys",
    "model_type": "a section of keys",
    "too_short": "at least one key",
}


@dataclass(frozen=True)
class Turn:
    """Go to the stage `go`, or `stop`, where `when` holds; None always holds."""

    go: str
    when: Criterion | None = None
    say: str = ""

    @property
    def figure(self) -> str:
        """What is asked: `best` or `gain`; nothing where it always holds."""
        return self.when.figure.removeprefix("val/") if self.when else ""


@dataclass(frozen=True)
class Adjusted:
    """One trial made from the trial `of` by `change`; it is called `<parent>+<word>`."""

    of: str
    change: Mapping[str, Change]
    word: str


@dataclass(frozen=True)
class NamedStage:
    """One stage: the names of its trials, or the one that it makes; its last turn always holds."""

    name: str
    trials: tuple[str, ...]
    turns: tuple[Turn, ...]
    adjusted: Adjusted | None = None


def stages_of(plan: StudyPlan) -> tuple[NamedStage, ...]:
    """The stages in the plan's order; none where all trials are tried at once. Raises UserError."""
    names, faults, read = list(plan.stages), list[Fault](), dict[str, Stage]()
    for name, fields in plan.stages.items():
        try:
            read[name] = Stage.model_validate(fields)
        except ValidationError as error:
            faults += [_unreadable(f"plan.stages.{name}", one) for one in error.errors()]
    for name, stage in read.items():
        faults += _faults(name, stage, names)
    if faults:
        raise UserError(dict.fromkeys(faults))
    after = dict(zip(names, [*names[1:], STOP], strict=False))
    stages = tuple(_named(name, stage, after[name]) for name, stage in read.items())
    if faults := [*_circles(stages), *_unreached(stages)]:
        raise UserError(faults)
    return stages


def with_points(stages: Sequence[NamedStage], points: Mapping[str, Sequence[str]]) -> tuple[NamedStage, ...]:
    """The stages with the points of a sweep in the place of the names that stand for them, where some do."""
    return tuple(
        replace(
            stage,
            trials=tuple(dict.fromkeys(chain(*(points.get(name, ()) for name in stage.trials)))),
            adjusted=stage.adjusted and replace(stage.adjusted, of=_one_of(stage.adjusted.of, points)),
        )
        for stage in stages
    )


def _one_of(name: str, points: Mapping[str, Sequence[str]]) -> str:
    return next(iter(points.get(name, ())), name)


def named_in(stages: Sequence[NamedStage]) -> tuple[str, ...]:
    """All trials that some stage names, each once."""
    return tuple(dict.fromkeys(chain(*(stage.trials for stage in stages))))


def origins_of(stage: NamedStage, stages: Sequence[NamedStage]) -> tuple[str, ...]:
    """The named trials that an adjusted one may come to be made from, whatever adjusts them before."""
    if stage.adjusted is None:
        return ()
    if stage.adjusted.of != BEST:
        return (stage.adjusted.of,)
    before = [one for one in stages if stage.name in {turn.go for turn in one.turns}]
    return tuple(dict.fromkeys(chain(*((*one.trials, *origins_of(one, stages)) for one in before))))


def _named(name: str, stage: Stage, after: str) -> NamedStage:
    """The stage; where no decision holds, it goes on to the stage after it."""
    turns = [Turn(one.go, parse(one.when) if one.when else None, one.say) for one in stage.then]
    if not turns or turns[-1].when is not None:
        turns.append(Turn(after))
    made = stage.adjust
    adjusted = Adjusted(made.of, made.change, made.word or name) if made else None
    return NamedStage(name, tuple(dict.fromkeys(stage.trials)), tuple(turns), adjusted)


def _unreadable(where: str, details: Mapping[str, Any]) -> Fault:
    """What pydantic refuses, in the user's terms."""
    *path, last = details["loc"]
    key = ".".join(map(str, (where, *path, last)))
    if details["type"] == "extra_forbidden":
        model = MODELS[str(path[0]) if path else ""]
        known = [field.alias or name for name, field in model.model_fields.items()]
        hint = did_you_mean(str(last), known) or f"; expected one of {', '.join(known)}"
        return Fault(key, f"no such parameter{hint}", "Remove it, or correct its name.")
    if details["type"] == "missing":
        return Fault(key, "missing", "Say what it is.")
    return Fault(key, f"got {details['input']!r}; expected {_expected(details)}")


def _expected(details: Mapping[str, Any]) -> str:
    return EXPECTED.get(details["type"], str(details["msg"]))


def _faults(name: str, stage: Stage, names: Sequence[str]) -> Iterator[Fault]:
    """What is wrong with a stage by itself, and with where it goes."""
    where = f"plan.stages.{name}"
    if name == STOP:
        yield Fault(where, f"got '{STOP}', which ends a plan; expected another name", "Rename the stage.")
    if bool(stage.trials) == bool(stage.adjust):
        got = "both" if stage.trials else "neither"
        yield Fault(
            where,
            f"got {got} of trials and adjust; expected one of them",
            "A stage has its trials, or makes one.",
        )
    if stage.adjust is not None:
        yield from _adjust_faults(f"{where}.adjust", stage.adjust, is_first=name == names[0])
    for index, decides in enumerate(stage.then):
        yield from _decides_faults(f"{where}.then.{index}", decides, names)
    always = [index for index, one in enumerate(stage.then) if one.when is None]
    if always and always[0] < len(stage.then) - 1:
        problem = f"never read: decision {always[0]} before it has no 'when', and always holds"
        yield Fault(f"{where}.then.{always[0] + 1}", problem, "Put the decision without 'when' last.")


def _adjust_faults(where: str, adjust: Adjust, *, is_first: bool) -> Iterator[Fault]:
    if is_first and adjust.of == BEST:
        problem = "got 'best' in the first stage, before which there is none; expected a trial's name"
        yield Fault(f"{where}.of", problem, "Begin with a stage that has trials.")
    if adjust.word is not None and not _WORD.fullmatch(adjust.word):
        yield Fault(f"{where}.as", f"got '{adjust.word}'; expected one word of letters, digits, . _ -")
    for key, value in adjust.change.items():
        if isinstance(value, str) and value[:1] in "*+-" and not _RELATIVE.fullmatch(value):
            expected = "expected a value, or a relative number as in '*0.6', '+10', '-10'"
            yield Fault(f"{where}.change.{key}", f"got '{value}'; {expected}")


def _decides_faults(where: str, decides: Decides, names: Sequence[str]) -> Iterator[Fault]:
    if decides.go not in (*names, STOP):
        hint = did_you_mean(decides.go, [*names, STOP]) or f"; expected one of {', '.join([*names, STOP])}"
        yield Fault(f"{where}.go", f"got '{decides.go}'; there is no such stage{hint}")
    if decides.when is not None and not _is_condition(decides.when):
        advice = "best is the best mean of the stage on validation, gain what it is above the baseline's."
        yield Fault(f"{where}.when", f"got '{decides.when}'; expected {WHEN}", advice)


def _is_condition(text: str) -> bool:
    try:
        found = parse(text)
    except ValueError:
        return False
    return found.divisor is None and found.text.split("<")[0].split(">")[0].strip() in FIGURES


def _circles(stages: Sequence[NamedStage]) -> list[Fault]:
    """A fault for each stage from which a way leads back to it, at the stage of a circle that is first."""
    goes = {stage.name: [turn.go for turn in stage.turns if turn.go != STOP] for stage in stages}
    found: dict[frozenset[str], Fault] = {}
    for stage in stages:
        if circle := _way_back([stage.name], goes):
            problem = f"leads back to itself ({' > '.join(circle)}); expected stages that run once"
            where = f"plan.stages.{stage.name}.then"
            found.setdefault(
                frozenset(circle), Fault(where, problem, "Let one of them stop, or go elsewhere.")
            )
    return list(found.values())


def _way_back(path: list[str], goes: Mapping[str, Sequence[str]]) -> list[str]:
    """A way from the path's end to its beginning, with both; empty where there is none."""
    for there in goes[path[-1]]:
        if there == path[0]:
            return [*path, there]
        if there not in path and (found := _way_back([*path, there], goes)):
            return found
    return []


def _unreached(stages: Sequence[NamedStage]) -> list[Fault]:
    """A fault for each stage that no way leads to."""
    goes = {stage.name: [turn.go for turn in stage.turns] for stage in stages}
    reached, new = set[str](), {stages[0].name} if stages else set()
    while new:
        reached |= new
        new = {there for name in new for there in goes[name]} - reached - {STOP}
    return [
        Fault(
            f"plan.stages.{stage.name}",
            "never begins: no decision goes there",
            "Name it in a 'go', or remove it.",
        )
        for stage in stages
        if stage.name not in reached
    ]
