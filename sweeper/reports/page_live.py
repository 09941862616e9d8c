"""The page of a study that runs: what is known so far, from what its observers were told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean, stdev
from typing import Any

from sweeper.reports import page_figures as figures
from sweeper.reports.page_data import MANY, MOST_POINTS, MOST_TRIALS, BySeed, Span, thinned
from sweeper.reports.page_figures import Shown
from sweeper.reports.page_final import DIFFERENCES, parameter_places
from sweeper.reports.page_forest import Interval, forest_table
from sweeper.reports.page_parts import BoardRow, Cell, Page, Section, document, figure, table, text
from sweeper.reports.page_timeline import timeline_figure
from sweeper.results import Objective
from sweeper.wording import NOTHING, duration, number, plural

CURVES = "Validation over the steps so far: baseline and best with the band of their seeds."
MOST_SLOTS = 64


@dataclass(frozen=True)
class LiveTrial:
    """A trial so far: the objective on validation by screening seed, runs by state, the curves."""

    number: int
    name: str
    is_baseline: bool
    params: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[int, float] = field(default_factory=dict)
    states: Mapping[int, str] = field(default_factory=dict)
    curves: BySeed = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class LiveSlot:
    """A slot, and what runs on it; an idle one has no `trial`."""

    label: str
    trial: int | None = None
    name: str = ""
    seed: int = 0
    fraction: float = 0.0
    steps: str = ""
    objective: float | None = None
    steps_per_s: float | None = None


@dataclass(frozen=True)
class LiveStudy:
    """A study at one moment. `left_s`: until its end, None where that cannot be told.

    `is_most`: fewer than `n_runs` may do.
    """

    study: str
    objective: Objective
    seeds: tuple[int, ...]
    command: str
    trials: Sequence[LiveTrial]
    slots: Sequence[LiveSlot]
    n_runs: int
    n_done: int
    n_known: int
    since_s: float
    left_s: float | None
    until: str
    spans: Sequence[Span] = ()
    said: Sequence[str] = ()
    warnings: Sequence[str] = ()
    failures: Sequence[str] = ()
    announced: Sequence[str] = ()
    is_most: bool = False

    @property
    def most(self) -> str:
        """`at most `, before a number of runs or a time that may be too large."""
        return "at most " if self.is_most and self.n_done < self.n_runs else ""


def live_page(study: LiveStudy, written: datetime, refresh_s: float) -> str:
    """The page as one file; it reloads itself."""
    shown, drawn = ranked(study.trials, study.objective.sign), dict[str, Any]()
    found = {
        "Now": _now(study),
        "Leaderboard so far": _board(study, shown),
        "Learning curves": curve_places(study, shown, drawn),
        "Parameters": parameter_places(shown, study.objective.metric, study.command, drawn),
        "Timeline": _timeline(study, shown, drawn),
        "Warnings": _listed(study.warnings),
        "Failures": _listed(study.failures),
        "Data": _lines(study.announced),
        "How to reproduce": _lines([study.command] if study.command else []),
    }
    return document(
        Page(
            title=study.study,
            state="running",
            lead=_lead(study, shown),
            sections=[Section(title, body) for title, body in found.items() if body],
            written=written,
            figures=drawn,
            refresh_s=refresh_s,
        )
    )


def ranked(trials: Iterable[LiveTrial], sign: int) -> list[Shown]:
    """The trials, the best mean so far first; those with the most seeds before others."""
    known = sorted(
        trials,
        key=lambda one: (-len(one.values), -sign * fmean(one.values.values()) if one.values else 0),
    )
    best = next((one.number for one in known if one.values and not one.is_baseline), None)
    return [
        Shown(
            one.number,
            one.name,
            "baseline" if one.is_baseline else "best" if one.number == best else "",
            one.params,
            one.values,
        )
        for one in known
    ]


def differences(shown: Sequence[Shown]) -> dict[int, list[float]]:
    """By trial, its values minus the baseline's, of the seeds that both have."""
    baseline = next((one.values for one in shown if one.kind == "baseline"), {})
    return {
        one.number: [value - baseline[seed] for seed, value in one.values.items() if seed in baseline]
        for one in shown
        if one.kind != "baseline"
    }


def _lead(study: LiveStudy, shown: Sequence[Shown]) -> str:
    n_runs = max(study.n_runs, study.n_done)
    sentence = (
        f"Running: {study.n_done} of {study.most}{plural(n_runs, 'run')} done; there is no verdict yet."
    )
    best = next((one for one in shown if one.kind == "best"), None)
    known = differences(shown).get(best.number, []) if best else []
    if best is not None and known:
        metric, n = study.objective.metric, plural(len(known), "seed")
        sentence += f" Best so far on validation: {best.name}, {fmean(known):+.4g} {metric}"
        sentence += f" against the baseline ({n})."
    return f"<blockquote><p>{text(sentence)}</p></blockquote>{_forest(study, shown)}"


def _forest(study: LiveStudy, shown: Sequence[Shown]) -> str:
    names = {one.number: one for one in shown}
    rows = [
        Interval(names[trial].name, fmean(known), *_range(known), names[trial].kind == "best")
        for trial, known in differences(shown).items()
        if known
    ]
    rows.sort(key=lambda row: -study.objective.sign * row.middle)
    metric = study.objective.metric
    return forest_table(
        rows,
        f"Differences in validation {metric} to the baseline so far: means, and the range over the seeds. "
        "That is no interval: the verdict rests on fresh seeds and on data that selection never sees.",
    )


