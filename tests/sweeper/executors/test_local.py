"""What may happen to worker processes, done to real ones."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.executors.devices import Placement
from sweeper.executors.local import LocalExecutor
from sweeper.executors.worker_process import WorkerProcess
from sweeper.messages import Failed, Finished, Lost, Message, Started, Stopped
from sweeper.trial import JobSpec, Runner, Slot
from sweeper.worker.channel import MAX_FRAME_BYTES
from sweeper.worker.checkpoint import read_checkpoint
from sweeper.worker.ending import ending
from tests.contracts.test_executor_contract import DEADLINE_S, LONG, until_ended
from tests.sweeper.worker.toy_jobs import folder_of, toy_job

ENDLESS = {"trainer.max_steps": 10**9, "trainer.eval_every": 10**9}


def placements(n_slots: int, **environment: str) -> list[Placement]:
    return [Placement(Slot(n, "cpu", 1), {"CUDA_VISIBLE_DEVICES": "", **environment}) for n in range(n_slots)]


def struck(tmp_path: Path, fault: str, name: str = "struck", step: int = 12) -> JobSpec:
    """A job to which `fault` happens at `step`; an evaluation comes every five steps."""
    return toy_job(tmp_path, name, changes={"loss.fault": fault, "loss.poisoned_step": step})


def run(local: LocalExecutor, job: JobSpec) -> list[Message]:
    local.submit(local.slots[0], job)
    return until_ended(local, job)


def last_word(local: LocalExecutor, job: JobSpec) -> Message:
    return run(local, job)[-1]


def pid_of(local: LocalExecutor) -> int:
    (worker,) = local._workers.values()
    assert isinstance(worker, WorkerProcess)
    return worker.pid


def start(local: LocalExecutor, job: JobSpec) -> None:
    local.submit(local.slots[0], job)
    while not any(isinstance(message, Started) for message in local.receive(DEADLINE_S)):
        pass


def wait_for(condition: Callable[[], Any], timeout_s: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not just waiting to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the one before it is looked for, the other after
        return False


def test_workers_that_are_expected_to_be_needed_start_at_once_and_run_what_comes(tmp_path: Path) -> None:
    local = LocalExecutor(placements(2), "task", 1)
    try:
        early = pid_of(local)
        assert isinstance(last_word(local, toy_job(tmp_path, "first")), Finished)
        assert pid_of(local) == early
    finally:
        local.close()


@pytest.mark.parametrize(("runner", "n_expected"), [("task", 0), (None, 2)])
def test_no_worker_starts_before_its_first_job_where_none_is_expected_or_nothing_is_known_to_import(
    runner: Runner | None, n_expected: int
) -> None:
    local = LocalExecutor(placements(2), runner, n_expected)
    assert not local._workers
    local.close()


def test_a_worker_that_is_importing_leaves_without_having_imported(tmp_path: Path) -> None:
    """An import that takes a minute, in place of torch."""
    (tmp_path / "torch.py").write_text("import time; open('imports', 'w').close(); time.sleep(60)")
    path = f"{tmp_path}{os.pathsep}{os.pathsep.join(sys.path)}"
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "sweeper.worker.slot", str(theirs.fileno()), "task"],
            env={**os.environ, "PYTHONPATH": path},
            cwd=tmp_path,
            pass_fds=[theirs.fileno()],
        )
    wait_for((tmp_path / "imports").exists)
    channel.close()
    assert worker.wait(DEADLINE_S) == 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("kill", "worker killed by SIGKILL (kill -9, or the machine was out of memory)"),
        ("segfault", "worker killed by SIGSEGV (a segmentation fault; the log shows where)"),
        ("leave", "worker exited with code 9"),
    ],
)
def test_a_dead_worker_loses_its_run_in_words_and_the_slot_goes_on_from_the_checkpoint(
    fault: str, reason: str, local: LocalExecutor, tmp_path: Path
) -> None:
    lost = last_word(local, struck(tmp_path, fault))
    assert isinstance(lost, Lost)
    assert lost.reason == reason
    again = toy_job(tmp_path, "struck", attempt=2, changes={"loss.poisoned_step": -2})
    sound = run(local, again)
    assert isinstance(sound[0], Started)
    assert sound[0].resumed_step == 0  # another loss is another run: its checkpoint is not ours
    assert isinstance(sound[-1], Finished)


def test_a_crash_leaves_its_traceback_in_the_run_s_log(local: LocalExecutor, tmp_path: Path) -> None:
    job = struck(tmp_path, "segfault")
    last_word(local, job)
    log = folder_of(job).log.read_text()
    assert "Fatal Python error: Segmentation fault" in log
    assert "toy_task.py" in log


def test_what_a_task_prints_is_in_the_run_s_log_and_nowhere_else(
    local: LocalExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = struck(tmp_path, "print")
    assert isinstance(last_word(local, job), Finished)
    assert "a word from the task" in folder_of(job).log.read_text()
    assert capfd.readouterr() == ("", "")


def test_a_worker_is_kept_between_jobs_and_replaced_after_its_death(
    local: LocalExecutor, tmp_path: Path
) -> None:
    last_word(local, toy_job(tmp_path, "first"))
    pid = pid_of(local)
    last_word(local, toy_job(tmp_path, "second"))
    assert pid_of(local) == pid
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not is_running(pid))
    assert isinstance(last_word(local, toy_job(tmp_path, "third")), Finished)
    assert pid_of(local) != pid


def test_a_failure_that_may_have_spoilt_the_device_costs_the_worker(
    local: LocalExecutor, tmp_path: Path
) -> None:
    last_word(local, struck(tmp_path, "crash", "sound"))
    pid = pid_of(local)
    failed = last_word(local, struck(tmp_path, "allocate", "too large"))
    assert isinstance(failed, Failed)
    assert failed.error == "OutOfMemoryError"
    assert failed.reason.startswith("out of memory: 4,194,304.00 GiB did not fit")
    last_word(local, toy_job(tmp_path, "next"))
    assert pid_of(local) != pid


def test_a_silent_worker_is_killed_and_its_run_is_lost(
    local: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP silences all of its threads, the one with the signs of life too."""
    last_word(local, toy_job(tmp_path, "warm"))
    pid = pid_of(local)
    monkeypatch.setattr(local, "_silence_s", 3.0)
    lost = last_word(local, struck(tmp_path, "freeze"))
    assert isinstance(lost, Lost)
    assert lost.reason == "worker showed no sign of life for 3 s"
    assert not is_running(pid)


