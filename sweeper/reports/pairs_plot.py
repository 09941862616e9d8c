"""The picture of confirmation pairs that came one by one: the path of the difference, and its boundary."""

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.special import ndtri

from sweeper.findings import PairLook, Pairs
from sweeper.results import Judgement
from sweeper.task import BASELINE_COLOR as BASELINE, BEST_COLOR as BEST

BOUNDARY = "#9aa1ad"


def pairs_figure(judgement: Judgement) -> Figure | None:
    """The improvement after each pair, in standard errors, within the boundary; None for a fixed number.

    The boundary to come is dotted: what is known of the noise will be known better by then.
    """
    pairs = judgement.pairs
    if pairs is None or not pairs.is_sequential or not pairs.looks:
        return None
    figure = Figure(figsize=(7.5, 3.4), layout="constrained")
    axes = figure.add_subplot()
    known = [
        (look.n, look.reach, z)
        for look in pairs.looks
        if look.reach and (z := standardized(look)) is not None
    ]
    at, to_come = [n for n, _, _ in known], boundary_to_come(pairs)
    for sign in (1, -1):
        axes.plot(at, [sign * reach for _, reach, _ in known], color=BOUNDARY, marker=".")
        axes.plot([n for n, _ in to_come], [sign * reach for _, reach in to_come], ":", color=BOUNDARY)
    axes.plot(at, [z for _, _, z in known], color=BEST, marker="o", linewidth=1.8)
    axes.axhline(0, color=BASELINE, linewidth=1)
    axes.axvline(pairs.looks[-1].n, color=BOUNDARY, linewidth=0.8)
    axes.set_xlim(0.5, pairs.budget + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("pairs of confirmation runs")
    axes.set_ylabel("improvement in standard errors")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def standardized(look: PairLook) -> float | None:
    """The improvement in its standard errors, from how far its interval reaches."""
    if look.ci_low is None or look.reach is None or look.improvement == look.ci_low:
        return None
    return look.improvement * look.reach / (look.improvement - look.ci_low)


def boundary_to_come(pairs: Pairs) -> list[tuple[int, float]]:
    """By number of pairs, how many standard errors the interval will reach, from the last look on.

    As of normal draws, times what is known to be more at the last look.
    """
    last = pairs.looks[-1]
    normal = {n: float(-ndtri(error / 2)) for n, error in sorted(pairs.errors.items()) if error > 0}
    if last.reach is None or last.n not in normal:
        return []
    return [(n, reach * last.reach / normal[last.n]) for n, reach in normal.items() if n >= last.n]
