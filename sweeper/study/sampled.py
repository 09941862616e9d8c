"""Points that a sampler, or a search space of the user's own, proposes: each becomes a trial, or is refused.

A point that cannot be composed, or cannot train on the data, is a failed trial with its reason. Where no
point can be made at all, the command is at fault, and that is said before anything trains.
"""

import traceback
from collections.abc import Mapping
from typing import Any

from sweeper.config import objectives_of
from sweeper.errors import Fault, SweeperError, UserError, in_a_line
from sweeper.search import Draft, SearchSpace, Sweep, custom_search_space, rehearsed, suggest, suggest_custom
from sweeper.study.objectives import metric_faults
from sweeper.study.spec_factory import SpecFactory
from sweeper.trial import TrialSpec, fingerprint

N_REHEARSED = 5
"""So many points must all be impossible before a search space is."""


class PointMaker:
    """Suggests the parameters of a point, and makes a trial of them."""

    def __init__(self, sweep: Sweep, factory: SpecFactory, space: SearchSpace | None = None) -> None:
        self._sweep, self._factory, self._space = sweep, factory, space or sweep.space

    def define(self, trial: Any) -> Mapping[str, Any]:
        """The parameters that the sampler wants for an Optuna trial; raises what the user's function does."""
        sweep, custom = self._sweep, self._sweep.settings.study.custom_search_space
        if custom is None:
            return suggest(self._space, trial)
        return suggest_custom(custom_search_space(custom), sweep.config, trial, self._space)

    def describe(self, number: int, params: Mapping[str, Any]) -> TrialSpec:
        """The trial at these parameters. Raises UserError where it cannot be composed, or cannot train."""
        point, factory = self._space.point(params), self._factory
        name = point.name or f"point {number}"  # a custom search space may suggest nothing
        spec = factory.spec(number, name, "candidate", point.params, point.overrides)
        if faults := [*factory.faults(spec), *metric_faults(self._sweep, factory, [spec])]:
            raise UserError(faults)
        return spec


def refused(
    sweep: Sweep,
    factory: SpecFactory,
    baseline: Draft,
    number: int,
    params: Mapping[str, Any],
    error: Exception,
) -> TrialSpec:
    """The trial in place of one that cannot be; it fails with `refused` as the reason, and is not trained."""
    point, why = sweep.space.point(params), reason_of(error)
    facts = {
        "number": number,
        "name": point.name or f"point {number}",
        "role": "candidate",
        "prunable": True,
        "params": dict(point.params),
        "overrides": point.overrides,
        "fingerprint": fingerprint({"refused": [*point.overrides, why]}, baseline.fingerprint),
        "notices": (),
        "refused": why,
    }
    spec = TrialSpec.model_validate({**baseline.model_dump(), **facts})
    factory.adopt(spec)
    return spec


def reason_of(error: Exception) -> str:
    """Why a point cannot be tried; of an exception in the user's code, where it was raised too."""
    if isinstance(error, SweeperError):
        return in_a_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{in_a_line(error)}{place}"


def rehearse(sweep: Sweep, factory: SpecFactory) -> None:
    """Raises UserError where the sampler fails, or all of the first points that it proposes cannot be.

    Nothing is stored: the points are drawn in a study in memory.
    """
    if not sweep.is_adaptive:
        return
    point, failed = PointMaker(sweep, factory), []
    n_objectives, custom = len(objectives_of(sweep)), sweep.settings.study.custom_search_space
    n_points = N_REHEARSED if custom is not None else 0  # the extremes of other spaces were composed already
    for trial in rehearsed(sweep.settings.sampler, sweep.space, n_objectives, n_points):
        try:
            point.describe(-1, point.define(trial))
        except Exception as error:
            failed.append(error)
        else:
            return
    if failed and isinstance(failed[0], UserError):
        raise failed[0]
    if failed:
        problem = f"got '{custom}', which failed at each of {len(failed)} points: {reason_of(failed[0])}"
        raise UserError(Fault("study.custom_search_space", problem, "Correct it, or what it suggests"))
