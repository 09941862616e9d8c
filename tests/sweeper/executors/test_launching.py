"""Launchers as processes: what they are asked for is taken back, whoever is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.executors import launching
from sweeper.executors.launching import InvitedAgents, LaunchedAgents, agent_call, agents_of
from sweeper.schema import ByHand
from tests.sweeper.executors.calls import call_of
from tests.sweeper.executors.fake_slurm import FakeSlurm, fake_slurm

__all__ = ["fake_slurm"]
PARENT = """
import sys, time
from sweeper.executors.agent_call import AgentCall
from sweeper.executors.launching import LaunchedAgents
agents = LaunchedAgents("slurm", AgentCall.model_validate_json(sys.argv[1]))
print("launched", flush=True)
time.sleep(60)
"""


def wait_for(condition: Callable[[], Any], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.05)


def launchers() -> list[int]:
    """Living launchers of this process."""
    said = subprocess.run(["ps", "-eo", "pid,ppid,stat,args"], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=3) for line in said.stdout.splitlines()[1:]]
    return [
        int(pid)
        for pid, parent, state, words in lines
        if int(parent) == os.getpid() and "executors.launcher" in words and "Z" not in state
    ]


@pytest.fixture
def agents(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[LaunchedAgents]:
    monkeypatch.setattr(launching, "RESTART_S", (0.1, 0.1, 0.1))
    launched = LaunchedAgents("slurm", call_of(tmp_path))
    yield launched
    launched.close()


def test_a_refusal_is_the_user_s_mistake_and_leaves_no_process(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    fake_slurm.say(refusal="sbatch: error: no such partition\n")
    with pytest.raises(UserError, match=r"^executor\.sbatch: got \[\]; sbatch refuses: .*no such partition"):
        LaunchedAgents("slurm", call_of(tmp_path))
    wait_for(lambda: not launchers())


def test_closed_they_are_cancelled_and_no_process_stays(
    agents: LaunchedAgents, fake_slurm: FakeSlurm
) -> None:
    agents.close()
    assert fake_slurm.calls("scancel") == ["--quiet --state=PENDING 12", "--quiet 12"]
    assert launchers() == []


def test_abandoned_they_are_cancelled_without_waiting(agents: LaunchedAgents, fake_slurm: FakeSlurm) -> None:
    began = time.monotonic()
    agents.abandon()
    assert time.monotonic() - began < 0.5
    wait_for(lambda: len(fake_slurm.calls("scancel")) == 2)


def test_a_launcher_that_is_killed_is_replaced_and_nothing_is_submitted_twice(
    agents: LaunchedAgents, fake_slurm: FakeSlurm
) -> None:
    (first,) = launchers()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: launchers() not in ([], [first]))
    wait_for(lambda: fake_slurm.calls("squeue"))
    (line,) = agents.news()
    assert line.startswith("slurm: launcher killed by SIGKILL")
    agents.close()
    assert len(fake_slurm.calls("sbatch")) == 1
    assert fake_slurm.calls("scancel")[-1] == "--quiet 12"


def test_an_engine_that_refuses_in_mid_study_is_tried_again_and_that_is_said_once(
    fake_slurm: FakeSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching, "RESTART_S", (0.1, 0.1, 0.1))
    agents = LaunchedAgents("slurm", call_of(tmp_path))
    agents._call = call_of(tmp_path)  # as one whose agents went with its launcher
    fake_slurm.say(refusal="sbatch: error: down\n")
    os.kill(launchers()[0], signal.SIGKILL)
    wait_for(lambda: len(fake_slurm.calls("sbatch")) >= 3)
    fake_slurm.say(refusal="")
    wait_for(lambda: fake_slurm.calls("squeue"))
    agents.close()
    said = agents.news()
    assert len(said) == 2
    assert said[0].startswith("slurm: launcher killed by SIGKILL")
    assert said[1].endswith(
        "sbatch: error: down. Give options that this cluster takes. It is tried again until it works."
    )


def test_a_study_that_is_killed_leaves_nothing_in_the_queue(fake_slurm: FakeSlurm, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, call_of(tmp_path).model_dump_json()]
    path = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "launched\n"
        parent.kill()
    wait_for(lambda: len(fake_slurm.calls("scancel")) == 2)


def test_what_the_engine_says_is_news_once(agents: LaunchedAgents, fake_slurm: FakeSlurm) -> None:
    fake_slurm.say(tasks="12|1|CANCELLED|0:40|None\n")
    said: list[str] = []

    def is_said() -> bool:
        said.extend(agents.news())
        return bool(said)

    wait_for(is_said)
    assert said == ["slurm: agent 1 (job 12_1) was cancelled, and is not replaced"]
    assert agents.news() == []


def test_a_package_that_is_missing_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.executors.launch_ray.find_spec", lambda name: None)
    from sweeper.executors.launch_ray import RayAgents

    with pytest.raises(
        UserError, match=r'the package ray is not installed\. Use pip install "sweeper\[ray\]"'
    ):
        RayAgents(call_of(tmp_path)).launch()


def test_by_hand_the_line_to_type_is_news_once(tmp_path: Path) -> None:
    facts = {"agents": 3, "n_threads": 2, "host": "127.0.0.1", "port": 0, "tls": False, "environment": ()}
    limits = {"wait_s": 60.0, "job_timeout_s": None, "silence_s": 120.0, "retries": 2}
    config = ByHand.model_validate({"name": "agents", **facts, **limits})
    token = tmp_path / "token"
    call = agent_call(config, study="s", address="127.0.0.1:9", token_file=token, folder=tmp_path)
    agents = agents_of(config, call)
    assert isinstance(agents, InvitedAgents)
    first, second = agents.news()
    assert f"-m sweeper.agent 127.0.0.1:9 --token-file {tmp_path}/token" in first
    assert "SWEEPER_AGENT_TOKEN" in second
    assert agents.news() == []
