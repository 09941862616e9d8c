"""Runs a JobSpec of somebody's program: starts it, listens to it, sees it to its end.

Imports neither torch nor NumPy: what a program needs is its own business.
"""

import os
import shlex
import shutil
import signal
import time
import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

from sweeper.client import RESUME
from sweeper.errors import ProgramError, RunError
from sweeper.layout import RunFolder
from sweeper.messages import Failed, Finished, Reply, Started, Stopped
from sweeper.program_spec import ProgramSpec
from sweeper.trial import JobSpec, RunSpec
from sweeper.wording import duration
from sweeper.worker.failure import Failure
from sweeper.worker.holding import run_folder_held
from sweeper.worker.last_words import with_last_words
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.prefork import NURSERY, CannotForkError
from sweeper.worker.program_channel import ProgramChannel, Said
from sweeper.worker.program_environment import program_environment
from sweeper.worker.program_failures import exit_failure, failure_of, raised_failure
from sweeper.worker.program_process import Start, Supervised, code_in_words, start_process
from sweeper.worker.program_reports import Reports
from sweeper.worker.program_results import Heard, figures_in_all
from sweeper.worker.reporter import Report, Reporter
from sweeper.worker.silence import Silence, cpu_seconds
from sweeper.worker.system_metrics import system_metrics_of

POLL_S = 0.05
TOLD_TOO_S = 0.5
"""A batch system that ends the program tells the worker as well; so long it is waited for."""
BY_SIGTERM = (-signal.SIGTERM, 128 + signal.SIGTERM)
FRESH_ROWS = -1


def run_to_the_end(job: JobSpec, report: Report, lifeline: Lifeline) -> bool:
    """Run `job`, whatever happens in it; each member has a last word."""
    return with_last_words(run_job, lambda error, _: failure_of(error), job, report, lifeline)


def run_job(job: JobSpec, report: Report, lifeline: Lifeline | None = None) -> bool:
    """Run the programs of `job`, one after the other; each ends with Finished, Stopped or Failed.

    True: a program leaves nothing behind that another one could suffer from. KeyboardInterrupt and SystemExit
    pass, and the program is ended.
    """
    for run in job.members:
        _run_member(job, run, report, lifeline or Lifeline())
    return True


def _run_member(job: JobSpec, run: RunSpec, report: Report, lifeline: Lifeline) -> None:
    reporter = Reporter(job, run, report)
    try:
        with run_folder_held(reporter.folder) as lock:
            spec = ProgramSpec.model_validate(run.config["program"])
            with system_metrics_of(job, reporter):
                ProgramRun(spec, job, reporter, lifeline).go(lock)
    except Exception as error:
        with suppress(OSError):  # where the disk is full there is no log either, and that is not the news
            reporter.log(str(error) if isinstance(error, RunError) else traceback.format_exc())
        reporter.send(Failed, **asdict(failure_of(error)))


