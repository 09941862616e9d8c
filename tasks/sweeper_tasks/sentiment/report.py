"""What a report shows of sentiment: F1 of each aspect and polarity, best against baseline. No torch here."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sweeper.task import Comparison, Part, Table, mean_and_spread
from sweeper_tasks.sentiment.heat_map import heat_map
from sweeper_tasks.sentiment.polarities import POLARITIES, counts_of

TITLE = "F1 by aspect and polarity"


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """A table by polarity, one by aspect, and a heat map; nothing where no run has records any more."""
    arm = next((arm for arm in comparison.arms if len(arm.pooled("true"))), None)
    if arm is None or comparison.prepared is None:
        return []
    facts, support = comparison.prepared.facts, counts_of(next(iter(arm.records.values()))["true"])
    by_polarity = _table(comparison, "polarity", POLARITIES, POLARITIES, support.sum(axis=0)[:, None])
    by_aspect = _table(comparison, "aspect", facts["aspects"], facts["slugs"], support)
    picture = heat_map(comparison, TITLE, facts["aspects"], support, facts["min_support"])
    return [by_polarity, by_aspect, picture]


def _table(
    comparison: Comparison,
    what: str,
    names: Sequence[str],
    slugs: Sequence[str],
    support: NDArray[np.int64],
) -> Table:
    best, head = comparison.best, "examples" if support.shape[1] == 1 else "examples (+ / - / neutral)"
    compared = [] if best is None else [f"best: {best.name}", "difference"]
    rows = [
        [name, " / ".join(map(str, n)), *_compared(comparison, f"test/f1_{slug}")]
        for name, slug, n in zip(names, slugs, support.tolist(), strict=True)
    ]
    caption = (
        f"F1 on test, a mean over the cells that count, mean ± standard deviation over {comparison.seeds}; "
        "differences are paired by seed."
    )
    return Table(TITLE, [what, head, "baseline", *compared], rows, caption, left=(what,))


def _compared(comparison: Comparison, key: str) -> list[str]:
    values = [mean_and_spread(list(arm.per_seed(key).values())) for arm in comparison.arms]
    differences = comparison.differences(key)
    return [*values, mean_and_spread(differences, signed=True)] if comparison.best else values
