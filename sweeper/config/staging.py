"""The stages of a plan against the trials of a sweep: what they name, and what becomes of the rest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from sweeper.config.compose import Composer, Configuration
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.monitor import changed, keys_of
from sweeper.schema import Settings
from sweeper.search import BEST, NamedStage, Point, named_in, origins_of

STAGED = "staged"
"""`plan=staged` stands for the task's own plan, `task.default_plan`."""
PointsByName = Mapping[str, tuple[str, ...]]


def plan_of_task(composer: Composer) -> str | None:
    """The plan that `plan=staged` stands for; None where another is chosen, or this one has stages.

    Raises UserError where the task has none.
    """
    tree = composer.tree()
    chosen = OmegaConf.select(
        tree, "hydra.runtime.choices.plan", throw_on_missing=False, throw_on_resolution_failure=False
    )
    if chosen != STAGED or composer.before_values("plan.stages"):
        return None
    name = OmegaConf.select(tree, "task.default_plan", throw_on_missing=False)
    if name is None and not OmegaConf.select(tree, "plan.stages", throw_on_missing=False):
        task = OmegaConf.select(tree, "task.name", throw_on_missing=False)
        problem = f"got '{STAGED}', but task '{task}' has no plan of its own (task.default_plan is null)"
        advice = "Write one, conf/plan/<name>.yaml with its stages, and choose it: plan=<name>."
        raise UserError(Fault("plan", problem, advice))
    return None if name is None else str(name)


def with_plan(words: Sequence[str], name: str) -> list[str]:
    """The command line with this plan in the place of the one that it chooses, or with it."""
    chosen = [f"{word[: word.index('plan=')]}plan={name}" for word in words if _chooses_plan(word)]
    kept = [word for word in words if not _chooses_plan(word)]
    return [*kept, *(chosen[-1:] or [f"plan={name}"])]


def _chooses_plan(word: str) -> bool:
    return word.lstrip("+").partition("=")[0] == "plan" and "=" in word


def points_by_name(points: Sequence[Point] | None, named: Iterable[str]) -> PointsByName | None:
    """The points that a name stands for: its own, or those of a named trial beside which keys are swept."""
    if points is None:
        return None
    names = tuple(named)
    found: dict[str, tuple[str, ...]] = {point.name: (point.name,) for point in points}
    for point in found.copy():
        owners = [name for name in names if point.startswith(f"{name} ")]
        if owners:
            owner = max(owners, key=len)
            found[owner] = (*found.get(owner, ()), point)
    return found


def plan_faults(
    stages: Sequence[NamedStage], known: PointsByName | None, settings: Settings, *, is_adaptive: bool
) -> Iterator[Fault]:
    """What keeps the stages from being those of this sweep.

    `known` is None where the points are not known: a sampler decides, or something else is at fault.
    """
    if stages and is_adaptive:
        problem = f"got '{settings.plan.name}', but a sampler decides what is tried; expected named trials"
        advice = "Name them (study.trials), enumerate them (sampler=grid), or use plan=parallel."
        yield Fault("plan", problem, advice)
    if known is not None:
        yield from _unknown(stages, known)
    yield from _names_of_rules(stages, settings)


def tried(stages: Sequence[NamedStage], points: Sequence[Point]) -> tuple[Point, ...]:
    """The points that some stage names; all where there are no stages."""
    if not stages:
        return tuple(points)
    names = set(named_in(stages))
    return tuple(point for point in points if point.name in names)


def left_out(stages: Sequence[NamedStage], points: Sequence[Point]) -> list[str]:
    """A warning that names the points which no stage tries."""
    named = set(named_in(stages))
    names = [point.name for point in points if point.name not in named]
    if not stages or not names:
        return []
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return [f"plan.stages: no stage names {', '.join(names[:6])}{more}; not tried"]


@dataclass(frozen=True)
class AdjustedPoint:
    """A point as a stage may come to adjust it; `source` is the place in the plan."""

    origin: Point
    overrides: tuple[str, ...]
    faults: tuple[Fault, ...]
    source: str

    @property
    def labels(self) -> dict[str, str]:
        """Who wrote the overrides that the origin has not."""
        return dict.fromkeys(
            (line for line in self.overrides if line not in self.origin.overrides), self.source
        )


def adjusted_points(
    stages: Sequence[NamedStage],
    points: Sequence[Point],
    checked: Mapping[tuple[str, ...], Configuration],
) -> Iterator[AdjustedPoint]:
    """Each point that an adjusted trial may be made from, with the stage's changes.

    A fault for each key that the point lacks, or whose value is no number to be changed.
    """
    for stage in stages:
        origins = [point for point in points if point.name in origins_of(stage, stages)]
        for point in origins:
            if stage.adjusted is not None and point.overrides in checked:
                source, config = f"plan.stages.{stage.name}.adjust.change", checked[point.overrides].config
                made = changed(stage.adjusted.change, config, point.overrides)
                faults = [_left_out(f"{source}.{key}", key, point.name, config) for key in made.left_out]
                yield AdjustedPoint(point, made.overrides, tuple(faults), source)


def _left_out(where: str, key: str, trial: str, config: Mapping[str, Any]) -> Fault:
    known = keys_of(config)
    if key in known:
        return Fault(where, f"got a relative number for what is none in '{trial}'; expected a value")
    return Fault(where, f"no such parameter of '{trial}'{did_you_mean(key, known)}", "Correct its name.")


def _unknown(stages: Sequence[NamedStage], known: PointsByName) -> Iterator[Fault]:
    for stage in stages:
        where, of = f"plan.stages.{stage.name}", stage.adjusted.of if stage.adjusted else BEST
        for name in stage.trials:
            if name not in known:
                yield _no_such_trial(f"{where}.trials", name, known)
        if of not in known and of != BEST:
            yield _no_such_trial(f"{where}.adjust.of", of, known)
        elif of != BEST and of not in _tried(stages, known):
            problem = f"got '{of}', which no stage tries as one trial; expected 'best', or a trial of a stage"
            yield Fault(f"{where}.adjust.of", problem)


def _tried(stages: Sequence[NamedStage], known: PointsByName) -> set[str]:
    return {name for name in named_in(stages) if len(known.get(name, ())) == 1}


def _no_such_trial(where: str, name: str, known: PointsByName) -> Fault:
    listed = ", ".join(list(known)[:6])
    return Fault(
        where, f"got '{name}'; this sweep has no such trial{did_you_mean(name, known)}", f"It has {listed}."
    )


def _names_of_rules(stages: Sequence[NamedStage], settings: Settings) -> Iterator[Fault]:
    """Trials remember the rule or the stage that asked for them, by its name."""
    for stage in stages:
        if stage.name in settings.monitor.rules:
            problem = f"got '{stage.name}', which is the name of a rule, too (monitor.rules.{stage.name})"
            yield Fault(f"plan.stages.{stage.name}", f"{problem}; expected another", "Rename the stage.")
