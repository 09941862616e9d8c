"""What a study knows when it is over (or so far): the input of selection, report and tracking."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sweeper.findings import (
    Alarm,
    Attribution,
    Comparisons,
    Confirmation,
    Decision,
    Ensemble,
    GuardResult,
    Look,
    PairBudget,
    Pairs,
    is_refused,
)
from sweeper.models import Direction, LenientModel, Number
from sweeper.trial import TrialSpec

RunState = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED", "INTERRUPTED"]
TrialState = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED"]
GIVEN_UP: tuple[Literal["FAILED", "PRUNED"], ...] = ("FAILED", "PRUNED")
"""States of a run, or a trial, that was tried and has no value; the worse one first."""
ENDED: tuple[TrialState, ...] = ("COMPLETE", *GIVEN_UP)
"""States after which nobody trains a run, or a trial, again."""
NEEDLESS = "not needed: the pairs before it are enough"
"""Why a confirmation run was stopped that nobody goes on with."""
JudgedOn = Literal["test", "val"]
"""The split on which candidates are compared with the baseline: a program may know no test value."""


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

    `incidents`: what went wrong on the way to this result, a sentence each. `error`: the class of the error
    by which a failed run ended.
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
    error: str = ""


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


class Totals(LenientModel):
    """Counts over a whole study.

    `runs` have ended, `runs_planned` as many as there will be, `states` all runs by state. `runs_reused` did
    not need training in the last session, which had `jobs` jobs and took `wall_s` seconds. `steps_saved`:
    what pruned trials were spared. `stopped_because`: why the study ended before its time, or None; then
    `to_go_on` says what to do, and `stops_again` whether the same command would end there, too.
    `preemptions`: how often in the last session a run left since its host had it leave; `hosts_lost`: how
    often one was lost with its host; such runs went on elsewhere. `waited_s`: how long runs were wanted and
    no slot was there, `first_slot_s` of that before the first one.
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
    stops_again: bool = False
    preemptions: int = 0
    hosts_lost: int = 0
    waited_s: Number = 0.0
    first_slot_s: Number = 0.0


@dataclass(frozen=True)
class Group:
    """Keys that only make sense together, in which the winner differs from the baseline."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Mix:
    """The trials that tell which group of keys makes the difference.

    `rows`: the trial's number for each combination of groups, True where it has the winner's values; all
    False is the baseline, all True the winner. `control`: the trial of the baseline whose loss is multiplied
    by `scale`. `notes`: what was merged or left out, and why; with fewer than two groups that is all.
    `seeds`: the confirmation seeds that all of them are trained on.
    """

    groups: tuple[Group, ...]
    rows: Mapping[tuple[bool, ...], int] = field(default_factory=dict)
    control: int | None = None
    scale: float | None = None
    notes: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()

    @property
    def numbers(self) -> frozenset[int]:
        """The trials of all combinations, and of the control."""
        return frozenset(self.rows.values()) | ({self.control} if self.control is not None else set())


@dataclass(frozen=True)
class StudyResult:
    """Everything a report is made of. `trials` are in order of their numbers; number 0 is the baseline.

    `announced`: what the task said of the data when the study began, in lines. `replicate_top_k` and
    `is_seed_major` are the policy's. `looks`: earlier confirmations of this study on the same data.
    `added`: the trials of an attribution, which are neither baseline nor candidates; `mix` says what they
    are, None where none is asked for. `guards` are `study.guards`. `alarms`: of the monitor, by trial number.
    `decisions`: those of a staged plan, in order; `plan` is its name. `judged_on`: the split on which
    candidates are compared with the baseline, `val` where no run has a value on test. `budgets`: of
    confirmation pairs, those of all its winners so far; the present one's is at `pair_budget`.
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
    added: tuple[TrialResult, ...] = ()
    mix: Mix | None = None
    guards: tuple[str, ...] = ()
    alarms: Mapping[int, tuple[Alarm, ...]] = field(default_factory=dict)
    plan: str | None = None
    decisions: tuple[Decision, ...] = ()
    commands: Mapping[int, str] = field(default_factory=dict)
    judged_on: JudgedOn = "test"
    budgets: tuple[PairBudget, ...] = ()
    pair_budget: int | None = None

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
    `guards`: what became of each of `study.guards`. `attribution`: which difference made the difference.
    `pairs`: how confirmation pairs were spent, where there is more to tell than a number.
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
    guards: tuple[GuardResult, ...] = ()
    attribution: Attribution | None = None
    pairs: Pairs | None = None

    @property
    def champions(self) -> tuple[int, ...]:
        """The numbers of the trials that the study recommends: the best candidate's, or those of the front.

        None where the winner breaks a guard.
        """
        if self.front is not None:
            return tuple(self.front)
        return () if self.best is None or is_refused(self.verdict) else (self.best,)


RunKey = tuple[int, int]
"""(trial number, seed)."""


Runs = Mapping[RunKey, RunResult]


@dataclass(frozen=True)
class Policy:
    """How a study spends its runs.

    `replicate_top_k`: None replicates every trial on all seeds (enumerated grids); a number screens on the
    first seed and replicates only the best so many (adaptive sampling). `is_screened`: a pruner looks at the
    evaluations of each candidate's first seed; it goes ahead of all further ones. `is_seed_major`: trials are
    given up between seeds, and so go through them side by side. `is_sequential`: of the confirmation seeds,
    which are the most that there may be, only as many are used as the verdict takes. `is_race`: candidates
    that can hardly be the choice any more get no further seeds.
    """

    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    objectives: tuple[Objective, ...]
    replicate_top_k: int | None
    max_failure_rate: float
    n_candidates: int
    is_screened: bool = False
    is_seed_major: bool = False
    is_sequential: bool = False
    is_race: bool = False

    @property
    def may_stop_early(self) -> bool:
        """Whether the runs that are planned are the most that there may be."""
        return self.is_sequential or self.is_race

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
