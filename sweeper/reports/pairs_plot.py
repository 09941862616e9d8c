"""The picture of confirmation pairs that came one by one: the path of the difference, and its boundary."""

from matplotlib.figure import Figure
from scipy.special import ndtri

from sweeper.findings import Pairs
from sweeper.results import Judgement
from sweeper.task import BASELINE_COLOR as BASELINE, BEST_COLOR as BEST

BOUNDARY = "#9aa1ad"


def pairs_figure(judgement: Judgement) -> Figure | None:
    """The improvement after each pair, in standard errors, within the boundary; None for a fixed number.

    The boundary to come is drawn as if the variance were known: the more pairs, the nearer to that it is.
    """
    pairs = judgement.pairs
    if pairs is None or not pairs.is_sequential or not pairs.looks:
        return None
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    path = [
        (look.n, standardized(look.improvement, look.ci_low, look.reach), look.reach) for look in pairs.looks
    ]
    known = [(n, z, reach) for n, z, reach in path if z is not None and reach is not None]
    for sign in (1, -1):
        axes.plot(
            [n for n, _, _ in known], [sign * reach for _, _, reach in known], color=BOUNDARY, marker="."
        )
        to_come = boundary_to_come(pairs)
        axes.plot([n for n, _ in to_come], [sign * reach for _, reach in to_come], ":", color=BOUNDARY)
    axes.plot([n for n, _, _ in known], [z for _, z, _ in known], color=BEST, marker="o", linewidth=1.8)
    axes.axhline(0, color=BASELINE, linewidth=1)
    axes.axvline(pairs.looks[-1].n, color=BOUNDARY, linewidth=0.8)
    axes.set_xlim(0.5, pairs.budget + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("pairs of confirmation runs")
    axes.set_ylabel("improvement in standard errors")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def standardized(improvement: float, low: float | None, reach: float | None) -> float | None:
    """The improvement in its standard errors, from how far its interval reaches."""
    if low is None or reach is None or improvement == low:
        return None
    return improvement * reach / (improvement - low)


def boundary_to_come(pairs: Pairs) -> list[tuple[int, float]]:
    """By number of pairs, how many standard errors the interval will reach, from the last look on."""
    last = pairs.looks[-1].n
    return [
        (n, float(-ndtri(error / 2))) for n, error in sorted(pairs.errors.items()) if n >= last and error > 0
    ]
