"""Launchers on real engines, with stand-ins for agents: started, lost with their node, taken back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.executors.agent_call import AgentCall
from sweeper.executors.launching import LaunchedAgents
from tests.cluster import stand_in
from tests.cluster.ray import Ray
from tests.cluster.slurm import Slurm
from tests.faults.harness import ROOT, wait_for
from tests.sweeper.executors.calls import TOKEN, call_of

pytestmark = pytest.mark.cluster
PARENT = """
import sys, time
from sweeper.executors.agent_call import AgentCall
from sweeper.executors.launching import LaunchedAgents
agents = LaunchedAgents(sys.argv[1], AgentCall.model_validate_json(sys.argv[2]))
print("launched", flush=True)
time.sleep(300)
"""


@pytest.fixture
def call(tmp_path: Path) -> AgentCall:
    """Two agents, whose program only notes that it was started."""
    return call_of(tmp_path, python=str(stand_in.write(tmp_path)), wait_s=1.0)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[LaunchedAgents]]:
    """Those that a test puts here are closed after it."""
    agents: list[LaunchedAgents] = []
    yield agents
    stand_in.end_all(tmp_path)
    for one in agents:
        one.close()


def is_alive(pid: Any) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def living(folder: Path) -> list[dict[str, Any]]:
    return [note for note in stand_in.notes(folder) if is_alive(note["pid"])]


def parent_of(engine: str, call: AgentCall) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tasks")])}
    command = [sys.executable, "-c", PARENT, engine, call.model_dump_json()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def told(agents: LaunchedAgents, words: str, timeout_s: float = 40.0) -> str:
    """The first line of news that has these words."""
    lines: list[str] = []

    def is_told() -> bool:
        lines.extend(agents.news())
        return any(words in line for line in lines)

    wait_for(is_told, timeout_s, lambda: f"not told: {words}; but {lines}")
    return next(line for line in lines if words in line)


def test_slurm_starts_agents_without_a_secret_and_leaves_an_empty_queue(
    slurm: Slurm, call: AgentCall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_PASSWORD", "let-me-in")
    agents = LaunchedAgents("slurm", call)
    try:
        wait_for(lambda: len(living(tmp_path)) == 2, 30.0)
        for note in living(tmp_path):
            assert "let-me-in" not in str(note)
            assert TOKEN not in str(note)
            assert note["environment"]["PYTHONPATH"] == "/some where"
        script = slurm.run("scontrol", "write", "batch_script", slurm.queue()[0].split("_")[0], "-")
        assert TOKEN not in script
    finally:
        agents.close()
    assert (slurm.queue(), living(tmp_path)) == ([], [])


def test_slurm_s_refusal_is_one_line(slurm: Slurm, call: AgentCall) -> None:
    refused = call.model_copy(update={"sbatch": ("--partition=nowhere",)})
    with pytest.raises(
        UserError, match=r"^executor\.sbatch: got \[--partition=nowhere\]; sbatch refuses: .*artition"
    ):
        LaunchedAgents("slurm", refused)


def test_slurm_s_reason_is_told_where_agents_wait(
    slurm: Slurm, call: AgentCall, opened: list[LaunchedAgents]
) -> None:
    opened.append(agents := LaunchedAgents("slurm", call.model_copy(update={"n_agents": 5})))
    line = told(agents, "waiting")
    assert line == "slurm: 4 of 5 agents running; waiting: 1 for Resources"


@pytest.mark.slow  # quick: a whole study, in test_studies.py
def test_slurm_starts_agents_of_a_dead_node_elsewhere(
    slurm: Slurm, call: AgentCall, tmp_path: Path, opened: list[LaunchedAgents]
) -> None:
    opened.append(LaunchedAgents("slurm", call))
    wait_for(lambda: len(living(tmp_path)) == 2, 30.0)
    nodes = {str(note["environment"]["SLURMD_NODENAME"]) for note in living(tmp_path)}
    slurm.kill_node(nodes.pop())
    assert len(living(tmp_path)) < 2
    wait_for(lambda: len(living(tmp_path)) == 2, 90.0, lambda: str(slurm.queue()))


@pytest.mark.slow  # quick: a whole study, in test_studies.py
def test_a_dead_parent_s_agents_leave_slurm_s_queue(slurm: Slurm, call: AgentCall, tmp_path: Path) -> None:
    with parent_of("slurm", call) as parent:
        wait_for(lambda: len(living(tmp_path)) == 2, 30.0)
        parent.kill()
    wait_for(lambda: not slurm.queue(), 40.0, lambda: str(slurm.queue()))
    assert living(tmp_path) == []


def test_an_agent_that_slurm_cannot_start_is_told_with_its_last_words(
    slurm: Slurm, call: AgentCall, opened: list[LaunchedAgents], tmp_path: Path
) -> None:
    broken = call.model_copy(update={"python": str(tmp_path / "no-python"), "n_agents": 1})
    opened.append(agents := LaunchedAgents("slurm", broken))
    line = told(agents, "failed")
    assert "with exit code 127" in line or "with exit code 126" in line
    assert f"{tmp_path}/no-python" in line


def test_ray_starts_agents_with_the_token_in_their_environment_only(
    ray: Ray, call: AgentCall, tmp_path: Path
) -> None:
    agents = LaunchedAgents("ray", call.model_copy(update={"cluster": ray.address}))
    try:
        wait_for(lambda: len(living(tmp_path)) == 2, 60.0)
        for note in living(tmp_path):
            assert note["environment"]["SWEEPER_AGENT_TOKEN"] == TOKEN
            assert note["environment"]["CUDA_VISIBLE_DEVICES"] == ""
            assert TOKEN not in str(note["words"])
            assert "--lifeline" in note["words"]
    finally:
        agents.close()
    wait_for(lambda: not living(tmp_path), 10.0)


@pytest.mark.slow  # quick: a whole study, in test_studies.py
def test_ray_gives_each_agent_its_gpu(
    ray: Ray, call: AgentCall, tmp_path: Path, opened: list[LaunchedAgents]
) -> None:
    opened.append(LaunchedAgents("ray", call.model_copy(update={"cluster": ray.address, "gpus": 1.0})))
    wait_for(lambda: len(living(tmp_path)) == 2, 60.0)
    assert {note["environment"]["CUDA_VISIBLE_DEVICES"] for note in living(tmp_path)} <= {"0", "1"}


def test_ray_is_asked_what_it_has_where_agents_have_no_place(
    ray: Ray, call: AgentCall, opened: list[LaunchedAgents]
) -> None:
    much = call.model_copy(update={"cluster": ray.address, "n_threads": 3})
    opened.append(agents := LaunchedAgents("ray", much))
    line = told(agents, "have a place")
    assert line == (
        "ray: 0 of 2 agents have a place; each asks for 3 CPU, 0 GPU; "
        "the cluster has 4 CPU, 4 GPU, of which 4 CPU, 4 GPU are free"
    )


@pytest.mark.slow  # quick: a whole study, in test_studies.py
@pytest.mark.parametrize("what", ["node", "raylet"])
def test_ray_starts_agents_of_a_dead_node_elsewhere(
    ray: Ray, call: AgentCall, tmp_path: Path, opened: list[LaunchedAgents], what: str
) -> None:
    opened.append(LaunchedAgents("ray", call.model_copy(update={"cluster": ray.address, "n_agents": 1})))
    wait_for(lambda: living(tmp_path), 60.0)
    (first,) = living(tmp_path)
    (node,) = [name for name, part in ray.nodes.items() if first["pid"] in part.pids()]
    (ray.kill_node if what == "node" else ray.kill_raylet)(node)
    wait_for(lambda: not is_alive(first["pid"]), 20.0)
    wait_for(lambda: living(tmp_path), 60.0)


@pytest.mark.slow  # quick: a whole study, in test_studies.py
def test_a_dead_parent_s_agents_leave_ray(ray: Ray, call: AgentCall, tmp_path: Path) -> None:
    with parent_of("ray", call.model_copy(update={"cluster": ray.address})) as parent:
        wait_for(lambda: len(living(tmp_path)) == 2, 60.0)
        parent.kill()
    wait_for(lambda: not living(tmp_path), 40.0)


@pytest.mark.slow  # quick: a whole study, in test_studies.py
def test_a_dead_launcher_s_agents_are_started_again(
    ray: Ray, call: AgentCall, tmp_path: Path, opened: list[LaunchedAgents]
) -> None:
    with parent_of("ray", call.model_copy(update={"cluster": ray.address, "n_agents": 1})) as parent:
        wait_for(lambda: living(tmp_path), 60.0)
        (first,) = living(tmp_path)
        said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent.pid)], capture_output=True, text=True)
        for pid in map(int, said.stdout.split()):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_alive(first["pid"]), 20.0)
        wait_for(lambda: living(tmp_path), 60.0)
        parent.kill()
    wait_for(lambda: not living(tmp_path), 40.0)


def test_no_cluster_at_that_address_is_one_line(ray: Ray, call: AgentCall) -> None:
    with pytest.raises(
        UserError, match=r"^executor\.address: got '127\.0\.0\.1:9', where no Ray answers .*"
    ) as raised:
        LaunchedAgents("ray", call.model_copy(update={"cluster": "127.0.0.1:9"}))
    assert "\n" not in str(raised.value)
