"""The runs of a table as the statistics see them: arms, failures, pairs, and who is best. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan
from statistics import fmean

from sweeper.results import JudgedOn, Objective
from sweeper.verdict.paired import Key, differences
from sweeper.verdict.selection import Arm
from sweeper.verdict.sheet_runs import Scores, TableRuns, finite
from sweeper.verdict.table_examples import Influences

BASELINE = 0
"""The number of the baseline's arm; candidates follow in the order of the table."""


@dataclass(frozen=True)
class TableArms:
    """The runs of a table, and what the statistics ask of them."""

    runs: TableRuns
    objective: Objective
    chosen_on: JudgedOn
    judged_on: JudgedOn
    influence: Influences

    @cached_property
    def arms(self) -> tuple[Arm, ...]:
        """The baseline, then the candidates; failed runs have NaN."""
        trials = (self.runs.baseline, *self.runs.candidates)
        return tuple(self._arm(number, scores) for number, scores in enumerate(trials))

    def _arm(self, number: int, scores: Scores) -> Arm:
        choosing, judging = (
            scores.test if on == "test" else scores.val for on in (self.chosen_on, self.judged_on)
        )
        influence = self.influence.get(scores.name)
        return Arm(
            number=number,
            name=scores.name,
            screening={seed: value for seed, value in choosing.items() if seed not in scores.fresh},
            test={seed: value for seed, value in judging.items() if seed not in scores.fresh},
            confirmation={seed: judging[seed] for seed in sorted(scores.fresh)},
            influence=influence and {s: x for s, x in influence.items() if isfinite(judging.get(s, nan))},
        )

    @cached_property
    def fresh(self) -> tuple[int, ...]:
        """The seeds that chose nothing."""
        return tuple(sorted({seed for arm in self.arms for seed in arm.confirmation}))

    @cached_property
    def failed(self) -> dict[int, list[int]]:
        """By number, the seeds on which a run has no value to choose by."""
        return by_those_with_some(
            {a.number: [s for s, v in a.screening.items() if not isfinite(v)] for a in self.arms}
        )

    def pairs(self, number: int) -> list[int]:
        """The seeds on which a candidate and the baseline have values to choose by."""
        arm, base = self.arms[number], self.arms[BASELINE]
        return sorted(
            finite(arm.screening, base.screening).keys() & finite(base.screening, arm.screening).keys()
        )

    @cached_property
    def best(self) -> int | None:
        """The candidate that gains most over its pairs, of those with the most pairs and no failure."""
        pool = [
            arm.number for arm in self.arms[1:] if arm.number not in self.failed and self.pairs(arm.number)
        ]
        most = max((len(self.pairs(number)) for number in pool), default=0)
        pool = [number for number in pool if len(self.pairs(number)) == most]
        return min(pool, key=lambda number: (-self.objective.sign * self._gain(number), number), default=None)

    def _gain(self, number: int) -> float:
        return fmean(differences(self.arms[number].screening, self.arms[BASELINE].screening))


def by_those_with_some(seeds: Mapping[Key, list[int]]) -> dict[Key, list[int]]:
    """Without those that have none."""
    return {key: found for key, found in seeds.items() if found}
