"""`sweeper verdict runs.csv --baseline NAME`: a verdict on runs that exist, whoever trained them.

Exit codes: 0 done, whatever the verdict; 2 the user's input, 130 after Ctrl-C.
"""

import json
import shlex
import sys
from argparse import Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.cli import Parser, exit_code
from sweeper.errors import Fault, UserError
from sweeper.layout import StudyFolder, at_home
from sweeper.models import DIRECTIONS
from sweeper.output import output_survives
from sweeper.reports import (
    Summary,
    default_console,
    read_summary,
    table_leaderboard,
    verdict_as_json,
    write_table_report,
)
from sweeper.verdict import judge_table

if TYPE_CHECKING:
    import pandas as pd

MLFLOW = "mlflow:"
OWN_VERDICT = (
    "warning: study {study} has a verdict of its own, which holds: {said}. It counts its looks, and has the "
    "examples where there are any; here the number of seeds counts as fixed beforehand"
)
COLUMNS = """\
The table has a row for each run: CSV of any separator (a W&B export, too), Parquet, JSON, xlsx, or the runs
of an experiment, mlflow:EXPERIMENT. Columns are found by their names: trial (name, config, ...), seed, val
and test (val/acc, eval_acc, metrics.test/acc, ...), phase (screening, confirmation), state. Others are
ignored.

  sweeper verdict runs.csv --baseline adamw
  sweeper verdict runs.csv --baseline adamw --metric loss:min --confirm-seeds 10,11,12 --report out
  sweeper verdict wandb.csv --trial optimizer,lr --baseline 'optimizer=adamw lr=0.001' --val val_acc
  sweeper verdict mlflow:my_experiment --uri http://server:5000 --trial params.loss --baseline ce"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code; every mistake of the user is one line on stderr."""
    with output_survives():
        words = sys.argv[1:] if arguments is None else list(arguments)
        options = _parser().parse_args(words)
        command = shlex.join(["sweeper", "verdict", *words])
        return exit_code(lambda: _judge(options, command), where="verdict", prints_result=True)


def _judge(options: Namespace, command: str) -> None:
    if faults := list(_faults(options)):
        raise UserError(faults)
    if (own := _our_study(options)) is not None:
        said = f"{own.best[0].name}, {own.verdict}" if own.best else own.verdict
        print(OWN_VERDICT.format(study=own.study, said=said), file=sys.stderr)
    found = judge_table(_source(options), **_asked(options, own))
    if options.report is not None:
        report = write_table_report(Path(options.report), found, options.table, command)
    if options.json:
        print(json.dumps(verdict_as_json(found), indent=2))
        return
    console = default_console()
    console.print(table_leaderboard(found), crop=False)
    if options.report is not None:
        console.print(f"report: {report}", soft_wrap=True)


def _source(options: Namespace) -> "pd.DataFrame | Path":
    if not options.table.startswith(MLFLOW):
        return Path(at_home(options.table))
    from sweeper.watch import experiment_frame

    return experiment_frame(options.table.removeprefix(MLFLOW), options.uri)


def _asked(options: Namespace, own: Summary | None) -> dict[str, Any]:
    """What `judge_table` is asked; `own`: the summary beside the table of a study of ours."""
    metric, direction = _metric(options, own)
    return {
        "baseline": options.baseline,
        "metric": metric,
        "direction": direction,
        "confidence": options.confidence,
        "min_effect": options.min_effect,
        "examples": options.examples and Path(at_home(options.examples)),
        "trial": _columns(options.trial),
        "seed": options.seed,
        "val": options.val,
        "test": options.test,
        "confirm_seeds": _seeds(options.confirm_seeds),
        "where": tuple(options.where),
    }


def _metric(options: Namespace, own: Summary | None) -> tuple[str | None, str | None]:
    """`acc:max` is both; a table that a study of ours wrote has them in the summary beside it."""
    if options.metric is None:
        if own is None or options.val:
            return None, options.direction
        return own.metric[0], options.direction or own.direction[0]
    name, _, end = options.metric.rpartition(":")
    if name and end.lower() in DIRECTIONS:
        return name, options.direction or end
    return options.metric, options.direction


def _our_study(options: Namespace) -> Summary | None:
    """The summary beside a table that a study of ours wrote."""
    path = Path(at_home(options.table))
    folder = StudyFolder(path.parent)
    is_ours = path.name == folder.trials_csv.name and folder.summary.is_file()
    return read_summary(folder) if is_ours else None


def _columns(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text else ()


def _seeds(text: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",")) if text else ()


def _faults(options: Namespace) -> list[Fault]:
    faults = []
    if options.confirm_seeds and not all(
        part.strip().lstrip("-").isdigit() for part in options.confirm_seeds.split(",")
    ):
        problem = f"got '{options.confirm_seeds}'; expected whole numbers, as in 1000,1001,1002"
        faults.append(Fault("confirm_seeds", problem))
    if options.report is not None and StudyFolder(Path(options.report)).summary.exists():
        faults.append(Fault("report", f"got '{options.report}', the folder of a study; expected another one"))
    if options.uri is not None and not options.table.startswith(MLFLOW):
        faults.append(
            Fault("uri", f"got '{options.uri}' beside the table {options.table}; expected mlflow:EXPERIMENT")
        )
    return faults


def _parser() -> Parser:
    parser = Parser(
        prog="sweeper verdict",
        description="Which trial is best, is it better than the baseline, and how sure is that?",
        epilog=COLUMNS,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("table", metavar="TABLE", help="a file, or mlflow:EXPERIMENT")
    texts = {
        "--baseline": ("NAME", "the trial that the others are compared with"),
        "--metric": ("NAME[:max|min]", "which metric, where the table has several, and where it should go"),
        "--direction": (
            "max|min",
            "the same direction (default: max; a loss, or Optuna's value, needs it said)",
        ),
        "--trial": ("COLUMN[,COLUMN]", "what names a trial; of several columns 'loss=focal lr=0.1'"),
        "--seed": ("COLUMN", "the seed, or the number of the repetition"),
        "--val": ("COLUMN", "values on validation, which chooses"),
        "--test": ("COLUMN", "values on test, which judges"),
        "--confirm-seeds": ("1000,1001", "seeds that played no part in choosing"),
        "--examples": (
            "FILE.npz",
            "arrays by trial/seed: the value of each example, whose mean is the metric",
        ),
        "--report": ("FOLDER", "write report.md, report.html and a forest plot there"),
        "--uri": ("URI", "the MLflow store (default: MLFLOW_TRACKING_URI, or results/mlflow.db, or mlruns)"),
    }
    for flag, (metavar, text) in texts.items():
        parser.add_argument(flag, metavar=metavar, help=text)
    parser.add_argument(
        "--where",
        metavar="COLUMN=VALUE",
        action="append",
        default=[],
        help="only the rows with this cell; repeat it for further columns",
    )
    parser.add_argument("--confidence", type=float, default=0.95, help="of the interval (default: 0.95)")
    parser.add_argument("--min-effect", type=float, help="the smallest difference that matters")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON instead")
    return parser


if __name__ == "__main__":
    sys.exit(main())
