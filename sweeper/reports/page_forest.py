"""Differences to the baseline with their intervals, as a table that is a picture: no script, any width."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.reports.leaderboard import with_interval
from sweeper.reports.page_parts import text
from sweeper.wording import NOTHING

MOST_ROWS = 30


@dataclass(frozen=True)
class Interval:
    """An estimate in the metric's unit; without limits a dot alone."""

    name: str
    middle: float
    low: float | None
    high: float | None
    is_best: bool = False


def forest_table(rows: Sequence[Interval], caption: str, min_effect: float | None = None) -> str:
    """The rows, the first on top, around zero; empty without any. `min_effect` is shaded."""
    shown = rows[:MOST_ROWS]
    if not shown:
        return ""
    places = _Places.of(shown, min_effect)
    more = f" {len(rows) - len(shown)} more are in the leaderboard." if len(rows) > len(shown) else ""
    body = "".join(_row(row, places, min_effect) for row in shown)
    return (
        f'<div class="scroll"><table class="forest"><caption><span>{text(caption + more)}</span></caption>'
        f"<tbody>{body}{_axis(places)}</tbody></table></div>"
    )


@dataclass(frozen=True)
class _Places:
    """Where values are between the left end and the right one, in percent."""

    low: float
    high: float

    @classmethod
    def of(cls, rows: Sequence[Interval], min_effect: float | None) -> "_Places":
        ends = [
            *(end for row in rows for end in (row.low, row.high, row.middle) if end is not None),
            *((-min_effect, min_effect) if min_effect is not None else ()),
            0.0,
        ]
        margin = 0.06 * (max(ends) - min(ends)) or 1.0
        return cls(min(ends) - margin, max(ends) + margin)

    def at(self, value: float) -> float:
        return 100 * (value - self.low) / (self.high - self.low)


def _row(row: Interval, places: _Places, min_effect: float | None) -> str:
    estimate, interval = with_interval(row.middle, row.low, row.high)
    words = estimate if interval == NOTHING else f"{estimate} {interval}"
    kind = ' class="best"' if row.is_best else ""
    track = f'<span class="track">{_track(row, places, min_effect)}</span>'
    return (
        f'<tr{kind}><td class="left name">{text(row.name)}</td>'
        f'<td class="bar" aria-hidden="true">{track}</td>'
        f"<td>{text(words)}</td></tr>"
    )


def _track(row: Interval, places: _Places, min_effect: float | None) -> str:
    band = "" if not min_effect else _stretch("band", places.at(-min_effect), places.at(min_effect))
    span = (
        ""
        if row.low is None or row.high is None
        else _stretch("span", places.at(row.low), places.at(row.high))
    )
    zero = f'<i class="zero" style="left:{places.at(0):.2f}%"></i>'
    return f'{band}{zero}{span}<i class="dot" style="left:{places.at(row.middle):.2f}%"></i>'


def _stretch(kind: str, left: float, right: float) -> str:
    return f'<i class="{kind}" style="left:{left:.2f}%;width:{right - left:.2f}%"></i>'


def _axis(places: _Places) -> str:
    """The ends of the picture, in the metric's unit."""
    ends = f"<span>{places.low:+.2g}</span><span>{places.high:+.2g}</span>"
    return (
        '<tr class="axis" aria-hidden="true"><td></td>'
        f'<td class="bar"><span class="ends">{ends}</span></td><td></td></tr>'
    )
