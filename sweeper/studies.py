"""`sweeper studies list | show | open | serve | best | export | page | publish | replay | clean | delete`.

Works from the files of `results/` and one query on the table of runs; Optuna and MLflow are imported only
where they are needed.
"""

import argparse
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sweeper.cli import Parser, exit_code
from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.layout import ResultsFolder, StudyFolder, at_home, folder_name
from sweeper.output import output_survives
from sweeper.reports import (
    Activity,
    StudyStatus,
    activities,
    cleanable,
    default_console,
    leaderboard_of,
    name_of,
    names_in_storage,
    publish,
    read_sentence,
    rebuild_page,
    refuse_what_runs,
    remove_checkpoints,
    say,
    serve,
    shown_name,
    status_of,
    studies_table,
)
from sweeper.schema import Tracking
from sweeper.wording import plural

MIB = 2**20
SPARED = {
    "champion": "those of the champion and of the ensemble",
    "baseline_and_champion": "those of baseline, champion and ensemble",
}
"""What `clean` leaves, by `--keep-models`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, 2 with one line on stderr for what the user can mend, 130 after Ctrl-C."""
    with output_survives():
        options = _parser().parse_args(arguments)
        is_result = options.verb in PRINTING
        return exit_code(lambda: options.command(options), where=options.verb, prints_result=is_result)


def find_study(results: ResultsFolder, name: str, *, is_whole: bool = False) -> StudyFolder:
    """The study called `name`, or the only one that begins so; its folder will do. Raises UserError.

    `study=<name>` is the name, too: other commands take it so. With `is_whole` a beginning is not enough:
    what removes things must not guess.
    """
    wanted = name.removeprefix("study=")
    folders = {folder.path.name: folder for folder in all_studies(results)}
    own = [(name_of(folder), folder) for folder in folders.values()]
    names = folders | {name: folder for name, folder in own if folder_name(name) not in folders}
    names |= {name: folder for name, folder in own if folder_name(name) == folder.path.name}
    path = Path(wanted).resolve()
    exact = {names.get(wanted), folders.get(path.name) if path.parent == results.path.resolve() else None}
    exact |= {folders.get(wanted)}
    match = [folder for folder in exact if folder is not None]
    if len(match) == 1:
        return match[0]
    begun = {full: folder for full, folder in names.items() if wanted and full.startswith(wanted)}
    if len({folder.path for folder in begun.values()}) == 1 and not match and not is_whole:
        return next(iter(begun.values()))
    raise UserError(_no_such_study(results, wanted, list(begun), list(names), is_whole=is_whole))


def _no_such_study(
    results: ResultsFolder, wanted: str, begun: Sequence[str], known: Sequence[str], *, is_whole: bool
) -> Fault:
    if begun and is_whole:
        what = "expected the whole name of a study, since this removes things"
        return Fault("study", f"got '{wanted}'; {what}", f"There is {', '.join(begun)}")
    if begun:
        return Fault("study", f"got '{wanted}'; expected one of {', '.join(begun)}", "Give more of the name")
    suggestion = did_you_mean(wanted, known)
    problem = f"got '{wanted}'; expected a study in {results.path}{suggestion}"
    elsewhere = (
        wanted != "" and Path(wanted).is_dir() and Path(wanted).resolve().parent != results.path.resolve()
    )
    advice = f"Name its results folder: --results-dir {Path(wanted).resolve().parent}" if elsewhere else ""
    return Fault("study", problem, advice or ("" if suggestion else "`sweeper studies list` shows all"))


def all_studies(results: ResultsFolder) -> list[StudyFolder]:
    """Every study of which something is there, finished or not, in order of the names."""
    found = {path.parent for pattern in ("*/summary.json", "*/trials") for path in results.path.glob(pattern)}
    return [StudyFolder(path) for path in sorted(found)]


