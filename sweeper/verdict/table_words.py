"""The verdict on a table of runs in words. Pure."""

from collections.abc import Collection, Mapping, Sequence

from sweeper.errors import Fault, UserError
from sweeper.findings import Comparison
from sweeper.models import DIRECTIONS, Direction
from sweeper.results import JudgedOn
from sweeper.verdict.digits import decimals
from sweeper.verdict.selection import relation_of, which_also_chose, word_of
from sweeper.verdict.sheet_figures import LOSSES, OPTUNAS
from sweeper.wording import plural, split_name

N_LISTED = 6
THAT_CHOSE = ", by the runs that also chose it"
NOT_BY_CHANCE = "Which runs fail is no matter of chance: the seeds that are left flatter whoever failed."
ONE_SEED = "One seed shows no seed noise, hence no interval. Three seeds a trial, the same for all, give one."
ALL_EQUAL = "Every seed gave the same difference, to the last digit, hence no interval."
OF_FOLDS = (
    "The seeds are folds, which share most of their training examples: their differences hang together, "
    "and the interval is narrower than it should be."
)
WITH_FRESH = (
    'In simulated studies without an effect "better" is then wrong in {rates} instead of 2.5 % (1 to 40 '
    "candidates, examples that are at most as noisy as the seeds: benchmarks/verdicts.py)."
)
RATES = {
    ("confirmation", False): "3 to 44 %",
    ("confirmation", True): "2 to 15 %",
    ("exploration", False): "up to 14 %",
}
"""By what the verdict rests on, and whether its interval holds the noise of the examples."""


def direction_of(metric: str, given: str | None, columns: Collection[str | None] = ()) -> Direction:
    """Where the metric, in these columns, should go: larger is better, unless they are called as losses are.

    Raises UserError.
    """
    if given is not None and given.lower() in DIRECTIONS:
        return DIRECTIONS[given.lower()]
    if given is not None:
        raise UserError(Fault("direction", f"got '{given}'; expected max or min"))
    if LOSSES.search(metric) or OPTUNAS in columns:
        advice = f"Say --direction min if less '{metric}' is better, --direction max if more is"
        raise UserError(Fault("direction", "got none; expected max or min", advice))
    return "maximize"


def exploratory_sentence(
    found: Comparison,
    *,
    best: str,
    metric: str,
    confidence: float,
    min_effect: float | None,
    n_candidates: int,
    n_pairs: int,
    judged_on: JudgedOn,
    chosen_on: JudgedOn,
) -> str:
    """The verdict where the runs that are judged also chose: it holds for all candidates at once."""
    seeds = f"{split_name(judged_on)} split, {plural(n_pairs, 'seed')}, none of them fresh"
    where = which_also_chose(judged_on, chosen_on) or THAT_CHOSE
    word = word_of(found.ci_low, found.ci_high, min_effect)
    low, high, p = found.ci_low, found.ci_high, found.p_adjusted
    if low is None or high is None or p is None:
        numbers = f"{metric} improvement {found.improvement:+.3g}, no interval"
    else:
        digits = decimals((high - low) / 2, found.improvement, low, high)
        p_text = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
        over = "" if n_candidates == 1 else f", for {n_candidates} candidates at once"
        numbers = (
            f"{metric} improvement {found.improvement:+.{digits}f}, {100 * confidence:g} % interval "
            f"{low:+.{digits}f} to {high:+.{digits}f}, {p_text}{over}"
        )
    small = (
        f"; the whole interval lies within +-{min_effect:g}" if word == "equivalent" and min_effect else ""
    )
    relation = relation_of(word, has_interval=low is not None)
    return f"{best} {relation} the baseline{where}: {numbers} ({seeds}){small}."


