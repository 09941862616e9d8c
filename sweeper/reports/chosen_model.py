"""Which model of a study is meant: a trial's best run, any single run, or the ensemble. Torch-free."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

import yaml
from pydantic import ValidationError

from sweeper.ensemble_spec import Member, model_digest, read_spec
from sweeper.errors import Fault, UserError
from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports.replay import read_rows
from sweeper.reports.summary import read_summary
from sweeper.reports.summary_model import Summary
from sweeper.schema import TaskSection
from sweeper.task import Chosen, ChosenRun, TaskEntry, built_in, built_in_tasks, task_entry
from sweeper.wording import number

CHAMPION, BASELINE, ENSEMBLE = "champion", "baseline", "ensemble"
N_LISTED = 10
A_RUN = re.compile(r"\d+/\d+")
Row = Mapping[str, str]


def choose(study: StudyFolder, model: str) -> Chosen:
    """What `model` means. Raises UserError.

    It is "champion", "baseline", "ensemble", a trial's number or name, of whose runs the best on validation
    is meant, or one run as "<trial>/<seed>".
    """
    if not study.summary.exists():
        problem = "has no report yet: it was interrupted, or runs now"
        raise UserError(Fault(study.path.name, problem, "The command that began it goes on with it"))
    summary = read_summary(study)
    if model == ENSEMBLE:
        runs, words = _ensemble(study), "the ensemble"
    else:
        row, words = _row(study, summary, model)
        runs = (_run_of(study, row),)
    entry = _entry(summary.task, runs[0])
    for run in runs:
        _refuse_without_model(run)
    return Chosen(f"{', '.join(run.name for run in runs)}: {words} of study {summary.study}", entry, runs)


def _row(study: StudyFolder, summary: Summary, model: str) -> tuple[Row, str]:
    """A complete run, and what it is to the study."""
    rows = [row for row in read_rows(study) if row["state"] == "COMPLETE"]
    if model == CHAMPION:
        return _champion(rows, summary)
    found = [row for row in rows if f"{row['trial']}/{row['seed']}" == model]
    if found:
        return found[0], "a single run"
    baseline = str(summary.baseline.trial)
    own = [row for row in rows if model in (row["trial"], row["name"])]
    own = own or [row for row in rows if model == BASELINE and row["trial"] == baseline]
    if A_RUN.fullmatch(model) or len({row["trial"] for row in own}) != 1:
        raise UserError(_no_such_model(rows, model))
    best, value = _best_of(own, summary)
    return best, f"the best run on validation ({value}) of {_who(best, baseline)}"


def _who(row: Row, baseline: str) -> str:
    return "the baseline" if row["trial"] == baseline else f"trial {row['trial']}"


def _no_such_model(rows: Sequence[Row], model: str) -> Fault:
    known = ", ".join(f"{row['trial']}/{row['seed']}" for row in rows[:N_LISTED])
    more = f" and {len(rows) - N_LISTED} more" if len(rows) > N_LISTED else ""
    kinds = (
        f"{CHAMPION}, {BASELINE}, {ENSEMBLE}, a trial's number or name, or <trial>/<seed> of a complete run"
    )
    return Fault("model", f"got '{model}'; expected {kinds}: {known or 'there is none'}{more}")


def _best_of(rows: Sequence[Row], summary: Summary) -> tuple[Row, str]:
    """The best of these runs on validation, by the first objective, and its value in words."""
    objective = summary.objectives[0]
    key = f"metrics.val/{objective.metric}"
    valued = [row for row in rows if row.get(key)]
    if not valued:
        raise UserError(Fault("model", f"trial {rows[0]['trial']} has no run with a val {objective.metric}"))
    best = max(valued, key=lambda row: objective.sign * float(row[key]))
    return best, f"val {objective.metric} {number(float(best[key]))}"


def _champion(rows: Sequence[Row], summary: Summary) -> tuple[Row, str]:
    """The best run, on validation, of the best candidate; of the baseline where no candidate is best."""
    if summary.is_multi_objective:
        listed = ", ".join(f"{entry.trial} {entry.name}" for entry in summary.best)
        problem = f"got '{CHAMPION}', but a study with several objectives has a front: trials {listed}"
        raise UserError(
            Fault("model", problem, "Name one of these trials, or of their runs: model=<trial>/<seed>")
        )
    if summary.best and not summary.champions:
        raise UserError(_no_champion(summary))
    trial = summary.best[0].trial if summary.best else summary.baseline.trial
    own = [row for row in rows if int(row["trial"]) == trial]
    if not own:
        problem = f"got '{CHAMPION}', but no run of the study is complete"
        raise UserError(Fault("model", problem, "`python -m sweeper.studies show` tells the reasons"))
    best, value = _best_of(own, summary)
    who = "best candidate" if summary.best else "baseline, as no candidate finished,"
    return best, f"the best run on validation ({value}) of the {who}"


def _no_champion(summary: Summary) -> Fault:
    """Whoever asks for the champion wants no model that breaks a guard, nor another one unasked."""
    best = summary.best[0]
    broken = " and ".join(one.guard for one in summary.guards if one.state == "broken")
    problem = (
        f"got '{CHAMPION}', but the study has none: {best.name} is {summary.verdict} (study.guards: {broken})"
    )
    advice = f"Choose model={BASELINE}, or model={best.trial} for the winner all the same"
    return Fault("model", problem, advice)


def _run_of(study: StudyFolder, row: Row) -> ChosenRun:
    folder = RunFolder(study.path / row["folder"])
    name = f"trial {row['trial']} {row['name']} seed {row['seed']}"
    if not folder.config.exists():
        problem = f"{name} has no configuration left ({folder.config})"
        raise UserError(Fault("model", problem, "Choose another run: model=<trial>/<seed>"))
    return ChosenRun(name, folder, yaml.safe_load(folder.config.read_text(encoding="utf-8")))


def _ensemble(study: StudyFolder) -> tuple[ChosenRun, ...]:
    spec = read_spec(study.ensemble.request)
    if spec is None:
        problem = f"got '{ENSEMBLE}', but the study has none"
        advice = "Run its command again with study.ensemble_top_k=3, or choose model=champion"
        raise UserError(Fault("model", problem, advice))
    return tuple(_run_of_member(study, member) for member in spec.members)


def _run_of_member(study: StudyFolder, member: Member) -> ChosenRun:
    run = ChosenRun(
        str(member), RunFolder(study.path.joinpath(*Path(member.folder).parts[-3:])), member.config
    )
    if run.folder.best.exists() and model_digest(run.folder) != member.model:
        problem = f"the model of {member} is another one than when the ensemble was made"
        raise UserError(Fault("model", problem, "Run the study's command again: it makes the ensemble anew"))
    return run


def _entry(task: str, run: ChosenRun) -> TaskEntry:
    try:
        entry = task_entry(TaskSection.model_validate(run.config["task"]))
    except (ValidationError, KeyError) as error:
        raise UserError(Fault(run.name, "has a configuration of another version of this program")) from error
    if entry.predict is None:
        able = " and ".join(sorted(name for name in built_in_tasks() if built_in(name).predict_target))
        problem = f"got a study of task '{task}', which reads no files; expected one of {able}"
        raise UserError(Fault("study", problem))
    return entry


def _refuse_without_model(run: ChosenRun) -> None:
    if not run.folder.best.exists():
        problem = (
            f"the model of {run.name} is gone: a study keeps those that study.keep_models names, and those "
            "of its ensemble"
        )
        advice = f"Train it again with: python -m sweeper.worker {quote(str(run.folder.job))}"
        raise UserError(Fault("model", problem, advice))
