"""The figures of a page that answer to a pointer, as plotly has them: dictionaries of data and layout."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Any

from sweeper.reports.page_data import BySeed, Points
from sweeper.wording import number

Figure = dict[str, Any]
BASELINE, BEST, OTHER = "$baseline", "$best", "$other"
FAINT = 0.45
LOG_SPAN = 30.0
"""Positive values that span this factor are shown on a logarithmic axis."""
LEAST_FOR_LINES = 8
"""So many trials, with two parameters, have parallel coordinates."""
LEAST_FOR_IMPORTANCE = 20
MOST_LINES = 500


@dataclass(frozen=True)
class Shown:
    """A trial, as figures show it; `values` of the objective by seed, `kind` as that of a table's row."""

    number: int
    name: str
    kind: str
    params: Mapping[str, Any]
    values: Mapping[int, float]

    @property
    def label(self) -> str:
        """`3 lambda=0.1`, safe in plotly's own markup."""
        return f"{self.number} {plain(self.name)}"

    @property
    def mean(self) -> float | None:
        """Over the seeds that are known; None without any."""
        return fmean(self.values.values()) if self.values else None


def plain(name: str) -> str:
    """A name in which plotly finds no markup of its own."""
    return name.replace("&", "&amp;").replace("<", "&lt;")


def curves_figure(trials: Sequence[Shown], curves: Mapping[int, BySeed], metric: str) -> Figure | None:
    """Validation over the steps; all trials, baseline and best with their band; None without curves."""
    known = [trial for trial in trials if trial.number in curves]
    others = [trial for trial in known if not trial.kind]
    data = _all_lines(others, curves)
    for trial in sorted((one for one in known if one.kind), key=lambda one: one.kind == "best"):
        data += _with_band(trial, curves[trial.number])
    layout = {
        "xaxis": {"title": {"text": "step"}},
        "yaxis": {"title": {"text": f"val {plain(metric)}"}},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    }
    return {"data": data, "layout": layout} if data else None


def differences_figure(trials: Sequence[Shown], curves: Mapping[int, BySeed], metric: str) -> Figure | None:
    """The same, minus the baseline seed by seed: what differs is seldom seen in the curves themselves.

    None without any difference.
    """
    baseline = next(
        (curves[one.number] for one in trials if one.kind == "baseline" and one.number in curves), {}
    )
    found = {
        trial.number: paired
        for trial in trials
        if trial.kind != "baseline" and (paired := _paired(curves.get(trial.number, {}), baseline))
    }
    if not any(value for by in found.values() for points in by.values() for _, value in points):
        return None
    drawn = curves_figure(trials, found, metric)
    if drawn is None:
        return None
    zero = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 0, "y1": 0}
    drawn["layout"]["shapes"] = [zero | {"line": {"color": BASELINE, "width": 1.5, "dash": "dash"}}]
    drawn["layout"]["yaxis"]["title"]["text"] = f"difference in val {plain(metric)}"
    return drawn


def _paired(ours: BySeed, theirs: BySeed) -> dict[int, Points]:
    found = {}
    for seed in ours.keys() & theirs.keys():
        base = dict(theirs[seed])
        if points := tuple((step, value - base[step]) for step, value in ours[seed] if step in base):
            found[seed] = points
    return found


def _all_lines(trials: Sequence[Shown], curves: Mapping[int, BySeed]) -> list[Figure]:
    """One trace for all of them, with gaps: a trace for each of hundreds is slow."""
    x: list[int | None] = []
    y: list[float | None] = []
    names: list[str] = []
    for trial in trials:
        mean, _, _ = _over_seeds(curves[trial.number])
        x += [*mean, None]
        y += [*mean.values(), None]
        names += [trial.label] * (len(mean) + 1)
    if not trials:
        return []
    line = {"color": OTHER, "width": 1.2}
    n = f"{len(trials)} other trial{'s' * (len(trials) != 1)}"
    return [_line(x, y, n, line) | {"text": names, "opacity": FAINT if len(trials) > 12 else 0.85}]


def _with_band(trial: Shown, by_seed: BySeed) -> list[Figure]:
    color = BEST if trial.kind == "best" else BASELINE
    mean, low, high = _over_seeds(by_seed)
    steps = list(mean)
    edge = {"mode": "lines", "line": {"width": 0, "color": color}, "hoverinfo": "skip", "showlegend": False}
    band = [
        {"type": "scatter", "x": steps, "y": list(low.values()), **edge},
        {
            "type": "scatter",
            "x": steps,
            "y": list(high.values()),
            **edge,
            "fill": "tonexty",
            "fillcolor": f"{color}-soft",
        },
    ]
    name = f"{trial.label} ({len(by_seed)} seed{'s' * (len(by_seed) != 1)})"
    line = _line(steps, list(mean.values()), name, {"color": color, "width": 2.6})
    return [*(band if len(by_seed) > 1 else []), line | {"text": [trial.label] * len(steps)}]


