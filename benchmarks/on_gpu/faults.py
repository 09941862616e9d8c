"""What a study survives, done to real processes on the device: out of memory, and kill -9 of either side."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

from benchmarks.on_gpu.jobs import ballast_config
from benchmarks.on_gpu.rig import (
    DEADLINE_S,
    CheckError,
    Rig,
    comes_true,
    import_path,
    is_running,
    witness,
    write_job,
)
from benchmarks.on_gpu.rows import Row, Rows
from sweeper.errors import OUT_OF_MEMORY
from sweeper.layout import RunFolder
from sweeper.messages import Failed, Lost, Reported, Stopped

GIVEN_BACK = 0.9
"""So much of the memory that a process is known to hold has to be free again after its end."""
LEAVE_S = 10.0
GIB_OF_REHEARSAL = 2.0**20


def memory(rig: Rig) -> Rows:
    """A job asks for more than there is; the next one, alone on the device, has it to itself."""
    ballast = [ballast_config(ballast_gib=rig.sizes.ballast_gib)] * (max(rig.sizes.n_slots) - 1)
    neighbours = rig.run(*(rig.job(f"beside-{i}", c) for i, c in enumerate(ballast)), first_slot=1)
    beside = {story.finished().witness["pid"] for story in neighbours}
    before = rig.used_gib()
    n_pieces = rig.sizes.n_pieces
    piece = GIB_OF_REHEARSAL if rig.gpu is None else rig.gpu.total_bytes / 2**30 / (n_pieces - 1)
    greedy = rig.run(rig.job("greedy", ballast_config(piece_gib=piece, n_pieces=n_pieces)))[0]
    failed, dead = greedy.ended(Failed), greedy.witness["pid"]
    has_sizes = failed.error == OUT_OF_MEMORY and _is_size_told(failed.reason, piece)
    has_sizes &= rig.gpu is None or "GiB free" in failed.reason
    yield Row("out of memory, as recorded", failed.reason, has_sizes, {"out_of_memory": failed.reason})
    alone: list[float] = []
    job = rig.job("alone", ballast_config(), is_alone=True)
    story = rig.run(job, at_report=lambda message: alone.append(rig.used_gib()))[0].finished()
    pid = story.witness["pid"]
    yield Row("the slot's next job", f"finished, in process {pid} after {dead}", pid != dead)
    left = sorted(filter(is_running, beside))
    yield Row("idle neighbours of a job that is alone", f"{len(left)} of {len(beside)} left", not left)
    if rig.gpu is not None:
        given = before - alone[0]
        value = f"{before:.2f} GiB in use before, {alone[0]:.2f} while it is alone"
        yield Row("memory that they held", value, given > GIVEN_BACK * rig.sizes.ballast_gib * len(beside))


def killed(rig: Rig) -> Rows:
    """Kill -9 of a worker during a job."""
    steps, kill_at, held = 200, 50, list[float]()
    heavy = ballast_config(steps=steps, eval_every=10, ballast_gib=rig.sizes.ballast_gib, pause_ms=2)
    first = rig.job("killed", heavy)

    def at_report(message: Reported) -> None:
        if message.step == kill_at:
            held.append(rig.used_gib())
            os.kill(witness(RunFolder(rig.folder / "killed"))["pid"], signal.SIGKILL)

    lost = rig.run(first, at_report=at_report)[0].ended(Lost)
    yield Row("a worker after kill -9", lost.reason, "SIGKILL" in lost.reason)
    if rig.gpu is not None:
        yield _given_back(rig, "memory of a killed worker", held[0])
    story = rig.run(rig.job("killed", ballast_config(steps=steps, eval_every=10), attempt=2))[0].finished()
    resumed, trained = story.started().resumed_step, story.result.steps_trained
    value = f"killed at step {kill_at}, resumed at {resumed}, {trained} steps in all"
    yield Row("its run, tried again", value, resumed in range(10, kill_at + 1, 10) and trained == steps)


def orphaned(rig: Rig) -> Rows:
    """Kill -9 of a parent: its worker leaves, with a checkpoint, in the middle of an endless run."""
    endless = {"steps": 10**9, "eval_every": 10**9}
    heavy = ballast_config(**endless, ballast_gib=rig.sizes.ballast_gib, pause_ms=2)
    held = _kill_when_training(rig, write_job(rig.folder / "orphan.json", rig.job("orphan", heavy)))
    folder = RunFolder(rig.folder / "orphan")
    pid = witness(folder)["pid"]
    seconds = comes_true(lambda: not is_running(pid), 2 * LEAVE_S)
    left = "NEVER" if seconds is None else f"{seconds:.2f} s"
    has_checkpoint = folder.checkpoint.exists()
    value = f"{left}, {'with' if has_checkpoint else 'WITHOUT'} a checkpoint"
    is_ok = has_checkpoint and seconds is not None and seconds < LEAVE_S
    yield Row("worker of a dead parent leaves after", value, is_ok, {"orphan_left_after_s": seconds})
    if rig.gpu is not None:
        yield _given_back(rig, "memory of the orphan", held)
    story = rig.run(rig.job("orphan", ballast_config(**endless), attempt=2, stop_at=1))[0]
    story.ended(Stopped)
    step = story.started().resumed_step
    yield Row("its run, tried again", f"resumed at step {step}", step > 0)


def _is_size_told(reason: str, piece_gib: float) -> bool:
    """Whether the reason names the size that did not fit."""
    found = re.search(r"([\d.,]+) GiB did not fit", reason)
    return found is not None and abs(float(found[1].replace(",", "")) / piece_gib - 1) < 0.01


def _given_back(rig: Rig, name: str, held: float) -> Row:
    wanted = held - GIVEN_BACK * rig.sizes.ballast_gib
    seconds = comes_true(lambda: rig.used_gib() < wanted, LEAVE_S)
    value = f"{held:.2f} GiB in use before, {rig.used_gib():.2f} after"
    return Row(name, value, seconds is not None)


def _kill_when_training(rig: Rig, job: Path) -> float:
    """Start a parent, kill it when its job has shown two signs of life; the memory in use just before."""
    device = "cpu" if rig.gpu is None else "gpu"
    words = [sys.executable, "-m", "benchmarks.on_gpu.doomed_parent", device, str(job)]
    with subprocess.Popen(words, env=import_path(), stdout=subprocess.PIPE, text=True) as doomed:
        timer = Timer(DEADLINE_S, doomed.kill)
        timer.start()
        try:
            assert doomed.stdout is not None
            heard = [doomed.stdout.readline().strip() for _ in range(3)]
            held = rig.used_gib()
        finally:
            timer.cancel()
            doomed.kill()
    if heard != ["started", "alive", "alive"]:
        raise CheckError(f"the parent that was to be killed said {heard}")
    return held
