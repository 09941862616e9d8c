"""What may happen to agents and to what is between, done to real ones over TCP."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sweeper.agent import Frame, Kind, Probe, Probed
from sweeper.agent.introduction import probed
from sweeper.errors import UserError
from sweeper.executors import server
from sweeper.executors.remote import RemoteExecutor
from sweeper.messages import Alive, Finished, Lost, Message, Reported, Stopped
from sweeper.trial import JobSpec
from sweeper.worker.checkpoint import read_checkpoint
from tests.contracts.test_executor_contract import DEADLINE_S, LONG, until_ended
from tests.sweeper.executors.agents import remote_executor, started_agent, until, with_agents
from tests.sweeper.executors.fake_agents import FakeAgent, last_word, news_of
from tests.sweeper.executors.proxy import Proxy
from tests.sweeper.executors.test_local import ENDLESS, is_running, struck, wait_for
from tests.sweeper.worker.toy_jobs import folder_of, toy_job


def start(executor: RemoteExecutor, job: JobSpec) -> None:
    """Have the first slot run it, beyond its first step."""
    executor.submit(executor.slots[0], job)
    while not any(isinstance(m, Alive) and m.step > 0 for m in executor.receive(DEADLINE_S)):
        pass


def children_of(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[RemoteExecutor]:
    """An executor to which no agent has come."""
    executor = remote_executor(tmp_path / "agents")
    yield executor
    executor.close()


def test_a_dead_worker_loses_its_run_by_its_own_fault_and_the_agent_starts_another(
    remote: RemoteExecutor, tmp_path: Path
) -> None:
    remote.submit(remote.slots[0], job := struck(tmp_path, "kill"))
    lost = until_ended(remote, job)[-1]
    assert isinstance(lost, Lost)
    assert (lost.is_hosts, lost.reason) == (
        False,
        "worker killed by SIGKILL (kill -9, or the machine was out of memory)",
    )
    remote.submit(remote.slots[0], again := toy_job(tmp_path, "again"))
    assert isinstance(until_ended(remote, again)[-1], Finished)


def test_a_killed_agent_loses_its_run_by_its_hosts_fault_once_the_worker_must_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is not killed with it: it hears that nobody is there, and writes a checkpoint."""
    monkeypatch.setattr(server, "LEAVING_S", 8.0)
    with with_agents(tmp_path) as (executor, (agent,)):
        start(executor, job := toy_job(tmp_path, changes=ENDLESS))
        (worker,) = children_of(agent.pid)
        began = time.monotonic()
        agent.kill()
        until(executor, 0)
        lost = until_ended(executor, job)[-1]
        assert time.monotonic() - began > 7
        assert not is_running(worker)
    assert isinstance(lost, Lost)
    assert lost.is_hosts
    assert "the agent on" in lost.reason
    assert read_checkpoint(folder_of(job).checkpoint)["training"]["step"] > 0


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_an_agent_that_is_told_to_leave_has_its_run_write_a_checkpoint_and_takes_no_further_job(
    number: signal.Signals, tmp_path: Path
) -> None:
    """As batch systems tell it before they take a host away."""
    with with_agents(tmp_path) as (executor, (agent,)):
        start(executor, job := toy_job(tmp_path, changes=ENDLESS))
        agent.send_signal(number)
        last = until_ended(executor, job)[-1]
        until(executor, 0)
        assert isinstance(last, Stopped)
        assert last.reason.endswith(f"had to leave ({number.name})")
        assert agent.wait(10) == 0
        assert f"left ({number.name})" in news_of(executor, "left")
    assert read_checkpoint(folder_of(job).checkpoint)["training"]["step"] == last.step


def test_a_job_that_meets_a_slot_on_its_way_out_is_lost_by_the_hosts_fault(tmp_path: Path) -> None:
    with with_agents(tmp_path) as (executor, (agent,)):
        (slot,) = executor.slots
        agent.kill()
        agent.wait()
        time.sleep(0.5)  # the server knows, the loop has not asked yet
        executor.submit(slot, job := toy_job(tmp_path))
        lost = until_ended(executor, job)[-1]
    assert isinstance(lost, Lost)
    assert lost.is_hosts


PARENT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from tests.sweeper.executors.agents import remote_executor, started_agent, until
from tests.sweeper.worker.toy_jobs import toy_job
executor = remote_executor(Path({folder!r}))
agent = started_agent(executor)
until(executor, 1)
executor.submit(executor.slots[0], toy_job(Path({folder!r}), changes={changes!r}))
while True:
    for message in executor.receive(1.0):
        executor.reply(message, "continue")
        if message.kind == "alive" and message.step >= 1:
            print(agent.pid, flush=True)
