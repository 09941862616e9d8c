"""From runs to a verdict: which candidate is best, is it better than the baseline, how sure is that? Pure.

The order matters. `choose` sees validation only; `confirm` tests its choice once, on the test split and
on fresh seeds, so that neither lucky seeds nor a lucky split carry over; `explore` shows the rest and
promises nothing. Where no run has a value on test, validation judges, too, and every sentence says so.
`benchmarks/verdicts.py` measures how often all this is wrong.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan
from typing import Literal

from sweeper.findings import Comparison, Confirmation, GuardResult, Pairs
from sweeper.models import Direction
from sweeper.results import JudgedOn
from sweeper.verdict.digits import decimals, percent
from sweeper.verdict.guarding import costs_of, in_sentence
from sweeper.verdict.paired import (
    Influence,
    Interval,
    Part,
    PerSeed,
    differences,
    examples_part,
    guarded,
    holm,
    seeds_needed,
    spread,
    student,
)
from sweeper.wording import plural, split_name

Verdict = Literal["better", "worse", "equivalent", "not distinguishable", "not confirmed"]
WORDS: Mapping[tuple[int, bool], Verdict] = {
    (+1, False): "better",
    (+1, True): "equivalent",
    (0, False): "not distinguishable",
    (0, True): "equivalent",
    (-1, False): "worse",
    (-1, True): "equivalent",
}
"""The verdict by the side of zero that the interval lies on, and whether all of it is too small to matter."""
RELATIONS = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "equivalent to",
    "not distinguishable": "not distinguishable from",
}
NO_BEST = "No candidate finished on every seed, so that there is nothing to compare with the baseline."
SAME_DIFFERENCE = "Every seed gave the same difference, to the last digit, hence no interval."
SEED_UNUSED = (
    "Every seed gave the same values, to the last digit, hence no interval: does the seed reach the training?"
)
FLATTERED = (
    "Which runs fail is no matter of chance: the seeds that are left flatter the arm that failed, so that "
    "they are shown and not judged. With study.retry=failed the same command tries the failed runs again."
)


@dataclass(frozen=True, eq=False)
class Arm:
    """One trial as selection sees it: the objective of its complete runs by seed.

    `screening`: validation, screening seeds. `test`: test split, screening seeds. `confirmation`: test
    split, confirmation seeds. `influence`: influence values on the test split, of any of these seeds;
    None or empty where the task keeps none. In a study that is judged on validation, that stands in the test
    split's place.
    """

    number: int
    name: str
    screening: PerSeed = field(default_factory=dict)
    test: PerSeed = field(default_factory=dict)
    confirmation: PerSeed = field(default_factory=dict)
    influence: Influence | None = None


def choose(arms: Iterable[Arm], baseline: int, direction: Direction, seeds: Sequence[int]) -> int | None:
    """The number of the candidate with the best mean validation value over all `seeds`.

    A candidate that lacks a seed is out: else one that fails on hard seeds would win by failing. Ties go
    to the lowest number. None where no candidate is complete.
    """
    means = {
        arm.number: _mean([arm.screening.get(seed, nan) for seed in seeds])
        for arm in arms
        if arm.number != baseline
    }
    complete = [number for number, mean in means.items() if isfinite(mean)]
    return min(complete, key=lambda number: (-_sign(direction) * means[number], number), default=None)


def confirm(
    best: Arm,
    baseline: Arm,
    *,
    direction: Direction,
    confidence: float,
    min_effect: float | None = None,
    seeds: Collection[int] = (),
) -> Confirmation | None:
    """The verdict's numbers: paired difference of means on the confirmation seeds, one two-sided test.

    The seed part comes from this pair's own differences, screening and confirmation seeds each about
    their own mean (screening means are selected, their spread is not). Other candidates are left out on
    purpose. Pooling them assumes that all arms are equally noisy and equally alike: where that holds it
    would add 0.07 to the power at 5 seeds; where it fails the test errs twice as often as it says, or one
    unstable candidate hides what another achieves (`benchmarks/verdicts.py`).

    `seeds`: those that both arms were to complete. Where one lacks a value there is no interval: which runs
    fail is no matter of chance, so that the pairs that are left flatter whoever failed. A candidate without
    an effect that fails on its worst fifth of seeds would be "better" in 7 to 11 % of studies.

    None where no confirmation seed was completed by both.
    """
    pair = differences(best.confirmation, baseline.confirmation)
    if not pair:
        return None
    difference, sign = _mean(pair), _sign(direction)
    run = spread(differences(best.test, baseline.test), pair)
    seed_part, examples = run.over(len(pair)) if run else None, _examples(best, baseline)
    known_best, known_baseline = _finite(best.confirmation), _finite(baseline.confirmation)
    best_failed, baseline_failed = _lacking(seeds, known_best), _lacking(seeds, known_baseline)
    is_whole = not best_failed and not baseline_failed
    interval = student(sign * difference, seed_part, examples, confidence) if is_whole else Interval()
    needed = (
        seeds_needed(min_effect, run, len(pair), examples, confidence)
        if run and min_effect and is_whole
        else None
    )
    return Confirmation(
        baseline_per_seed=known_baseline,
        best_per_seed=known_best,
        baseline_failed=baseline_failed,
        best_failed=best_failed,
        difference=difference,
        improvement=sign * difference,
        ci_low=interval.low,
        ci_high=interval.high,
        p_value=interval.p_value,
        se_seeds=_root(seed_part),
        se_examples=_root(examples),
        df=interval.df,
        seeds_needed_for_min_effect=needed,
    )


@dataclass(frozen=True, eq=False)
class Panel:
    """All arms in one objective: what `explore` compares."""

    arms: Iterable[Arm]
    direction: Direction


def explore(
    panels: Sequence[Panel], baseline: int, *, confidence: float, given_up: Collection[int] = ()
) -> list[dict[int, Comparison]]:
    """Every candidate against the baseline, on the test split and the screening seeds.

    By trial number, for each panel; `baseline` is the reference's number.

    `p_adjusted` is Holm's over all candidates and objectives. The intervals are Bonferroni's, hence
    simultaneous. Holm is the sharper of the two: a small p_adjusted may stand beside an interval that just
    holds zero, never the other way round. The seed part is `paired.guarded`, so that three seeds say
    something.

    `given_up`: the candidates that were pruned or failed. They were tried, so both count them: what is
    left must not look surer because the rest was ended early.
    """
    paired = [_pairs(panel, baseline) for panel in panels]
    n_tests = sum(len(pairs.spreads.keys() | set(given_up)) for pairs in paired)
    level = 1 - (1 - confidence) / max(n_tests, 1)
    intervals = {
        (i, number): pairs.interval(number, level)
        for i, pairs in enumerate(paired)
        for number, values in pairs.differences.items()
        if values
    }
    p_values = {key: interval.p_value for key, interval in intervals.items() if interval.p_value is not None}
    tried = {(i, number) for i in range(len(panels)) for number in given_up}
    adjusted = holm(p_values, n_untested=len(tried - p_values.keys()))
    return [
        {
            number: _comparison(pairs.mean(number), pairs.sign, interval, adjusted.get((i, number)))
            for (panel, number), interval in intervals.items()
            if panel == i
        }
        for i, pairs in enumerate(paired)
    ]


@dataclass(frozen=True)
class _Pairs:
    """One panel's differences to the baseline, by trial number, with what is known of their noise."""

    differences: Mapping[int, list[float]]
    spreads: Mapping[int, Part]
    examples: Mapping[int, Part | None]
    sign: int

    def mean(self, number: int) -> float:
        return _mean(self.differences[number])

    def interval(self, number: int, level: float) -> Interval:
        """That of the improvement."""
        n = len(self.differences[number])
        seeds = self.spreads[number].over(n) if number in self.spreads else None
        return student(self.sign * self.mean(number), seeds, self.examples[number], level)