class ProgramRun:
    """One run, from the start of its program to the last message.

    `_leaving` is why the program has been told to leave, `_leave_by` when it is ended that has not.
    """

    def __init__(self, spec: ProgramSpec, job: JobSpec, reporter: Reporter, lifeline: Lifeline) -> None:
        self._spec, self._job, self._reporter, self._lifeline = spec, job, reporter, lifeline
        self._folder: RunFolder = reporter.folder
        self._heard = Heard()
        self._reports = Reports(reporter, spec.objectives)
        self._began = time.monotonic()
        self._leaving: str | None = None
        self._leave_by = 0.0

    def go(self, lock: int) -> None:
        """Run it. Raises RunError, and what the machine raises, where there is no last word yet."""
        self._prepare()
        try:
            self._conclude(self._ended(lock))
        finally:
            self._log_notes()

    def _ended(self, lock: int) -> str | int:
        """How the program ended, once nothing of it runs any more."""
        with ExitStack() as stack:
            channel = ProgramChannel()
            stack.callback(channel.close)
            process, notes = self._start(channel, lock)
            stack.callback(process.close)
            channel.also_wake_at(process.status)
            self._send_started(notes)
            return self._attend(channel, process)

    def _log(self, line: str) -> None:
        self._log_notes()
        self._reporter.log(line)

    def _log_notes(self) -> None:
        """Only once the log has been read: its last line, and what a pattern finds, are the program's own."""
        for note in self._reports.notes:
            self._reporter.log(note)
        self._reports.notes.clear()

    def _prepare(self) -> None:
        """Leave nothing of an earlier attempt that could be taken for this one's."""
        for given in (self._spec.results, self._spec.examples):
            if given is not None:
                _remove(self._path(given))
        self._folder.records.unlink(missing_ok=True)
        if RESUME not in self._spec.environment:
            self._folder.set_app_aside()
            self._reporter.metrics.drop_after(FRESH_ROWS)
        self._reporter.log(f"in {self._spec.cwd}: {shlex.join(self._spec.argv)}")
        self._log_start = self._folder.log.stat().st_size

    def _start(self, channel: ProgramChannel, lock: int) -> tuple[Supervised, tuple[str, ...]]:
        spec = self._spec
        environment = program_environment(
            spec, str(self._folder.path), channel.path, self._job.needs.n_threads
        )
        log = os.open(self._folder.log, os.O_WRONLY | os.O_APPEND)
        try:
            start = Start(spec.argv, spec.cwd, environment, log, channel.folder, lock)
            process, notes = self._started(start)
        finally:
            os.close(log)
        self._silence = Silence(
            spec.silence_s or float("inf"),
            lambda: self._folder.log.stat().st_size,
            lambda: cpu_seconds(process.pid),
            time.monotonic,
        )
        return process, notes

    def _started(self, start: Start) -> tuple[Supervised, tuple[str, ...]]:
        """The program, forked where that was asked for and is possible, and a note where it is not."""
        if not self._spec.prefork:
            return start_process(start), ()
        try:
            limit_s = self._spec.silence_s or float("inf")
            return NURSERY.fork(start, lambda: self._lifeline.must_leave, limit_s), ()
        except CannotForkError as error:
            return start_process(start), (f"app.prefork: each run has a process of its own: {error}",)

    def _send_started(self, notes: tuple[str, ...]) -> None:
        earlier = self._spec.environment.get(RESUME)
        incidents = (
            () if earlier is None else (f"goes on from {earlier}, as exactly as the app's own resume is",)
        )
        self._reporter.send(
            Started,
            resumed_step=0,
            total_steps=self._spec.total_steps,
            device=self._job.needs.device,
            notes=notes,
            incidents=incidents,
        )

    def _attend(self, channel: ProgramChannel, process: Supervised) -> str | int:
        """How the program ended. Raises RunError where it has to be ended, which whoever closes it does."""
        while (ended := process.ended()) is None:
            for said in channel.receive(POLL_S):
                self._hear(said)
            self._look(process)
        for said in channel.rest():
            self._hear(said)
        return ended

    def _look(self, process: Supervised) -> None:
        now = time.monotonic()
        if self._lifeline.must_leave and self._leaving is None:
            self._leave("interrupted")
            process.ask_to_leave()
        if self._leaving is not None and now > self._leave_by:
            process.kill()
        if self._leaving is None and self._silence.is_too_long():
            silent = duration(self._spec.silence_s)
            raise ProgramError(
                f"hangs: it has neither printed, nor reported, nor computed for {silent}",
                step=self._reports.step,
                advice="Its log shows how far it came; raise executor.silence_s where it only waits.",
            )

    def _leave(self, why: str) -> None:
        self._leaving, self._leave_by = why, time.monotonic() + self._spec.grace_s

    def _hear(self, said: Said) -> None:
        self._take(said)
        self._silence.heard()  # from now on: a parent may take its time to answer

    def _take(self, said: Said) -> None:
        message = said.message
        match message:
            case {"kind": "report", "step": int(step), "figures": dict(figures)}:
                said.speaker.answer(self._answer(step, figures))
            case {"kind": "examples", "name": str(name), "values": str(values)}:
                self._heard.examples[name] = values
            case {"kind": "returned"}:
                self._heard.returned = message
            case {"kind": "raised"}:
                self._heard.raised = message
            case {"kind": "began", "output_dir": folder}:
                self._reports.notes[f"its output folder: {folder}"] = None
            case _:
                self._reports.notes[said.problem or f"said what nobody understands: {message}"] = None
                said.speaker.answer("continue")

    def _answer(self, step: int, figures: Mapping[str, float]) -> Reply:
        answer = self._reports.take(step, figures)
        self._lifeline.step = self._reports.step
        if self._leaving is None and answer != "continue":
            self._leave("pruned" if answer == "prune" else "interrupted")
        return answer if self._leaving is None else "prune" if self._leaving == "pruned" else "stop"

    def _conclude(self, ended: str | int) -> None:
        if self._leaving is None and ended in BY_SIGTERM:
            self._wait_to_be_told()
        raised = self._heard.raised
        if self._leaving is None and raised is not None and raised.get("is_pruned"):
            self._leaving = "pruned"
        if self._leaving is not None:
            self._stop(self._leaving)
        elif isinstance(ended, str):
            raise ProgramError(ended, advice="Its command line is in the log.")
        elif raised is not None:
            self._fail(raised_failure(raised, self._reports.step))
        elif ended and self._heard.returned is None:
            self._fail(exit_failure(ended, self._folder.log, self._log_start, self._reports.step))
        else:
            self._finish(ended)

    def _wait_to_be_told(self) -> None:
        by = time.monotonic() + TOLD_TOO_S
        while not self._lifeline.must_leave and time.monotonic() < by:
            time.sleep(POLL_S)
        if self._lifeline.must_leave:
            self._leaving = "interrupted"

    def _stop(self, why: str) -> None:
        step = self._reports.step
        self._log(f"{why} at step {step}")
        self._reporter.send(Stopped, why=why, step=step, steps_trained=step, seconds=self._seconds())

    def _fail(self, failure: Failure) -> None:
        self._log(f"failed: {failure.reason}")
        self._reporter.send(Failed, **asdict(failure))

    def _finish(self, code: int) -> None:
        settled = figures_in_all(
            self._spec, self._heard, self._reports.latest, self._folder.log, self._log_start
        )
        told, problems = self._write_examples(settled.metrics)
        odd = (f"{code_in_words(code)} after it had returned",) if code else ()
        incidents = (*odd, *settled.missed, *problems)
        self._log("\n  ".join(("finished", *settled.notes, *incidents)))
        step = self._reports.step
        self._reporter.send(
            Finished,
            metrics={**told, **settled.metrics},
            best_step=0,  # which of its models a program keeps is its own affair
            steps_trained=step,
            steps_inherited=0,
            seconds=self._seconds(),
            ended_by="max_steps",
            incidents=incidents,
        )

    def _write_examples(self, metrics: Mapping[str, float]) -> tuple[Mapping[str, float], tuple[str, ...]]:
        """The figures that only examples tell, and which of these are left out."""
        said, given = self._heard.examples, self._spec.examples
        if not said and given is None:
            return {}, ()
        from sweeper.worker.examples import write_examples  # NumPy

        return write_examples(
            self._folder.records, said, None if given is None else self._path(given), metrics
        )

    def _path(self, given: str) -> Path:
        return Path(self._spec.cwd, given)

    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
