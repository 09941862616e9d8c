"""Agents as a job array: what SLURM is asked for, and what is said of what it answers."""

import shlex
import subprocess
import time
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.executors.launch_slurm import SlurmAgents, Task, script_of, seconds, waited_for
from tests.sweeper.executors.calls import TOKEN, call_of
from tests.sweeper.executors.fake_slurm import FakeSlurm, fake_slurm

__all__ = ["fake_slurm"]


def launched(folder: Path, n_agents: int = 2, sbatch: tuple[str, ...] = ()) -> SlurmAgents:
    agents = SlurmAgents(call_of(folder, n_agents=n_agents, sbatch=sbatch, wait_s=0.001))
    agents.launch()
    return agents


def test_one_array_of_all_agents_is_submitted_with_the_user_s_options_last(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    agents = launched(tmp_path, 3, ("--signal=B:USR2@60", "--partition=gpu"))
    (words,) = fake_slurm.calls("sbatch")
    assert words.startswith("--parsable --array=0-2 --job-name=sweeper-a-study ")
    assert words.index("--signal=B:USR1@30") < words.index("--signal=B:USR2@60")
    assert {"--requeue", "--open-mode=append", "--cpus-per-task=1", "--export=NONE"} <= set(words.split())
    assert agents.jobs == ["12"]


def test_the_token_is_neither_in_the_script_nor_in_the_words_of_sbatch(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "let-me-in")
    launched(tmp_path)
    for name in ("script.sh", "calls.txt"):
        assert TOKEN not in fake_slurm.read(name)
        assert "let-me-in" not in fake_slurm.read(name)
    assert str(tmp_path / "token") in fake_slurm.read("script.sh")


def test_the_script_becomes_the_agent_in_the_study_s_folder(tmp_path: Path) -> None:
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\npwd\necho "$$ $PYTHONPATH $*"\n')
    python.chmod(0o755)
    call = call_of(tmp_path, python=str(python))
    shell = subprocess.Popen(["bash", "-c", script_of(call)], stdout=subprocess.PIPE, text=True)
    said, _ = shell.communicate(timeout=20)
    agent = f"-P -m sweeper.agent 127.0.0.1:9 --stagger 0.04 --token-file {call.token_file}"
    assert said == f"{tmp_path}\n{shell.pid} /some where {agent}\n"


def test_no_sbatch_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"^executor: got slurm; there is no sbatch here\. Start the study"):
        launched(tmp_path)


