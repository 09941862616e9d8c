"""The leaderboard of a study that runs, for a terminal: the best trials so far, and their baseline."""

from collections.abc import Sequence
from statistics import fmean, stdev

from rich.text import Text

from sweeper.reports.fitting import Column, FittedTable, Row
from sweeper.reports.leaderboard_table import STYLES
from sweeper.reports.page_figures import Shown
from sweeper.reports.page_live import LiveTrial, differences, ranked
from sweeper.verdict import decimals
from sweeper.wording import NOTHING, number


class LiveBoard:
    """The trials that have a value, ranked once and drawn as often as is wanted."""

    def __init__(
        self, trials: Sequence[LiveTrial] = (), sign: int = 1, metric: str = "", n_seeds: int = 0
    ) -> None:
        self._metric, self._n_seeds = metric, n_seeds
        self._ranked = [one for one in ranked(trials, sign) if one.values]
        self._differences = differences(self._ranked)

    def __len__(self) -> int:
        return len(self._ranked)

    def table(self, most: int) -> FittedTable:
        """The first `most` of them, the baseline among them wherever it stands."""
        n = len(self._ranked)
        columns = (
            Column("#"),
            Column(f"best of {n} so far" if n > most else "so far", is_left=True, is_name=True),
            Column(f"val {self._metric}"),
            Column("", leaves=2, is_left=True),
            Column("difference"),
            Column("seeds", leaves=1),
        )
        return FittedTable(
            columns, [self._row(one) for one in self._first(most)], has_rule=False, cuts_names=True
        )

    def _first(self, most: int) -> list[Shown]:
        first = self._ranked[:most]
        below = [one for one in self._ranked[most:] if one.kind == "baseline"]
        return first[: len(first) - len(below)] + below

    def _row(self, one: Shown) -> Row:
        values, known = list(one.values.values()), self._differences.get(one.number, [])
        around = f"± {stdev(values):.4f}" if len(values) > 1 else ""
        difference = f"{(mean := fmean(known)):+.{decimals(mean)}f}" if known else NOTHING
        cells = (str(one.number), one.name, number(one.mean), Text(around, "dim"), difference)
        return Row([*cells, f"{len(values)}/{self._n_seeds}"], STYLES.get(one.kind, ""))
