"""What a task adds to the report of a study: tables and plots that its own function makes.

That function is the task's code, perhaps a user's, and comes last: whatever it does, the study is not lost.
"""

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.layout import RunFolder
from sweeper.records import Records, read_records
from sweeper.reports.curves import all_curves
from sweeper.reports.summary import chosen
from sweeper.results import Judgement, StudyResult, TrialResult
from sweeper.task import MANIFEST, Arm, Comparison, Part, Plot, Prepared, Table, TaskConfig, TaskEntry
from sweeper.trial import TrialSpec
from sweeper.wording import slugify

STANDARD_PLOTS = ("curves", "forest", "pairs", "attribution", "pareto")
"""The plots that every study may have, in the order of a report."""


@dataclass(frozen=True)
class Added:
    """The parts that a task adds, and why there are none where its function failed."""

    parts: tuple[Part, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def plots(self) -> tuple[Plot, ...]:
        """Those that are pictures."""
        return tuple(part for part in self.parts if isinstance(part, Plot))


def added_by_task(
    result: StudyResult,
    judgement: Judgement,
    entry: TaskEntry,
    config_of: Callable[[TrialSpec], TaskConfig],
    prepared_of: Callable[[TrialSpec], Prepared],
) -> Added:
    """What the task's function makes of the study; a warning where it raises, or returns no parts."""
    if entry.report is None:
        return Added()
    try:
        compared = comparison(result, judgement, config_of, prepared_of)
        return Added() if compared is None else Added(_checked(entry.report_function()(compared)))
    except Exception as error:
        return Added(warnings=(failure(entry.report, error),))


def failure(where: str, error: Exception) -> str:
    """A warning that names the exception and the line that raised it; the report does without that part."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return (
        f"{where}: got {type(error).__name__}: {error} ({place}); expected tables and plots. "
        "They are left out, the rest of the report is complete; the same command makes it anew"
    )


def comparison(
    result: StudyResult,
    judgement: Judgement,
    config_of: Callable[[TrialSpec], TaskConfig],
    prepared_of: Callable[[TrialSpec], Prepared],
) -> Comparison | None:
    """Baseline and best (of a front the first candidate); None without a complete run of all of them.

    On the confirmation seeds where all those runs are complete, else on the screening seeds.
    """
    best = next((t for t in result.candidates if t.spec.number in chosen(judgement)), None)
    trials = [result.baseline] if best is None else [result.baseline, best]
    seeds, words = _seeds(result, trials)
    if not seeds:
        return None
    return Comparison(
        baseline=_arm(result.baseline, seeds),
        best=None if best is None else _arm(best, seeds),
        seeds=words,
        config=config_of(trials[-1].spec),
        prepared=_still_there(prepared_of(result.baseline.spec)),
    )


def _seeds(result: StudyResult, trials: Sequence[TrialResult]) -> tuple[tuple[int, ...], str]:
    """The seeds on which all `trials` are compared, and in words which those are."""
    confirmed = _complete(trials, result.confirm_seeds)
    if len(trials) > 1 and confirmed == result.confirm_seeds and confirmed:
        return confirmed, _in_words("confirmation", confirmed)
    screened = _complete(trials, result.seeds)
    return screened, _in_words("screening", screened)


def _complete(trials: Sequence[TrialResult], seeds: Sequence[int]) -> tuple[int, ...]:
    return tuple(s for s in seeds if all(s in t.runs and t.runs[s].state == "COMPLETE" for t in trials))


def _in_words(kind: str, seeds: Sequence[int]) -> str:
    """`screening seeds 0, 1, 2`, `confirmation seed 1000`."""
    listed = ", ".join(map(str, seeds)) if len(seeds) <= 5 else f"{seeds[0]} to {seeds[-1]} ({len(seeds)})"
    return f"{kind} seed{'s' * (len(seeds) != 1)} {listed}"


def _arm(trial: TrialResult, seeds: Sequence[int]) -> Arm:
    runs = [trial.runs[seed] for seed in seeds]
    found = {run.seed: read_records(RunFolder(run.folder).records) for run in runs if run.folder is not None}
    records: Mapping[int, Records] = {seed: kept for seed, kept in found.items() if kept is not None}
    curves = {run.seed: all_curves(RunFolder(run.folder).metrics) for run in runs if run.folder is not None}
    return Arm(trial.spec.name, {run.seed: run.metrics for run in runs}, records, curves)


def _still_there(prepared: Prepared) -> Prepared | None:
    return prepared if (prepared.folder / MANIFEST).exists() else None


def _checked(parts: Any) -> tuple[Part, ...]:
    """The parts, such that each can be written. Raises TypeError, ValueError."""
    found = tuple(parts)
    for part in found:
        if not isinstance(part, Table | Plot):
            raise TypeError(f"got a {type(part).__name__} among the parts; expected a Table or a Plot")
        if isinstance(part, Table) and any(len(row) != len(part.head) for row in part.rows):
            raise ValueError(f"got rows of other lengths than the head in table '{part.title}'")
    names = [part.name for part in found if isinstance(part, Plot)]
    if bad := [n for i, n in enumerate(names) if n in (*STANDARD_PLOTS, *names[:i]) or slugify(n) != n]:
        raise ValueError(f"got the plot name '{bad[0]}'; expected letters, digits and -, each name once")
    return found
