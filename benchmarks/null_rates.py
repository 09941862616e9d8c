"""Where a plain t test errs more often than it says: simulated studies without an effect, by the real code.

Rates are of one side, as "better" is: 2.5 % is the promise. Each has a contrast, what the plainer rule says
of the same studies. `python benchmarks/verdicts.py` prints them with its other tables.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sweeper.results import Objective, RunResult, StudyResult, Totals, TrialResult
from sweeper.task import Ranking, auc_influence
from sweeper.trial import TrialSpec
from sweeper.verdict import Arm, Part, confirm, differences, examples_part, judge, verdict

Floats = NDArray[np.float64]
CONFIDENCE = 0.95


def null_rates(n_studies: int) -> dict[str, tuple[float, float]]:
    """The share of studies in which something is better, by our rule and by the plainer one, by setting."""
    settings: dict[str, Callable[[np.random.Generator], tuple[float, float]]] = {
        "6 positives in 2,000, 5 seeds": lambda rng: rare_positives(n_studies, 5, 6, rng),
        "6 positives in 2,000, 10 seeds": lambda rng: rare_positives(n_studies, 10, 6, rng),
        "2 seeds, split a tenth of their variance": lambda rng: few_seeds(n_studies, 2, 0.1, rng),
        "2 seeds, split a fifth of their variance": lambda rng: few_seeds(n_studies, 2, 0.2, rng),
        "3 seeds, split a fifth of their variance": lambda rng: few_seeds(n_studies, 3, 0.2, rng),
        "fails on its worst fifth of seeds, 5": lambda rng: failing(n_studies, 5, rng),
        "fails on its worst fifth of seeds, 10": lambda rng: failing(n_studies, 10, rng),
        "adaptive, best 1 of 200, 4 seeds": lambda rng: adaptive(n_studies, 4, rng),
        "adaptive, best 1 of 200, 5 seeds": lambda rng: adaptive(n_studies, 5, rng),
    }
    return {name: rate(np.random.default_rng([7, i])) for i, (name, rate) in enumerate(settings.items())}


def rare_positives(
    n_studies: int, n_seeds: int, n_positives: int, rng: np.random.Generator
) -> tuple[float, float]:
    """An AUC that a handful of positives decide; contrast: an examples part with n - 1 degrees of freedom."""
    n = 2000
    labels = np.arange(n) < n_positives
    ours = plain = 0
    for _ in range(n_studies):
        arms = [_auc_arm(number, labels, n_seeds, rng) for number in (0, 1)]
        ours += _is_better(arms[1], arms[0])
        plain += _satterthwaite_says_better(arms[1], arms[0], n - 1)
    return ours / n_studies, plain / n_studies


def few_seeds(n_studies: int, n_seeds: int, share: float, rng: np.random.Generator) -> tuple[float, float]:
    """Two or three seeds beside a test split whose variance is known well; contrast: Satterthwaite's df.

    `share`: the variance of the test split over that of a pair's difference.
    """
    n = 2000
    ours = plain = 0
    for _ in range(n_studies):
        of_split = rng.standard_normal(n) * (share * n) ** 0.5
        shift = float(of_split.mean())
        on_test, fresh = rng.standard_normal(n_seeds), rng.standard_normal(n_seeds)
        seeds, confirmed = range(n_seeds), range(1000, 1000 + n_seeds)
        best = Arm(
            1,
            "best",
            test=dict(zip(seeds, (on_test + shift).tolist(), strict=True)),
            confirmation=dict(zip(confirmed, (fresh + shift).tolist(), strict=True)),
            influence=dict.fromkeys((*seeds, *confirmed), of_split - shift),
        )
        baseline = replace(
            best,
            number=0,
            test=dict.fromkeys(seeds, 0.0),
            confirmation=dict.fromkeys(confirmed, 0.0),
            influence=dict.fromkeys((*seeds, *confirmed), np.zeros(n)),
        )
        ours += _is_better(best, baseline)
        plain += _satterthwaite_says_better(best, baseline, n - 1)
    return ours / n_studies, plain / n_studies


def failing(n_studies: int, n_seeds: int, rng: np.random.Generator) -> tuple[float, float]:
    """A candidate that fails wherever it would be in its worst fifth; contrast: the pairs that are left."""
    ours = plain = 0
    worst = -0.8416212  # the 20 % quantile of a normal distribution
    seeds, confirmed = range(n_seeds), range(1000, 1000 + n_seeds)
    for _ in range(n_studies):
        values = rng.standard_normal((2, 2 * n_seeds))
        of_best = {s: v for s, v in zip((*seeds, *confirmed), values[1].tolist(), strict=True) if v > worst}
        of_baseline = dict(zip((*seeds, *confirmed), values[0].tolist(), strict=True))
        best, baseline = (
            Arm(
                i,
                "",
                test={s: v for s, v in found.items() if s < n_seeds},
                confirmation={s: v for s, v in found.items() if s >= n_seeds},
            )
            for i, found in ((1, of_best), (0, of_baseline))
        )
        ours += _is_better(best, baseline, tuple(confirmed))
        plain += _is_better(best, baseline)
    return ours / n_studies, plain / n_studies


def adaptive(
    n_studies: int, n_seeds: int, rng: np.random.Generator, n_trials: int = 200, top_k: int = 5
) -> tuple[float, float]:
    """A table whose rows are the best of many by their first seed; contrast: that seed in, none counted."""
    specs = [_spec(number) for number in range(n_trials + 1)]
    ours = plain = 0
    for _ in range(n_studies):
        values = rng.standard_normal((n_trials + 1, n_seeds))
        picked = np.argsort(-values[1:, 0])[:top_k] + 1
        trials = tuple(
            _trial(spec, values[spec.number], all_seeds=spec.number == 0 or spec.number in picked)
            for spec in specs
        )
        result = _study(trials, n_seeds, top_k)
        ours += _some_row_is_better(result)
        plain += _some_row_is_better(replace(result, replicate_top_k=None))
    return ours / n_studies, plain / n_studies


def _is_better(best: Arm, baseline: Arm, seeds: tuple[int, ...] = ()) -> bool:
    found = confirm(best, baseline, direction="maximize", confidence=CONFIDENCE, seeds=seeds)
    return verdict(found) == "better"


def _satterthwaite_says_better(best: Arm, baseline: Arm, df: int) -> bool:
    """The textbook's rule, with `df` degrees of freedom of the examples part."""
    pair, screened = (
        differences(best.confirmation, baseline.confirmation),
        differences(best.test, baseline.test),
    )
    groups = [np.array(pair), np.array(screened)]
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups)
    n = sum(group.size - 1 for group in groups)
    seeds = Part(squares / n / len(pair), n)
    examples = examples_part(best.influence or {}, baseline.influence or {})
    assert examples is not None
    variance = seeds.variance + examples.variance
    nu = variance**2 / (seeds.variance**2 / seeds.df + examples.variance**2 / df)
    return bool(np.mean(pair) > stdtrit(nu, (1 + CONFIDENCE) / 2) * variance**0.5)


