"""How often a verdict is wrong, and how often it sees an effect: simulated studies judged by the real code.

Each study has a baseline and six candidates, trained on the screening seeds; the best and the baseline again
on as many confirmation seeds. A run's test value is the sum of

- the arm's effect,
- seed noise of sd 1: half of its variance moves all examples together, half of it each on its own,
- how the arm fares on this test split, variance 0.2 unless said otherwise, the same for all seeds,
- what all arms share on this seed, sd 1.

Its validation value has seed noise of a given correlation with that on test, and a split of its own.

Where no candidate has an effect, "better" is false. For contrast the same studies are judged by a percentile
bootstrap over seeds, the usual practice, and by a t test whose seed noise is pooled over all arms. Last come
the settings in which a plain t test errs more often than it says (`benchmarks/null_rates.py`), and studies
that validation has to judge after it chose (`benchmarks/one_float.py`).

    python benchmarks/verdicts.py [--studies 1000]
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.null_rates import null_rates
from benchmarks.one_float import one_float_rates
from sweeper.task import mean_influence
from sweeper.verdict import Arm, Part, choose, confirm, differences, examples_part, student, verdict

Floats = NDArray[np.float64]

N_ARMS = 7
N_EXAMPLES = 400
EXAMPLE_SHARE = 0.5
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Setting:
    """What simulated studies have in common.

    `correlation`: of an arm's seed noise on validation with that on test. `noise`: its sd where an arm's
    is not 1, by arm; the baseline is arm 0. `split_variance`: of how an arm fares on a split. `likeness`:
    the correlation of seed noise between candidates. `effect`: that of arm 1, in standard errors of the mean
    paired difference on the confirmation seeds, test split included.
    """

    n_seeds: int
    correlation: float
    noise: tuple[tuple[int, float], ...] = ()
    split_variance: float = 0.2
    likeness: float = 0.0
    effect: float = 0.0

    @property
    def sd(self) -> Floats:
        """Seed noise by arm [arm]."""
        return np.array([dict(self.noise).get(arm, 1.0) for arm in range(N_ARMS)])

    @property
    def effects(self) -> Floats:
        """True values by arm, in the metric's unit [arm, 1]."""
        variance = (self.sd[0] ** 2 + self.sd[1] ** 2) / self.n_seeds + 2 * self.split_variance
        return np.array([[self.effect * variance**0.5 * (arm == 1)] for arm in range(N_ARMS)])


def main_settings() -> dict[str, Setting]:
    """The settings of the promise: no effect, equal arms."""
    return {
        f"{n} seeds, correlation {rho}": Setting(n_seeds=n, correlation=rho)
        for n in (3, 5, 10)
        for rho in (0.0, 0.9)
    }


def hard_settings() -> dict[str, Setting]:
    """No effect, but arms unlike in their noise, or candidates more like each other than the baseline."""
    base = Setting(n_seeds=5, correlation=0.9)
    return {
        "all candidates twice as noisy": replace(base, noise=tuple((arm, 2.0) for arm in range(1, N_ARMS))),
        "one candidate twice as noisy": replace(base, noise=((1, 2.0),)),
        "baseline twice as noisy": replace(base, noise=((0, 2.0),)),
        "one candidate unstable (10 x)": replace(base, noise=((N_ARMS - 1, 10.0),)),
        "candidates alike (0.9)": replace(base, likeness=0.9),
    }


def power_settings() -> dict[str, Setting]:
    """One candidate with an effect of 3.5 standard errors, 5 seeds."""
    base = Setting(n_seeds=5, correlation=0.0, effect=3.5)
    return {
        "5 seeds, correlation 0.0": base,
        "5 seeds, correlation 0.9": replace(base, correlation=0.9),
        "5 seeds, seed noise only": replace(base, split_variance=0.0),
        "3 seeds, correlation 0.9": replace(base, correlation=0.9, n_seeds=3),
        "one other candidate unstable (10 x)": replace(base, noise=((N_ARMS - 1, 10.0),)),
    }