"""


def test_an_agent_whose_study_was_killed_ends_with_its_worker_after_a_checkpoint(tmp_path: Path) -> None:
    code = PARENT.format(here=str(Path(__file__).parents[3]), folder=str(tmp_path), changes=ENDLESS)
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        agent = int(parent.stdout.readline())
        (worker,) = children_of(agent)
        parent.kill()
        parent.wait()
    wait_for(lambda: not is_running(worker) and not is_running(agent), 20.0)
    assert read_checkpoint(tmp_path / "run" / "checkpoint.pt")["training"]["step"] > 0


def test_a_half_open_connection_is_noticed_by_both_sides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is closed, and nothing comes through any more: as after a firewall forgot, or a cable."""
    monkeypatch.setattr(server, "SILENCE_S", 7.0)
    monkeypatch.setattr(server, "HUSH_S", 3.0)
    monkeypatch.setattr(server, "UNHEARD_S", 9.0)
    monkeypatch.setattr(server, "BEAT_S", 0.5)
    executor = remote_executor(tmp_path / "agents")
    proxy = Proxy(executor.address)
    agent = started_agent(executor, through=proxy.address)
    try:
        until(executor, 1)
        start(executor, job := toy_job(tmp_path, changes=ENDLESS))
        (worker,) = children_of(agent.pid)
        proxy.is_deaf = True
        lost = until_ended(executor, job)[-1]
        assert isinstance(lost, Lost)
        assert lost.is_hosts
        assert "nothing was heard for 7 s" in lost.reason
        assert list(executor.slots) == []
        wait_for(lambda: not is_running(worker), 60.0)  # the agent's own patience is 25 s
    finally:
        agent.kill()
        agent.wait()
        proxy.close()
        executor.close()
        assert agent.stdout is not None
        agent.stdout.close()


def test_an_agent_that_does_not_answer_is_dismissed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped one confirms no kill: it gets no further job, and what it had is lost by its host's fault."""
    monkeypatch.setattr(server, "KILL_S", 1.0)
    monkeypatch.setattr(server, "LEAVING_S", 2.0)
    with with_agents(tmp_path) as (executor, (agent,)):
        start(executor, job := toy_job(tmp_path, changes=ENDLESS))
        (worker,) = children_of(agent.pid)
        os.kill(agent.pid, signal.SIGSTOP)
        executor.kill(job.job_id, "enough of it")
        last = until_ended(executor, job)[-1]
        assert isinstance(last, Lost)
        assert last.reason == "enough of it"
        assert list(executor.slots) == []
        os.kill(agent.pid, signal.SIGCONT)
        wait_for(lambda: not is_running(worker))


def test_three_hundred_agents_that_come_within_a_second_are_served(listening: RemoteExecutor) -> None:
    async def come() -> float:
        agents = [FakeAgent(listening, node=f"n{number}") for number in range(300)]
        began = time.monotonic()
        words = await asyncio.gather(*(agent.join() for agent in agents))
        took_s = time.monotonic() - began
        assert {word.kind for word in words} == {Kind.WELCOME}
        await asyncio.sleep(5)  # all are there together
        await asyncio.gather(*(agent.close() for agent in agents))
        return took_s

    took_s: list[float] = []
    thread = threading.Thread(target=lambda: took_s.append(asyncio.run(come())))
    thread.start()
    until(listening, 300, 60.0)
    thread.join()
    assert took_s[0] < 30
    assert len({slot.index for slot in listening.slots} | {slot.label for slot in listening.slots}) == 600


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"clock": time.time() + 10**6}, "its clock differs by +"),
        ({"code": "another"}, "its sweeper is another one (code another, here "),
        ({"python": "3.9"}, "it has Python 3.9, the study 3."),
        ({"protocol": 0}, "it speaks version 0 of the protocol, this study version 1"),
    ],
)
def test_an_agent_of_another_world_is_refused_in_a_line_within_a_second(
    changes: dict[str, Any], told: str, listening: RemoteExecutor
) -> None:
    began = time.monotonic()
    word = last_word(FakeAgent(listening, **changes))
    assert word.kind is Kind.REFUSED
    assert time.monotonic() - began < 5  # a second on a machine that does nothing else
    assert told in word.payload.decode()
    assert told in news_of(listening, "turned away")
    assert list(listening.slots) == []


def test_a_clock_90_s_off_is_refused_and_one_of_30_s_is_not(listening: RemoteExecutor) -> None:
    assert last_word(FakeAgent(listening, clock=time.time() - 90)).kind is Kind.REFUSED
    assert last_word(FakeAgent(listening, clock=time.time() + 30)).kind is Kind.WELCOME


def test_a_host_that_does_not_see_the_studys_folder_is_refused(
    listening: RemoteExecutor, tmp_path: Path
) -> None:
    """What it reads is right, where it writes is not: a copy of the folder, not the folder."""

    def elsewhere(probe: Probe) -> Probed:
        copy = tmp_path / "copy" / "words"
        copy.parent.mkdir()
        copy.write_text(Path(probe.file).read_text())
        return probed(probe.model_copy(update={"file": str(copy)}))

    word = last_word(FakeAgent(listening, elsewhere))
    assert b"is not seen here" in word.payload

    def nowhere(probe: Probe) -> Probed:
        return probed(probe.model_copy(update={"file": "/no/such/folder/words"}))

    began = time.monotonic()
    word = last_word(FakeAgent(listening, nowhere))
    assert b"/no/such/folder is not the same folder on " in word.payload
    assert time.monotonic() - began < 5


