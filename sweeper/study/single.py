"""`python -m sweeper` without `-m`: one configuration, trained in this process, its metrics printed.

It trains as a study's run would: on the executor's first slot, with as many threads. Ctrl-C and SIGTERM have
it write a checkpoint after the present step, from which the same command goes on.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.table import Table

from sweeper.config import TaskSweep
from sweeper.criteria import SPLITS, Criterion
from sweeper.errors import StudyError, UserError
from sweeper.executors import arrange
from sweeper.layout import ResultsFolder, RunFolder, write_atomic
from sweeper.messages import Failed, Finished, Message, Reply, Reported, Started, Stopped
from sweeper.reports import default_console
from sweeper.storage import place_faults_named
from sweeper.study.interrupts import EXIT_CODES, NOTHING_LOST, leave_now, say, watch_signals
from sweeper.study.jobs import job_for
from sweeper.study.objectives import metric_faults
from sweeper.study.specs import TaskSpecs
from sweeper.trial import DeviceNeeds
from sweeper.verdict import check_criteria, criteria_of, result_lines, unknown_figures

SOLO = "solo"
AT_ONCE = "stopped at once; the same command goes on from the last checkpoint"


def run_solo(sweep: TaskSweep) -> int:
    """Train the fixed configuration on `seed`; the exit code. Raises StudyError where the run fails."""
    with place_faults_named(sweep.settings.study.results_dir):
        return _run(sweep)


def _run(sweep: TaskSweep) -> int:
    factory, settings = TaskSpecs(sweep), sweep.settings
    arrangement = arrange(settings.executor)
    placement = arrangement.placements[0]
    trial = factory.spec(0, settings.task.name, "candidate", {}, ())
    if faults := [*sweep.faults, *factory.faults(trial), *metric_faults(sweep, factory, [trial])]:
        raise UserError(faults)
    notices = factory.warnings([trial])
    for warning in (*sweep.warnings, *arrangement.warnings, *notices):
        print(f"warning: {warning}")
    for line in factory.announced([trial]):
        print(line)
    if settings.study.dry_run:
        print(f"dry run: one run of {trial.max_steps} steps on seed {settings.seed}; nothing is trained")
        return 0
    place = ResultsFolder(Path(settings.study.results_dir)).solo
    folder = RunFolder(place / trial.fingerprint[:8] / f"seed{settings.seed}")
    needs = DeviceNeeds(device=placement.slot.device, n_threads=placement.slot.n_threads)
    parts = factory.run_parts(trial, settings.seed, folder)
    job = job_for(SOLO, trial, settings.seed, 1, folder, parts, needs)
    write_atomic(folder.job, job.model_dump_json(indent=2))
    os.environ.update(placement.environment)
    from sweeper.worker import Lifeline, collect_from_here, run_job

    printer = _Printer(trial.name, f"val/{factory.objective.metric}", criteria_of(trial.config), folder)
    lifeline = Lifeline()

    def leave(number: signal.Signals) -> None:
        if not printer.has_started:
            leave_now(NOTHING_LOST, EXIT_CODES[number])
        lifeline.must_leave = True
        say(f"{number.name}: writes a checkpoint after this step and stops; once more to stop at once")

    collect_from_here()
    with watch_signals(leave, AT_ONCE) as interrupt:
        run_job(job, printer.hear, lifeline)
    return interrupt.exit_code if printer.is_stopped else 0


class _Printer:
    """Prints what one run says."""

    def __init__(self, name: str, metric: str, criteria: Sequence[Criterion], folder: RunFolder) -> None:
        self._name, self._metric, self._criteria, self._folder = name, metric, criteria, folder
        self.has_started = self.is_stopped = False

    def hear(self, message: Message) -> Reply:
        if isinstance(message, Started):
            self.has_started = True
            head = f"{self._name}: {message.total_steps} steps on {message.device}"
            print("\n".join([head, *message.notes, *message.incidents]))
        elif isinstance(message, Reported):
            value = message.metrics[self._metric]
            print(f"step {message.step}: {self._metric} {value:.4f} ({message.steps_per_s:.1f} steps/s)")
        elif isinstance(message, Finished):
            default_console().print(_table(message.metrics))
            print("".join(f"{line}\n" for line in _success(self._criteria, message.metrics)), end="")
            print(f"best step {message.best_step}, {message.seconds:.1f} s; {self._folder.path}")
        elif isinstance(message, Stopped):
            self.is_stopped = True
            print(f"stopped at step {message.step}, with a checkpoint; the same command goes on from there")
        elif isinstance(message, Failed):
            again = f"python -m sweeper.worker {self._folder.job}"
            raise StudyError(f"{message.reason} {message.advice} Log: {self._folder.log}. Again: {again}")
        return "continue"


def _success(criteria: Sequence[Criterion], metrics: Mapping[str, float]) -> list[str]:
    reached = [f"success: {line}" for line in result_lines(check_criteria(criteria, metrics.get))]
    return [*reached, *(f"warning: {text}" for text in unknown_figures(criteria, metrics))]


def _table(metrics: dict[str, float]) -> Table:
    """One line a metric, one column a split."""
    found = {key.split("/")[0] for key in metrics}
    splits = [split for split in SPLITS if split in found]
    table = Table("metric", *splits, box=None, pad_edge=False)
    for name in dict.fromkeys(key.split("/", 1)[1] for key in metrics):
        values = [metrics.get(f"{split}/{name}") for split in splits]
        table.add_row(name, *("-" if value is None else f"{value:.4f}" for value in values))
    return table
