"""What is found in a study's results, as models: comparisons, the verdict's numbers, alarms, attribution.

All of them are made elsewhere (`sweeper.verdict`, `sweeper.monitor`), stand in `summary.json`, and can be
read from files of other versions. What cannot be known is None.
"""

from typing import Literal

from pydantic import Field

from sweeper.models import LenientModel, Number


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


PairsEnd = Literal["decided", "futile", "used up", "failed"]
"""Why no further pair of confirmation runs is wanted: the interval decides; more would hardly decide it; the
budget is used up; an arm has no value on a seed."""


class PairLook(LenientModel):
    """What the first `n` pairs of confirmation runs show: the improvement and its interval.

    `error`: the two-sided error of this look alone, such that all looks together keep the study's confidence.
    `reach`: so many standard errors the interval reaches each way.
    """

    n: int
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None
    error: Number
    reach: Number | None = None


class PairBudget(LenientModel):
    """The confirmation seeds that a winner may use, settled by the screening before the first of them ran.

    `best`, `baseline`: fingerprints. `seeds`: the screening seeds whose spread counts. `pairs`: the
    confirmation seeds in order. `is_sequential`: they stop once the verdict is decided.
    """

    best: str
    baseline: str
    seeds: tuple[int, ...]
    pairs: tuple[int, ...]
    is_sequential: bool = True


class Pairs(LenientModel):
    """How confirmation pairs were spent: the looks in order, the most there may be, and why they ended.

    `confidence`: that of the last look's interval, such that all verdicts of the study together hold the
    study's; `n_judged` of them were given, or are this one. `errors`: by number of pairs, the two-sided error
    of each look that the design foresees, past and to come. `ended` is None while more pairs are wanted;
    `because` says it in words.
    """

    budget: int
    confidence: Number
    errors: dict[int, Number] = Field(default_factory=dict)
    looks: tuple[PairLook, ...] = ()
    is_sequential: bool = True
    ended: PairsEnd | None = None
    because: str = ""
    n_judged: int = 1


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


class Alarm(LenientModel):
    """A rule of the section `monitor` that held in a run, for the first time at `step`.

    `text`: what held, with its values. `say`: the rule's advice. `then`: what follows, as the study's mode
    has it. `did`: what was done, in words (`stopped`, `follow-up: trial 5 lmsa_focal+steadier`), or nothing.
    """

    rule: str
    seed: int
    step: int
    text: str
    say: str = ""
    then: Literal["warn", "stop", "follow_up"] = "warn"
    did: str = ""


class GroupEffect(LenientModel):
    """What one group of keys does, of all that differ between the winner and the baseline.

    `keys`: the overrides' keys. `improvement`: mean with the winner's values minus mean with the baseline's,
    over all combinations of the others, with the sign of the direction. The interval is simultaneous over the
    groups (Bonferroni), `p_adjusted` is Holm's. `is_named`: the group makes a difference.
    """

    name: str
    keys: tuple[str, ...] = ()
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None
    p_adjusted: Number | None = None
    is_named: bool = False


class Interaction(LenientModel):
    """A contrast of two groups that excludes zero: they act together.

    `pairs`: the pairs that the design cannot tell apart, one or more.
    """

    pairs: tuple[tuple[str, str], ...]
    improvement: Number
    ci_low: Number
    ci_high: Number


class ScaleControl(LenientModel):
    """The baseline with its loss times `scale`, the ratio of mean gradient norms: winner's over baseline's.

    What it gains is gained by the size of the steps, not by the loss.
    """

    trial: int
    scale: Number
    improvement: Number
    ci_low: Number | None = None
    ci_high: Number | None = None


class Attribution(LenientModel):
    """Which of the groups that differ made the difference, on the confirmation seeds and the test split.

    `trials`: the number of the trial for each combination, a string of 0 (baseline) and 1 (winner), a digit a
    group; `means`: what it reaches on test. `seeds`: those that all combinations completed, and all figures
    are of these. `sentence`: all this in words; where nothing was attributed it says why, and `groups` is
    empty.
    """

    groups: tuple[GroupEffect, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    control: ScaleControl | None = None
    improvement: Number | None = None
    trials: dict[str, int] = Field(default_factory=dict)
    means: dict[str, Number] = Field(default_factory=dict)
    seeds: tuple[int, ...] = ()
    sentence: str = ""
    notes: tuple[str, ...] = ()


class GuardResult(LenientModel):
    """What became of one of `study.guards`, a bound on the difference of a metric on test.

    `difference` is candidate minus baseline in the metric's unit. `state`: `held` where the whole interval
    keeps the bound, `broken` where none of it does, else `unproven`; `unknown` without an interval.
    """

    guard: str
    metric: str
    difference: Number | None = None
    ci_low: Number | None = None
    ci_high: Number | None = None
    state: Literal["held", "broken", "unproven", "unknown"] = "unknown"


COSTS = "better, but costs"
"""How the verdict on a winner begins that breaks a guard; the metrics follow."""


def is_refused(verdict: str) -> bool:
    """Whether the verdict is that on a winner which breaks a guard, and so is no champion."""
    return verdict.startswith(COSTS)


class Decision(LenientModel):
    """What a staged plan decided after a stage.

    `trials`: the numbers of the stage's trials; `best` is the one with the best mean on validation, `value`.
    `go`: the name of the next stage, or `stop`; None while the stage is not over. `because`: why, in words.
    """

    stage: str
    trials: tuple[int, ...] = ()
    best: int | None = None
    value: Number | None = None
    go: str | None = None
    because: str = ""