def test_a_refused_agent_says_why_and_ends(tmp_path: Path) -> None:
    """A real one: its own installation of sweeper is another one."""
    executor = remote_executor(tmp_path / "agents")
    other = tmp_path / "other"
    (other / "sweeper").mkdir(parents=True)
    for child in Path(__file__).parents[3].joinpath("sweeper").iterdir():
        if child.name not in ("agent", "task", "__pycache__"):
            (other / "sweeper" / child.name).symlink_to(child)
    for name in ("agent", "task"):
        shutil.copytree(Path(__file__).parents[3] / "sweeper" / name, other / "sweeper" / name)
    (other / "sweeper" / "task" / "more.py").write_text("MORE = 1\n")
    agent = started_agent(executor, environment={"PYTHONPATH": str(other)})
    try:
        said, _ = agent.communicate(timeout=60)
        assert agent.returncode == 3
        assert "refused by tcp://127.0.0.1:" in said
        assert "its sweeper is another one" in said
    finally:
        executor.close()


def test_secrets_are_in_no_command_line_and_reach_no_worker(remote: RemoteExecutor, tmp_path: Path) -> None:
    token = remote.token_file.read_text().strip()
    assert remote.token_file.stat().st_mode & 0o777 == 0o600
    remote.submit(remote.slots[0], toy_job(tmp_path, changes=LONG))
    while not any(isinstance(message, Reported) for message in remote.receive(DEADLINE_S)):
        pass
    ours = [path for path in Path("/proc").glob("[0-9]*") if _is_of(path, b"sweeper.")]
    assert len(ours) >= 2
    for path in ours:
        assert token.encode() not in path.joinpath("cmdline").read_bytes()
        if _is_of(path, b"sweeper.worker.slot"):
            assert token.encode() not in path.joinpath("environ").read_bytes()


def _is_of(path: Path, word: bytes) -> bool:
    try:
        return word in path.joinpath("cmdline").read_bytes()
    except OSError:
        return False


def test_environment_that_is_named_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWEEPER_TEST_MARK", "seen")
    with with_agents(tmp_path, environment=["SWEEPER_TEST_MARK"]) as (executor, (agent,)):
        start(executor, toy_job(tmp_path, changes=ENDLESS))
        (worker,) = children_of(agent.pid)
        environment = Path(f"/proc/{worker}/environ").read_bytes().split(b"\0")
    assert {b"SWEEPER_TEST_MARK=seen", b"OMP_NUM_THREADS=1", b"CUDA_VISIBLE_DEVICES="} <= set(environment)


def test_environment_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"executor.environment: got NO_SUCH, which is not set here"):
        remote_executor(tmp_path, environment=["NO_SUCH"])


def test_an_address_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"executor.host: got 192.0.2.1:0, where this machine cannot listen"):
        remote_executor(tmp_path, host="192.0.2.1")


def test_a_study_listens_on_the_loopback_unless_told_otherwise(listening: RemoteExecutor) -> None:
    assert listening.address.startswith("tcp://127.0.0.1:")


def test_two_studies_do_not_share_a_token(tmp_path: Path) -> None:
    one, two = remote_executor(tmp_path / "one"), remote_executor(tmp_path / "two")
    agent = FakeAgent(one)
    agent.token = two.token_file.read_text().strip().encode()
    with pytest.raises(Exception, match="closed before both had shown"):
        last_word(agent)
    assert "it does not know this study's token" in news_of(one, "turned away")
    files = [one.token_file, two.token_file]
    for executor in (one, two):
        executor.close()
    assert [file.exists() for file in files] == [False, False]


def test_a_frame_of_an_agent_that_is_no_message_drops_its_worker(
    listening: RemoteExecutor, tmp_path: Path
) -> None:
    heard: list[Message] = []

    async def talk() -> None:
        agent = FakeAgent(listening)
        await agent.join()
        assert agent.wire is not None
        started = await agent.wire.receive()
        assert started is not None
        agent.wire.send(Frame(Kind.FRAME, started.generation, b"no message"))
        while await agent.wire.receive() is not None:
            pass
        await agent.close()

    thread = threading.Thread(target=lambda: asyncio.run(talk()))
    thread.start()
    until(listening, 1)
    listening.submit(listening.slots[0], job := toy_job(tmp_path))
    heard += until_ended(listening, job)
    listening.close()
    thread.join()
    assert isinstance(heard[-1], Lost)
    assert heard[-1].reason.startswith("worker dropped: not a message")
