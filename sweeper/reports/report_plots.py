"""The pictures of a report in its folder: which are drawn, and which of an earlier session are kept."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.reports.summary import read_summary
from sweeper.reports.summary_model import Summary
from sweeper.reports.task_report import STANDARD_PLOTS, failure
from sweeper.results import Judgement, StudyResult
from sweeper.task import Plot


@cache
def get_ready_to_draw() -> None:
    """Import matplotlib in a thread, once: a report that comes soon need not wait for it then."""
    Thread(target=_import_plots, daemon=True).start()


def _import_plots() -> None:
    with suppress(Exception):  # who draws says what is wrong with it
        import_module("sweeper.reports.plots")


@dataclass(frozen=True)
class Pictures:
    """The files that are there, by name; `standard` in the order of a report."""

    standard: tuple[Path, ...]
    of_task: Mapping[str, Path]
    warnings: tuple[str, ...]


def pictures(
    folder: StudyFolder,
    result: StudyResult,
    judgement: Judgement,
    summary: Summary,
    plots: Sequence[Plot],
) -> Pictures:
    """All pictures of the study; those of a session that found nothing new are still right, and are kept.

    A plot of the task's that cannot be drawn is left out, with a warning.
    """
    there = {path.stem: path for path in folder.plots.glob("*.png")}
    before = _summary_before(folder)
    kept = there if before is not None and _findings(before) == _findings(summary) else {}
    standard = [kept[name] for name in STANDARD_PLOTS if name in kept]
    if not standard:
        from sweeper.reports.plots import write_plots  # matplotlib takes two seconds

        standard = write_plots(folder.plots, result, judgement)
    drawn, warnings = _of_task(folder.plots, plots, kept)
    if not kept:
        _remove(set(there.values()) - {*standard, *drawn.values()})
    return Pictures(tuple(standard), drawn, warnings)


def _of_task(
    folder: Path, plots: Sequence[Plot], kept: Mapping[str, Path]
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Where each plot is, and warnings about those that cannot be drawn."""
    drawn, warnings = {plot.name: kept[plot.name] for plot in plots if plot.name in kept}, []
    for plot in (plot for plot in plots if plot.name not in kept):
        from sweeper.reports.plots import write_plot

        try:
            drawn[plot.name] = write_plot(folder, plot)
        except Exception as error:  # the task's code again
            warnings.append(failure(f"plot '{plot.title}'", error))
    return drawn, tuple(warnings)


def _remove(stale: set[Path]) -> None:
    """Pictures of what was found before, and is not any more."""
    for path in stale:
        path.unlink(missing_ok=True)


def _summary_before(folder: StudyFolder) -> Summary | None:
    """The summary of an earlier session; None where there is none that can be read."""
    try:
        return read_summary(folder)
    except (UserError, OSError):
        return None


def _findings(summary: Summary) -> dict[str, Any]:
    """What does not differ from session to session."""
    return summary.model_dump(exclude={"totals", "provenance", "state", "stopped_because", "warnings"})
