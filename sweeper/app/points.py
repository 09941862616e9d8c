"""Every point of an app's search space, composed by Hydra: which are tried, and what is wrong with them."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from sweeper.app.options import AppOptions
from sweeper.app.trees import composed
from sweeper.config import (
    Composer,
    Findings,
    check_sampler,
    contradictions,
    is_adaptive,
    space_warnings,
    swept_groups,
    unchosen,
    whole_study_faults,
)
from sweeper.schema import StudySettings
from sweeper.search import MANY_POINTS, Point, SearchSpace, check_pruner, extremes, grid

PER_STUDY = ("hydra",)
"""The only root key of an app that is about the study as a whole."""
N_AT_RANDOM = 100

Points = tuple[Point, ...] | None
"""What is tried, None where a sampler decides."""


def checked_points(
    composer: Composer, space: SearchSpace, settings: StudySettings, app: AppOptions, found: Findings
) -> tuple[Points, tuple[str, ...]]:
    """What is tried, and what is to be warned of; what is wrong is found."""
    adaptive = is_adaptive(space, settings)
    asked = Findings(
        (
            *whole_study_faults(composer, swept_groups(composer, space), PER_STUDY),
            *contradictions(space, settings, adaptive),
        )
    )
    points = None if adaptive or asked.faults else _enumerated(space, settings)
    for point in extremes(space) if points is None else _looked_at(points):
        composed(composer, point.overrides, found)
    _baseline(composer, settings, found)
    if adaptive and not asked.faults:
        asked.collect(lambda: check_sampler(settings))
    asked.collect(lambda: check_pruner(settings, app.total_steps or 0, app.report_every))
    found.add(asked.faults)
    return points, tuple(space_warnings(space, settings, adaptive))


def _enumerated(space: SearchSpace, settings: StudySettings) -> tuple[Point, ...]:
    study = settings.study
    return tuple(islice(grid(space, study.trials, settings.sampler.seed), study.n_trials))


def _looked_at(points: Sequence[Point]) -> Iterable[Point]:
    """The points; of very many the first, the last and some at random."""
    if len(points) <= MANY_POINTS:
        return points
    return (points[0], points[-1], *random.Random(0).sample(points, N_AT_RANDOM))


def _baseline(composer: Composer, settings: StudySettings, found: Findings) -> None:
    """What only the baseline has wrong."""
    lines = settings.study.baseline
    if missing := list(unchosen(composer, lines)):
        found.add(replace(fault, where=f"baseline: {fault.where}") for fault in missing)
        return
    alone = Findings(())
    composed(composer, lines, alone)
    known = {str(fault) for fault in found.faults}
    own = [fault for fault in alone.faults if str(fault) not in known]
    found.add(replace(fault, where=f"baseline: {fault.where}") for fault in own)