def _list(options: argparse.Namespace) -> None:
    studies, console = _known(options), default_console()
    if not studies:
        say(console, f"no studies in {options.results_dir}")
        return
    console.print(studies_table(studies, time.time()), crop=False)
    for study in studies:
        if study.state == "running":
            say(console, f"{study.folder.path.name} is running on {study.where}")
    if any(study.state == "interrupted" for study in studies):
        say(console, "interrupted studies go on with the command that began them")
    for study in studies:
        if study.problem:
            print(f"warning: {study.problem}", file=sys.stderr)


def _show(options: argparse.Namespace) -> None:
    study, console = _reported(options), default_console()
    assert study.summary is not None
    console.print(leaderboard_of(study.summary), crop=False)
    say(console, read_sentence(study.folder), "bold")
    for line in filter(None, [study.hint, f"report: {study.folder.report_md}"]):
        say(console, line)


def _open(options: argparse.Namespace) -> None:
    folder = _study(options).folder
    if not folder.report_html.exists():
        raise UserError(Fault(folder.path.name, "has no page yet", "A study writes it when its runs begin"))
    import webbrowser

    print(f"page: {folder.report_html}")
    if not webbrowser.open(folder.report_html.resolve().as_uri()):
        print("warning: no browser was found; open that file in one of yours", file=sys.stderr)


def _serve(options: argparse.Namespace) -> None:
    serve(_results(options), options.host, options.port, lambda: _known(options))


def _known(options: argparse.Namespace) -> list[StudyStatus]:
    known = _activities_or_none(options)
    return [status_of(folder, known.get(folder.path.name)) for folder in all_studies(_results(options))]


def _page(options: argparse.Namespace) -> None:
    own = StudyFolder(Path(options.study))
    is_folder = Path(options.study).name != options.study and own.summary.exists()
    folder = own if is_folder else _reported(options).folder
    rebuild_page(folder)
    print(f"page: {folder.report_html}")


def _best(options: argparse.Namespace) -> None:
    folder = _reported(options).folder
    if not folder.best_yaml.exists():
        raise UserError(Fault(folder.path.name, "no candidate finished", "`show` tells the reasons"))
    print(folder.best_yaml.read_text(encoding="utf-8"), end="")


def _export(options: argparse.Namespace) -> None:
    folder = _reported(options).folder
    source = folder.trials_csv if options.format == "csv" else folder.summary
    print(source.read_text(encoding="utf-8"), end="")


def _publish(options: argparse.Namespace) -> None:
    study = _reported(options)
    assert study.summary is not None
    place, left_out = publish(_results(options), study.folder, study.summary)
    for reason in [*filter(None, [study.hint]), *(f"left out {reason}" for reason in left_out)]:
        print(f"warning: {reason}", file=sys.stderr)
    print(f"published: {place}")


def _replay(options: argparse.Namespace) -> None:
    from sweeper.watch import place_of_runs, replay_study

    folder = _reported(options).folder
    tracking = _tracking(options).model_copy(update={"register_model": options.model})
    replayed = replay_study(folder, tracking, options.results_dir)
    place = place_of_runs(tracking, options.results_dir)
    logged = f"logged {plural(replayed.n_logged, 'run')} of {folder.path.name}"
    print(f"{logged}, {replayed.n_known} were there: {place}")
    if options.model:
        print(f"model: {replayed.model}")  # or why there is none


def _clean(options: argparse.Namespace) -> None:
    study = _reported(options)
    refuse_what_runs(study)
    runs, n_kept = cleanable(study, options.keep_models)
    size = sum(path.stat().st_size for run in runs for path in run.checkpoints)
    n_files = sum(len(run.checkpoints) for run in runs)
    kept = f"; those of {n_kept} unfinished runs stay" if n_kept else ""
    if not n_files:
        print(f"no checkpoints to remove{kept}")
    elif _agreed(
        options,
        f"remove {n_files} checkpoints ({size / MIB:.1f} MiB), {SPARED[options.keep_models]} stay{kept}",
    ):
        removed = [size for run in runs for size in remove_checkpoints(run)]
        print(f"removed {len(removed)} checkpoints ({sum(removed) / MIB:.1f} MiB){kept}")


