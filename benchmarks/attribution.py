"""How often an attribution names the groups that act, and how often others: simulated studies, the real code.

Four groups of keys differ between winner and baseline. A run's test value is the sum of

- the effect of its combination of groups; winner minus baseline is always 3.5 standard errors of their plain
  paired difference on the confirmation seeds, test split included,
- seed noise of sd 1: half of its variance moves all examples together, half of it each on its own,
- how the combination fares on this test split, variance 0.2, the same for all seeds.

What all runs share on a seed cancels, and is left out. An attribution is right where it names the groups that
act and no other. For contrast the same studies are judged by leaving one group out of the winner at a time
(20 runs instead of 30 beside those of winner and baseline), with the same tests, and a known test split.

    python benchmarks/attribution.py [--studies 4000]

So many studies of each of the first three settings, on which the promise rests, and a quarter of the others.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from sweeper.results import Group
from sweeper.verdict import Arm, Part, attribute, design, student

Floats = NDArray[np.float64]
Row = tuple[bool, ...]

NAMES = ("loss", "lr", "epochs", "dropout")
GROUPS = tuple(Group(name, (name,)) for name in NAMES)
N_GROUPS = len(NAMES)
ROWS = design(N_GROUPS)
LEFT_OUT = tuple(tuple(i != left for i in range(N_GROUPS)) for left in range(N_GROUPS))
"""The winner without each of the groups."""
N_EXAMPLES = 150
EXAMPLE_SHARE = 0.5
SPLIT_VARIANCE = 0.2
EFFECT = 3.5
CONFIDENCE = 0.95
PROMISED = ("none acts, 5 seeds", "one acts, 5 seeds", "two act, 5 seeds")


@dataclass(frozen=True)
class Setting:
    """`gain`: what a combination gains, 1 being what the winner gains. `acting`: the groups that matter."""

    gain: Callable[[Row], float]
    acting: frozenset[str]
    n_seeds: int = 5

    @property
    def size(self) -> float:
        """The winner's gain in the metric's unit."""
        return EFFECT * float((2 / self.n_seeds + 2 * SPLIT_VARIANCE) ** 0.5)


def settings() -> dict[str, Setting]:
    """The promise's settings first, then those of two groups that need or replace each other."""
    none, one, two = frozenset[str](), frozenset(NAMES[:1]), frozenset(NAMES[:2])
    return {
        "none acts, 5 seeds": Setting(lambda _: 0.0, none),
        "one acts, 5 seeds": Setting(lambda row: row[0], one),
        "two act, 5 seeds": Setting(lambda row: (row[0] + row[1]) / 2, two),
        "two act only together, 5 seeds": Setting(lambda row: row[0] and row[1], two),
        "two replace each other, 5 seeds": Setting(lambda row: row[0] or row[1], two),
        "none acts, 3 seeds": Setting(lambda _: 0.0, none, 3),
        "one acts, 3 seeds": Setting(lambda row: row[0], one, 3),
        "two act, 3 seeds": Setting(lambda row: (row[0] + row[1]) / 2, two, 3),
    }


def judge(setting: Setting, n_studies: int, rng: np.random.Generator) -> dict[str, float]:
    """The shares of studies that are right, and that name a group that does nothing; both ways of judging."""
    counts = dict.fromkeys(("right", "idle_named", "left_out_right", "left_out_idle_named"), 0)
    for _ in range(n_studies):
        for way, named in (("", by_factorial(setting, rng)), ("left_out_", by_leaving_out(setting, rng))):
            counts[f"{way}right"] += named == setting.acting
            counts[f"{way}idle_named"] += bool(named - setting.acting)
    return {key: count / n_studies for key, count in counts.items()}


def by_factorial(setting: Setting, rng: np.random.Generator) -> frozenset[str]:
    """The groups that the product's attribution names in one study."""
    values = drawn(setting, ROWS, rng)
    seeds = range(setting.n_seeds)
    influences = influence(setting.n_seeds, rng)
    arms = {
        row: Arm(
            number=i,
            name="",
            confirmation=dict(zip(seeds, values[i].tolist(), strict=True)),
            influence=dict(zip(seeds, influences[i], strict=True)),
        )
        for i, row in enumerate(ROWS)
    }
    found = attribute(arms, GROUPS, direction="maximize", confidence=CONFIDENCE, seeds=seeds)
    return frozenset(group.name for group in found.groups if group.is_named)


def by_leaving_out(setting: Setting, rng: np.random.Generator) -> frozenset[str]:
    """The groups without which the winner loses; residual of all six arms, Holm over the groups."""
    rows = (ROWS[0], ROWS[-1], *LEFT_OUT)
    values = drawn(setting, rows, rng)
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    df = (len(rows) - 1) * (setting.n_seeds - 1)
    seeds = Part(2 * float((rest**2).sum()) / df / setting.n_seeds, df)
    losses = values[1].mean() - values[2:].mean(1)
    split = Part(2 * SPLIT_VARIANCE, 1e6)
    p_values = [student(float(loss), seeds, split, CONFIDENCE).p_value or 0.0 for loss in losses]
    named = set()
    for n_before, i in enumerate(np.argsort(p_values)):
        if p_values[i] * (N_GROUPS - n_before) > 1 - CONFIDENCE:
            break
        named.add(NAMES[i])
    return frozenset(named)


def drawn(setting: Setting, rows: tuple[Row, ...], rng: np.random.Generator) -> Floats:
    """Test values [row, seed]."""
    gains = setting.size * np.array([[float(setting.gain(row))] for row in rows])
    split = SPLIT_VARIANCE**0.5 * rng.standard_normal((len(rows), 1))
    return np.asarray(gains + split + rng.standard_normal((len(rows), setting.n_seeds)))


def influence(n_seeds: int, rng: np.random.Generator) -> Floats:
    """Influence values [row, seed, example], with the variances that test values are drawn with.

    They may be drawn apart from the values: of normal draws, mean and deviations from it are independent.
    """
    of_split = rng.standard_normal((len(ROWS), 1, N_EXAMPLES)) * (SPLIT_VARIANCE * N_EXAMPLES) ** 0.5
    own = rng.standard_normal((len(ROWS), n_seeds, N_EXAMPLES)) * (EXAMPLE_SHARE * N_EXAMPLES) ** 0.5
    values = of_split + own
    unbiased = (N_EXAMPLES / (N_EXAMPLES - 1)) ** 0.5  # as `sweeper.task.mean_influence` has it
    return np.asarray((values - values.mean(-1, keepdims=True)) * unbiased)


def main() -> None:
    """Prints the table, and one JSON line last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--studies", type=int, default=4000)
    n_studies, started = parser.parse_args().studies, time.perf_counter()
    print(f"{'Groups named':36}{'right':>8}{'idle one':>10}{'left out: right':>18}{'idle one':>10}")
    rows = {}
    for i, (name, setting) in enumerate(settings().items()):
        n = n_studies if name in PROMISED else max(1, n_studies // 4)
        rows[name] = judge(setting, n, np.random.default_rng([12, i]))
        right, idle, left_right, left_idle = rows[name].values()
        print(f"{name:36}{right:8.3f}{idle:10.3f}{left_right:18.3f}{left_idle:10.3f}", flush=True)
    print()
    result = {
        "right_group_rate": rows["one acts, 5 seeds"]["right"],
        "right_pair_rate": rows["two act, 5 seeds"]["right"],
        "false_group_rate": max(rows[name]["idle_named"] for name in PROMISED[:2]),
        "n_studies": n_studies,
        "seconds": round(time.perf_counter() - started, 1),
        "by_setting": rows,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
