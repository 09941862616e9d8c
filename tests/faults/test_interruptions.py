"""What may happen to a study as a whole, done to real ones: each is resumed by the same command."""

import json
import re
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults import chaos
from tests.faults.harness import FaultStudy, kill, started, trials, wait_for

GRID = "optimizer.lr=0.01,0.02"
SLOW = (GRID, "loss.pause_ms=25", "trainer.max_steps=100")
SLOWER = (GRID, "loss.pause_ms=60", "trainer.max_steps=100")  # long enough for two checkpoints
UNTRACKED = "tracking=none"
ENDLESS = (GRID, "loss.pause_ms=5", "trainer.max_steps=100000", "trainer.eval_every=100000", UNTRACKED)
LEAVE_S = 10.0
OTHER = {"other": ["optimizer.lr=0.1"]}
THIRD = {"third": ["optimizer.lr=0.02"]}


def is_training(study: FaultStudy, n_runs: int = 2) -> bool:
    """Whether so many runs have reported."""
    return len(study.last_steps()) >= n_runs


def is_caught(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler for the signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


def is_halted_with_checkpoints(study: FaultStudy) -> bool:
    """Whether both runs got to step 15 and, the workers halted, have both of their checkpoints.

    At a random moment a worker may be between moving the last one away and writing the next.
    """
    if len(study.last_steps()) < 2 or min(study.last_steps().values()) < 15:
        return False
    workers = study.workers()
    for pid in workers:
        kill(pid, signal.SIGSTOP)
    names = [f"trials/*/*/{name}" for name in ("checkpoint.pt", "checkpoint.previous.pt")]
    if all(len(list(study.results.glob(name))) == 2 for name in names):
        return True
    for pid in workers:
        kill(pid, signal.SIGCONT)
    return False


def has_started(study: FaultStudy, n_runs: int = 2) -> bool:
    """Whether so many runs train, evaluated or not."""
    logs = study.results.glob("trials/*/*/log.txt")
    return sum("starts at step" in log.read_text() for log in logs) >= n_runs


def mlflow_runs(study: FaultStudy) -> list[tuple[str, str]]:
    """Name of the run that each child is of, and its status."""
    query = (
        "select t.value, r.status from runs r join tags t on t.run_uuid = r.run_uuid "
        "where t.key = 'sweeper.run' order by t.value"
    )
    with sqlite3.connect(study.folder / "results" / "mlflow.db") as database:
        return database.execute(query).fetchall()


def last_mlflow_steps(study: FaultStudy) -> dict[str, list[int]]:
    """The steps of each child's validation objective, in order."""
    query = (
        "select t.value, m.step from metrics m join tags t on t.run_uuid = m.run_uuid "
        "where t.key = 'sweeper.run' and m.key = 'curve/val/nll' order by t.value, m.step"
    )
    with sqlite3.connect(study.folder / "results" / "mlflow.db") as database:
        steps: dict[str, list[int]] = {}
        for name, step in database.execute(query):
            steps.setdefault(name, []).append(step)
        return steps


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> FaultStudy:
    """What the studies below must come to."""
    study = FaultStudy(tmp_path_factory.mktemp("undisturbed"), [*SLOW, UNTRACKED])
    study.run()
    return study


def test_workers_leave_when_their_parent_is_killed_and_the_study_goes_on_where_it_was(
    tmp_path: Path, undisturbed: FaultStudy
) -> None:
    study = FaultStudy(tmp_path, SLOW)
    parent = study.start()
    wait_for(lambda: any(row[2] == "COMPLETE" for row in study.rows()) if is_training(study, 3) else False)
    assert kill(parent.pid)
    parent.wait()
    study.wait_until_empty(LEAVE_S)
    before = study.rows()
    complete = {row[:2] for row in before if row[2] == "COMPLETE"}
    assert 0 < len(complete) < 3
    printed = study.run()
    assert "resumed from the checkpoint of step" in printed
    assert {row[:2]: row[3] for row in study.rows() if row[:2] in complete} == dict.fromkeys(complete, 1)
    assert study.figures() == undisturbed.figures()
    assert mlflow_runs(study) == [(f"s/{trial}/0", "FINISHED") for trial in range(3)]
    assert last_mlflow_steps(study) == {f"s/{trial}/0": list(range(5, 105, 5)) for trial in range(3)}


def test_a_killed_worker_costs_an_attempt_but_no_bit(tmp_path: Path, undisturbed: FaultStudy) -> None:
    study = FaultStudy(tmp_path, SLOW)
    parent = study.start()
    wait_for(lambda: is_training(study) and min(study.last_steps().values()) >= 20)
    assert kill(study.workers()[0])
    assert parent.wait(120) == 0
    assert sorted(row[3] for row in study.rows()) == [1, 1, 2]
    assert study.figures() == undisturbed.figures()
    assert last_mlflow_steps(study) == {f"s/{trial}/0": list(range(5, 105, 5)) for trial in range(3)}


@pytest.mark.slow  # quick: tests/sweeper/worker/test_solo.py, one run
def test_a_damaged_checkpoint_gives_way_to_the_one_before_or_to_step_0_and_that_is_said(
    tmp_path: Path, undisturbed: FaultStudy
) -> None:
    """Of the baseline's run one bit of the last checkpoint is flipped, of the other's both are cut off."""
    study = FaultStudy(tmp_path, [*SLOWER, UNTRACKED])
    parent = study.start()
    wait_for(lambda: is_halted_with_checkpoints(study))
    for pid in (parent.pid, *study.workers()):
        kill(pid)
    parent.wait()
    study.wait_until_empty(5)
    flipped, cut_off = sorted(study.results.glob("trials/*/seed0"))
    raw = bytearray((flipped / "checkpoint.pt").read_bytes())
    raw[len(raw) // 2] ^= 1
    (flipped / "checkpoint.pt").write_bytes(raw)
    for name in ("checkpoint.pt", "checkpoint.previous.pt"):
        (cut_off / name).write_bytes((cut_off / name).read_bytes()[:-100])
    printed = study.run()
    assert "is damaged: its checksum does not match" in printed
    assert "resumed from the checkpoint of step" in printed
    assert "no usable checkpoint is left: starts again at step 0" in printed
    told = {row[0]: row[4]["incidents"] for row in study.rows()}
    assert [len(told[number]) for number in (0, 1, 2)] == [1, 3, 0]
    assert "starts again at step 0" in (study.results / "report.md").read_text()
    assert study.figures() == undisturbed.figures()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(
            signal.SIGTERM, 143, marks=pytest.mark.slow
        ),  # quick: tests/sweeper/study/test_interrupts.py
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_a_signal_lets_jobs_write_a_checkpoint_and_ends_with_a_report(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """The next evaluation is minutes away: jobs leave after their present step."""
    study = FaultStudy(tmp_path, ENDLESS)
    parent = study.start()
    wait_for(lambda: has_started(study))
    kill(parent.pid, number)
    assert parent.wait(30) == code
    assert study.processes() == {}
    assert study.summary()["totals"]["runs"] == 0
    assert {row[2] for row in study.rows()} == {"INTERRUPTED"}
    assert len(list(study.results.glob("trials/*/*/checkpoint.pt"))) == 2
    assert "the same command goes on where this one ended" in study.output()


@pytest.mark.slow  # quick: tests/sweeper/study/test_interrupts.py
def test_a_second_interrupt_ends_everything_at_once(tmp_path: Path) -> None:
    study = FaultStudy(tmp_path, [*ENDLESS, "loss.fault=hang", "loss.poisoned_step=3", "study.grace_s=600"])
    parent = study.start()
    wait_for(lambda: has_started(study))
    kill(parent.pid, signal.SIGINT)
    wait_for(lambda: "running jobs write a checkpoint and leave" in study.output())
    kill(parent.pid, signal.SIGINT)
    assert parent.wait(5) == 130
    assert study.processes() == {}


@pytest.mark.slow  # quick: tests/sweeper/executors/test_local.py, a worker; tests/sweeper/study/test_loop.py
def test_a_job_that_does_not_leave_is_killed_when_its_time_of_grace_is_over(tmp_path: Path) -> None:
    study = FaultStudy(tmp_path, [*ENDLESS, "loss.fault=hang", "loss.poisoned_step=3", "study.grace_s=2"])
    parent = study.start()
    wait_for(lambda: has_started(study))
    kill(parent.pid, signal.SIGINT)
    assert parent.wait(30) == 130
    assert study.processes() == {}
    assert {row[2] for row in study.rows()} == {"INTERRUPTED"}
    assert "did not leave within study.grace_s=2" in study.output()


@pytest.mark.slow  # quick: tests/sweeper/search/test_two_sessions.py, tests/sweeper/storage/test_storage.py
def test_two_parents_share_the_work_and_come_to_the_same_result(
    tmp_path: Path, undisturbed: FaultStudy
) -> None:
    study = FaultStudy(tmp_path, [*SLOW, "executor.n_slots=1"])
    parents = [study.start(), study.start()]
    assert [parent.wait(120) for parent in parents] == [0, 0]
    study.wait_until_empty(5)
    assert [row[3] for row in study.rows()] == [1, 1, 1]
    assert study.figures() == undisturbed.figures()
    verdicts = re.findall(r"^(\S+) is the best candidate on validation", study.output(), re.MULTILINE)
    assert len(verdicts) == 2
    assert len(set(verdicts)) == 1
    assert mlflow_runs(study) == [(f"s/{trial}/0", "FINISHED") for trial in range(3)]
    assert [state for state, _ in study.optuna_trials()] == ["COMPLETE"] * 2


@pytest.mark.slow  # quick: tests/sweeper/search/test_two_sessions.py, without training
def test_an_adaptive_study_of_two_parents_has_as_many_trials_as_asked_for(tmp_path: Path) -> None:
    space = ("optimizer.lr=tag(log,interval(1e-3,1e-1))", "study.n_trials=8", "sampler=random")
    study = FaultStudy(tmp_path, [*space, "loss.pause_ms=5", "executor.n_slots=1", UNTRACKED])
    parents = [study.start(), study.start()]
    assert [parent.wait(120) for parent in parents] == [0, 0]
    assert [state for state, _ in study.optuna_trials()] == ["COMPLETE"] * 8
    assert [row[3] for row in study.rows()] == [1] * 9
    verdicts = set(re.findall(r"^(\S+) is the best candidate on validation", study.output(), re.MULTILINE))
    assert len(verdicts) == 1


@pytest.mark.slow
def test_failed_and_pruned_runs_are_tried_again_where_that_is_asked_for(tmp_path: Path) -> None:
    """The baseline fails by an impossible time limit, which ends the study; another is pruned by a bound."""
    study = FaultStudy(tmp_path, [UNTRACKED, "executor.n_slots=1"])
    two, three = (trials(**named) for named in (OTHER, OTHER | THIRD))
    limits = ("executor.job_timeout_s=0.01", "study.max_failure_rate=1")
    assert "job timeout" in study.run_here(two, *limits, code=1)
    assert "study.retry=failed" in study.run_here(two, code=1)  # known, whatever limit there is now
    printed = study.run_here(two, "study.retry=failed")
    assert "tried again: 1 failed or pruned run of earlier commands" in printed
    study.run_here(three, "pruner=threshold", "pruner.upper=-1")
    assert [row[2] for row in study.rows()] == ["COMPLETE", "COMPLETE", "PRUNED"]
    study.run_here(three)
    assert [row[2] for row in study.rows()] == ["COMPLETE"] * 3
    assert study.trial("third")["state"] == "COMPLETE"


@pytest.mark.slow  # quick: tests/sweeper/study/test_loop.py, with simulated time
def test_a_study_whose_time_is_over_says_so_and_goes_on_later(tmp_path: Path) -> None:
    study = FaultStudy(tmp_path, [*SLOW, UNTRACKED, "executor.n_slots=1"])
    printed = study.run_here("study.timeout_s=2", code=1)  # a run takes longer than that
    again = "the same command goes on where this one ended"
    said = f"study.timeout_s=2 is over before 2 trials could begin; {again}"
    assert said in printed
    assert "confirm" not in printed  # nothing was decided by now
    assert f"Not finished: {said}." in (study.results / "report.md").read_text()
    assert study.summary()["state"] == "interrupted"
    study.run_here()
    assert study.summary()["state"] == "finished"


def test_a_study_whose_time_is_over_before_anything_began_says_so(
    tmp_path: Path,
) -> None:
    """It ended in silence, as one that has its result."""
    study = FaultStudy(tmp_path, [*SLOW, UNTRACKED, "executor.n_slots=1"])
    parent = study.start("study.timeout_s=0.0001")
    assert parent.wait(60) == 1
    again = "the same command goes on where this one ended"
    assert f"study.timeout_s=0.0001 is over before 3 trials could begin; {again}\n" in study.output()
    assert not (study.results / "summary.json").exists()


def test_ctrl_c_while_no_agent_has_come_says_that_nothing_was_lost(tmp_path: Path) -> None:
    few = ("data.n_train=1000", "data.n_val=500", "data.n_test=500", "aux_focal.lambda=0.1,0.2", UNTRACKED)
    command = [sys.executable, "-m", "sweeper", "-m", *few, "executor=agents", "executor.wait_s=0.1"]
    parent, output = started(command, tmp_path, "waits"), tmp_path / "output.txt"
    wait_for(lambda: "no slot is there yet; the study goes on when one comes" in output.read_text(), 60.0)
    kill(parent.pid, signal.SIGINT)
    assert parent.wait(30) == 130
    assert output.read_text().endswith("stopped; nothing was lost, the same command begins again\n")


def test_ctrl_c_before_anything_began_is_one_line(tmp_path: Path) -> None:
    study = FaultStudy(tmp_path, [*SLOW, UNTRACKED])
    parent = study.start()
    wait_for(lambda: is_caught(parent.pid, signal.SIGTERM))
    kill(parent.pid, signal.SIGINT)
    assert parent.wait(10) == 130
    assert study.output() == "stopped; nothing was lost, the same command begins again\n"


def test_a_study_of_that_name_with_another_meaning_is_refused_with_the_difference(
    undisturbed: FaultStudy,
) -> None:
    printed = undisturbed.run_here("model.n_hidden=9", code=2)
    assert "model.n_hidden: 8 -> 9" in printed
    assert "Traceback" not in printed


def _can_mount() -> bool:
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _can_mount(), reason="no small file system can be mounted without privileges here")
@pytest.mark.slow  # quick: tests/sweeper/study/test_loop.py, tests/sweeper/worker/test_serve.py
@pytest.mark.parametrize("mib", [1, 4])
def test_a_full_disk_stops_the_study_in_a_line_and_what_was_written_is_whole(
    mib: int, tmp_path: Path
) -> None:
    """A real file system of so many MiB: it fills with the database first, or with checkpoints."""
    study = FaultStudy(tmp_path, ["optimizer.lr=0.01,0.02,0.03,0.04", "model.n_hidden=9000", UNTRACKED])
    (tmp_path / "results").mkdir()
    kept = tmp_path / "kept"
    script = (
        f"mount -t tmpfs -o size={mib}m tmpfs results; {shlex.join(study.command)}; code=$?; "
        f"cp -r results {kept}; exit $code"
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=tmp_path,
        env=study.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    printed = done.stdout + done.stderr
    assert done.returncode == 1, printed
    assert "no space left for" in printed
    assert "MiB free" in printed
    assert "Traceback" not in printed
    for path in kept.rglob("*.json"):
        json.loads(path.read_text())
    study.wait_until_empty(LEAVE_S)


@pytest.mark.slow  # quick: a kill of a worker, and of a parent, above
def test_20_kills_at_random_moments_change_no_bit_of_any_result(tmp_path: Path) -> None:
    kills = chaos.run(tmp_path, n_kills=20, seed=0)
    assert kills.total() == 20
    assert kills["worker"] > 0
    assert kills["parent"] > 0
