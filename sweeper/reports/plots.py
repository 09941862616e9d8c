"""The pictures of a report. Matplotlib without pyplot: no global state, no display."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sweeper.layout import RunFolder, write_atomic
from sweeper.reports.curves import curve
from sweeper.reports.leaderboard import Compared, interval_of_difference
from sweeper.reports.pairs_plot import pairs_figure
from sweeper.results import Judgement, Objective, StudyResult, TrialResult
from sweeper.task import BASELINE_COLOR as BASELINE, BEST_COLOR as BEST, Plot
from sweeper.wording import plural

OTHER = "#4a7fb5"
FRONT = (BEST, OTHER, "#4f9a6b", "#a1629a")
"""Colors of the trials whose curves are shown: the best, or the first of a front."""


@dataclass(frozen=True)
class ForestRow:
    """An estimate with its interval."""

    label: str
    low: float
    middle: float
    high: float
    color: str


def write_plots(folder: Path, result: StudyResult, judgement: Judgement) -> list[Path]:
    """Write each picture that there is something to show in; their paths, in the order of a report."""
    figures = {
        "curves": curves_figure(result, judgement),
        "forest": forest_figure(result, judgement),
        "pairs": pairs_figure(judgement),
        "attribution": attribution_figure(result, judgement),
        "pareto": pareto_figure(result, judgement),
    }
    return [
        write_figure(folder / f"{name}.png", figure) for name, figure in figures.items() if figure is not None
    ]


def write_plot(folder: Path, plot: Plot) -> Path:
    """Write a task's own picture; its path."""
    figure = Figure(figsize=plot.size, layout="constrained")
    plot.draw(figure)
    return write_figure(folder / f"{plot.name}.png", figure)


def curves_figure(result: StudyResult, judgement: Judgement) -> Figure | None:
    """Validation over the steps: baseline, best or front, difference paired by seed; None without curves.

    With several objectives there is one panel an objective, and none for the difference.
    """
    chosen = [judgement.best] if judgement.front is None else judgement.front
    best = [trial for trial in result.candidates if trial.spec.number in chosen][: len(FRONT)]
    arms = [(result.baseline, BASELINE), *zip(best, FRONT, strict=False)]
    has_difference = len(result.objectives) == 1 and len(best) == 1
    n_panels = len(result.objectives) + has_difference
    figure = Figure(figsize=(10.0 if n_panels > 1 else 7.0, 3.8), layout="constrained")
    panels = [figure.add_subplot(1, n_panels, i + 1) for i in range(n_panels)]
    for axes, objective in zip(panels, result.objectives, strict=False):
        for trial, color in arms:
            _draw_curve(axes, _curves(result, trial, objective), short(trial.spec.name), color)
        axes.set_ylabel(f"val {objective.metric}")
    if has_difference:
        _draw_difference(panels[-1], result, best[0])
    for axes in panels:
        _finish_curves(axes, _warmup_steps(arms[-1][0]))
    return figure if panels[0].lines else None


def forest_figure(result: StudyResult, judgement: Judgement) -> Figure | None:
    """Difference and interval of each candidate, the confirmed on top; None where nothing was compared."""
    rows = _forest_rows(result, judgement) if len(result.objectives) == 1 else []
    return forest_of(rows, result.objectives[0], result.judged_on, result.min_effect)


