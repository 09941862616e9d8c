"""One run of somebody's program, however it ends. Each is a script of a few lines."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pytest

from sweeper.messages import Failed, Finished, Message, Reported, Started, Stopped
from sweeper.records import read_influence
from sweeper.task import mean_influence
from sweeper.trial import JobSpec
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.runners import run_job, run_to_the_end
from tests.sweeper.worker.programs import REPORT, ROOT, marked, program_job
from tests.sweeper.worker.toy_jobs import Listener, folder_of, rows_of


def said(job: JobSpec, *replies: Any, lifeline: Lifeline | None = None) -> list[Message]:
    """All that a run of `job` says."""
    listener = Listener(replies)
    assert run_to_the_end(job, listener, lifeline or Lifeline())
    assert marked(Path(job.members[0].folder)) == []
    return listener.messages


def failure(job: JobSpec, *replies: Any) -> Failed:
    last = said(job, *replies)[-1]
    assert isinstance(last, Failed), last
    return last


def finish(job: JobSpec) -> Finished:
    last = said(job)[-1]
    assert isinstance(last, Finished), last
    return last


SEGV = "SIGSEGV (a segmentation fault; the log shows where)"
LIGHT = """
import sys
from sweeper.worker.__main__ import main
print(main(sys.argv[1:]), sorted({"torch", "numpy"} & sys.modules.keys()))
"""
REPORTS = (
    REPORT
    + """
for step in (5, 10):
    report(step, {"valid/acc": step / 20, "train/loss": 1 / step, "lr": 0.1})
