"""The k best runs of a study as one model: which they are, and what their average reaches beside the best.

Chosen on validation over the complete screening runs, the baseline's included. A process of its own averages
and evaluates them (`ensemble_process`, `worker/ensemble`); here its figures are asked for. Nothing that
fails in it is worth a study's verdict: it ends in a warning.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.agent import SAME_PATH, import_path
from sweeper.config import ENSEMBLE_KEY
from sweeper.ensemble_spec import EnsembleFigures, EnsembleSpec, Member, model_digest, read_figures, read_spec
from sweeper.executors import Placement
from sweeper.findings import BestRun, Ensemble, EnsembleMember
from sweeper.layout import EnsembleFolder, RunFolder, StudyFolder, write_atomic
from sweeper.locks import file_lock
from sweeper.records import read_influence
from sweeper.reports import sentence_of
from sweeper.results import RunResult, StudyResult, TrialResult
from sweeper.schema import Inline, Local, Remote
from sweeper.verdict import Interval, examples_part, student
from sweeper.worker import ending

N_LISTED = 5
TIMEOUT_S = 7200.0
"""The end of an evaluation where `executor.job_timeout_s` sets none: two passes a model, no training."""

Best = tuple[TrialResult, RunResult]


@dataclass(frozen=True)
class Outcome:
    """What is known of the ensemble, or why there is none; and the run folders that are needed."""

    entry: Ensemble | None = None
    warnings: tuple[str, ...] = ()
    members: frozenset[Path] = frozenset()


@dataclass(frozen=True)
class EnsembleContext:
    """Where and how long an ensemble may be evaluated. `prepared`: the folder of the study's data.

    `lock(file, timeout_s)`: what keeps the study's other sessions from evaluating it at the same time.
    """

    folder: StudyFolder
    prepared: Path
    placement: Placement
    timeout_s: float
    is_stopped: Callable[[], bool]
    lock: Callable[[Path, float], AbstractContextManager[Any]] = file_lock


def timeout_of(executor: Inline | Local | Remote) -> float:
    """As long as a job may take, where that is limited."""
    return (None if isinstance(executor, Inline) else executor.job_timeout_s) or TIMEOUT_S


def ensemble_of(result: StudyResult, k: int, ground: EnsembleContext) -> Outcome:
    """The average of the k best runs, evaluated unless an earlier session has done so, and compared."""
    best = best_runs(result, k)
    members = frozenset(run.folder for _, run in best if run.folder is not None)
    if len(best) < 2:
        return _none(f"only {len(best)} run is complete" if best else "no run is complete", members)
    if gone := [run for _, run in best if run.folder is None or not RunFolder(run.folder).best.exists()]:
        return _none(_gone(gone), members)
    try:
        spec = _spec(result, best, ground)
        figures = _evaluated(spec, ground)
    except OSError as error:
        return _none(str(error), members)
    if isinstance(figures, str):
        return _none(figures, members)
    entry = entry_of(result, k, spec, figures, best[0][1], ground.folder.ensemble.records)
    fewer = f"{ENSEMBLE_KEY}: got {k}, but only {len(best)} different runs are complete; they are averaged"
    return Outcome(entry, (fewer,) if len(best) < k else (), members)


def best_runs(result: StudyResult, k: int) -> list[Best]:
    """The k complete screening runs that are best on validation; of equals the lower trial, then seed.

    Trials of equal fingerprint share their runs: each counts once.
    """
    objective = result.objectives[0]
    key = f"val/{objective.metric}"
    found = {
        (trial.spec.fingerprint, run.seed): (trial, run)
        for trial in reversed(result.trials)  # of those that share a run, the lowest has the last word
        for run in trial.runs.values()
        if run.state == "COMPLETE" and run.seed in result.seeds and key in run.metrics
    }

    def rank(best: Best) -> tuple[float, int, int]:
        return -objective.sign * best[1].metrics[key], best[1].trial, best[1].seed

    return sorted(found.values(), key=rank)[:k]


def _none(why: str, members: frozenset[Path]) -> Outcome:
    return Outcome(None, (f"{ENSEMBLE_KEY}: no ensemble, since {why}",), members)


def _gone(runs: Sequence[RunResult]) -> str:
    """Models that an earlier session removed: told is how to train them again, not done unasked."""
    n = len(runs)
    are = "models of {} of the best runs are" if n > 1 else "model of {} of the best runs is"
    listed = "; ".join(
        f"python -m sweeper.worker {quote(f'{run.folder}/job.json')}" for run in runs[:N_LISTED]
    )
    return (
        f"the {are.format(n)} gone: a study that ends without {ENSEMBLE_KEY} keeps its champion's best.pt "
        f"only. Train {'them' if n > 1 else 'it'} again, then repeat this command: {listed}"
        + (f" and {n - N_LISTED} more" if n > N_LISTED else "")
    )


def _spec(result: StudyResult, best: Sequence[Best], ground: EnsembleContext) -> EnsembleSpec:
    metric, slot = result.objectives[0].metric, ground.placement.slot
    return EnsembleSpec(
        study=result.study,
        metric=metric,
        members=tuple(_member(trial, run, run.metrics[f"val/{metric}"]) for trial, run in best),
        prepared=str(ground.prepared),
        device=slot.device,
        n_threads=slot.n_threads,
    )


def _member(trial: TrialResult, run: RunResult, val: float) -> Member:
    assert run.folder is not None
    return Member(
        trial=run.trial,
        name=trial.spec.name,
        seed=run.seed,
        val=val,
        folder=str(run.folder),
        model=model_digest(RunFolder(run.folder)),
        config=trial.spec.config,
    )


def _evaluated(spec: EnsembleSpec, ground: EnsembleContext) -> EnsembleFigures | str:
    """The figures of `spec`, known or new; or why there are none."""
    folder = ground.folder.ensemble
    try:
        with ground.lock(folder.lock, 0.0):
            known = read_spec(folder.request)
            if known is not None and known.asks_the_same_as(spec) and (found := read_figures(folder.result)):
                return found
            folder.result.unlink(missing_ok=True)  # that of another request
            write_atomic(folder.request, spec.model_dump_json(indent=2))
            environment = ground.placement.environment
            problem = evaluate_apart(folder, environment, ground.timeout_s, ground.is_stopped)
    except TimeoutError:
        return "another session evaluates it now; the same command shows it later"
    return problem or read_figures(folder.result) or f"{folder.result} cannot be read"


Floats = NDArray[np.float64]


def entry_of(
    result: StudyResult, k: int, spec: EnsembleSpec, figures: EnsembleFigures, best: RunResult, records: Path
) -> Ensemble:
    """What is known of the ensemble: its members, its figures, and those of the `best` of its runs beside it.

    `records`: those of the ensemble's test split.
    """
    assert best.folder is not None
    objective, first = result.objectives[0], spec.members[0]
    val_key, test_key = f"val/{objective.metric}", f"test/{objective.metric}"
    difference = figures.metrics[test_key] - best.metrics[test_key]
    own, of_best = (
        read_influence(path, objective.metric) for path in (records, RunFolder(best.folder).records)
    )
    interval = paired_interval(objective.sign * difference, own, of_best, result.confidence)
    entry = Ensemble(
        k=k,
        members=tuple(EnsembleMember(**_named(member)) for member in spec.members),
        val=figures.metrics[val_key],
        test=figures.metrics[test_key],
        best_run=BestRun(**_named(first), test=best.metrics[test_key]),
        difference=difference,
        improvement=objective.sign * difference,
        ci_low=interval.low,
        ci_high=interval.high,
        p_value=interval.p_value,
        metrics=figures.metrics,
        device=figures.device,
        seconds=round(figures.seconds, 3),
    )
    sentence = sentence_of(entry, objective.metric, result.confidence)
    return entry.model_copy(update={"sentence": sentence})


def _named(member: Member) -> dict[str, Any]:
    return member.model_dump(include={"trial", "name", "seed", "val"})


def paired_interval(
    improvement: float, one: Floats | None, other: Floats | None, confidence: float
) -> Interval:
    """The interval of an improvement of one model over another on the same test examples.

    From the paired influence values of these two models: what another test split would change, and nothing
    of what other seeds would. Unknown where values are missing.
    """
    if one is None or other is None or len(one) != len(other):
        return Interval()
    return student(improvement, examples_part({0: one}, {0: other}), None, confidence)


COMMAND = (sys.executable, *SAME_PATH, "-m", "sweeper.worker.ensemble")


POLL_S = 0.2


MAX_WORDS = 2000
"""Characters of the log's end that are looked at for the reason of a failure."""