def _line(x: Sequence[Any], y: Sequence[Any], name: str, line: Figure) -> Figure:
    mode = "lines" if len([one for one in x if one is not None]) > 1 else "markers"
    hover = "%{text}<br>step %{x}: %{y:.5g}<extra></extra>"
    return {
        "type": "scatter",
        "mode": mode,
        "x": x,
        "y": y,
        "name": name,
        "line": line,
        "marker": {"color": line["color"]},
        "hovertemplate": hover,
    }


def _over_seeds(by_seed: BySeed) -> tuple[dict[int, float], dict[int, float], dict[int, float]]:
    """Mean, lowest and highest at the steps that all seeds have: else the mean jumps where one ends."""
    found = [dict(points) for points in by_seed.values()]
    steps = sorted(set.intersection(*(set(points) for points in found)))
    at = {step: [points[step] for points in found] for step in steps}
    return (
        {step: fmean(values) for step, values in at.items()},
        {step: min(values) for step, values in at.items()},
        {step: max(values) for step, values in at.items()},
    )


def swept(trials: Iterable[Shown]) -> list[str]:
    """The keys that take more than one value in the trials, in the order in which they appear."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for key, value in trial.params.items():
            values.setdefault(key, set()).add(repr(value))
    return [key for key, found in values.items() if len(found) > 1]


def parameter_figure(trials: Sequence[Shown], key: str, metric: str, command: str) -> Figure:
    """The objective over one parameter: a dot a seed, a diamond for the mean; the baseline as a line."""
    own = [trial for trial in trials if key in trial.params and trial.values]
    is_number = all(is_numeric(trial.params[key]) for trial in own)
    dots = {"x": [], "y": [], "text": []}  # type: dict[str, list[Any]]
    for trial in own:
        for seed, value in trial.values.items():
            dots["x"].append(shown_value(trial.params[key], is_number))
            dots["y"].append(value)
            dots["text"].append(f"{trial.label}, seed {seed}")
    means = {
        "x": [shown_value(trial.params[key], is_number) for trial in own],
        "y": [trial.mean for trial in own],
        "text": [f"{trial.label}, mean" for trial in own],
    }
    colors = [BEST if trial.kind == "best" else OTHER for trial in own]
    hover = "%{text}<br>%{x}: %{y:.5g}<extra></extra>"
    faint = {"color": OTHER, "size": 4, "opacity": FAINT}
    base = {"type": "scatter", "mode": "markers", "hovertemplate": hover, "showlegend": False}
    data = [
        {**base, **dots, "marker": faint},
        {**base, **means, "marker": {"color": colors, "size": 9, "symbol": "diamond"}},
    ]
    baseline = next((one.mean for one in trials if one.kind == "baseline" and one.mean is not None), None)
    is_log = is_number and is_logarithmic(key, [float(trial.params[key]) for trial in own], command)
    axis = {"title": {"text": plain(key)}, "type": "log" if is_log else "linear" if is_number else "category"}
    layout = {"xaxis": axis, "yaxis": {"title": {"text": f"val {plain(metric)}"}}}
    return {"data": data, "layout": layout | ({} if baseline is None else _level(baseline))}


def _level(value: float) -> Figure:
    line = {"color": BASELINE, "width": 1.5, "dash": "dash"}
    place = {"x": 1, "xref": "paper", "y": value, "xanchor": "right", "yanchor": "bottom", "showarrow": False}
    return {
        "shapes": [
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line}
        ],
        "annotations": [{**place, "text": "baseline", "font": {"color": BASELINE, "size": 11}}],
    }


def is_numeric(value: Any) -> bool:
    """Whether a parameter's value has a place on an axis of numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def shown_value(value: Any, is_number: bool) -> Any:
    """A value as an axis has it."""
    return value if is_number else plain(str(value))


def is_logarithmic(key: str, values: Sequence[float], command: str) -> bool:
    """Whether the search was on a logarithmic scale, or its values look as if it had been."""
    if not values or min(values) <= 0:
        return False
    asked = re.search(rf"(?<![\w.]){re.escape(key)}=['\"]?(?:tag\(log|log)", command)
    return asked is not None or max(values) / min(values) >= LOG_SPAN


