"""What confirmation seeds cost that are added until the verdict is decided, and how often it is wrong.

Studies are those of `benchmarks/verdicts.py`, judged by the real code. Tables:

- *pairs*: expected pairs of `study.confirm_seeds=auto` at effects of 0 to 5 standard errors (of the mean of
  five pairs, seed noise alone), beside the fixed number of pairs with the same error and power. `pairs_ratio`
  compares all effects with one fixed number, since who fixes it does not know the effect: that of the same
  power at 2 standard errors. `..._each` compares each effect with the number of the same power there.
- *false better*: the settings of `benchmarks/verdicts.py` without an effect, candidates chosen on validation.
- *grown*: studies that grow until a verdict is "better": other winners, budgets that are extended, fixed
  numbers that are raised. No candidate has an effect. Five times as many studies as elsewhere.
- *race*: `study.screening=race` beside all seeds for all candidates.

    python benchmarks/sequential.py [--studies 1000]
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import nct, t as student_t

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.verdicts import (
    Setting,
    hard_settings,
    main_settings,
    seed_noise,
    split_noise,
    with_influence,
)
from sweeper.findings import Look, PairBudget
from sweeper.verdict import Arm, Contest, Design, beaten, budget_of, choose, design_of, walk, with_claim

CONFIDENCE = 0.95
EFFECTS = (0.0, 1.0, 2.0, 3.0, 5.0)
N_SCREENING, REFERENCE_PAIRS = 5, 5
RUN_VARIANCE = 2.0
N_BATCHES = 8


def budget(best: str, pairs: int, seeds: int, *, is_open: bool = True) -> PairBudget:
    """The first `pairs` confirmation seeds for the arm called `best`."""
    return PairBudget(
        best=best,
        baseline="baseline",
        seeds=tuple(range(seeds)),
        pairs=tuple(range(1000, 1000 + pairs)),
        is_sequential=is_open,
    )


def alone(pairs: int, seeds: int) -> Design:
    """That of the first winner of a study."""
    return design_of([budget("best", pairs, seeds)], [], 0, CONFIDENCE)


def verdict_of(best: Arm, baseline: Arm, design: Design, pairs: int) -> tuple[int, int]:
    """The pairs that were used, and +1, -1 or 0: better, worse, or neither."""
    seeds = tuple(range(1000, 1000 + pairs))
    found = walk(Contest(best, baseline, "maximize", None, seeds, seeds), design)
    low, high = found.looks[-1].ci_low, found.looks[-1].ci_high
    side = 0 if low is None or high is None else (low > 0) - (high < 0)
    return found.n, side


def plain_pair(rng: np.random.Generator, pairs: int, effect: float) -> tuple[Arm, Arm]:
    """Winner and baseline whose seed noise is all that varies."""
    noise = rng.standard_normal((2, N_SCREENING + pairs)) * (RUN_VARIANCE / 2) ** 0.5
    noise[1] += effect * (RUN_VARIANCE / REFERENCE_PAIRS) ** 0.5
    baseline, best = arms_of(noise)
    return best, baseline


def arms_of(values: NDArray[np.float64]) -> list[Arm]:
    """One arm a row: first its values on the screening seeds, then those on the seeds from 1000 on."""
    return [
        Arm(
            number,
            str(number),
            test=dict(enumerate(row[:N_SCREENING].tolist())),
            confirmation=dict(enumerate(row[N_SCREENING:].tolist(), 1000)),
        )
        for number, row in enumerate(values)
    ]


def spent(most: int, effect: float, n_studies: int) -> tuple[float, float]:
    """Mean pairs, and the share of "better"."""
    rng = np.random.default_rng([most, int(10 * effect)])
    design = alone(most, N_SCREENING)
    found = [verdict_of(*plain_pair(rng, most, effect), design, most) for _ in range(n_studies)]
    return float(np.mean([n for n, _ in found])), float(np.mean([side > 0 for _, side in found]))


def fixed_pairs(effect: float, power: float, error: float) -> float:
    """Pairs (interpolated) of a t test with this two-sided error that is "better" in the share `power`."""

    def lacking(pairs: float) -> float:
        df = N_SCREENING + pairs - 2
        reach = student_t.isf(error / 2, df)
        return float(nct.sf(reach, df, effect * (pairs / REFERENCE_PAIRS) ** 0.5)) - power

    most = REFERENCE_PAIRS * (8 / effect) ** 2 + REFERENCE_PAIRS  # 8 standard errors: more is surely enough
    return float(brentq(lacking, 1.01, most)) if lacking(1.01) < 0 else 1.01


def pairs_table(most: int, n_studies: int) -> dict[str, float | dict[str, list[float]]]:
    """Expected pairs against those of fixed designs."""
    found = {effect: spent(most, effect, n_studies * (4 if effect == 0 else 1)) for effect in EFFECTS}
    error = max(2 * found[0.0][1], 1 / (4 * n_studies))  # of few studies, none may have erred
    # of a share that is 1 in the simulation, the number that would do is not known
    powers = {effect: found[effect][1] for effect in EFFECTS[1:] if found[effect][1] < 1 - 2 / n_studies}
    each = {effect: fixed_pairs(effect, power, error) for effect, power in powers.items()}
    one = fixed_pairs(2.0, min(found[2.0][1], 1 - 2 / n_studies), error)
    print(f"at most {most} pairs; fixed: {one:.1f} pairs at an error of {error:.3f}")
    print(f"{'effect':>8}{'pairs':>8}{'better':>8}{'fixed':>8}")
    for effect, (pairs, better) in found.items():
        print(f"{effect:8.0f}{pairs:8.2f}{better:8.3f}{each.get(effect, float('nan')):8.1f}")
    print()
    return {
        "pairs_ratio": float(np.mean([pairs / one for pairs, _ in found.values()])),
        "pairs_ratio_each": float(np.mean([found[effect][0] / pairs for effect, pairs in each.items()])),
        "by_effect": {f"{effect:g}": [pairs, better] for effect, (pairs, better) in found.items()},
    }


def study(setting: Setting, pairs: int, rng: np.random.Generator) -> list[Arm]:
    """One study of that setting, without what all arms share on a seed, which cancels in pairs."""
    n, screening = setting.n_seeds, range(setting.n_seeds)
    longer, own = replace(setting, n_seeds=n + pairs), (1 - setting.correlation**2) ** 0.5
    on_test, split = seed_noise(rng, longer), split_noise(rng, setting)
    on_validation = setting.correlation * on_test[:, :n] + own * seed_noise(rng, setting)
    validation = setting.effects + on_validation + split_noise(rng, setting)
    test = setting.effects + on_test + split
    fresh = range(1000, 1000 + pairs)
    return [
        Arm(
            number=arm,
            name=f"arm {arm}",
            screening=dict(zip(screening, validation[arm].tolist(), strict=True)),
            test=dict(zip(screening, test[arm, :n].tolist(), strict=True)),
            confirmation=dict(zip(fresh, test[arm, n:].tolist(), strict=True)),
        )
        for arm in range(len(test))
    ]


def false_better(setting: Setting, most: int, n_studies: int) -> float:
    """The share of studies whose winner, chosen on validation, is "better"; no candidate has an effect."""
    rng = np.random.default_rng([7, setting.n_seeds, most])
    n_wrong = 0
    for _ in range(n_studies):
        arms = study(setting, most, rng)
        number = choose(arms, 0, "maximize", range(setting.n_seeds))
        assert number is not None
        best, baseline = (with_influence(arms[i], setting, rng) for i in (number, 0))
        pairs = budget_of(best, baseline, most)
        n_wrong += verdict_of(best, baseline, alone(pairs, setting.n_seeds), pairs)[1] > 0
    return n_wrong / n_studies


Step = tuple[int, int, bool]
"""Which winner (arm number) is judged next, by at most how many pairs, and whether their number is open."""

GROWN: dict[str, Sequence[Step]] = {
    "eight winners, one after another": [(arm, 10, True) for arm in range(1, N_BATCHES + 1)],
    "one winner, at most 5, 10, 20, 40 pairs": [(1, most, True) for most in (5, 10, 20, 40)],
    "four winners, each with 5 pairs, then 10": [
        (arm, most, True) for arm in range(1, 5) for most in (5, 10)
    ],
    "one winner, at most 5, 10, then 4 fixed, at most 20, 40": [
        *((1, 5, True), (1, 10, True), (1, 4, False), (1, 20, True), (1, 40, True)),
    ],
}
GROWN_FIXED: dict[str, Sequence[Step]] = {
    "one winner, 5 pairs, then 10, 15, 20": [(1, pairs, False) for pairs in (5, 10, 15, 20)],
    "eight winners, 5 pairs each": [(arm, 5, False) for arm in range(1, N_BATCHES + 1)],
}


def grown(steps: Sequence[Step], n_studies: int) -> float:
    """The share of studies that end with "better", growing until they do; no candidate has an effect.

    Seed noise is all that there is: the same seeds of the baseline stand against all winners.
    """
    most = max(pairs for _, pairs, _ in steps)
    rng = np.random.default_rng([11, len(steps), most])
    n_arms = 1 + max(arm for arm, _, _ in steps)
    n_wrong = 0
    for _ in range(n_studies):
        noise = rng.standard_normal((n_arms, N_SCREENING + most))
        n_wrong += _grows_into_better(arms_of(noise), steps)
    return n_wrong / n_studies


def _grows_into_better(arms: Sequence[Arm], steps: Sequence[Step]) -> bool:
    budgets: tuple[PairBudget, ...] = ()
    looks: tuple[Look, ...] = ()
    for arm, pairs, is_open in steps:
        wanted = budget(str(arm), pairs, N_SCREENING, is_open=is_open)
        budgets = with_claim(budgets, looks, wanted)
        place = len(budgets) - 1
        design = design_of(budgets, looks, place, CONFIDENCE)
        n, side = verdict_of(arms[arm], arms[0], design, pairs)
        if side > 0:
            return True
        looks += (
            Look(
                best=wanted.best,
                baseline=wanted.baseline,
                seeds=wanted.seeds,
                confirm_seeds=wanted.pairs[: n if is_open else pairs],
            ),
        )
    return False


def race(n_seeds: int, n_candidates: int, scatter: float, n_studies: int) -> tuple[float, float]:
    """Mean loss of the choice against that of all seeds, in standard errors of five pairs; the share of runs.

    `scatter`: sd of the candidates' true values, in the same unit.
    """
    rng = np.random.default_rng([13, n_seeds, n_candidates, int(10 * scatter)])
    unit = (RUN_VARIANCE / REFERENCE_PAIRS) ** 0.5
    regret, runs = 0.0, 0
    for _ in range(n_studies):
        true = rng.standard_normal(n_candidates) * scatter * unit
        values = true[:, None] + rng.standard_normal((n_candidates, n_seeds)) * (RUN_VARIANCE / 2) ** 0.5
        left = set(range(n_candidates))
        for n_known in range(1, n_seeds + 1):
            runs += len(left) + 1  # the baseline stays
            out = beaten({arm: values[arm, :n_known].tolist() for arm in sorted(left)}, n_seeds)
            left -= out.keys()
        means = values.mean(axis=1)
        regret += float(true[int(means.argmax())] - true[max(left, key=lambda arm: means[arm])]) / unit
    return regret / n_studies, runs / (n_studies * (n_candidates + 1) * n_seeds)


def race_table(n_studies: int) -> dict[str, list[float]]:
    """The race over numbers of seeds and candidates, and over how far these differ."""
    print(f"{'race':44}{'regret (SE)':>12}{'runs':>8}")
    rows = {}
    for n_seeds in (3, 5):
        for n_candidates in (6, 20):
            for scatter in (0.0, 1.0, 2.0, 4.0):
                name = f"{n_seeds} seeds, {n_candidates} candidates, scatter {scatter:g} SE"
                rows[name] = list(race(n_seeds, n_candidates, scatter, n_studies))
                print(f"{name:44}{rows[name][0]:12.3f}{rows[name][1]:8.3f}", flush=True)
    print()
    return rows


def rates(title: str, found: Iterator[tuple[str, float]]) -> dict[str, float]:
    """Prints a line for each."""
    print(title)
    rows = {}
    for name, rate in found:
        rows[name] = rate
        print(f"  {name:48}{rate:8.4f}", flush=True)
    print()
    return rows


def sequential_figures(n: int) -> dict[str, Any]:
    """All keys, of `n` studies a setting; prints the tables."""
    started = time.perf_counter()
    pairs = {most: pairs_table(most, n) for most in (20, 10)}
    races = race_table(n)
    grows = rates(
        'Grown until "better", without an effect',
        ((name, grown(steps, 5 * n)) for name, steps in GROWN.items()),
    )
    fixed = rates(
        "The same, fixed numbers of pairs",
        ((name, grown(steps, 5 * n)) for name, steps in GROWN_FIXED.items()),
    )
    settings = main_settings() | hard_settings()
    false = rates(
        'False "better", at most 10 pairs',
        ((name, false_better(one, 10, n)) for name, one in settings.items()),
    )
    of_five = [row for name, row in races.items() if name.startswith("5 seeds")]
    return {
        "pairs_ratio": pairs[20]["pairs_ratio"],
        "pairs_ratio_each": pairs[20]["pairs_ratio_each"],
        "pairs_ratio_10": pairs[10]["pairs_ratio"],
        "pairs_ratio_each_10": pairs[10]["pairs_ratio_each"],
        "false_better": max(false.values()),
        "false_better_grown": max(grows.values()),
        "false_better_grown_fixed": max(fixed.values()),
        "race_regret": float(np.mean([regret for regret, _ in of_five])),
        "race_runs_ratio": float(np.mean([runs for _, runs in of_five])),
        "n_studies": n,
        "seconds": round(time.perf_counter() - started, 1),
        "machine": platform.machine(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "false_better_by_setting": false,
        "grown_by_setting": {**grows, **fixed},
        "race_by_setting": races,
        "pairs_by_effect": {most: found["by_effect"] for most, found in pairs.items()},
    }


def main() -> None:
    """Prints the tables, and one JSON line last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    print(json.dumps(sequential_figures(parser.parse_args().studies)))


if __name__ == "__main__":
    main()
