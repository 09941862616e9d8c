"""`results/<study>/`: what a study found, for people (report, plots) and for programs (summary, tables)."""

import csv
import io
import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

import yaml

from sweeper.layout import StudyFolder, write_atomic
from sweeper.reports.markdown_text import heading, inline, line
from sweeper.reports.page_final import write_page
from sweeper.reports.report_plots import pictures
from sweeper.reports.report_text import report_markdown, table
from sweeper.reports.summary import chosen, phase_of, summary_of, with_warnings, write_summary
from sweeper.reports.summary_model import Summary
from sweeper.reports.task_report import Added
from sweeper.results import Judgement, StudyResult, TrialResult
from sweeper.task import Part, Plot, Table

__all__ = ["best_yaml", "command_again", "trials_csv", "write_report"]

NOTHING_ADDED = Added()
RUN_COLUMNS = (
    *("trial", "name", "role", "seed", "phase", "state", "reason", "best_step", "steps_trained"),
    *("steps_inherited", "seconds", "attempt", "reused", "device", "incidents", "fingerprint", "folder"),
)


def write_report(
    folder: StudyFolder, result: StudyResult, judgement: Judgement, added: Added = NOTHING_ADDED
) -> Summary:
    """Write everything a study leaves, the summary last, and return the summary.

    `added`: the task's tables and plots.
    """
    summary = summary_of(result, judgement)
    write_atomic(folder.trials_csv, trials_csv(folder, result))
    if judgement.best is not None or judgement.front:
        write_atomic(folder.best_yaml, best_yaml(result, judgement))
    else:
        folder.best_yaml.unlink(missing_ok=True)  # an earlier winner's
    found = pictures(folder, result, judgement, summary, added.plots)
    summary = with_warnings(summary, [*added.warnings, *found.warnings])
    sections = sections_of([p for p in added.parts if isinstance(p, Table) or p.name in found.of_task])
    images = [f"plots/{path.name}" for path in found.standard]
    text = report_markdown(result, judgement, summary, images, sections)
    write_atomic(folder.report_md, text)
    write_page(folder, summary, text)
    write_summary(folder, summary)
    return summary


def trials_csv(folder: StudyFolder, result: StudyResult) -> str:
    """One row a run; `params.<key>` are JSON where they are no text, `metrics.<split>/<name>` numbers.

    `incidents` is a JSON list of sentences, empty where there are none.
    """
    rows = [row for trial in (*result.trials, *result.added) for row in _run_rows(folder, result, trial)]
    params = sorted({key for row in rows for key in row if key.startswith("params.")})
    metrics = sorted({key for row in rows for key in row if key.startswith("metrics.")})
    text = io.StringIO()
    writer = csv.DictWriter(
        text, [*RUN_COLUMNS[:6], *params, *metrics, *RUN_COLUMNS[6:]], lineterminator="\n"
    )
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def best_yaml(result: StudyResult, judgement: Judgement) -> str:
    """The chosen configuration, or those of the front, with the command that trains it again."""
    by_number = {trial.spec.number: trial for trial in result.trials}
    entries = [_best_entry(result, by_number[number]) for number in chosen(judgement)]
    body: Any = entries[0] if len(result.objectives) == 1 else entries
    head = "# " + " ".join(f"Study {result.study}: {judgement.sentence}".split()) + "\n"
    return head + yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=10**6)


def command_again(result: StudyResult, trial: TrialResult) -> str:
    """The command that trains this trial once: what was fixed on the study's command line, and its own."""
    if (known := result.commands.get(trial.spec.number)) is not None:
        return known
    own = {_key(override) for override in trial.spec.overrides} | set(trial.spec.params)
    fixed = [word for word in _overrides_of(result.provenance) if _is_fixed(word, own)]
    task = [] if {"task", "sweep"} & {_key(word) for word in fixed} else [f"task={result.task}"]
    seed, objective = f"seed={result.seeds[0]}", _objective_again(result)
    return shlex.join(["python", "-m", "sweeper", *task, *fixed, *objective, *trial.spec.overrides, seed])


def _objective_again(result: StudyResult) -> list[str]:
    """The objective that training followed, where the study's command line named one."""
    first, given = result.objectives[0], {_key(word) for word in _overrides_of(result.provenance)}
    if not given & {"study.metrics", "hydra.sweeper.direction"}:
        return []
    return [f"study.metrics=[{first.metric}:{first.direction}]"]


def _run_rows(folder: StudyFolder, result: StudyResult, trial: TrialResult) -> Iterable[dict[str, Any]]:
    spec = trial.spec
    for seed, run in sorted(trial.runs.items()):
        place = run.folder or folder.run(spec, seed).path
        yield {
            "trial": spec.number,
            "name": spec.name,
            "role": spec.role,
            "seed": seed,
            "phase": phase_of(result, trial, seed),
            "state": run.state,
            "reason": run.reason or "",
            "best_step": run.best_step,
            "steps_trained": run.steps_trained,
            "steps_inherited": run.steps_inherited,
            "seconds": run.seconds,
            "attempt": run.attempt,
            "reused": run.reused,
            "device": run.device,
            "incidents": json.dumps(run.incidents) if run.incidents else "",
            "fingerprint": spec.fingerprint,
            "folder": place.relative_to(folder.path) if place.is_relative_to(folder.path) else place,
            **{f"params.{key}": _cell(value) for key, value in spec.params.items()},
            **{f"metrics.{key}": value for key, value in run.metrics.items()},
        }


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _best_entry(result: StudyResult, trial: TrialResult) -> dict[str, Any]:
    return {
        "command": command_again(result, trial),
        "trial": trial.spec.number,
        "name": trial.spec.name,
        "overrides": list(trial.spec.overrides),
        "config": dict(trial.spec.config),
    }


def _overrides_of(provenance: Mapping[str, Any]) -> list[str]:
    """The overrides among the words of the study's command line."""
    words = shlex.split(str(provenance.get("command", "")))
    return [word for word in words if word.startswith("~") or ("=" in word and not word.startswith("-"))]


def _key(override: str) -> str:
    return override.partition("=")[0].lstrip("+~").partition("@")[0]


def _is_fixed(word: str, own: set[str]) -> bool:
    """Whether an override of the study belongs to each run of it: not what is swept or steers the study."""
    key = _key(word)
    of_the_study = key in ("sampler", "pruner", "plan", "seed") or key.startswith(
        ("study.", "hydra", "sampler.", "plan.")
    )
    return key == "study.results_dir" or (not of_the_study and key not in own)


def sections_of(parts: Sequence[Part]) -> list[list[str]]:
    """A section a title: parts that follow each other under one title share it. Lines of markdown."""
    return [
        [f"## {heading(title)}", *(text for part in group for text in _lines(part))]
        for title, group in groupby(parts, lambda part: part.title)
    ]


def _lines(part: Part) -> Iterator[str]:
    yield ""
    match part:
        case Table():
            yield from table(part.head, part.rows, part.left)
            yield from ("", line(part.caption)) if part.caption else ()
        case Plot():
            yield f"![{inline(part.title)}](plots/{quote(part.name)}.png)"
            yield from ("", f"*{inline(part.caption)}*") if part.caption else ()