def _auc_arm(number: int, labels: NDArray[np.bool_], n_seeds: int, rng: np.random.Generator) -> Arm:
    """Scores of positives lie higher by 1; an arm's own view of an example is the same on all seeds."""
    seeds, confirmed = range(n_seeds), range(1000, 1000 + n_seeds)
    own = 1.0 * labels + rng.standard_normal(labels.size)
    scores = {seed: own + 0.3 * rng.standard_normal(labels.size) for seed in (*seeds, *confirmed)}
    auc = {seed: Ranking(found, labels).auc() or 0.0 for seed, found in scores.items()}
    return Arm(
        number,
        "",
        test={seed: auc[seed] for seed in seeds},
        confirmation={seed: auc[seed] for seed in confirmed},
        influence={seed: auc_influence(found, labels) for seed, found in scores.items()},
    )


def _some_row_is_better(result: StudyResult) -> bool:
    rows = [one for found in judge(result).comparisons.values() for one in found]
    return any(row is not None and row.ci_low is not None and row.ci_low > 0 for row in rows)


def _study(trials: tuple[TrialResult, ...], n_seeds: int, top_k: int) -> StudyResult:
    return StudyResult(
        study="simulated",
        task="none",
        objectives=(Objective("auc", "maximize"),),
        seeds=tuple(range(n_seeds)),
        confirm_seeds=(),
        confidence=CONFIDENCE,
        min_effect=None,
        trials=trials,
        data={},
        config={},
        totals=Totals(),
        provenance={},
        replicate_top_k=top_k,
    )


def _trial(spec: TrialSpec, values: Floats, *, all_seeds: bool) -> TrialResult:
    known = values if all_seeds else values[:1]
    runs = {
        seed: RunResult(spec.number, seed, "COMPLETE", metrics={"val/auc": value, "test/auc": value})
        for seed, value in enumerate(known.tolist())
    }
    return TrialResult(spec, "COMPLETE", None, runs)


def _spec(number: int) -> TrialSpec:
    is_baseline = number == 0
    return TrialSpec(
        number=number,
        name=f"trial {number}",
        role="baseline" if is_baseline else "candidate",
        prunable=not is_baseline,
        params={},
        overrides=(),
        config={},
        fingerprint=f"{number:032x}",
        max_steps=1,
    )
