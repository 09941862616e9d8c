"""`python -m sweeper.studies list | show | best | export | publish | replay | clean | delete`.

Works from the files of `results/`; Optuna and MLflow are imported only where they are needed.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.leaderboard_table import default_console, leaderboard_of, studies_table
from sweeper.publishing import champions, publish, trial_of
from sweeper.schema import Tracking
from sweeper.summary import read_sentence, read_summary

MIB = 2**20


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0, or 2 with one line on stderr for what the user can mend."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], None] = options.command
    try:
        command(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()  # `... | head` is no error; and Python would complain once more at exit
    return 0


def find_study(results: ResultsFolder, name: str) -> StudyFolder:
    """The study called `name`, or the only one that begins so. Raises UserError."""
    known = {folder.path.name: folder for folder in all_studies(results)}
    if name in known:
        return known[name]
    begun = [folder for full, folder in known.items() if name and full.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        listed = ", ".join(folder.path.name for folder in begun)
        raise UserError(Fault("study", f"got '{name}'; expected one of {listed}", "Give more of the name"))
    suggestion = did_you_mean(name, known)
    problem = f"got '{name}'; expected a study in {results.path}{suggestion}"
    raise UserError(Fault("study", problem, "" if suggestion else "The command `list` shows all"))


def all_studies(results: ResultsFolder) -> list[StudyFolder]:
    """Every study of which something is there, finished or not, in order of the names."""
    found = {path.parent for pattern in ("*/summary.json", "*/trials") for path in results.path.glob(pattern)}
    return [StudyFolder(path) for path in sorted(found)]


def _list(options: argparse.Namespace) -> None:
    studies = all_studies(_results(options))
    finished = [folder for folder in studies if folder.summary.exists()]
    console = default_console()
    if finished:
        console.print(studies_table([read_summary(folder) for folder in finished]))
    for folder in studies:
        if folder not in finished:
            console.print(f"{folder.path.name}: no summary yet; its command resumes it", soft_wrap=True)
    if not studies:
        console.print(f"no studies in {options.results_dir}", soft_wrap=True)


def _show(options: argparse.Namespace) -> None:
    folder, console = _finished(options), default_console()
    console.print(leaderboard_of(read_summary(folder)))
    console.print(read_sentence(folder), style="bold", soft_wrap=True)
    console.print(f"report: {folder.report_md}", soft_wrap=True)


def _best(options: argparse.Namespace) -> None:
    folder = _finished(options)
    if not folder.best_yaml.exists():
        raise UserError(Fault(folder.path.name, "no candidate finished", "`show` tells the reasons"))
    print(folder.best_yaml.read_text(), end="")


def _export(options: argparse.Namespace) -> None:
    folder = _finished(options)
    source = folder.trials_csv if options.format == "csv" else folder.summary
    print(source.read_text(), end="")


def _publish(options: argparse.Namespace) -> None:
    folder = _finished(options)
    place, left_out = publish(_results(options), folder, read_summary(folder))
    for reason in left_out:
        print(f"warning: left out {reason}", file=sys.stderr)
    print(f"published: {place}")


def _replay(options: argparse.Namespace) -> None:
    from sweeper.tracking import replay, where

    folder, tracking = _finished(options), _tracking(options)
    n_logged = replay(folder, tracking, options.results_dir)
    n_known = len(folder.runs) - n_logged
    place = where(tracking, options.results_dir)
    print(f"logged {n_logged} runs of {folder.path.name}, {n_known} were there: {place}")


def _clean(options: argparse.Namespace) -> None:
    folder = _finished(options)
    kept = champions(read_summary(folder))
    paths = [path for run in folder.runs if trial_of(run) not in kept for path in run.checkpoints]
    size = sum(path.stat().st_size for path in paths)
    if _agreed(options, f"remove {len(paths)} checkpoints ({size / MIB:.1f} MiB), all but the champion's"):
        for path in paths:
            path.unlink()
        print(f"removed {len(paths)} checkpoints ({size / MIB:.1f} MiB)")


def _delete(options: argparse.Namespace) -> None:
    folder = find_study(_results(options), options.study)
    if not _agreed(options, f"delete study {folder.path.name} with its {len(folder.runs)} runs, for good"):
        return
    _delete_from_storage(options, folder)
    n_tracked = _delete_from_mlflow(options, folder)
    shutil.rmtree(folder.path)
    print(f"deleted {folder.path.name}; {n_tracked} runs marked deleted in MLflow")


def _delete_from_storage(options: argparse.Namespace, folder: StudyFolder) -> None:
    database = _results(options).studies_db
    if options.storage is None and not database.exists():
        return
    from sweeper.storage import delete_study

    delete_study(options.storage or f"sqlite:///{database}", _study_name(folder))


def _delete_from_mlflow(options: argparse.Namespace, folder: StudyFolder) -> int:
    if not folder.summary.exists():
        return 0
    from sweeper.tracking import forget

    return forget(folder, _tracking(options), options.results_dir)


def _study_name(folder: StudyFolder) -> str:
    """The name in the storage; the folder's is that name made safe for file systems."""
    return str(read_summary(folder)["study"]) if folder.summary.exists() else folder.path.name