def _delete(options: argparse.Namespace) -> None:
    """What is most likely to fail comes first, so that what has failed leaves a study that is whole."""
    study = _study(options)
    folder, name, own = study.folder, shown_name(study.folder), name_of(study.folder)
    refuse_what_runs(study)
    if not os.access(folder.path.parent, os.W_OK | os.X_OK):
        raise UserError(Fault(str(folder.path), "cannot be removed: its folder cannot be written"))
    if not _agreed(options, f"delete study {name} with its {len(folder.runs)} runs, for good"):
        return
    names = names_in_storage(study)
    n_tracked = _delete_from_mlflow(options, study, names) if names else 0
    _delete_from_storage(options, names)
    shutil.rmtree(folder.path)
    if not names:
        print(
            f"warning: '{own}' has a folder of its own; database and MLflow are left alone", file=sys.stderr
        )
    print(f"deleted {name}; {n_tracked} runs marked deleted in MLflow")


def _delete_from_storage(options: argparse.Namespace, names: Sequence[str]) -> None:
    if options.storage is None and not _results(options).studies_db.exists():
        return
    from sweeper.storage import delete_study

    for name in names:
        delete_study(_storage(options), name)


def _delete_from_mlflow(options: argparse.Namespace, study: StudyStatus, names: Sequence[str]) -> int:
    from sweeper.watch import forget_begun, forget_study

    if study.summary is not None:
        return forget_study(study.folder, _tracking(options), options.results_dir)
    n_tracked = forget_begun(names, _tracking(options), options.results_dir)
    if n_tracked is None:
        why = study.problem or f"{study.folder.path.name} has no report"
        print(f"warning: {why}; its runs stay in MLflow unless --experiment names theirs", file=sys.stderr)
    return n_tracked or 0


def _agreed(options: argparse.Namespace, what: str) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UserError(Fault(options.verb, f"would {what}", "Add --yes"))
    try:
        answer = input(f"{what}? [y/N] ")
    except EOFError:
        answer = ""
    agreed = answer.strip().lower() in ("y", "yes")
    if not agreed:
        print("nothing was removed")
    return agreed


def _study(options: argparse.Namespace) -> StudyStatus:
    folder = find_study(_results(options), options.study, is_whole=options.verb in DESTRUCTIVE)
    known = _activities_or_none(options) if options.verb in READING else activities(_storage(options))
    return status_of(folder, known.get(folder.path.name))


def _reported(options: argparse.Namespace) -> StudyStatus:
    """The study, with a summary. Raises UserError where it has none that can be read."""
    study = _study(options)
    if study.summary is not None:
        if study.hint and options.verb in OF_LAST_REPORT:
            print(f"warning: {study.hint}", file=sys.stderr)
        return study
    if study.problem is not None:
        raise study.problem
    name, n_ended, n_running = study.folder.path.name, study.activity.n_ended, study.activity.n_running
    if n_running:
        problem = f"is running on {study.where} ({n_ended} runs ended, {n_running} now); no report yet"
        raise UserError(Fault(name, problem, "It is written when the study ends"))
    problem = f"was interrupted before its first report ({n_ended} runs ended)"
    raise UserError(Fault(name, problem, f"It goes on with: {study.command or 'the command that began it'}"))


def _activities_or_none(options: argparse.Namespace) -> dict[str, Activity]:
    """Nothing, and a warning, where the database cannot be read: to look, the files are enough."""
    try:
        return activities(_storage(options))
    except UserError as error:
        print(f"warning: {error}; what runs now is not known", file=sys.stderr)
        return {}


OF_LAST_REPORT = ("best", "export", "replay")
"""Verbs whose answer is that of the last report; `show` and `publish` say so themselves."""