def forest_of(
    rows: Sequence[ForestRow],
    objective: Objective,
    split: str,
    min_effect: float | None,
    label: str = "below study.min_effect",
) -> Figure | None:
    """Differences to the baseline on `split`, the first on top; None without any. `label`: of small ones."""
    if not rows:
        return None
    figure = Figure(figsize=(7.5, 1.4 + 0.34 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    if min_effect is not None:
        axes.axvspan(-min_effect, min_effect, color="#eef0f4", label=label)
        axes.legend(loc="best", frameon=False, fontsize="small")
    _draw_forest(axes, rows)
    better = "right" if objective.sign > 0 else "left"
    axes.set_xlabel(f"difference in {split} {objective.metric}, trial minus baseline (better: {better})")
    return figure


def attribution_figure(result: StudyResult, judgement: Judgement) -> Figure | None:
    """The improvement of each group of keys, the whole on top; None where nothing was attributed."""
    rows = _attribution_rows(judgement)
    if not rows:
        return None
    figure = Figure(figsize=(7.5, 1.4 + 0.34 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    _draw_forest(axes, rows)
    metric = f"{result.judged_on} {result.objectives[0].metric}"
    axes.set_xlabel(f"improvement in {metric}, winner's values instead of baseline's")
    return figure


def _attribution_rows(judgement: Judgement) -> list[ForestRow]:
    """The confirmation's interval is the whole's, where it is of the same seeds."""
    found, confirmed = judgement.attribution, judgement.confirmation
    if found is None or found.improvement is None:
        return []
    whole: tuple[float, float | None, float | None] = (found.improvement, None, None)
    if confirmed is not None and tuple(confirmed.best_per_seed) == found.seeds:
        whole = (confirmed.improvement, confirmed.ci_low, confirmed.ci_high)
    return [
        _attribution_row("all together", *whole, BEST),
        *(
            _attribution_row(
                group.name, group.improvement, group.ci_low, group.ci_high, BEST if group.is_named else OTHER
            )
            for group in found.groups
        ),
    ]


def _attribution_row(
    name: str, middle: float, low: float | None, high: float | None, color: str
) -> ForestRow:
    """Where the interval is unknown, a dot alone."""
    low, high = (middle, middle) if low is None or high is None else (low, high)
    return ForestRow(short(name), low, middle, high, color)


def _draw_forest(axes: Axes, rows: Sequence[ForestRow]) -> None:
    """An estimate with its interval a line, the first on top."""
    axes.axvline(0, color=BASELINE, linewidth=1)
    for i, row in enumerate(rows):
        axes.plot([row.low, row.high], [i, i], color=row.color, linewidth=2)
        axes.plot([row.middle], [i], "o", color=row.color, markersize=6)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    _plain(axes, grid="x")


def pareto_figure(result: StudyResult, judgement: Judgement) -> Figure | None:
    """All trials in the plane of two validation metrics; None for any other number of objectives."""
    if len(result.objectives) != 2:
        return None
    keys = [f"val/{objective.metric}" for objective in result.objectives]
    points = {
        trial.spec.number: (trial, x, y)
        for trial in result.trials
        if (x := trial.mean(result.seeds, keys[0])) is not None
        and (y := trial.mean(result.seeds, keys[1])) is not None
    }
    figure = Figure(figsize=(7.5, 5.0), layout="constrained")
    axes = figure.add_subplot()
    front = sorted(points[number][1:] for number in judgement.front or [] if number in points)
    # what the front beats lies towards the worse side of the first objective
    steps = "steps-pre" if result.objectives[0].sign > 0 else "steps-post"
    axes.plot([x for x, _ in front], [y for _, y in front], color=BEST, linewidth=1, drawstyle=steps)
    for number, (trial, x, y) in points.items():
        color = BASELINE if trial is result.baseline else BEST if number in (judgement.front or []) else OTHER
        axes.plot([x], [y], "s" if trial is result.baseline else "o", color=color)
        axes.annotate(short(trial.spec.name), (x, y), (5, 5), textcoords="offset points", fontsize="small")
    labels = [f"val {objective.metric} ({objective.direction})" for objective in result.objectives]
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.margins(x=0.2, y=0.12)
    _plain(axes, grid="both")
    return figure if points else None


def write_figure(path: Path, figure: Figure) -> Path:
    """Write a picture; its path."""
    image = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # names may be in any script
        FigureCanvasAgg(figure).print_figure(image, dpi=120, format="png")
    write_atomic(path, image.getvalue())
    return path


def _curves(result: StudyResult, trial: TrialResult, objective: Objective) -> dict[int, dict[int, float]]:
    """By seed, the validation metric by step, of the runs whose files are there."""
    folders = {seed: trial.runs[seed].folder for seed in result.seeds if seed in trial.runs}
    key = f"val/{objective.metric}"
    found = {seed: curve(RunFolder(path).metrics, key) for seed, path in folders.items() if path}
    return {seed: values for seed, values in found.items() if values}


def _draw_difference(axes: Axes, result: StudyResult, best: TrialResult) -> None:
    objective = result.objectives[0]
    ours, theirs = (_curves(result, trial, objective) for trial in (best, result.baseline))
    paired = {
        seed: {step: ours[seed][step] - theirs[seed][step] for step in ours[seed].keys() & theirs[seed]}
        for seed in ours.keys() & theirs
    }
    _draw_curve(axes, paired, f"{short(best.spec.name)} minus baseline", BEST)
    axes.axhline(0, color=BASELINE, linewidth=1)
    axes.set_ylabel(f"difference in val {objective.metric}")


def _draw_curve(axes: Axes, curves: Mapping[int, Mapping[int, float]], label: str, color: str) -> None:
    """Mean and range over the seeds, at steps that all seeds have: else the mean jumps where one ends."""
    if not curves:
        return
    steps = sorted(set.intersection(*(set(values) for values in curves.values())))
    at = [[values[step] for values in curves.values()] for step in steps]
    lowest, highest = [min(values) for values in at], [max(values) for values in at]
    axes.fill_between(steps, lowest, highest, color=color, alpha=0.18, linewidth=0)
    n_seeds = plural(len(curves), "seed")
    axes.plot(
        steps,
        [fmean(values) for values in at],
        color=color,
        linewidth=1.8,
        marker="o" if len(steps) == 1 else None,  # a line of one point is invisible
        label=f"{label} ({n_seeds})",
    )


def _finish_curves(axes: Axes, warmup_steps: int | None) -> None:
    if axes.lines and warmup_steps and warmup_steps < axes.get_xlim()[1]:
        axes.axvline(warmup_steps, color="#9aa1ad", linewidth=1, linestyle=":", label="end of warmup_steps")
    axes.set_xlabel("step")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize="small")
    _plain(axes, grid="y")


def _warmup_steps(trial: TrialResult) -> int | None:
    """Until this step a candidate equals its baseline, if its configuration has such a thing."""
    for section in trial.spec.config.values():
        if isinstance(section, dict) and isinstance(found := section.get("warmup_steps"), int):
            return found
    return None


def _forest_rows(result: StudyResult, judgement: Judgement) -> list[ForestRow]:
    """The confirmation first, then the candidates from the largest difference down."""
    compared = [(trial, judgement.comparisons.get(trial.spec.number, ())) for trial in result.candidates]
    rows = [forest_row(short(trial.spec.name, 45), one, OTHER) for trial, found in compared for one in found]
    best = [trial.spec.name for trial in result.candidates if trial.spec.number == judgement.best]
    confirmed = [forest_row(f"{short(name)}, confirmed", judgement.confirmation, BEST) for name in best]
    known = sorted((row for row in rows if row is not None), key=lambda row: -row.middle)
    return [*(row for row in confirmed if row is not None), *known]


def forest_row(name: str, compared: Compared | None, color: str) -> ForestRow | None:
    """The row of a difference; None where its interval is unknown."""
    if compared is None:
        return None
    middle, low, high = interval_of_difference(compared)
    if low is None or high is None:
        return None
    return ForestRow(name, low, middle, high, color)


def short(name: str, limit: int = 34) -> str:
    """As much of a name as has room, such that matplotlib neither reads formulas in it nor hides its line."""
    short = name if len(name) <= limit else name[: limit - 1] + "…"
    return (" " if short.startswith("_") else "") + short.replace("$", r"\$")


def _plain(axes: Axes, grid: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color="#e7e9ee", linewidth=0.8)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
