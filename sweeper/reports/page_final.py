"""`report.html` of a study that has ended, made of its summary, its report in markdown and its pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sweeper.errors import Fault, UserError
from sweeper.layout import StudyFolder, write_atomic
from sweeper.reports import page_figures as figures
from sweeper.reports.page_board import board, cost, intervals_of, shown_of
from sweeper.reports.page_data import PageData, read_page_data, run_folder
from sweeper.reports.page_forest import forest_table
from sweeper.reports.page_parts import Page, Section, document, figure, text
from sweeper.reports.page_sections import (
    Pictures,
    Written,
    html_of,
    section_of,
    without_table,
    written_sections,
)
from sweeper.reports.page_timeline import timeline_figure
from sweeper.reports.summary import read_summary
from sweeper.reports.summary_model import Summary
from sweeper.wording import plural, split_name

MOST_LOGS = 10
"""Failed runs whose logs are shown."""
LOG_LINES = 15
LOG_BYTES = 20_000
MOST_PARAMETERS = 8
CURVES = "Validation over the steps: baseline and best with the band of their seeds, other trials as means."
DIFFERENCES = "The same minus the baseline, seed by seed: above zero means a larger value."
STILLS = {
    "pairs": "Winner against baseline after each pair of confirmation runs, in standard errors",
    "attribution": "What each group of keys does, with simultaneous intervals",
    "pareto": "The trials in the plane of the two objectives",
}
"""Pictures that have no counterpart among the figures, and what they show."""


def write_page(folder: StudyFolder, summary: Summary, report: str) -> None:
    """Write `report.html`, whole or not at all. `report`: the text of `report.md`."""
    write_atomic(folder.report_html, final_page(folder, summary, report))


def rebuild_page(folder: StudyFolder) -> None:
    """Write `report.html` of the other files of a study, where it ended or was published.

    Raises UserError where its summary or its report cannot be read.
    """
    summary = read_summary(folder)
    try:
        report = folder.report_md.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        advice = "The command that began the study writes it anew, without training anything again"
        raise UserError(Fault(str(folder.report_md), f"cannot be read ({error})", advice)) from error
    write_page(folder, summary, report)


def final_page(folder: StudyFolder, summary: Summary, report: str) -> str:
    """The page of a study as its folder, its summary and its report tell it."""
    head, sections = written_sections(report)
    builder = _Builder(folder, summary, Pictures(folder.path), read_page_data(folder, summary), {})
    lead = html_of(head, summary.study, builder.pictures) + _forest(summary)
    return document(
        Page(
            title=summary.study,
            state=summary.state,
            lead=lead,
            sections=[one for written in sections for one in builder.sections(written)],
            written=_written(summary),
            figures=builder.drawn,
        )
    )


def _written(summary: Summary) -> datetime:
    """When the study ended: so a page that is made again of the same files is the same."""
    finished = summary.provenance.finished
    return datetime.fromisoformat(finished) if finished else datetime.now(UTC).replace(microsecond=0)


def _forest(summary: Summary) -> str:
    where = split_name(summary.judged_on)
    better = {"maximize": "right", "minimize": "left"}[summary.direction[0]]
    return forest_table(
        intervals_of(summary),
        f"Differences in {where} {summary.metric[0]} to the baseline, with intervals (better: {better}). "
        "The confirmed one is a single test; the others hold all at once, and come from other seeds.",
    )


@dataclass
class _Builder:
    """Makes sections, and keeps the figures that they have places for (`drawn`)."""

    folder: StudyFolder
    summary: Summary
    pictures: Pictures
    data: PageData
    drawn: dict[str, Any]

    def sections(self, written: Written) -> Iterator[Section]:
        """What stands in the page where the report has this section."""
        match written.title:
            case "Leaderboard":
                below = html_of(without_table(written.lines), written.title, self.pictures)
                yield Section("Leaderboard", board(self.summary) + below)
                if not self._has_plots:
                    yield from self._of_figures()
            case "Plots":
                yield from self._of_figures()
            case "Failed":
                found = section_of(written, self.pictures)
                yield Section(found.title, found.body + self._logs(), found.kind)
            case _:
                yield section_of(written, self.pictures)

    @property
    def _has_plots(self) -> bool:
        return any((self.folder.plots / f"{name}.png").exists() for name in ("curves", "forest", *STILLS))

    def _of_figures(self) -> Iterator[Section]:
        found = {
            "Learning curves": self._curves(),
            "More figures": "".join(self._still(name) for name in STILLS),
            "Parameters": self._parameters(),
            "Timeline": self._timeline(),
            "Cost": cost(self.summary.totals, self.summary.trials),
        }
        for title, body in found.items():
            if body:
                yield Section(title, body)

    def _curves(self) -> str:
        body, still = "", self.pictures.inside("plots/curves.png")
        for index, metric in enumerate(self.summary.metric):
            curves = self.data.curves.get(metric, {})
            drawn = figures.curves_figure(shown_of(self.summary, index), curves, metric)
            if drawn is not None:
                body += self._place(f"curves-{index}", drawn, f"{metric}. {CURVES}", "" if index else still)
            paired = figures.differences_figure(shown_of(self.summary, index), curves, metric)
            if paired is not None:
                body += self._place(f"differences-{index}", paired, f"{metric}. {DIFFERENCES}")
        return body or (f'<figure><img src="{still}" alt="{text(CURVES)}"></figure>' if still else "")

    def _still(self, name: str) -> str:
        image = self.pictures.inside(f"plots/{name}.png")
        return f'<figure><img src="{image}" alt="{text(STILLS[name])}"></figure>' if image else ""

    def _parameters(self) -> str:
        shown, metric = shown_of(self.summary), self.summary.metric[0]
        command = self.summary.provenance.command or ""
        return parameter_places(shown, metric, command, self.drawn)

    def _timeline(self) -> str:
        drawn = timeline_figure(self.data.spans, shown_of(self.summary))
        return "" if drawn is None else self._place("timeline", drawn, "What ran on which device, and when.")

    def _place(self, ident: str, drawn: Any, caption: str, still: str = "") -> str:
        self.drawn[ident] = drawn
        return figure(ident, caption, still)

    def _logs(self) -> str:
        failed = [
            (f"trial {trial.trial} {trial.name} seed {run.seed}", trial.trial, run.seed)
            for trial in self.summary.trials
            for run in trial.runs
            if run.state == "FAILED"
        ]
        return "".join(self._log(*one) for one in failed[:MOST_LOGS])

    def _log(self, who: str, trial: int, seed: int) -> str:
        place = run_folder(self.folder, trial, seed)
        lines = last_lines(place.log.read_bytes()) if place and place.log.exists() else []
        if not lines:
            return ""
        said = text("\n".join(lines))
        return f"<details><summary>{text(who)}: the end of its log</summary><pre>{said}</pre></details>"


def parameter_places(shown: Sequence[figures.Shown], metric: str, command: str, drawn: dict[str, Any]) -> str:
    """The places of what shows parameters, whose figures are put into `drawn`; empty where none was swept."""
    candidates = [one for one in shown if one.kind != "baseline"]
    keys = [
        key for key in figures.swept(candidates) if any(one.values and key in one.params for one in shown)
    ]
    if not keys:
        return ""
    parts = []
    for index, key in enumerate(keys[:MOST_PARAMETERS]):
        drawn[f"parameter-{index}"] = figures.parameter_figure(shown, key, metric, command)
        parts.append(figure(f"parameter-{index}", f"{key}: dots are seeds, diamonds means"))
    body = f'<div class="small">{"".join(parts)}</div>'
    if len(keys) > MOST_PARAMETERS:
        body += f"<p>{plural(len(keys) - MOST_PARAMETERS, 'parameter')} more are in trials.csv.</p>"
    wide = {
        "parallel": (
            figures.parallel_figure(candidates, metric, command),
            "A line a trial: its parameters, and what it reached",
        ),
        "importance": (
            figures.importance_figure(candidates),
            "How much of the variance of the objective each parameter accounts for alone",
        ),
    }
    for ident, (found, caption) in wide.items():
        if found is not None:
            drawn[ident] = found
            body += figure(ident, caption)
    return body


def last_lines(log: bytes) -> list[str]:
    """The last lines of a log, without those that are empty."""
    lines = log[-LOG_BYTES:].decode("utf-8", errors="replace").splitlines()
    return [one for one in lines if one.strip()][-LOG_LINES:]