def test_a_job_that_takes_too_long_has_failed_and_says_where(
    local: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It still shows signs of life: the step hangs, the process does not."""
    last_word(local, toy_job(tmp_path, "warm"))
    pid = pid_of(local)
    monkeypatch.setattr(local, "_job_timeout_s", 4.0)
    failed = last_word(local, struck(tmp_path, "hang"))
    assert isinstance(failed, Failed)
    assert failed.error == "JobTimeoutError"
    assert failed.reason == "job timeout: not done after 4 s (executor.job_timeout_s), at step 12"
    assert not is_running(pid)


def test_limits_of_silence_and_time_are_those_given() -> None:
    limits = LocalExecutor(placements(1), job_timeout_s=8.0, silence_s=60.0)
    assert (limits._job_timeout_s, limits._silence_s) == (8.0, 60.0)


def test_a_worker_that_breaks_the_rules_is_dropped_and_its_run_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rogue is another program in its place: it sends what is no frame, or no message, and waits."""
    rogues = {
        "no json": b"\x00\x00\x00\x03abc",
        "too large": struct.pack(">I", MAX_FRAME_BYTES + 1),
        "no message": b"\x00\x00\x00\x02{}",
    }
    local = LocalExecutor(placements(1))
    for name, raw in rogues.items():
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", str(rogue(tmp_path / f"{name}.py", raw)))
            local.submit(local.slots[0], job := toy_job(tmp_path, name))
        pid = pid_of(local)
        lost = until_ended(local, job)[-1]
        assert isinstance(lost, Lost), name
        assert lost.reason.startswith("worker dropped: "), name
        assert not is_running(pid), name
    assert isinstance(last_word(local, toy_job(tmp_path, "next")), Finished)
    local.close()


def rogue(path: Path, raw: bytes) -> Path:
    """A program that says `raw` to whoever started it."""
    code = f"import socket, sys, time; s = socket.socket(fileno=int(sys.argv[-1])); s.sendall({raw!r})"
    path.write_text(f"#!{sys.executable}\n{code}; time.sleep(60)\n")
    path.chmod(0o755)
    return path


def test_a_worker_that_cannot_even_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = LocalExecutor(placements(1))
    broken = tmp_path / "broken"
    (broken / "torch").mkdir(parents=True)
    (broken / "torch" / "__init__.py").write_text("raise ImportError('libtorch.so: no such file')")
    monkeypatch.syspath_prepend(str(broken))
    lost = last_word(local, toy_job(tmp_path))
    assert isinstance(lost, Lost)
    assert lost.reason == "worker exited with code 1: ImportError: libtorch.so: no such file"
    local.close()


def test_slots_work_at_the_same_time(tmp_path: Path) -> None:
    local = LocalExecutor(placements(2))
    jobs = [toy_job(tmp_path, name, changes=LONG) for name in ("one", "two")]
    for slot, job in zip(local.slots, jobs, strict=True):
        local.submit(slot, job)
    started: set[str] = set()
    while started < {job.job_id for job in jobs}:
        started |= {message.job_id for message in local.receive(DEADLINE_S) if isinstance(message, Started)}
    local.close()
    assert [folder_of(job).checkpoint.exists() for job in jobs] == [True, True]


def test_the_environment_is_there_before_torch(tmp_path: Path) -> None:
    """The process has begun with it."""
    local = LocalExecutor(placements(1, OMP_NUM_THREADS="3", SWEEPER_TEST_MARK="seen"))
    local.submit(local.slots[0], toy_job(tmp_path))
    environment = Path(f"/proc/{pid_of(local)}/environ")
    wait_for(lambda: environment.read_bytes() != b"")  # for a moment a new program has none
    given = set(environment.read_bytes().split(b"\0"))
    assert {b"OMP_NUM_THREADS=3", b"SWEEPER_TEST_MARK=seen", b"CUDA_VISIBLE_DEVICES="} <= given
    local.abandon()


def test_closing_leaves_no_process_even_where_a_step_hangs(tmp_path: Path) -> None:
    local = LocalExecutor(placements(1), close_timeout_s=1.0)
    job = struck(tmp_path, "hang", step=0)
    start(local, job)
    pid = pid_of(local)
    began = time.monotonic()
    local.close()
    assert not is_running(pid)
    assert time.monotonic() - began < 10


def test_abandoning_ends_all_at_once(local: LocalExecutor, tmp_path: Path) -> None:
    start(local, toy_job(tmp_path, changes=ENDLESS))
    pid = pid_of(local)
    began = time.monotonic()
    local.abandon()
    assert not is_running(pid)
    assert time.monotonic() - began < 3


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from tests.sweeper.worker.toy_jobs import toy_job
from sweeper.executors.devices import Placement
from sweeper.executors.base import Slot
from sweeper.executors.local import LocalExecutor
from sweeper.executors.worker_process import WorkerProcess
local = LocalExecutor([Placement(Slot(0, "cpu", 1), {{"CUDA_VISIBLE_DEVICES": ""}})])
local.submit(local.slots[0], toy_job(Path({folder!r}), changes={changes!r}))
(worker,) = local._workers.values()
while True:
    for message in local.receive(1.0):
        local.reply(message, "continue")
        if message.kind == "alive" and message.step >= {step}:
            print(worker.pid, flush=True)
"""


def orphan(tmp_path: Path, changes: dict[str, Any], step: int = 1, *, is_stopped: bool = False) -> int:
    """The worker of a parent that was killed while a job was at `step`, by its process number.

    `is_stopped`: it was before its parent died, so that it has not noticed.
    """
    here = str(Path(__file__).parents[3])
    code = PARENT.format(here=here, folder=str(tmp_path), changes=changes, step=step)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
        if is_stopped:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
        parent.wait()
    return pid


def test_a_worker_whose_parent_died_writes_a_checkpoint_and_leaves(tmp_path: Path) -> None:
    pid = orphan(tmp_path, ENDLESS)
    wait_for(lambda: not is_running(pid), 10.0)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["training"]["step"] > 0


@pytest.mark.slow  # quick: the one that writes a checkpoint
def test_a_worker_whose_parent_died_leaves_even_from_a_step_that_hangs(tmp_path: Path) -> None:
    pid = orphan(tmp_path, {"loss.fault": "hang", "loss.poisoned_step": 12}, step=12)
    wait_for(lambda: not is_running(pid), 10.0)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["training"]["step"] in (5, 10)


def test_a_late_worker_keeps_others_out_of_its_run(
    local: LocalExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An orphan that was stopped holds the run's folder; whoever comes next is told, and writes nothing."""
    pid = orphan(tmp_path, ENDLESS, is_stopped=True)
    try:
        before = (tmp_path / "run" / "metrics.jsonl").read_text()
        monkeypatch.setattr("sweeper.worker.holding.FOLDER_PATIENCE_S", 0.2)
        from sweeper.worker.serve import run_job
        from tests.sweeper.worker.toy_jobs import Listener

        run_job(toy_job(tmp_path, attempt=2), heard := Listener())
        assert isinstance(heard.last, Failed)
        assert heard.last.error == "FolderHeldError"
        assert (tmp_path / "run" / "metrics.jsonl").read_text() == before
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("returncode", "words", "told"),
    [
        (-15, "", "worker killed by SIGTERM"),
        (1, "Traceback\n  File\nImportError: no\n", "worker exited with code 1: ImportError: no"),
        (70, "", "worker exited with code 70"),
    ],
)
def test_how_a_process_ended_is_said_in_words(returncode: int, words: str, told: str) -> None:
    assert ending(returncode, words) == told


