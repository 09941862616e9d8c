"""What a table of runs allows to say, as records."""

from dataclasses import dataclass
from typing import Literal

from sweeper.findings import Comparison, Confirmation
from sweeper.results import JudgedOn, Objective


@dataclass(frozen=True)
class TrialRow:
    """One trial of a leaderboard: means over the seeds that chose, and the difference to the baseline.

    `val_sd` is None with one seed, `compared` for the baseline, and where there is no pair of runs; `n_pairs`
    counts the seeds that it was compared on. What is unknown is None.
    """

    name: str
    n_seeds: int
    val: float | None
    val_sd: float | None
    test: float | None
    n_pairs: int
    compared: Comparison | None
    is_baseline: bool = False
    is_best: bool = False


@dataclass(frozen=True)
class TableVerdict:
    """The verdict on a table of runs.

    `basis`: `confirmation` where the test is on fresh seeds, `exploration` where the runs that chose are all
    there is. `chosen_on` and `judged_on` are splits, which may be the same. `rows`: the leaderboard, the best
    first. `notes`: what to know when reading it. `told`: which column was taken for what, and what was left
    out.
    """

    verdict: str
    sentence: str
    basis: Literal["confirmation", "exploration"]
    objective: Objective
    chosen_on: JudgedOn
    judged_on: JudgedOn
    baseline: str
    best: str | None
    rows: tuple[TrialRow, ...]
    confidence: float
    min_effect: float | None = None
    confirmation: Confirmation | None = None
    notes: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