report(10, {"test_acc": 0.25})
"""
)


def test_reports_are_passed_on_written_down_and_count_as_the_result(tmp_path: Path) -> None:
    started, first, second, added, last = said(job := program_job(tmp_path, REPORTS))
    assert isinstance(started, Started)
    assert started.total_steps == 10
    assert started.notes == ()
    assert isinstance(first, Reported)
    assert first.metrics == {"val/acc": 0.25, "train/loss": 0.2, "val/lr": 0.1}
    assert isinstance(second, Reported)
    assert isinstance(added, Reported)
    assert (added.step, added.metrics) == (10, {"test/acc": 0.25})
    assert isinstance(last, Finished)
    assert last.metrics == {"val/acc": 0.5, "train/loss": 0.1, "val/lr": 0.1, "test/acc": 0.25}
    assert (last.best_step, last.steps_trained) == (0, 10)
    assert rows_of(job)[:2] == [
        {"split": "val", "global_step": 5, "acc": 0.25, "lr": 0.1},
        {"split": "train", "global_step": 5, "loss": 0.2},
    ]
    assert len(rows_of(job)) == 5


def test_each_figure_comes_from_the_first_source_that_has_it(tmp_path: Path) -> None:
    source = """
    import json
    json.dump({"acc": 0.1, "test/acc": 0.2}, open("results.json", "w"))
    print("acc=0.3 f1=0.4\\nacc=0.5 f1=0.6")
    """
    patterns = {"acc": r"acc=(\S+)", "val/f1": r"f1=(\S+)"}
    job = program_job(tmp_path, source, results="results.json", patterns=patterns)
    assert finish(job).metrics == {"val/acc": 0.1, "test/acc": 0.2, "val/f1": 0.6}


def test_results_of_an_earlier_attempt_are_not_taken_for_this_one_s(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text('{"acc": 1}')
    assert failure(program_job(tmp_path, "", results="results.json")).error == "NoResultError"
    (tmp_path / "results.json").mkdir()
    (tmp_path / "results.json" / "all_results.json").write_text('{"acc": 1}')
    assert failure(program_job(tmp_path, "", results="results.json")).error == "NoResultError"


def test_the_figure_that_is_named_for_the_test_split_is_the_objective_there(tmp_path: Path) -> None:
    job = program_job(
        tmp_path, 'print("best 0.5 final 0.4")', patterns={"acc": r"best (\S+)", "end": "final (.*)"}
    )
    job = with_spec(job, test_figure="end")
    assert finish(job).metrics["test/acc"] == 0.4


def with_spec(job: JobSpec, **changes: Any) -> JobSpec:
    run = job.members[0]
    program: Any = run.config["program"]
    config: Any = {"program": {**program, **changes}}
    return job.model_copy(update={"members": (run.model_copy(update={"config": config}),)})


def test_examples_become_influence_values_of_the_figure_that_is_their_mean(tmp_path: Path) -> None:
    source = REPORT + 'report(1, {"acc": 0.5})\nreport.examples("acc", [True, False, True, True])\n'
    last = finish(job := program_job(tmp_path, source))
    assert last.metrics["test/acc"] == 0.75
    found = read_influence(folder_of(job).records, "acc")
    assert found is not None
    np.testing.assert_allclose(found, mean_influence([1, 0, 1, 1]))


def test_examples_of_something_else_are_left_out_and_said_so(tmp_path: Path) -> None:
    source = REPORT + 'report(1, {"acc": 0.5, "test/acc": 0.7})\nreport.examples("acc", [1.0, 0.0])\n'
    last = finish(job := program_job(tmp_path, source))
    assert last.incidents == ("examples of acc left out: their mean is 0.5, but test/acc is 0.7",)
    assert not folder_of(job).records.exists()


@pytest.mark.parametrize(
    ("source", "error", "reason"),
    [
        ("raise ValueError('too much')", "ValueError", "exit code 1: ValueError: too much"),
        ("import sys; print('no data'); sys.exit(3)", "ProgramError", "exit code 3: no data"),
        (
            "import os; os.kill(os.getpid(), 11)",
            "ProgramError",
            f"killed by {SEGV}",
        ),
        ("raise MemoryError", "OutOfMemoryError", "out of memory: exit code 1: MemoryError"),
        ("import sys; sys.exit(0)", "NoResultError", "no val/acc among what it handed over (nothing)"),
        (
            "import os; os._exit(139)",
            "ProgramError",
            f"exit code 139, as a shell says of {SEGV}",
        ),
        (
            REPORT + "report(1, {'accuracy': 1})",
            "NoResultError",
            "no val/acc among what it handed over (val/accuracy); did you mean 'val/accuracy'?",
        ),
        (REPORT + "report(3, {'acc': float('nan')})", "NonFiniteResultError", "val/acc is nan at step 3"),
    ],
)
def test_a_program_that_fails_says_why_in_a_line(
    source: str, error: str, reason: str, tmp_path: Path
) -> None:
    failed = failure(program_job(tmp_path, source))
    assert (failed.error, failed.reason) == (error, reason)


def test_what_a_study_asks_for_is_checked_before_the_program_runs(tmp_path: Path) -> None:
    for pattern, said in (("(", "no regular expression"), ("acc", "has 0 groups; expected 1")):
        assert said in failure(program_job(tmp_path, "", patterns={"acc": pattern})).reason


def test_a_worker_of_programs_loads_neither_torch_nor_numpy(tmp_path: Path) -> None:
    path = tmp_path / "job.json"
    path.write_text(program_job(tmp_path, REPORTS).model_dump_json())
    command = [sys.executable, "-c", LIGHT, str(path)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "0 []", done.stdout + done.stderr


def test_what_a_program_printed_last_is_told_whatever_we_have_to_say_of_it(tmp_path: Path) -> None:
    source = REPORT + "report(2, {'acc': 1})\nreport(1, {'acc': 1})\nprint('no data'); raise SystemExit(3)"
    job = program_job(tmp_path, source)
    assert failure(job).reason == "exit code 3: no data"
    assert "reported of an earlier step again" in folder_of(job).log.read_text()


def test_a_fresh_start_finds_no_output_of_an_earlier_attempt_but_one_that_goes_on_does(
    tmp_path: Path,
) -> None:
    source = """
    import os, pathlib
    place = pathlib.Path("run/app")
    place.mkdir(exist_ok=True)
    print("acc", len(list(place.iterdir())))
    (place / "file").touch()
    (place / str(os.getpid())).touch()
    """
    job = program_job(tmp_path, source, patterns={"acc": r"acc (\d)"})
    resumed = with_spec(job, environment={"SWEEPER_RESUME_DIR": str(tmp_path / "run" / "app")})
    found = [finish(each).metrics["val/acc"] for each in (job, resumed, job, job, resumed)]
    assert found == [0, 2, 0, 0, 2]
    assert len(list((tmp_path / "run" / "app.1").iterdir())) == 3
    assert len(list((tmp_path / "run").glob("app*"))) == 3


def test_a_program_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    job = with_spec(program_job(tmp_path, ""), argv=["no-such-program"])
    assert failure(job).reason == "cannot be run: no-such-program: No such file or directory"
    assert "gone" in failure(with_spec(job, cwd=str(tmp_path / "gone"))).reason


def test_a_program_that_neither_prints_nor_computes_hangs(tmp_path: Path) -> None:
    began = time.monotonic()
    failed = failure(program_job(tmp_path, "import time; time.sleep(60)", silence_s=0.5))
    assert failed.reason == "hangs: it has neither printed, nor reported, nor computed for 0.5 s"
    assert time.monotonic() - began < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "work", ["print(end='.', flush=True); time.sleep(0.05)", "sum(range(10000))", "os.system('true')"]
)
def test_a_program_that_does_something_does_not_hang(work: str, tmp_path: Path) -> None:
    source = (
        f"import os, time\nuntil = time.time() + 2.5\nwhile time.time() < until:\n    {work}\nprint('acc 1')"
    )
    assert finish(program_job(tmp_path, source, silence_s=1.0, patterns={"acc": "acc (.*)"}))


def test_what_a_program_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    """A child in a session of its own, another one that ignores SIGTERM, and a grandchild."""
    source = """
    import os, signal, subprocess, sys, time
    for _ in range(2):
        if os.fork() == 0:
            os.setsid()
            os.fork()
            time.sleep(60)
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(60)
    time.sleep(0.1)
    print("acc 1")
    """
    began = time.monotonic()
    assert finish(program_job(tmp_path, source, patterns={"acc": "acc (.*)"}))
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("n_mb", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_flood_of_output_goes_to_the_log_and_nowhere_else(n_mb: int, tmp_path: Path) -> None:
    source = f"line = 'x' * 999 + chr(10)\nfor _ in range({n_mb}): print(line * 1000, end='')\nprint('acc 1')"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    job = program_job(tmp_path, source, patterns={"acc": "acc (.*)", "none": "z(.*)"})
    said = finish(job).incidents
    assert said == ("pattern.none found no number in any line of what was printed",)
    assert folder_of(job).log.stat().st_size > n_mb * 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 15_000  # of KiB


def test_a_program_runs_where_its_user_runs_it(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("0.75")
    source = "import sys\nprint('acc', open('data.txt').read(), sys.argv[1:], sys.stdin.read())"
    job = program_job(tmp_path, source, "gamma=1 2", patterns={"acc": r"acc (\S+)"})
    assert finish(job).metrics == {"val/acc": 0.75}
    assert "['gamma=1 2'] \n" in folder_of(job).log.read_text()
    assert f"in {tmp_path}: {sys.executable} app.py 'gamma=1 2'\n" in folder_of(job).log.read_text()


def test_a_pruned_run_hears_it_and_leaves_in_order(tmp_path: Path) -> None:
    source = REPORT + 'try:\n    report(2, {"acc": 0})\nfinally:\n    print("tidied up")\n'
    last = said(job := program_job(tmp_path, source), "prune")[-1]
    assert isinstance(last, Stopped)
    assert (last.why, last.step) == ("pruned", 2)
    assert "tidied up" in folder_of(job).log.read_text()


def test_a_pruned_run_that_goes_on_is_ended(tmp_path: Path) -> None:
    source = (
        REPORT
        + """
