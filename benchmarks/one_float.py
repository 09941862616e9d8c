"""What validation may say of what it chose: simulated studies without an effect, judged by the real code.

An app that returns one float has no test value. Its winner and its baseline are trained again on fresh
seeds, but compared on the examples that chose the winner. Each study has a baseline and as many candidates
as the setting says, 3 seeds for choosing and 3 fresh ones. A run's value on a split is the sum of seed noise
of sd 1, whose half all examples share, and of how the arm fares on that split, of a variance that the setting
names. Six rules judge the same studies: by validation, without and with per-example values, and by a test
split likewise; and without fresh seeds, by the interval on validation that holds for all candidates at once,
as `sweeper verdict` judges a table of runs that exist. Rates are of one side, as "better" is: 2.5 % is the
promise. `python benchmarks/verdicts.py` prints them.
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from sweeper.task import mean_influence
from sweeper.verdict import Arm, Panel, choose, confirm, explore, verdict

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
N_SEEDS, N_EXAMPLES, EXAMPLE_SHARE = 3, 400, 0.5
N_CANDIDATES = (1, 5, 20, 40)
SPLIT_VARIANCES = {"small": 0.1, "as large": 1.0, "large": 4.0}
"""Of how an arm fares on a split, beside the variance 1 of its seeds."""
WAYS = ("validation", "validation_examples", "test", "test_examples", "explored", "explored_examples")
SEEDS, FRESH = range(N_SEEDS), range(1000, 1000 + N_SEEDS)


def one_float_rates(n_studies: int) -> dict[str, dict[str, float]]:
    """The share of studies in which the winner is "better" by each rule, by setting."""
    settings = product(SPLIT_VARIANCES.items(), N_CANDIDATES)
    return {
        f"{n} candidate{'s' * (n > 1)}, examples' noise {word}": rates_of(
            n, variance, n_studies, np.random.default_rng([11, n, int(10 * variance)])
        )
        for (word, variance), n in settings
    }


def rates_of(n: int, variance: float, n_studies: int, rng: np.random.Generator) -> dict[str, float]:
    """The same of one setting: so many candidates, and that variance of how an arm fares on a split."""
    counts = dict.fromkeys(WAYS, 0)
    own = np.random.default_rng([12, n])
    for _ in range(n_studies):
        for way, is_better in _study(n, variance, rng, own).items():
            counts[way] += is_better
    return {way: count / n_studies for way, count in counts.items()}


def _study(n: int, variance: float, rng: np.random.Generator, own: np.random.Generator) -> dict[str, bool]:
    """Whether each rule calls the candidate better that validation has chosen."""
    of_val, of_test = (rng.standard_normal(n + 1) * variance**0.5 for _ in range(2))
    screening, fresh = (rng.standard_normal((n + 1, N_SEEDS)) for _ in range(2))
    arms = [Arm(i, "", screening=_by_seed(SEEDS, screening[i] + of_val[i])) for i in range(n + 1)]
    best = choose(arms, 0, "maximize", SEEDS)
    assert best is not None
    found = {}
    for split, shift in (("validation", of_val), ("test", of_test)):
        for way, has_examples in ((split, False), (f"{split}_examples", True)):
            pair = [
                Arm(
                    i,
                    "",
                    test=_by_seed(SEEDS, screening[i] + shift[i]),
                    confirmation=_by_seed(FRESH, fresh[i] + shift[i]),
                    influence=_influence(variance, rng) if has_examples else None,
                )
                for i in (best, 0)
            ]
            found[way] = verdict(confirm(*pair, direction="maximize", confidence=CONFIDENCE)) == "better"
    values = screening + of_val[:, None]
    for way, has_examples in (("explored", False), ("explored_examples", True)):
        found[way] = _explored(best, values, variance, own if has_examples else None)
    return found


def _explored(best: int, values: Floats, variance: float, rng: np.random.Generator | None) -> bool:
    """Whether the interval that holds for all candidates calls it better; with examples if `rng` is given."""
    arms = [
        Arm(i, "", test=_by_seed(SEEDS, row), influence=_influence(variance, rng, SEEDS) if rng else None)
        for i, row in enumerate(values)
    ]
    tried = range(1, len(arms))
    found = explore([Panel(arms, "maximize")], 0, confidence=CONFIDENCE, given_up=tried)[0][best]
    return found.ci_low is not None and found.ci_low > 0


def _by_seed(seeds: range, values: Floats) -> dict[int, float]:
    return dict(zip(seeds, values.tolist(), strict=True))


def _influence(
    variance: float, rng: np.random.Generator, seeds: Sequence[int] = (*SEEDS, *FRESH)
) -> dict[int, Floats]:
    """Drawn apart from the values: of normal draws, mean and deviations from it are independent."""
    of_split = rng.standard_normal(N_EXAMPLES) * (variance * N_EXAMPLES) ** 0.5
    sd = (EXAMPLE_SHARE * N_EXAMPLES) ** 0.5
    return {seed: mean_influence(of_split + sd * rng.standard_normal(N_EXAMPLES)) for seed in seeds}