def _pairs(panel: Panel, baseline: int) -> _Pairs:
    by_number = {arm.number: arm for arm in sorted(panel.arms, key=lambda arm: arm.number)}
    reference = by_number.pop(baseline)
    found = {number: differences(arm.test, reference.test) for number, arm in by_number.items()}
    return _Pairs(
        differences=found,
        spreads=guarded({number: part for number, pair in found.items() if (part := spread(pair))}),
        examples={number: _examples(arm, reference) for number, arm in by_number.items()},
        sign=_sign(panel.direction),
    )


def verdict(confirmation: Confirmation | None, min_effect: float | None = None) -> Verdict:
    """What the confirmation allows to say; without an interval nothing can be told apart.

    It says nothing unless both arms completed every confirmation seed. With a smallest effect that matters an
    interval that holds none is one of equivalence, whether or not it holds zero.
    """
    if confirmation is None or confirmation.best_failed or confirmation.baseline_failed:
        return "not confirmed"
    return word_of(confirmation.ci_low, confirmation.ci_high, min_effect)


def word_of(low: float | None, high: float | None, min_effect: float | None = None) -> Verdict:
    """What an interval allows to say."""
    if low is None or high is None:
        return "not distinguishable"
    return WORDS[_side(low, high), _is_small(low, high, min_effect)]


