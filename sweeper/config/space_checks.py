"""What the settings of a study ask of a search space, and whether it can give that."""

import re
from collections.abc import Iterable

from sweeper.errors import Fault
from sweeper.schema import StudySettings
from sweeper.search import MAX_POINTS, Choices, SearchSpace

NUMERIC_ONLY = ("cmaes", "qmc")
"""Samplers that leave choices to chance."""


def is_adaptive(space: SearchSpace, settings: StudySettings) -> bool:
    """Whether a sampler decides: not over named trials, not for `grid`, not where all can be enumerated."""
    study = settings.study
    if study.trials or settings.sampler.name == "grid":
        return False
    return bool(space.intervals or study.custom_search_space or study.n_trials is not None)


def contradictions(space: SearchSpace, settings: StudySettings, is_adaptive: bool) -> Iterable[Fault]:
    """What the settings of a study ask of a space that it cannot give."""
    study = settings.study
    why = "named trials (study.trials)" if study.trials else "sampler=grid"
    for swept in () if is_adaptive else space.intervals:
        problem = f"got an interval (from override '{swept.source}'), which {why} cannot enumerate"
        yield Fault(swept.key, problem, "Name the values, or use range(...) with a step.")
    if is_adaptive and study.n_trials is None:
        what = f"the interval of {space.intervals[0].key}" if space.intervals else "custom_search_space"
        yield Fault(
            "study.n_trials", f"missing; {what} has no end", "Say how many trials: study.n_trials=40."
        )
    if study.custom_search_space is not None and not is_adaptive:
        problem = f"got '{study.custom_search_space}', which {why} cannot enumerate"
        yield Fault("study.custom_search_space", problem, "Use a sampler that is asked: sampler=tpe.")
    n_points = space.n_points * len(study.trials or [""])
    if not is_adaptive and n_points > MAX_POINTS and study.n_trials is None:
        problem = f"got {n_points} points; expected at most {MAX_POINTS}"
        yield Fault("command line", problem, "Give study.n_trials, so that a sampler chooses among them.")


def space_warnings(space: SearchSpace, settings: StudySettings, is_adaptive: bool) -> Iterable[str]:
    """What the settings of a study ask for in vain of a space."""
    n_trials, n_points = settings.study.n_trials, space.n_points * len(settings.study.trials or [""])
    if not is_adaptive and n_trials is not None and n_trials < n_points:
        yield f"study.n_trials: the first {n_trials} of {n_points} points are tried"
    if not is_adaptive and n_trials is not None and n_trials > n_points:
        yield f"study.n_trials: got {n_trials}, but the grid has {n_points} points; each is tried once"
    if not is_adaptive:
        yield from _idle_sampler(space, settings)
    if is_adaptive and settings.sampler.name in NUMERIC_ONLY:
        for swept in space.swept:
            if isinstance(swept.domain, Choices):
                yield f"sampler.name: {settings.sampler.name} draws the choices of {swept.key} at random"


def _idle_sampler(space: SearchSpace, settings: StudySettings) -> Iterable[str]:
    """What the user says of a sampler that is never asked."""
    lines = [line for line in space.fixed if re.match(r"\+*sampler(=|\.options\.)", line)]
    if settings.sampler.name == "grid":
        lines = [line for line in lines if ".options." in line]
        why = "sampler=grid takes no options"
    else:
        why = "all points are tried; give study.n_trials, so that a sampler chooses among them"
    if lines:
        yield f"sampler: '{' '.join(line.lstrip('+') for line in lines)}' has no effect, since {why}"


def check_sampler(settings: StudySettings) -> None:
    """Raises UserError where the sampler cannot be had, or the function of `custom_search_space`."""
    from sweeper.search import custom_search_space, sampler_of

    custom = settings.study.custom_search_space
    sampler_of(settings.sampler, settings.sampler.seed, len(settings.study.metrics or [""]))
    if custom is not None:
        custom_search_space(custom)