def test_a_refusal_is_told_in_sbatch_s_words(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.say(refusal="sbatch: error: invalid partition specified: gpuu\n")
    said = r"^executor\.sbatch: got \[--partition=gpuu\]; sbatch refuses: sbatch: error: invalid .*: gpuu\."
    with pytest.raises(UserError, match=said):
        launched(tmp_path, sbatch=("--partition=gpuu",))


def test_what_is_waited_for_is_said_in_slurm_s_words(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    agents = launched(tmp_path, 4)
    waiting = "12|1|PENDING|0:00|Resources\n12|2|PENDING|0:00|Priority\n12|3|PENDING|0:00|Priority\n"
    fake_slurm.say(tasks="12|0|RUNNING|0:10|None\n" + waiting)
    agents.look()
    time.sleep(0.01)
    assert agents.look() == ["1 of 4 agents running; waiting: 2 for Priority, 1 for Resources"]
    assert agents.look() == []


def test_an_agent_that_fails_at_once_is_said_with_its_last_words(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    agents = launched(tmp_path)
    log = tmp_path / "agents" / "agent-12_1.log"
    log.write_text("\nTraceback\nImportError: no sweeper\n")
    fake_slurm.say(tasks="12|0|RUNNING|0:10|None\n12|1|FAILED|0:01|NonZeroExitCode\n")
    fake_slurm.say(job="JobId=14 ArrayJobId=12 JobState=FAILED ExitCode=1:0\n")
    (line,) = agents.look()
    assert line == (
        "agent 1 (job 12_1) failed after 1.0 s with exit code 1: "
        f"Traceback / ImportError: no sweeper; its log is {log}; another one is submitted"
    )
    assert agents.look() == []


def test_an_agent_that_its_time_limit_ended_is_replaced(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.executors.replacing.DELAYS_S", (0.0, 5.0, 15.0))
    agents = launched(tmp_path)
    fake_slurm.say(tasks="12|0|RUNNING|8:00:00|None\n12|1|TIMEOUT|8:00:00|TimeLimit\n")
    (line,) = agents.look()
    assert (
        line == "agent 1 (job 12_1) was ended by its time limit, after 8 h 00 min; another one is submitted"
    )
    assert "--array=1 " in fake_slurm.calls("sbatch")[1]
    assert agents.jobs == ["12", "13"]


def test_agents_that_never_work_are_not_submitted_for_ever(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.executors.replacing.DELAYS_S", (0.0, 0.0, 0.0))
    agents = launched(tmp_path, 1)
    said = []
    for job in range(12, 22):
        fake_slurm.say(tasks=f"{job}|0|FAILED|0:01|NonZeroExitCode\n", job="ExitCode=1:0")
        said += agents.look()
    assert len(fake_slurm.calls("sbatch")) == 3
    assert said[-1].endswith("no other is submitted in its place")


def test_an_agent_that_left_is_replaced_and_one_that_was_cancelled_is_not(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.executors.replacing.DELAYS_S", (0.0, 5.0, 15.0))
    agents = launched(tmp_path)
    fake_slurm.say(tasks="12|0|COMPLETED|0:40|None\n12|1|CANCELLED|0:40|None\n")
    assert agents.look() == [
        "agent 0 (job 12_0) left after 40.0 s; another one is submitted",
        "agent 1 (job 12_1) was cancelled, and is not replaced",
    ]
    assert agents.look() == []
    assert ["--array=0 " in words for words in fake_slurm.calls("sbatch")] == [False, True]


def test_a_requeued_agent_that_ends_again_is_told_of_again(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    agents = launched(tmp_path)
    told = []
    for state in ("CANCELLED", "PENDING", "CANCELLED"):
        fake_slurm.say(tasks=f"12|0|{state}|0:40|BeginTime\n")
        told.append([line for line in agents.look() if "cancelled" in line])
    assert list(map(len, told)) == [1, 0, 1]


def test_an_agent_that_lost_its_place_need_not_wait_and_one_that_a_user_put_off_does(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    agents = launched(tmp_path)
    fake_slurm.say(tasks="12|0|RUNNING|0:10|None\n12|1|PENDING|0:00|BeginTime\n")
    agents.look()
    fake_slurm.say(tasks="12|0|PENDING|0:00|BeginTime\n12|1|PENDING|0:00|BeginTime\n")
    agents.look()
    agents.look()
    assert fake_slurm.calls("scontrol") == ["update JobId=12_0 StartTime=now"]


def test_who_waits_is_cancelled_at_once_and_who_runs_may_leave_first(
    fake_slurm: FakeSlurm, tmp_path: Path
) -> None:
    agents = launched(tmp_path)
    fake_slurm.say(tasks="12|0|COMPLETED|0:10|None\n12|1|PENDING|0:00|Priority\n")
    agents.cancel()
    assert fake_slurm.calls("scancel") == ["--quiet --state=PENDING 12", "--quiet 12"]


def test_a_controller_that_is_away_is_asked_again_until_nothing_is_left(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.executors.launch_slurm.LEAVE_S", 0.1)
    monkeypatch.setattr("sweeper.executors.launch_slurm.AGAIN_S", 0.1)
    agents = launched(tmp_path)
    fake_slurm.say(tasks="12|0|RUNNING|0:10|None\n")
    scancel = fake_slurm.folder / "scancel"
    works = scancel.read_text()
    scancel.write_text(works.replace("case", "[ $(grep -c ^scancel $here/calls.txt) -lt 4 ] && exit 1\ncase"))
    agents.cancel()
    assert fake_slurm.calls("scancel")[1:] == ["--quiet 12"] * 3


def test_a_controller_that_does_not_answer_is_said(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    agents = launched(tmp_path)
    (fake_slurm.folder / "squeue").write_text("#!/bin/sh\necho 'squeue: error: no answer' >&2; exit 1\n")
    with pytest.raises(RuntimeError, match=r"^squeue: squeue: error: no answer$"):
        agents.look()


@pytest.mark.parametrize(
    ("age", "expected"),
    [("0:07", 7), ("5:07", 307), ("1:02:03", 3723), ("2-03:00:00", 183600), ("INVALID", 0)],
)
def test_times_are_read_as_squeue_writes_them(age: str, expected: float) -> None:
    assert seconds(age) == expected


def test_nobody_waits_where_all_run() -> None:
    assert waited_for([Task("1", "0", "RUNNING", 3.0, "None")], 1) == ""


def test_the_folder_of_logs_may_have_any_name(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    folder = tmp_path / "100% mine"
    SlurmAgents(call_of(tmp_path).model_copy(update={"folder": str(folder)})).launch()
    assert f"{tmp_path}/100%% mine/agent-%A_%a.log" in fake_slurm.calls("sbatch")[0]
    assert shlex.split(fake_slurm.read("script.sh").splitlines()[-1])[0] == "cd"