def evaluate_apart(
    folder: EnsembleFolder,
    environment: Mapping[str, str],
    timeout_s: float,
    is_stopped: Callable[[], bool],
) -> str | None:
    """Evaluate the request in `folder`; why there is no result, where there is none.

    The process holds the reading end of a pipe whose other end is ours alone: however this one ends, so does
    the other. Its own session keeps Ctrl-C from it: `is_stopped` is asked instead.
    """
    theirs, ours = os.pipe()
    try:
        with folder.log.open("wb") as log:
            process = subprocess.Popen(
                [*COMMAND, str(folder.request), str(theirs)],
                env={**os.environ, **import_path(), **environment},
                pass_fds=[theirs],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            problem = _wait(process, timeout_s, is_stopped)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(theirs)
        os.close(ours)
    return problem if problem is not None else _judged(process.returncode, folder)


def _wait(process: "subprocess.Popen[bytes]", timeout_s: float, is_stopped: Callable[[], bool]) -> str | None:
    """Until it has ended, or should have."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if is_stopped():
            return "it was stopped; the same command evaluates it"
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
            return None
    return f"its evaluation was not done after {timeout_s:g} s"


def _judged(returncode: int, folder: EnsembleFolder) -> str | None:
    if returncode == 0 and folder.result.exists():
        return None
    words = folder.log.read_bytes()[-MAX_WORDS:].decode(errors="replace")
    return f"its evaluation failed: {ending(returncode, words)}. Log: {folder.log}"
