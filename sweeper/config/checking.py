"""Every point of a search space, composed and validated -> a TaskSweep, or all faults at once."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.config.compose import Composer, Configuration, TaskSweep
from sweeper.config.found_faults import Findings
from sweeper.config.rules import check_rules, check_rules_alone
from sweeper.config.space_checks import check_sampler, contradictions, is_adaptive, space_warnings
from sweeper.config.staging import (
    AdjustedPoint,
    adjusted_points,
    left_out,
    plan_faults,
    points_by_name,
    tried,
)
from sweeper.config.swept_groups import (
    SweptGroup,
    explained,
    is_of_swept_group,
    swept_groups,
    whole_study_faults,
)
from sweeper.errors import Fault, UserError
from sweeper.schema import Settings
from sweeper.search import (
    MANY_POINTS,
    Choices,
    NamedStage,
    Point,
    SearchSpace,
    check_pruner,
    extremes,
    grid,
    one_value_swept,
    stages_of,
    with_points,
)
from sweeper.task import task_entry

ENSEMBLE_KEY = "study.ensemble_top_k"
N_AT_RANDOM = 100


def checked_run(
    composer: Composer, space: SearchSpace, faults: Sequence[Fault], command: tuple[str, ...]
) -> TaskSweep:
    """One solo run of the fixed configuration, as a sweep of one point. Raises UserError with all faults."""
    found = Findings(faults)
    run = found.checked(composer, ())
    of_rules = Findings(())
    if run is not None:
        of_rules.collect(lambda: check_rules(run.settings, {(): run.config}, _faults_with(composer)))
    if found.faults or run is None:
        raise UserError([*found.faults, *of_rules.faults])
    named = "study.trials: named trials are run with -m (--multirun) only"
    warnings = (*space.warnings, *([named] if run.settings.study.trials else []))
    point = Point("solo", {}, ())
    known: dict[tuple[str, ...], Configuration] = {(): run}
    return TaskSweep(
        composer=composer,
        settings=run.settings,
        task_config=run.task_config,
        config=run.config,
        space=space,
        points=(point,),
        warnings=warnings,
        command=command,
        checked=known,
        faults=of_rules.faults,
    )


def checked_sweep(
    composer: Composer,
    space: SearchSpace,
    faults: Sequence[Fault],
    command: tuple[str, ...],
    documented: str | None = None,
) -> TaskSweep:
    """The sweep over a space; `documented`: the grid that runs since the command line sweeps nothing.

    A fault in a fixed key does not keep the swept ones from being looked at.
    """
    groups = swept_groups(composer, space)
    found = Findings(fault for fault in faults if not is_of_swept_group(fault, groups))
    base = _base(composer, space, found, groups)
    if base is None:
        found.at_each(composer, extremes(space))
        found.collect(lambda: check_rules_alone(composer.attempt()[0]))
        raise UserError(explained(found.faults, composer, space))
    found.add(whole_study_faults(composer, groups))
    settings = base.settings
    composer = composer.with_labels(_labels_of_trials(composer, settings))
    adaptive = is_adaptive(space, settings)
    found.add(contradictions(space, settings, adaptive))
    points, checked = _points(composer, space, settings, found)
    _check_settings(settings, found, is_adaptive=adaptive)
    of_rules = Findings(())
    trials = {overrides: one.config for overrides, one in checked.items()}
    of_rules.collect(lambda: check_rules(settings, trials, _faults_with(composer)))
    stages = _stages(settings, points, found, is_adaptive=adaptive)
    checked |= _adjusted(found, composer, adjusted_points(stages, points or (), checked))
    if found.faults:
        raise UserError(explained([*found.faults, *of_rules.faults], composer, space))
    not_tried = left_out(stages, points or ())
    if points is not None:
        points = _with_named_params(tried(stages, points), checked, space)
    in_vain = _overruled(space, points if settings.study.trials else None, documented)
    if told := [one for one in in_vain if isinstance(one, Fault)]:
        raise UserError(told)
    return TaskSweep(
        composer=composer,
        settings=settings,
        task_config=base.task_config,
        config=base.config,
        space=space,
        points=points,
        warnings=(
            *space.warnings,
            *space_warnings(space, settings, adaptive),
            *map(str, in_vain),
            *not_tried,
        ),
        command=command,
        checked=checked,
        stages=stages,
        faults=of_rules.faults,
    )


def _points(
    composer: Composer, space: SearchSpace, settings: Settings, found: Findings
) -> tuple[tuple[Point, ...] | None, dict[tuple[str, ...], Configuration]]:
    """The points of a grid, None where a sampler decides; and the configurations that could be had."""
    study = settings.study
    if is_adaptive(space, settings) or found.faults:
        points, checked = None, found.at_each(composer, extremes(space))
    else:
        points = tuple(islice(grid(space, named_trials(composer), settings.sampler.seed), study.n_trials))
        checked = found.at_each(composer, _looked_at(points, space))
    baseline = found.baseline(composer, settings)
    if baseline is not None:
        checked[tuple(study.baseline)] = baseline
    return points, checked


def _check_settings(settings: Settings, found: Findings, *, is_adaptive: bool) -> None:
    """What sampler, pruner and ensemble cannot do, whatever the points are."""
    if is_adaptive and not any(fault.where.startswith("sampler") for fault in found.faults):
        found.collect(lambda: check_sampler(settings))
    found.collect(lambda: check_pruner(settings, settings.trainer.max_steps, settings.trainer.eval_every))
    found.collect(lambda: check_ensemble(settings))


def _stages(
    settings: Settings, points: Sequence[Point] | None, found: Findings, *, is_adaptive: bool
) -> tuple[NamedStage, ...]:
    """Those of a staged plan, each with the points that it names."""
    stages = found.collect(lambda: stages_of(settings.plan)) or ()
    known = points_by_name(points, settings.study.trials or ()) if stages else None
    found.add(plan_faults(stages, known, settings, is_adaptive=is_adaptive))
    return with_points(stages, known or {})


def _adjusted(
    found: Findings, composer: Composer, adjusted: Iterable[AdjustedPoint]
) -> dict[tuple[str, ...], Configuration]:
    """What the stages of a plan may come to make, composed as any point is."""
    made: dict[tuple[str, ...], Configuration] = {}
    for point in adjusted:
        found.add(point.faults)
        config = found.checked(composer.with_labels(point.labels), point.overrides)
        if config is not None:
            made[point.overrides] = config
    return made


def _faults_with(composer: Composer) -> Callable[[Sequence[str]], Iterable[Fault]]:
    """What is wrong with the configuration at overrides, as a function of them."""

    def faults_at(overrides: Sequence[str]) -> Iterable[Fault]:
        found = Findings(())
        found.checked(composer, overrides)
        return found.faults

    return faults_at


def _base(
    composer: Composer, space: SearchSpace, found: Findings, groups: Sequence[SweptGroup]
) -> Configuration | None:
    """The fixed configuration; where only the swept keys make it valid, that at the first point.

    So it is with keys of swept groups, which the option that nobody chose need not have.
    """
    alone = Findings(found.faults)
    base = alone.checked(composer, ())
    own = [fault for fault in alone.faults if not is_of_swept_group(fault, groups)]
    if space.swept and (base is None or len(own) < len(alone.faults)):
        return found.checked(composer, next(extremes(space)).overrides)
    found.add(own)
    return base


def named_trials(composer: Composer) -> dict[str, list[str]]:
    """`study.trials`, its interpolations (`${data.preset...}`) left for each trial to resolve."""
    node = OmegaConf.select(composer.tree(), "study.trials")
    plain = OmegaConf.to_container(node, resolve=False) if isinstance(node, DictConfig) else {}
    assert isinstance(plain, dict)
    return {str(name): list(lines) for name, lines in plain.items()}


def _overruled(
    space: SearchSpace, named: Sequence[Point] | None, documented: str | None
) -> list[Fault | str]:
    """What the command line fixes in vain, because named trials set it themselves.

    A warning where the user chose them by name; else one value was given where a sweep was meant.
    """
    fixed = {line.lstrip("+~").partition("=")[0]: line for line in space.fixed}
    found: list[Fault | str] = []
    for key in dict.fromkeys(key for point in named or () for key in point.params if key in fixed):
        names = [point.name for point in named or () if key in point.params]
        line = fixed[key]
        if documented is not None:
            problem = (
                f"got '{line}', one value where several are tried: nothing is swept, and the documented grid "
                f"(sweep={documented}) sets this key itself (in {', '.join(names)})"
            )
            advice = f"{one_value_swept(line)} Without '{line}' the grid runs.".strip()
            found.append(Fault(key, problem, advice))
        else:
            found.append(
                f"{key}: '{line}' has no effect on named trials that set it themselves ({', '.join(names)}). "
                f"{one_value_swept(line)}".strip()
            )
    return found


def _labels_of_trials(composer: Composer, settings: Settings) -> dict[str, str]:
    """For each override of a named trial or of the baseline the place where the user wrote it."""
    named = named_trials(composer)
    labels = {line: f"'{line}' of study.trials.{name}" for name, lines in named.items() for line in lines}
    return labels | {line: f"'{line}' of study.baseline" for line in settings.study.baseline}


def _looked_at(points: Sequence[Point], space: SearchSpace) -> Sequence[Point]:
    """The points; of very many those that show each choice and named trial once, and some at random."""
    if len(points) <= MANY_POINTS:
        return points
    n_swept = len(space.swept)
    shown: dict[object, Point] = {}
    for point in points:
        shown.setdefault(point.overrides[: len(point.overrides) - n_swept], point)
        for swept, override in zip(space.swept, point.overrides[-n_swept:] if n_swept else (), strict=True):
            if isinstance(swept.domain, Choices):
                shown.setdefault(override, point)
    # the ends of every range are at the corners of the grid
    corners = (points[0], points[-1], *random.Random(0).sample(points, N_AT_RANDOM))
    return list({point.overrides: point for point in (*shown.values(), *corners)}.values())


def _with_named_params(
    points: Sequence[Point], checked: Mapping[tuple[str, ...], Configuration], space: SearchSpace
) -> tuple[Point, ...]:
    """The points with the parameters that their named trials set, as they are in a resolved configuration."""
    n_swept = len(space.swept)
    named = {overrides[: len(overrides) - n_swept]: config for overrides, config in checked.items()}

    def own(point: Point) -> dict[str, Any]:
        lines = point.overrides[: len(point.overrides) - n_swept]
        at_point = checked.get(point.overrides) or named[lines]
        pairs = [line.lstrip("+").partition("=")[::2] for line in lines if not line.startswith("~")]
        return {key: _value_at(at_point.config, key, text) for key, text in pairs}

    return tuple(replace(point, params={**own(point), **point.params}) for point in points)


def _value_at(config: Mapping[str, Any], key: str, text: str) -> Any:
    """The value at a dotted key; the text of the override where that is a section, chosen by its group."""
    node: Any = config
    for part in key.split("."):
        node = node.get(part) if isinstance(node, Mapping) else None
    return text if node is None or isinstance(node, Mapping) else node


def check_ensemble(settings: Settings) -> None:
    """Raises UserError where an ensemble is asked for that cannot be, as far as it is known beforehand."""
    k, task, metrics = settings.study.ensemble_top_k, settings.task, settings.study.metrics or ()
    if k is None:
        return
    if len(metrics) > 1:
        problem = f"got {k} with {len(metrics)} objectives ({', '.join(metrics)}); expected one"
        raise UserError(
            Fault(ENSEMBLE_KEY, f"{problem}, since several have no best runs", f"Use {ENSEMBLE_KEY}=null")
        )
    if not task_entry(task).config_class().is_averageable:
        problem = f"got {k}, but task '{task.name}' states no probabilities that could be averaged"
        raise UserError(Fault(ENSEMBLE_KEY, problem, f"Use {ENSEMBLE_KEY}=null"))