def test_a_worker_imports_in_the_order_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parent has no current folder on its path, which holds a package called like the task's."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise RuntimeError('imported from the current folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", str(tmp_path))])
    executor = LocalExecutor(placements(1))
    try:
        assert isinstance(last_word(executor, toy_job(tmp_path / "run")), Finished)
    finally:
        executor.close()


def test_no_secret_is_handed_over_in_arguments(local: LocalExecutor, tmp_path: Path) -> None:
    last_word(local, toy_job(tmp_path))
    arguments = Path(f"/proc/{pid_of(local)}/cmdline").read_bytes().split(b"\0")
    assert [word.decode() for word in arguments[1:4]] == ["-P", "-m", "sweeper.worker.slot"]
    assert len([word for word in arguments if word]) == 5


def test_a_worker_that_is_terminated_writes_a_checkpoint_first_and_the_slot_goes_on(
    local: LocalExecutor, tmp_path: Path
) -> None:
    """As a batch system does to all processes of a study at once."""
    job = toy_job(tmp_path, changes={**ENDLESS, "loss.pause_ms": 1.0})
    start(local, job)
    os.kill(pid := pid_of(local), signal.SIGTERM)
    stopped = until_ended(local, job)[-1]
    assert isinstance(stopped, Stopped)
    assert (stopped.why, read_checkpoint(folder_of(job).checkpoint)["training"]["step"]) == (
        "interrupted",
        stopped.step,
    )
    assert isinstance(last_word(local, toy_job(tmp_path, "next")), Finished)
    wait_for(lambda: not is_running(pid))