def _range(known: Sequence[float]) -> tuple[float | None, float | None]:
    return (min(known), max(known)) if len(known) > 1 else (None, None)


def _now(study: LiveStudy) -> str:
    n_runs = max(study.n_runs, study.n_done, 1)
    left = (
        "time left unknown yet"
        if study.left_s is None
        else f"{study.most or 'about '}{duration(study.left_s)} left{study.until}"
    )
    if study.n_done >= n_runs:
        left = "all planned runs are done"
    known = f" {plural(study.n_known, 'run')} of earlier sessions are not counted." if study.n_known else ""
    words = (
        f"{study.n_done} of {study.most}{n_runs} runs done, {duration(study.since_s)} so far, {left}.{known}"
    )
    bar = f'<progress max="{n_runs}" value="{study.n_done}" aria-label="runs done"></progress>'
    said = _listed(study.said[-3:])
    return f"<p>{text(words)}</p><p>{bar}</p>{_slots(study)}{said}"


def _slots(study: LiveStudy) -> str:
    if not study.slots:
        return "<p>No slots now; waiting for some.</p>"
    head = ("slot", "#", "trial", "seed", "step", "done", f"val {study.objective.metric}", "steps/s")
    rows = [_slot(slot) for slot in study.slots[:MOST_SLOTS]]
    n_more = len(study.slots) - MOST_SLOTS
    more = f" Of {len(study.slots)} slots the first {MOST_SLOTS}." if n_more > 0 else ""
    return table(f"What runs now.{more}", head, rows, left=("slot", "trial"))


def _slot(slot: LiveSlot) -> BoardRow:
    if slot.trial is None:
        return BoardRow(
            (Cell(slot.label, is_left=True), Cell(""), Cell("idle", is_left=True), *[Cell("")] * 5)
        )
    pace = NOTHING if slot.steps_per_s is None else f"{slot.steps_per_s:.1f}"
    return BoardRow(
        (
            Cell(slot.label, is_left=True),
            Cell(str(slot.trial)),
            Cell(slot.name, is_left=True, kind="name"),
            Cell(str(slot.seed)),
            *(Cell(slot.steps), Cell(f"{slot.fraction:.0%}"), Cell(number(slot.objective)), Cell(pace)),
        )
    )


def _board(study: LiveStudy, shown: Sequence[Shown]) -> str:
    by_number = {trial.number: trial for trial in study.trials}
    known = differences(shown)
    rows = [_row(one, by_number[one.number], known.get(one.number, []), len(study.seeds)) for one in shown]
    head = ("#", "trial", f"val {study.objective.metric}", "difference", "seeds", "state", "time")
    caption = (
        "Trials so far on validation; differences are means over the seeds that baseline and trial have."
    )
    return table(caption, head, rows, left=("trial", "state"), ident="leaderboard") if rows else ""


def _row(one: Shown, trial: LiveTrial, known: Sequence[float], n_seeds: int) -> BoardRow:
    mean, values = one.mean, list(one.values.values())
    around = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
    difference = fmean(known) if known else None
    return BoardRow(
        (
            Cell(str(one.number), one.number),
            Cell(one.name, is_left=True, kind="name"),
            Cell(f"{number(mean)}{around}", "" if mean is None else mean),
            Cell(
                NOTHING if difference is None else f"{difference:+.4g}",
                "" if difference is None else difference,
            ),
            Cell(f"{len(values)} of {n_seeds}", len(values)),
            Cell(_state(trial), is_left=True),
            Cell(duration(trial.seconds), round(trial.seconds, 3)),
        ),
        one.kind,
    )


def _state(trial: LiveTrial) -> str:
    """`2 running, 1 complete`, by how many runs are in each state."""
    names = [state.lower() for state in trial.states.values()]
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names))


def curve_places(study: LiveStudy, shown: Sequence[Shown], drawn: dict[str, Any]) -> str:
    """The places of the curves, whose figures are put into `drawn`; empty without any."""
    most = MOST_POINTS if len(study.trials) > MANY else 10 * MOST_POINTS
    first = {one.number for one in shown[:MOST_TRIALS] if one.values or one.kind}
    own = [trial for trial in study.trials if trial.number in first or trial.is_baseline or not trial.values]
    curves = {
        trial.number: by_seed
        for trial in own[-MOST_TRIALS:]
        if (by_seed := {s: p for s, of in _settled(trial).items() if (p := thinned(of, most))})
    }
    body, metric = "", study.objective.metric
    for ident, caption, make in (
        ("curves-0", CURVES, figures.curves_figure),
        ("differences-0", DIFFERENCES, figures.differences_figure),
    ):
        found = make(shown, curves, metric)
        if found is not None:
            drawn[ident] = found
            body += figure(ident, f"{metric}. {caption}")
    return body


def _settled(trial: LiveTrial) -> BySeed:
    """The curves of complete seeds, if there are any: one that has just begun would cut the mean short."""
    complete = {s: of for s, of in trial.curves.items() if trial.states.get(s) == "COMPLETE"}
    return complete or trial.curves


def _timeline(study: LiveStudy, shown: Sequence[Shown], drawn: dict[str, Any]) -> str:
    found = timeline_figure(study.spans, shown)
    if found is None:
        return ""
    drawn["timeline"] = found
    return figure("timeline", "What ran on which slot, and when.")


def _listed(entries: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{text(entry)}</li>' for entry in entries)}</ul>" if entries else ""


def _lines(lines: Sequence[str]) -> str:
    return f"<pre>{text(chr(10).join(lines))}</pre>" if lines else ""
