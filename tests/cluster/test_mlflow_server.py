"""MLflow's tracking server, with PostgreSQL behind it, as a study's parent meets it."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.postgres import Server, missing, postgres
from tests.faults.harness import STARTED, FaultStudy, kill, marked_processes, trials, wait_for

pytestmark = pytest.mark.cluster

WORDS = ("optimizer.lr=0.01,0.02", "loss.pause_ms=40", "trainer.max_steps=100")


@dataclass(frozen=True)
class MlflowServer:
    """A tracking server and the process group that it is."""

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def answers(self) -> bool:
        with suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if problem := missing():
        pytest.skip(problem)
    with postgres() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    yield
    for mark, process in STARTED:
        for pid in marked_processes(mark):
            kill(pid)
        process.wait()
    STARTED.clear()


@contextmanager
def mlflow_server(folder: Path, store: str) -> Iterator[MlflowServer]:
    """A server with one worker on a free port of loopback, that answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    words = ["--backend-store-uri", store, "--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", *words, "--host", "127.0.0.1", "--workers", "1"]
    with (folder / "mlflow.txt").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--port", str(port)], stdout=said, stderr=said, start_new_session=True, cwd=folder
        )
    server = MlflowServer(port, process)
    try:
        wait_for(lambda: server.answers, 120, lambda: (folder / "mlflow.txt").read_text()[-2000:])
        yield server
    finally:
        server.kill()


def remote_ports(pid: int) -> set[int]:
    """Where a process is connected to by TCP."""
    inodes = set()
    with suppress(OSError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                inodes |= set(re.findall(r"socket:\[(\d+)\]", os.readlink(descriptor)))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[2].partition(":")[2], 16) for line in lines if line[9] in inodes}


def test_the_parent_alone_logs_a_study_on_a_tracking_server(tmp_path: Path, server: Server) -> None:
    with mlflow_server(tmp_path, server.create("mlflow")) as mlflow:
        study = FaultStudy(tmp_path, (*WORDS, f"tracking.uri={mlflow.uri}"), storage=server.create("logged"))
        parent, seen = study.start(), dict[int, set[int]]()
        while parent.poll() is None:
            for pid in study.workers():
                seen.setdefault(pid, set()).update(remote_ports(pid))
            with suppress(subprocess.TimeoutExpired):
                parent.wait(0.1)
        assert parent.returncode == 0, study.output()
        assert len(seen) >= 2
        assert {port for ports in seen.values() for port in ports} & {mlflow.port, server.port} == set()
        assert "tracking:" not in study.output()
        query = (
            "SELECT t.value, r.status FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid "
            "WHERE t.key = 'sweeper.run' ORDER BY t.value"
        )
        runs = server.ask(query, "mlflow").splitlines()
        assert runs == [f"s/{trial}/0|FINISHED" for trial in range(3)]


def test_a_tracking_server_that_is_killed_costs_one_warning(tmp_path: Path, server: Server) -> None:
    with mlflow_server(tmp_path, server.create("killed")) as mlflow:
        study = FaultStudy(tmp_path, (*WORDS, f"tracking.uri={mlflow.uri}"), storage=server.create("goes_on"))
        parent = study.start()
        wait_for(lambda: len(study.last_steps()) >= 2)
        mlflow.kill()
        assert parent.wait(300) == 0, study.output()
    assert study.output().count("tracking: MLflow at") == 1
    assert [row[2:4] for row in study.rows()] == [("COMPLETE", 1)] * 3


@pytest.mark.slow
def test_a_session_that_leaves_does_not_end_the_study_in_mlflow(tmp_path: Path, server: Server) -> None:
    """Both runs are another session's for 8 s; ours leaves after one."""
    query = (
        "SELECT r.status FROM runs r JOIN tags t ON t.run_uuid = r.run_uuid "
        "WHERE t.key = 'sweeper.kind' AND t.value = 'study'"
    )
    words = (trials(other=["optimizer.lr=0.1"]), "loss.pause_ms=80", "trainer.max_steps=100")
    with mlflow_server(tmp_path, server.create("left")) as mlflow:
        tracking = f"tracking.uri={mlflow.uri}"
        study = FaultStudy(tmp_path, (*words, tracking), storage=server.create("left_to"))
        first = study.start()
        wait_for(lambda: len(study.last_steps()) >= 2)
        study.run("study.idle_s=1")
        assert first.poll() is None
        assert server.ask(query, "left") == "RUNNING"
        assert first.wait(120) == 0
        assert server.ask(query, "left") == "FINISHED"