def parallel_figure(trials: Sequence[Shown], metric: str, command: str) -> Figure | None:
    """A line a trial through its parameters to the objective; None where a table says as much."""
    own = [trial for trial in trials if trial.values and trial.params][:MOST_LINES]
    keys = [key for key in swept(own) if all(key in trial.params for trial in own)]
    if len(own) < LEAST_FOR_LINES or len(keys) < 2:
        return None
    scales = [_scale([trial.params[key] for trial in own], key, command) for key in keys]
    scales.append(_scale([trial.mean for trial in own], "", ""))
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": list(range(len(scales))),
            "showlegend": False,
            "y": [scale.places[i] for scale in scales],
            "line": {"color": BEST if trial.kind == "best" else OTHER, "width": 3 if trial.kind else 1},
            "opacity": 1.0 if trial.kind else FAINT,
            "hovertemplate": f"{trial.label}: {number(trial.mean)}<extra></extra>",
        }
        for i, trial in sorted(enumerate(own), key=lambda one: bool(one[1].kind))
    ]
    names = [*map(plain, keys), f"val {plain(metric)}"]
    marks = [mark for i, scale in enumerate(scales) for mark in _marks(i, scale)]
    axis = {"tickvals": list(range(len(names))), "ticktext": names, "range": [-0.2, len(names) - 0.6]}
    return {
        "data": data,
        "layout": {"xaxis": axis, "yaxis": {"visible": False, "range": [-0.1, 1.1]}, "annotations": marks},
    }


@dataclass(frozen=True)
class _Scale:
    """Where each value is between 0 and 1, and texts with their places."""

    places: Sequence[float]
    marks: Sequence[tuple[float, str]]


def _scale(values: Sequence[Any], key: str, command: str) -> _Scale:
    if not all(map(is_numeric, values)):
        names = sorted({str(value) for value in values})
        at = {name: i / max(1, len(names) - 1) for i, name in enumerate(names)}
        return _Scale([at[str(value)] for value in values], [(at[n], plain(n)[:24]) for n in names[:12]])
    is_log = bool(key) and is_logarithmic(key, [float(value) for value in values], command)
    found = [math.log(value) if is_log else float(value) for value in values]
    low, width = min(found), (max(found) - min(found)) or 1.0
    ends = [(0.0, f"{min(values):.4g}"), (1.0, f"{max(values):.4g}")]
    return _Scale([(value - low) / width for value in found], ends)


def _marks(index: int, scale: _Scale) -> Iterable[Figure]:
    for place, words in scale.marks:
        yield {
            "x": index,
            "y": place,
            "text": words,
            "showarrow": False,
            "xanchor": "left",
            "xshift": 4,
            "font": {"size": 11},
        }


def importance_figure(trials: Sequence[Shown]) -> Figure | None:
    """How much of the objective's variance each parameter accounts for alone; None for a small study."""
    own = [trial for trial in trials if trial.values and trial.params]
    keys = swept(own)
    if len(own) < LEAST_FOR_IMPORTANCE or len(keys) < 2:
        return None
    found = sorted((share_of_variance(own, key), key) for key in keys)
    bar = {
        "type": "bar",
        "orientation": "h",
        "x": [share for share, _ in found],
        "y": [plain(key) for _, key in found],
        "marker": {"color": OTHER},
        "hovertemplate": "%{y}: %{x:.0%}<extra></extra>",
    }
    axis = {"title": {"text": "share of the variance, alone"}, "tickformat": ".0%", "range": [0, 1]}
    return {"data": [bar], "layout": {"xaxis": axis, "yaxis": {"type": "category"}}}


def share_of_variance(trials: Sequence[Shown], key: str) -> float:
    """Variance between groups of like values of the parameter over the whole variance of the objective.

    Numbers that take many values are put into groups of equal size; small groups are corrected for
    (epsilon squared), so that a parameter without any effect has about 0.
    """
    own = [(trial.params[key], trial.mean) for trial in trials if key in trial.params]
    pairs = [(value, mean) for value, mean in own if mean is not None]
    groups = _groups(pairs)
    values = [mean for _, mean in pairs]
    middle = fmean(values)
    whole = sum((one - middle) ** 2 for one in values)
    within = sum((one - fmean(group)) ** 2 for group in groups for one in group)
    n, k = len(values), len(groups)
    if whole <= 0 or n <= k:
        return 0.0
    return min(1.0, max(0.0, 1 - (within / (n - k)) / (whole / (n - 1))))


def _groups(pairs: Sequence[tuple[Any, float]]) -> list[list[float]]:
    n_groups = max(2, min(8, len(pairs) // 5))
    if len({repr(value) for value, _ in pairs}) > n_groups and all(is_numeric(value) for value, _ in pairs):
        ordered = [mean for _, mean in sorted(pairs)]
        cuts = [round(i * len(ordered) / n_groups) for i in range(n_groups + 1)]
        return [ordered[a:b] for a, b in pairwise(cuts) if b > a]
    found: dict[str, list[float]] = {}
    for value, mean in pairs:
        found.setdefault(repr(value), []).append(mean)
    return list(found.values())