def unpaired_sentence(
    best: str, n_pairs: int, n_wanted: int, *, judged_on: JudgedOn, chosen_on: JudgedOn
) -> str:
    """What is said where the winner or the baseline lacks values on the split that judges."""
    values = (
        f"it and the baseline have {split_name(judged_on)} values on {n_pairs} of {plural(n_wanted, 'seed')}"
    )
    flattered = f" only. {NOT_BY_CHANCE}" if n_pairs else "."
    return f"{best} is the best candidate on {split_name(chosen_on)}; not confirmed: {values}{flattered}"


def note_of_split(
    judged_on: JudgedOn, chosen_on: JudgedOn, basis: str, *, has_examples: bool
) -> tuple[str, ...]:
    """What it means that one split chose and judges; nothing where there are two."""
    if judged_on != chosen_on:
        return ()
    split = split_name(judged_on)
    other = "test" if judged_on == "val" else "validation"
    rates = RATES.get((basis, has_examples))
    told = (
        WITH_FRESH.format(rates=rates)
        if rates
        else (
            "The interval allows for that, since it holds for all candidates of the table at once; not for "
            "what else was tried on these examples."
        )
    )
    return (
        f"{split.capitalize()} chose the winner and judges it, too, since the table has no {other} values: "
        f"its own examples flatter what they chose. {told}",
    )


def note_of_basis(baseline: str, best: str) -> str:
    """How to get the sharper test."""
    return (
        "No seed is fresh: the runs that are judged chose the winner, too, so that the interval must hold "
        f"for all candidates at once. For the test of a study, train {best} and {baseline} again on seeds of "
        "their own, and name these with --confirm-seeds."
    )


def note_of_examples(judged_on: JudgedOn) -> str:
    """What an interval without values by example lacks."""
    return (
        f"The interval holds seed noise only: the error of the finite {split_name(judged_on)} split is "
        "unknown. With the value of each example (--examples) it is in the interval, too."
    )


def note_of_units(split: str, runs: Sequence[tuple[str, int, float]]) -> str:
    """That some values seem to be percents and others shares; `runs`: the fewer, trial, seed and value."""
    listed = ", ".join(f"{name} seed {seed} ({value:g})" for name, seed, value in runs[:N_LISTED])
    more = f" and {len(runs) - N_LISTED} more" if len(runs) > N_LISTED else ""
    return (
        f"Some values on {split_name(split)} are at most 1, others many times that; the fewer are "
        f"{listed}{more}. If some are percents and others shares, write them alike."
    )


def notes_of_seeds(
    failed: Mapping[str, Sequence[int]],
    lacking: Mapping[str, Sequence[int]],
    extra: Mapping[str, Sequence[int]],
) -> tuple[str, ...]:
    """Which trials lack which seeds, by name, and what is done with them.

    `failed`: runs without a value; `lacking`: the baseline's seeds on which a candidate has no run; `extra`:
    seeds that the baseline has no run on.
    """
    found = []
    if failed:
        found.append(f"Failed: {_listed(failed)}. Such candidates cannot be chosen. {NOT_BY_CHANCE}")
    if lacking:
        found.append(
            f"Not on all seeds of the baseline: {_listed(lacking, 'lacks')}. Runs are compared in pairs of "
            "one seed only, and candidates with fewer pairs than others cannot be chosen."
        )
    if extra:
        found.append(f"Without a pair in the baseline, and left out: {_listed(extra)}.")
    return tuple(found)


def _listed(seeds: Mapping[str, Sequence[int]], verb: str = "on") -> str:
    parts = [f"{name} {verb} seed{'s' * (len(of) > 1)} {_enumerate(of)}" for name, of in seeds.items()]
    more = f" and {len(parts) - N_LISTED} more" if len(parts) > N_LISTED else ""
    return f"{'; '.join(parts[:N_LISTED])}{more}"


def _enumerate(seeds: Sequence[int]) -> str:
    shown = ", ".join(map(str, sorted(seeds)[:N_LISTED]))
    return shown if len(seeds) <= N_LISTED else f"{shown}, ..."
