"""What a study knows when it is over (or so far): the input of selection, report and tracking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sweeper.models import Direction, LenientModel, Number
from sweeper.trial import TrialSpec

RunState = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED", "INTERRUPTED"]
TrialState = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED"]
GIVEN_UP: tuple[Literal["FAILED", "PRUNED"], ...] = ("FAILED", "PRUNED")
"""States of a run, or a trial, that was tried and has no value; the worse one first."""
ENDED: tuple[TrialState, ...] = ("COMPLETE", *GIVEN_UP)
"""States after which nobody trains a run, or a trial, again."""


@dataclass(frozen=True)
class Objective:
    """A metric and where it should go; values are those on the validation split."""

    metric: str
    direction: Direction

    @property
    def sign(self) -> int:
        """+1 where more is better, -1 where less is."""
        return 1 if self.direction == "maximize" else -1


@dataclass(frozen=True)
class RunResult:
    """One run (trial x seed). `metrics` by `split/name`; `folder` holds its records.

    `incidents`: what went wrong on the way to this result, a sentence each.
    """

    trial: int
    seed: int
    state: RunState
    reason: str | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    best_step: int = 0
    steps_trained: int = 0
    steps_inherited: int = 0
    seconds: float = 0.0
    attempt: int = 1
    folder: Path | None = None
    reused: bool = False
    device: str = ""
    incidents: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrialResult:
    """One trial with its runs by seed; screening and confirmation seeds together."""

    spec: TrialSpec
    state: TrialState
    reason: str | None
    runs: dict[int, RunResult]

    def per_seed(self, seeds: tuple[int, ...], key: str) -> dict[int, float]:
        """The metric `key` (`val/ctcvr_auc`) of the complete runs among `seeds`."""
        return {
            seed: self.runs[seed].metrics[key]
            for seed in seeds
            if seed in self.runs and self.runs[seed].state == "COMPLETE" and key in self.runs[seed].metrics
        }

    def mean(self, seeds: tuple[int, ...], key: str) -> float | None:
        """The mean of `per_seed`, or None unless all of `seeds` are complete."""
        values = self.per_seed(seeds, key)
        return sum(values.values()) / len(values) if len(values) == len(seeds) > 0 else None


class Comparison(LenientModel):
    """A candidate against the baseline in one objective, test split, screening seeds: exploratory.

    `difference` is candidate minus baseline in the metric's unit; `improvement` carries the sign of the
    direction, and `ci_low` to `ci_high` is its interval. What cannot be known is None.
    """

    difference: Number
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None
    p_adjusted: Number | None = None


Comparisons = tuple[Comparison | None, ...]
"""One for each objective; empty where nothing was compared."""


class Confirmation(LenientModel):
    """The one test of a study: the chosen candidate against the baseline, test split, confirmation seeds.

    `difference` is candidate minus baseline in the metric's unit, over the seeds that both completed;
    `improvement` carries the sign of the direction, and `ci_low` to `ci_high` is its interval. What cannot
    be known is None. `baseline_failed`, `best_failed`: confirmation seeds on which an arm has no value; then
    there is no interval, since the seeds that are left are not a fair sample.
    """

    baseline_per_seed: dict[int, Number]
    best_per_seed: dict[int, Number]
    baseline_failed: tuple[int, ...] = ()
    best_failed: tuple[int, ...] = ()
    difference: Number
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None
    p_value: Number | None = None
    se_seeds: Number | None = None
    se_examples: Number | None = None
    df: Number | None = None
    seeds_needed_for_min_effect: int | None = None


class Look(LenientModel):
    """One confirmation that was judged: the winner and the baseline, by fingerprint, and the seeds.

    A study that is judged more than once on one test split has more than one chance to err.
    """

    best: str
    baseline: str
    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]


class EnsembleMember(LenientModel):
    """A run whose model is averaged, with its value on validation."""

    trial: int
    name: str
    seed: int
    val: Number


class BestRun(LenientModel):
    """The run that is best on validation, beside which an ensemble is shown; `test` is its value there."""

    trial: int
    name: str
    seed: int
    val: Number
    test: Number


class Ensemble(LenientModel):
    """The average of the `k` best runs, or of as many as there are, beside the best of them.

    `difference` is ensemble minus best run on test, in the metric's unit; `improvement` carries the sign of
    the direction, and `ci_low` to `ci_high` is its interval: of these very models on other test examples.
    `metrics` by `split/name`; `sentence` says all this in words.
    """

    k: int
    members: tuple[EnsembleMember, ...]
    val: Number
    test: Number
    best_run: BestRun
    difference: Number
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None
    p_value: Number | None = None
    metrics: dict[str, Number] = Field(default_factory=dict)
    device: str = ""
    seconds: Number = 0.0
    sentence: str = ""


class Totals(LenientModel):
    """Counts over a whole study.

    `runs` have ended, `runs_planned` as many as there will be, `states` all runs by state. `runs_reused` did
    not need training in the last session, which had `jobs` jobs and took `wall_s` seconds. `steps_saved`:
    what pruned trials were spared. `stopped_because`: why the study ended before its time, or None; then
    `to_go_on` says what to do.
    """

    trials: int = 0
    runs: int = 0
    runs_reused: int = 0
    jobs: int = 0
    train_s: Number = 0.0
    steps_trained: int = 0
    steps_inherited: int = 0
    devices: tuple[str, ...] = ()
    states: dict[str, int] = Field(default_factory=dict)
    incidents: int = 0
    wall_s: Number = 0.0
    steps_saved: int = 0
    runs_planned: int = 0
    stopped_because: str | None = None
    to_go_on: str | None = None


@dataclass(frozen=True)
class StudyResult:
    """Everything a report is made of. `trials` are in order of their numbers; number 0 is the baseline.

    `announced`: what the task said of the data when the study began, in lines. `replicate_top_k` and
    `is_seed_major` are the policy's. `looks`: earlier confirmations of this study on the same data.
    """

    study: str
    task: str
    objectives: tuple[Objective, ...]
    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    confidence: float
    min_effect: float | None
    trials: tuple[TrialResult, ...]
    data: dict[str, Any]
    config: dict[str, Any]
    totals: Totals
    provenance: dict[str, Any]
    warnings: tuple[str, ...] = ()
    announced: tuple[str, ...] = ()
    replicate_top_k: int | None = None
    is_seed_major: bool = False
    looks: tuple[Look, ...] = ()

    @property
    def baseline(self) -> TrialResult:
        """The reference trial."""
        return next(trial for trial in self.trials if trial.spec.role == "baseline")

    @property
    def candidates(self) -> tuple[TrialResult, ...]:
        """All trials but the baseline."""
        return tuple(trial for trial in self.trials if trial.spec.role == "candidate")

    @property
    def given_up(self) -> tuple[TrialResult, ...]:
        """The candidates that were tried and have no value: those pruned, and those that failed."""
        return tuple(trial for trial in self.candidates if trial.state in GIVEN_UP)


@dataclass(frozen=True)
class Judgement:
    """What the statistics say about a `StudyResult`.

    `best`: the chosen candidate's number. `comparisons`: by trial number, one for each objective, None where
    the two cannot be compared in it. `front`: the numbers of the non-dominated trials of a study with several
    objectives, else None. `notes`: what to know when reading the numbers, of which a terminal
    warns; `remarks`: what a report says besides. `look`: what was judged, where a confirmation was.
    """

    verdict: str
    sentence: str
    best: int | None = None
    confirmation: Confirmation | None = None
    comparisons: dict[int, Comparisons] = field(default_factory=dict)
    front: list[int] | None = None
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    ensemble: Ensemble | None = None
    look: Look | None = None


RunKey = tuple[int, int]
"""(trial number, seed)."""


Runs = Mapping[RunKey, RunResult]


@dataclass(frozen=True)
class Policy:
    """How a study spends its runs.

    `replicate_top_k`: None replicates every trial on all seeds (enumerated grids); a number screens on the
    first seed and replicates only the best so many (adaptive sampling). `is_screened`: a pruner looks at the
    evaluations of each candidate's first seed; it goes ahead of all further ones. `is_seed_major`: trials are
    given up between seeds, and so go through them side by side.
    """

    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    objectives: tuple[Objective, ...]
    replicate_top_k: int | None
    max_failure_rate: float
    n_candidates: int
    is_screened: bool = False
    is_seed_major: bool = False

    @property
    def is_staged(self) -> bool:
        """Whether candidates begin with their first seed alone, until all trials are asked."""
        return self.replicate_top_k is not None or self.is_screened or self.is_seed_major

    @property
    def failures_allowed(self) -> int:
        """So many failed trials may be; one more stops the study."""
        return int(Decimal(repr(self.max_failure_rate)) * self.n_candidates)  # 0.29 of 100 are 29

    def n_screening(self, n_candidates: int) -> int:
        """The screening runs of so many candidates, if none is lost."""
        if self.replicate_top_k is None:
            return n_candidates * len(self.seeds)
        return n_candidates + min(self.replicate_top_k, n_candidates) * (len(self.seeds) - 1)