def simulate(setting: Setting, n_studies: int, rng: np.random.Generator) -> Iterator[list[Arm]]:
    """Independent studies of that setting, without influence values."""
    screening, fresh = range(setting.n_seeds), range(1000, 1000 + setting.n_seeds)
    for _ in range(n_studies):
        on_test, split = seed_noise(rng, setting), split_noise(rng, setting)
        own = (1 - setting.correlation**2) ** 0.5
        on_validation = setting.correlation * on_test + own * seed_noise(rng, setting)
        validation = (
            setting.effects + on_validation + split_noise(rng, setting) + rng.standard_normal(setting.n_seeds)
        )
        test = setting.effects + on_test + split + rng.standard_normal(setting.n_seeds)
        confirmation = (
            setting.effects + seed_noise(rng, setting) + split + rng.standard_normal(setting.n_seeds)
        )
        yield [
            Arm(
                number=arm,
                name=f"arm {arm}",
                screening=dict(zip(screening, validation[arm].tolist(), strict=True)),
                test=dict(zip(screening, test[arm].tolist(), strict=True)),
                confirmation=dict(zip(fresh, confirmation[arm].tolist(), strict=True)),
            )
            for arm in range(N_ARMS)
        ]


def seed_noise(rng: np.random.Generator, setting: Setting) -> Floats:
    """[arm, seed]; candidates share `likeness` of their variance."""
    noise = rng.standard_normal((N_ARMS, setting.n_seeds))
    shared = rng.standard_normal(setting.n_seeds)
    noise[1:] = (1 - setting.likeness) ** 0.5 * noise[1:] + setting.likeness**0.5 * shared
    return np.asarray(noise * setting.sd[:, None])


def split_noise(rng: np.random.Generator, setting: Setting) -> Floats:
    """[arm, 1]: the mean over a split's examples of how each arm fares on them."""
    return np.asarray(rng.standard_normal((N_ARMS, 1)) * setting.split_variance**0.5)


def with_influence(arm: Arm, setting: Setting, rng: np.random.Generator) -> Arm:
    """The arm with influence values whose variances are those that its test values were drawn with.

    They may be drawn apart from the values: of normal draws, mean and deviations from it are independent.
    """
    of_split = rng.standard_normal(N_EXAMPLES) * (setting.split_variance * N_EXAMPLES) ** 0.5
    sd_example = setting.sd[arm.number] * (EXAMPLE_SHARE * N_EXAMPLES) ** 0.5
    seeds = [*arm.test, *arm.confirmation]
    return replace(
        arm,
        influence={
            seed: mean_influence(of_split + sd_example * rng.standard_normal(N_EXAMPLES)) for seed in seeds
        },
    )


def judge(setting: Setting, n_studies: int, seed: int = 0) -> dict[str, float]:
    """The share of studies that end with "better", by way of judging; an effect must be found where it is."""
    counts = dict.fromkeys(("ours", "bootstrap", "bootstrap_fresh_seeds", "pooled"), 0)
    rng = np.random.default_rng([seed, setting.n_seeds])
    for arms in simulate(setting, n_studies, rng):
        number = choose(arms, 0, "maximize", range(setting.n_seeds))
        assert number is not None
        baseline, best = (with_influence(arms[i], setting, rng) for i in (0, number))
        if setting.effect and number != 1:
            continue
        confirmation = confirm(best, baseline, direction="maximize", confidence=CONFIDENCE)
        counts["ours"] += verdict(confirmation) == "better"
        counts["bootstrap"] += bootstrap_says_better(differences(best.test, baseline.test), rng)
        fresh = differences(best.confirmation, baseline.confirmation)
        counts["bootstrap_fresh_seeds"] += bootstrap_says_better(fresh, rng)
        counts["pooled"] += pooled_says_better(arms, baseline, best)
    return {way: count / n_studies for way, count in counts.items()}


