"""The timeline of a page: what ran on which device, and when."""

from collections.abc import Mapping, Sequence

from sweeper.reports.page_data import Span
from sweeper.reports.page_figures import BASELINE, BEST, OTHER, Figure, Shown, plain

BAD = "$bad"


def timeline_figure(spans: Sequence[Span], trials: Sequence[Shown]) -> Figure | None:
    """What ran where and when, in minutes since the first; None where it is unknown."""
    if not spans:
        return None
    by_number = {trial.number: trial for trial in trials}
    first = min(span.begin_s for span in spans)
    lanes = lanes_of(spans)
    data = []
    for name, color in (("baseline", BASELINE), ("best", BEST), ("others", OTHER), ("failed", BAD)):
        own = [(span, lane) for span, lane in lanes if _is_of(span, by_number, name)]
        if own:
            data.append(_bars(own, by_number, first, name, color))
    axis = {"title": {"text": "minutes since the first run"}}
    return {
        "data": data,
        "layout": {
            "xaxis": axis,
            "yaxis": {"type": "category", "autorange": "reversed"},
            "barmode": "overlay",
            "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        },
    }


def lanes_of(spans: Sequence[Span]) -> list[tuple[Span, str]]:
    """Each span with its lane: those of one device that overlap are beside each other."""
    ends: dict[str, list[float]] = {}
    found = []
    for span in sorted(spans, key=lambda one: one.begin_s):
        free = ends.setdefault(span.device or "device", [])
        slack = 0.1 * (span.end_s - span.begin_s)
        index = next((i for i, end in enumerate(free) if end <= span.begin_s + slack), len(free))
        free[index : index + 1] = [span.end_s]
        found.append((span, f"{plain(span.device or 'device')} · {index + 1}"))
    return found


def _is_of(span: Span, trials: Mapping[int, Shown], name: str) -> bool:
    if span.state in ("FAILED", "INTERRUPTED"):
        return name == "failed"
    kind = trials[span.trial].kind if span.trial in trials else ""
    return name == (kind or "others")


def _bars(
    own: Sequence[tuple[Span, str]], trials: Mapping[int, Shown], first: float, name: str, color: str
) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "marker": {"color": color, "line": {"width": 1, "color": "$paper"}},
        "y": [lane for _, lane in own],
        "x": [round((span.end_s - span.begin_s) / 60, 3) for span, _ in own],
        "base": [round((span.begin_s - first) / 60, 3) for span, _ in own],
        "text": [_told(span, trials) for span, _ in own],
        "textposition": "none",
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told(span: Span, trials: Mapping[int, Shown]) -> str:
    name = trials[span.trial].label if span.trial in trials else str(span.trial)
    return f"{name}, seed {span.seed}<br>{span.end_s - span.begin_s:.1f} s, {span.state.lower()}"