def _agreed(options: argparse.Namespace, what: str) -> bool:
    if options.yes:
        return True
    if not sys.stdin.isatty():
        raise UserError(Fault(options.verb, f"would {what}", "Add --yes"))
    return input(f"{what}? [y/N] ").strip().lower() in ("y", "yes")


def _finished(options: argparse.Namespace) -> StudyFolder:
    folder = find_study(_results(options), options.study)
    if not folder.summary.exists():
        advice = "The command that began it resumes it"
        raise UserError(Fault(folder.path.name, "the study has no summary yet", advice))
    return folder


def _results(options: argparse.Namespace) -> ResultsFolder:
    return ResultsFolder(Path(options.results_dir))


def _tracking(options: argparse.Namespace) -> Tracking:
    return Tracking(name="mlflow", uri=options.tracking_uri, experiment=options.experiment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sweeper.studies", description="Look after studies.")
    parser.add_argument("--results-dir", default="results", help="study.results_dir (default: results)")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="command")
    add = _adder(verbs)
    add("list", _list, "all studies, the last finished first")
    for verb, command, text in (
        ("show", _show, "leaderboard and verdict"),
        ("best", _best, "the chosen configuration and the command that trains it again, as YAML"),
        ("publish", _publish, "copy the report, with the records behind the verdict, to published/"),
    ):
        add(verb, command, text).add_argument("study", help="its name, or the beginning of it")
    export = add("export", _export, "all runs as CSV, or the summary as JSON, on standard output")
    export.add_argument("study", help="its name, or the beginning of it")
    export.add_argument("--format", choices=("csv", "json"), default="csv")
    replay = add("replay", _replay, "log to MLflow what is missing there")
    clean = add("clean", _clean, "remove the checkpoints of all trials but the best")
    delete = add("delete", _delete, "remove a study: folder, storage, MLflow runs")
    for single in (replay, clean, delete):
        single.add_argument("study", help="its name, or the beginning of it")
    for tracking in (replay, delete):
        tracking.add_argument(
            "--tracking-uri", default=None, help="tracking.uri (default: the embedded store)"
        )
        tracking.add_argument("--experiment", default=None, help="tracking.experiment (default: the task's)")
    for destructive in (clean, delete):
        destructive.add_argument("--yes", action="store_true", help="do not ask")
    delete.add_argument("--storage", default=None, help="study.storage (default: studies.db in the results)")
    return parser


def _adder(
    verbs: "argparse._SubParsersAction[argparse.ArgumentParser]",
) -> Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]:
    def add(verb: str, command: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(verb, help=text, description=text)
        added.set_defaults(command=command)
        return added

    return add


if __name__ == "__main__":
    sys.exit(main())