def bootstrap_says_better(paired: list[float], rng: np.random.Generator, n_resamples: int = 400) -> bool:
    """Whether the percentile bootstrap interval of the mean over seeds lies above zero."""
    draws = rng.integers(len(paired), size=(n_resamples, len(paired)))
    return bool(np.quantile(np.array(paired)[draws].mean(axis=1), (1 - CONFIDENCE) / 2) > 0)


def pooled_says_better(arms: list[Arm], baseline: Arm, best: Arm) -> bool:
    """As `confirm`, but the seed part is the residual variance of arms x seeds, over all arms."""
    pair = np.array([list(arm.confirmation.values()) for arm in (baseline, best)])
    squares, df = 0.0, 0
    for cells in (np.array([list(arm.test.values()) for arm in arms]), pair):
        residual = cells - cells.mean(1, keepdims=True) - cells.mean(0) + cells.mean()
        squares, df = squares + float((residual**2).sum()), df + (len(cells) - 1) * (cells.shape[1] - 1)
    seeds = Part(2 * squares / df, df).over(pair.shape[1])
    examples = examples_part(best.influence or {}, baseline.influence or {})
    low = student(float((pair[1] - pair[0]).mean()), seeds, examples, CONFIDENCE).low
    return low is not None and low > 0


def table(title: str, settings: dict[str, Setting], n_studies: int) -> dict[str, dict[str, float]]:
    """Judges every setting, and prints a line for each."""
    print(f"{title:40}{'ours':>10}{'bootstrap':>12}{'... fresh seeds':>17}{'pooled t':>10}")
    rows = {}
    for name, setting in settings.items():
        rows[name] = judge(setting, n_studies)
        ours, bootstrap, fresh, pooled = rows[name].values()
        print(f"{name:40}{ours:10.3f}{bootstrap:12.3f}{fresh:17.3f}{pooled:10.3f}")
    print()
    return rows


def null_table(n_studies: int) -> dict[str, dict[str, float]]:
    """The settings in which a plain t test errs too often, a line for each."""
    print(f"{'Better without an effect':44}{'ours':>8}{'plainer rule':>14}")
    rows = {}
    for name, (ours, plain) in null_rates(n_studies).items():
        rows[name] = {"ours": ours, "plain": plain}
        print(f"{name:44}{ours:8.3f}{plain:14.3f}")
    print()
    return rows


def one_float_table(n_studies: int) -> dict[str, dict[str, float]]:
    """Studies without an effect in which the split that chose also judges, beside those with a test split."""
    print(
        f"{'Better without an effect':44}{'by val':>8}{'.. examples':>13}{'by test':>9}{'.. examples':>13}",
        end="",
    )
    print(f"{'explored':>11}{'.. examples':>13}")
    rows = one_float_rates(n_studies)
    for name, row in rows.items():
        widths = zip(row.values(), (8, 13, 9, 13, 11, 13), strict=True)
        print(f"{name:44}" + "".join(f"{rate:{width}.3f}" for rate, width in widths))
    print()
    return rows


def main() -> None:
    """Prints the tables, and one JSON line last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=1000)
    n_studies, started = parser.parse_args().studies, time.perf_counter()
    false_better = table('False "better"', main_settings(), n_studies)
    hard = table('False "better", unequal arms, 5 seeds', hard_settings(), n_studies)
    power = table("Power at 3.5 standard errors", power_settings(), n_studies)
    null = null_table(n_studies)
    one_float = one_float_table(n_studies)
    result = {
        "false_better_rate": max(row["ours"] for row in false_better.values()),
        "power": min(row["ours"] for name, row in power.items() if name.startswith("5 seeds")),
        "false_better_unequal_arms": max(row["ours"] for row in hard.values()),
        "n_studies": n_studies,
        "seconds": round(time.perf_counter() - started, 1),
        "false_better_by_setting": false_better,
        "false_better_unequal_arms_by_setting": hard,
        "power_by_setting": power,
        "better_without_an_effect": max(row["ours"] for row in null.values()),
        "better_without_an_effect_by_setting": null,
        "better_by_the_split_that_chose": max(row["validation"] for row in one_float.values()),
        "better_by_the_split_that_chose_by_setting": one_float,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
