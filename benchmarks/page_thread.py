"""The processor time of the thread that keeps a study's page, in a study that is acted out in real time.

No worker runs and nothing is trained, so that other processes on the machine hardly touch the figure. It
bounds how much a page slows its study, whose own thread waits for the other at most while that computes.
"""

import threading
import time
from pathlib import Path
from typing import Any

from sweeper.layout import RunFolder, StudyFolder
from sweeper.messages import Reported, Started
from sweeper.results import Objective, RunResult
from sweeper.trial import Slot, TrialSpec
from sweeper.watch import PageWriter, StudyStart

EVERY_S = 4.0
"""The default of study.page_every_s."""
SLOT = Slot(0, "cpu", 1)
SEED = 0


def page_share(n_runs: int, ms_per_run: float, work: Path) -> float:
    """Seconds of the page's thread over the seconds of a study with a run each `ms_per_run`.

    What every page needs once, the packing of what draws its figures, is in it.
    """
    folder = StudyFolder.of(work, "acted")
    writer = PageWriter(EVERY_S)
    before, began = set(threading.enumerate()), time.monotonic()
    writer.study_started(_start(folder, n_runs))
    (thread,) = set(threading.enumerate()) - before
    assert thread.ident is not None
    clock = time.pthread_getcpuclockid(thread.ident)
    for number in range(n_runs):
        _act(writer, folder, number, n_runs)
        time.sleep(max(0.0, began + (number + 1) * ms_per_run / 1000 - time.monotonic()))
    used_s, took_s = time.clock_gettime(clock), time.monotonic() - began
    writer.close()
    return used_s / took_s


def _act(writer: PageWriter, folder: StudyFolder, number: int, n_runs: int) -> None:
    """A run from its beginning to its end; of its folder there is what a page looks for."""
    spec, x = _spec(number, number / n_runs), number / n_runs
    metrics = {"val/loss": (x - 0.3) ** 2}
    who: Any = {"job_id": str(number), "trial": number, "seed": SEED, "attempt": 1}
    writer.run_started(spec, Started(**who, resumed_step=0, total_steps=1, device="cpu"), SLOT)
    writer.run_reported(spec, Reported(**who, step=1, metrics=metrics, steps_per_s=1.0))
    run = RunFolder(folder.run(spec, SEED).path)
    run.path.mkdir(parents=True)
    (run.path / "outcome.json").touch()
    ended = RunResult(
        trial=number,
        seed=SEED,
        state="COMPLETE",
        reason=None,
        metrics=metrics,
        best_step=1,
        steps_trained=1,
        seconds=0.02,
        folder=run.path,
    )
    writer.run_ended(spec, ended)


def _start(folder: StudyFolder, n_runs: int) -> StudyStart:
    return StudyStart(
        study=folder.path.name,
        task="noop",
        objectives=(Objective("loss", "minimize"),),
        seeds=(SEED,),
        confirm_seeds=(),
        folder=folder,
        n_runs_planned=n_runs,
        n_runs_known=0,
        slots=(SLOT,),
        config={},
        data={},
        provenance={},
    )


def _spec(number: int, x: float) -> TrialSpec:
    return TrialSpec(
        number=number,
        name="baseline" if number == 0 else f"x={x:g}",
        role="candidate" if number else "baseline",
        prunable=False,
        params={"loss.x": x} if number else {},
        overrides=(),
        config={},
        fingerprint=f"{number:032d}",
        max_steps=1,
    )
