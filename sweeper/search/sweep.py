"""A checked command: what is fixed, what is swept, and which points are tried; of whatever problem."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeper.errors import Fault
from sweeper.schema import StudySettings
from sweeper.search.search_space import Point, SearchSpace
from sweeper.search.stages import NamedStage


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What a study is made of, all that can be wrong with the words of its command found.

    `faults`: those of the monitor's rules, which are told together with what the data say of these.

    `command`: its words, those to Hydra among them.

    `points` is None where a sampler decides. `settings` and `config` are those of the fixed overrides.
    `stages`: those of a staged plan, with the names of points; empty where all are tried at once.
    """

    settings: StudySettings
    config: dict[str, Any]
    space: SearchSpace
    points: tuple[Point, ...] | None
    warnings: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    stages: tuple[NamedStage, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def is_adaptive(self) -> bool:
        """Whether a sampler decides what is tried."""
        return self.points is None

    def names(self, key: str) -> bool:
        """Whether the command line itself sets this key of ours; not where only a file does."""
        own = (f"{key}=", f"hydra.sweeper.{key}=")
        return any(word.lstrip("+").startswith(own) for word in self.command)

    @property
    def swept_keys(self) -> tuple[str, ...]:
        """The swept keys in the user's order, then those that named trials set."""
        named = [key for point in self.points or () for key in point.params]
        return tuple(dict.fromkeys([*self.space.keys, *named]))

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """The replicate seeds: those named, or `study.n_seeds` from `seed` on."""
        study = self.settings.study
        first = self.settings.seed
        return study.seeds or tuple(range(first, first + study.n_seeds))