def _side(low: float, high: float) -> int:
    """Of zero: +1 above, -1 below, 0 where the interval holds it."""
    return (low > 0) - (high < 0)


def _is_small(low: float, high: float, min_effect: float | None) -> bool:
    return min_effect is not None and -min_effect <= low and high <= min_effect


def sentence(
    confirmation: Confirmation | None,
    *,
    best: str,
    metric: str,
    confidence: float,
    min_effect: float | None = None,
    unconfirmed: str | None = None,
    guards: Sequence[GuardResult] = (),
    judged_on: JudgedOn = "test",
    chosen_on: JudgedOn = "val",
    pairs: Pairs | None = None,
) -> str:
    """The verdict in one sentence, with its numbers; `best` is the name of the chosen candidate.

    `unconfirmed`: why nothing was tested, where no confirmation was wanted or it is not over. `guards`
    are told of where there is a winner. `judged_on`: the split that the numbers are of; `chosen_on`: the one
    by whose values the candidate was chosen. `pairs`: how those of the confirmation were spent, where
    there is more to tell than a number.
    """
    word = verdict(confirmation, min_effect)
    if confirmation is None or word == "not confirmed":
        why = unconfirmed or "no confirmation seed was completed by both"
        return (
            f"{best} is the best candidate on {split_name(chosen_on)}; not confirmed: {why}"
            f"{_left(confirmation, metric)}."
        )
    numbers = _numbers(confirmation, metric, confidence, judged_on, pairs)
    meaning = _meaning(confirmation, min_effect, judged_on)
    told = guards if word == "better" else ()
    costs = f", but costs {found}" if (found := costs_of(told)) else ""
    about_guards = in_sentence(told, confidence if pairs is None else pairs.confidence)
    where = which_also_chose(judged_on, chosen_on)
    relation = relation_of(word, has_interval=confirmation.ci_low is not None)
    return f"{best} {relation} the baseline{where}{costs}: {numbers}{meaning}{about_guards}."


def relation_of(word: str, *, has_interval: bool) -> str:
    """How the winner stands to the baseline; where there is no interval, nothing was found out."""
    return f"is {RELATIONS[word]}" if has_interval else "cannot be judged against"


def which_also_chose(judged_on: JudgedOn, chosen_on: JudgedOn) -> str:
    """What a sentence adds where the split that judges is the one that chose."""
    return f" on {split_name(judged_on)}, which also chose it" if judged_on == chosen_on else ""


def notes(
    confirmation: Confirmation, judged_on: JudgedOn = "test", arms: Sequence[Arm] = ()
) -> tuple[str, ...]:
    """What a reader of the confirmation should know about how its numbers came about.

    `arms`: winner and baseline, with what else is known of their seeds.
    """
    if confirmation.best_failed or confirmation.baseline_failed:
        return (FLATTERED,)
    missing = sorted(confirmation.best_per_seed.keys() ^ confirmation.baseline_per_seed.keys())
    found = []
    if confirmation.ci_low is not None and confirmation.se_examples is None:
        found.append(
            f"The interval holds seed noise only: the error of the finite {split_name(judged_on)} split is "
            "unknown, because there are no influence values."
        )
    if confirmation.se_seeds is None:
        found.append("One seed shows no seed noise, hence no interval. Use study.n_seeds=3 or more.")
    elif confirmation.p_value is None:
        found.append(SAME_DIFFERENCE if _moves_with_seed(confirmation, arms) else SEED_UNUSED)
    if missing:
        found.append(
            f"Seeds {', '.join(map(str, missing))} are left out: only one of the two arms completed them. "
            "An arm that fails on hard seeds is flattered by this."
        )
    return tuple(found)