import time
for step in range(1000):
    try:
        report(step, {"acc": 0})
    except Pruned:
        time.sleep(0.01)
"""
    )
    last = said(program_job(tmp_path, source, grace_s=0.2), "prune")[-1]
    assert isinstance(last, Stopped)
    assert last.why == "pruned"


@pytest.mark.parametrize("handling", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_a_run_that_is_told_to_leave_does_or_is_ended(handling: str, tmp_path: Path) -> None:
    source = f"import signal, time\n{handling}\nprint('ready', flush=True)\ntime.sleep(60)"
    lifeline = Lifeline()
    job = program_job(tmp_path, source, grace_s=0.2)
    Timer(0.3, lambda: setattr(lifeline, "must_leave", True)).start()
    last = said(job, lifeline=lifeline)[-1]
    assert isinstance(last, Stopped)
    assert last.why == "interrupted"


def test_a_program_that_a_batch_system_ends_is_interrupted_if_the_worker_is(
    tmp_path: Path,
) -> None:
    source = "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)"
    job = program_job(tmp_path, source)
    assert failure(job).reason == "killed by SIGTERM"
    last = said(job, lifeline=Lifeline(must_leave=True))[-1]
    assert isinstance(last, Stopped)


def test_a_worker_that_is_killed_leaves_nobody(tmp_path: Path) -> None:
    source = """
    import os, time
    if os.fork() == 0:
        os.setsid()
    open(f"ready{os.getpid()}", "w")
    time.sleep(60)
    """
    job = program_job(tmp_path, source)
    path = tmp_path / "job.json"
    path.write_text(job.model_dump_json())
    worker = subprocess.Popen(
        [sys.executable, "-m", "sweeper.worker", str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    wait_for(lambda: len(list(tmp_path.glob("ready*"))) == 2)
    assert len(marked(tmp_path / "run")) == 2 + 1  # and their supervisor
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    wait_for(lambda: marked(tmp_path / "run") == [])


def wait_for(holds: Any, timeout_s: float = 20.0) -> None:
    until = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_app_reaches_us_in_an_environment_without_us(tmp_path: Path) -> None:
    source = REPORT + 'report(1, {"acc": 1})\nimport sweeper\nprint(sweeper.__file__)'
    job = with_spec(program_job(tmp_path, source), argv=[sys.executable, "-S", "app.py"])
    assert finish(job).metrics == {"val/acc": 1}


def test_an_app_that_a_shell_starts_reaches_us_too(tmp_path: Path) -> None:
    job = with_spec(program_job(tmp_path, REPORTS), argv=["sh", "-c", f"{sys.executable} app.py && true"])
    assert finish(job).metrics["val/acc"] == 0.5


def test_an_app_that_goes_on_from_an_earlier_attempt_is_told_of_and_keeps_its_rows(tmp_path: Path) -> None:
    job = program_job(tmp_path, REPORTS, environment={"SWEEPER_RESUME_DIR": "/earlier"})
    folder_of(job).path.mkdir()
    folder_of(job).metrics.write_text(json.dumps({"split": "val", "global_step": 3, "acc": 1}) + "\n")
    started = said(job)[0]
    assert isinstance(started, Started)
    assert started.incidents == ("goes on from /earlier, as exactly as the app's own resume is",)
    assert rows_of(job)[0]["global_step"] == 3


def test_a_job_file_is_run_by_hand_whatever_runs_it(tmp_path: Path) -> None:
    job = program_job(tmp_path, REPORTS)
    run_job(job, listener := Listener())
    assert isinstance(listener.last, Finished)


def test_nonsense_on_the_channel_is_written_down_and_breaks_nothing(tmp_path: Path) -> None:
    source = """
    import os, socket
    for line in (b"[1]\\n", b"{\\n", b'{"kind": "dance"}\\n', b'{"kind": "report", "step": "x"}\\n'):
        s = socket.socket(socket.AF_UNIX)
        s.connect(os.environ["SWEEPER_CHANNEL"])
        s.sendall(line)
        s.close()
    print("acc 1")
    """
    assert finish(job := program_job(tmp_path, source, patterns={"acc": "acc (.*)"}))
    assert folder_of(job).log.read_text().count("underst") == 4


def test_a_second_attempt_forgets_the_rows_of_the_first(tmp_path: Path) -> None:
    job = program_job(tmp_path, REPORTS)
    folder_of(job).path.mkdir()
    folder_of(job).metrics.write_text(json.dumps({"split": "val", "global_step": 7, "acc": 1}) + "\n")
    finish(job)
    assert [row["global_step"] for row in rows_of(job)] == [5, 5, 10, 10, 10]