def _results(options: argparse.Namespace) -> ResultsFolder:
    return ResultsFolder(Path(options.results_dir))


def _storage(options: argparse.Namespace) -> str:
    return str(options.storage or f"sqlite:///{_results(options).studies_db}")


def _tracking(options: argparse.Namespace) -> Tracking:
    return Tracking(name="mlflow", uri=options.tracking_uri, experiment=options.experiment)


PRINTING = ("list", "show", "best", "export")
"""Commands whose result is what they print."""
READING = ("show", "open", "page", "best", "export", "publish", "replay")
"""Commands that take nothing away, and may therefore go on without the database."""


DESTRUCTIVE = ("clean", "delete")
"""Commands that remove things: they want a study's whole name."""


def _parser() -> Parser:
    parser = Parser(prog="sweeper studies", description="Manage studies.")
    _add_places(parser, results="results", storage=None)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="command")
    add = _adder(verbs)
    add("list", _list, "all studies: those that run, then the latest first")
    for verb, command, text in (
        ("show", _show, "leaderboard and verdict"),
        ("open", _open, "its page in a browser, also while it runs"),
        ("page", _page, "write report.html anew from the other files of a study, of a published one too"),
        ("best", _best, "the chosen configuration and the command that trains it again, as YAML"),
        ("publish", _publish, "copy the report, with what its interval follows from, to published/"),
    ):
        add(verb, command, text).add_argument("study", help=STUDY)
    serve = add("serve", _serve, "all studies' pages, read-only, for browsers of this machine")
    serve.add_argument("--port", type=int, default=8712, help="0 takes a free one (default: 8712)")
    serve.add_argument(
        "--host", default=LOOPBACK, help=f"another address lets others read (default: {LOOPBACK})"
    )
    export = add("export", _export, "all runs as CSV, or the summary as JSON, on standard output")
    export.add_argument("study", help=STUDY)
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    replay = add("replay", _replay, "log to MLflow what is missing there, and register the best model")
    replay.add_argument(
        "--no-model", dest="model", action="store_false", help="leave the model registry alone"
    )
    clean = add("clean", _clean, "remove the checkpoints of all ended runs but baseline's and best trial's")
    clean.add_argument(
        "--keep-models", choices=tuple(SPARED), default="baseline_and_champion", help="whose models stay"
    )
    delete = add("delete", _delete, "remove a study: folder, storage, MLflow runs")
    replay.add_argument("study", help=STUDY)
    for destructive in (clean, delete):
        destructive.add_argument("study", help=WHOLE)
    for tracking in (replay, delete):
        tracking.add_argument(
            "--tracking-uri", default=None, help="tracking.uri (default: the embedded store)"
        )
        tracking.add_argument("--experiment", default=None, help="tracking.experiment (default: the task's)")
    for destructive in (clean, delete):
        destructive.add_argument("--yes", action="store_true", help="do not ask")
    return parser


LOOPBACK = "127.0.0.1"
STUDY = "its name, the beginning of it, or its folder"
WHOLE = "its whole name, or its folder"


def _add_places(parser: Parser, results: str, storage: str | None) -> None:
    """Where studies are; may stand before the command or after it."""
    parser.add_argument(
        "--results-dir", type=at_home, default=results, help="study.results_dir (default: results)"
    )
    parser.add_argument(
        "--storage", type=at_home, default=storage, help="study.storage (default: studies.db in the results)"
    )


def _adder(
    verbs: "argparse._SubParsersAction[Parser]",
) -> Callable[[str, Callable[[argparse.Namespace], None], str], Parser]:
    def add(verb: str, command: Callable[[argparse.Namespace], None], text: str) -> Parser:
        added = verbs.add_parser(verb, help=text, description=text)
        _add_places(added, results=argparse.SUPPRESS, storage=argparse.SUPPRESS)
        added.set_defaults(command=command)
        return added

    return add


if __name__ == "__main__":
    sys.exit(main())