def pareto_front(points: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Indices of the points that none beats, that is: is as good in every objective and better in one.

    Equal points stay together; a point with a value that is not finite is left out.
    """
    signs = [_sign(direction) for direction in directions]
    gains = {
        index: tuple(sign * value for sign, value in zip(signs, point, strict=True))
        for index, point in enumerate(points)
        if all(map(isfinite, point))
    }
    return [i for i, gain in gains.items() if not any(_beats(other, gain) for other in gains.values())]


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def _comparison(difference: float, sign: int, interval: Interval, p_adjusted: float | None) -> Comparison:
    return Comparison(
        difference=difference,
        improvement=sign * difference,
        ci_low=interval.low,
        ci_high=interval.high,
        p_adjusted=p_adjusted,
    )


def _numbers(
    confirmation: Confirmation, metric: str, confidence: float, judged_on: JudgedOn, pairs: Pairs | None
) -> str:
    n = len(differences(confirmation.best_per_seed, confirmation.baseline_per_seed))
    where = f"{split_name(judged_on)} split, {plural(n, 'confirmation seed')}"
    if pairs is not None and pairs.is_sequential:
        where = f"{split_name(judged_on)} split, {n} of at most {plural(pairs.budget, 'confirmation seed')}"
    elif pairs is not None:
        confidence = pairs.confidence
    low, high, p = confirmation.ci_low, confirmation.ci_high, confirmation.p_value
    if low is None or high is None or p is None:
        return f"{metric} improvement {confirmation.improvement:+.3g}, no interval ({where})"
    digits = decimals((high - low) / 2, confirmation.improvement, low, high)
    found = f"{metric} improvement {confirmation.improvement:+.{digits}f}, "
    span = f"{low:+.{digits}f} to {high:+.{digits}f}"
    if pairs is not None and pairs.is_sequential:
        why = "; more seeds would hardly decide it" if pairs.ended == "futile" else ""
        return f"{found}repeated {100 * confidence:g} % interval {span} ({where}{why})"
    told = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"{found}{percent(confidence)} interval {span}, {told} ({where})"


def _left(confirmation: Confirmation | None, metric: str) -> str:
    """What the seeds that both completed show, without a judgement."""
    if confirmation is None:
        return ""
    n = len(confirmation.best_per_seed.keys() & confirmation.baseline_per_seed.keys())
    gained = f"{metric} improvement {confirmation.improvement:+.3g}"
    return f"; {gained} on the {plural(n, 'seed')} that both completed"


def _moves_with_seed(confirmation: Confirmation, arms: Sequence[Arm]) -> bool:
    """Whether an arm has two values on one split: of few confirmation seeds, or of one, the others tell."""
    tested = [{**arm.test, **arm.confirmation} for arm in arms]
    confirmed = [confirmation.best_per_seed, confirmation.baseline_per_seed]
    of_a_split = [*confirmed, *tested, *(arm.screening for arm in arms)]
    return any(len(set(_finite(per_seed).values())) > 1 for per_seed in of_a_split)


def _lacking(seeds: Collection[int], values: PerSeed) -> tuple[int, ...]:
    return tuple(seed for seed in sorted(seeds) if seed not in values)


def _meaning(confirmation: Confirmation, min_effect: float | None, judged_on: JudgedOn) -> str:
    low, high, needed = confirmation.ci_low, confirmation.ci_high, confirmation.seeds_needed_for_min_effect
    if min_effect is None or low is None or high is None:
        return ""
    if _is_small(low, high, min_effect):
        zero = "excludes zero: there is a difference, too small to matter"
        holds = zero if _side(low, high) else "holds zero"
        return f"; the whole interval lies within +-{min_effect:g} and {holds}"
    if _side(low, high):
        return ""
    if needed is None:
        too_small = f"the {split_name(judged_on)} split is too small"
        return f"; no number of seeds would show an effect of {min_effect:g}: {too_small}"
    return f"; to show an effect of {min_effect:g} in 4 of 5 studies takes {needed} confirmation seeds"


def _finite(per_seed: PerSeed) -> dict[int, float]:
    return {seed: value for seed, value in per_seed.items() if isfinite(value)}


def _examples(candidate: Arm, baseline: Arm) -> Part | None:
    return examples_part(candidate.influence or {}, baseline.influence or {})


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else nan


def _root(part: Part | None) -> float | None:
    return part.variance**0.5 if part else None


def _sign(direction: Direction) -> int:
    return 1 if direction == "maximize" else -1
