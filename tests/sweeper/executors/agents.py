"""Agents of this machine for tests: real processes that dial a real executor on loopback."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sweeper.agent import import_path
from sweeper.executors.remote import RemoteExecutor
from sweeper.messages import Message
from sweeper.schema import ByHand

SETTINGS: dict[str, Any] = {
    "name": "agents",
    "agents": 1,
    "n_threads": 1,
    "host": "127.0.0.1",
    "port": 0,
    "tls": False,
    "environment": [],
    "wait_s": 60.0,
    "job_timeout_s": None,
    "silence_s": 120.0,
    "retries": 2,
}


def remote_executor(folder: Path, **changes: Any) -> RemoteExecutor:
    """One that listens; no agent is there yet."""
    return RemoteExecutor(ByHand.model_validate({**SETTINGS, **changes}), folder, None)


def started_agent(
    executor: RemoteExecutor,
    *words: str,
    through: str | None = None,
    environment: Mapping[str, str] | None = None,
    **options: Any,
) -> "subprocess.Popen[str]":
    """An agent that dials it, or a proxy at `through`; GPUs are hidden from it."""
    command = [sys.executable, "-P", "-m", "sweeper.agent", through or executor.address]
    return subprocess.Popen(
        [*command, "--token-file", str(executor.token_file), *words],
        env={**os.environ, **import_path(), "CUDA_VISIBLE_DEVICES": "", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    )


def until(executor: RemoteExecutor, n_slots: int, timeout_s: float = 60.0) -> list[Message]:
    """Messages heard while waiting for so many slots."""
    heard: list[Message] = []
    deadline = time.monotonic() + timeout_s
    while len(executor.slots) != n_slots:
        assert time.monotonic() < deadline, f"{len(executor.slots)} slots: {executor.news()}"
        heard += executor.receive(0.1)
    return heard


@contextmanager
def with_agents(
    folder: Path, n_agents: int = 1, **changes: Any
) -> Iterator[tuple[RemoteExecutor, Sequence["subprocess.Popen[str]"]]]:
    """An executor and its agents, all of them there; nothing stays behind."""
    executor = remote_executor(folder, **changes)
    agents = [started_agent(executor) for _ in range(n_agents)]
    try:
        until(executor, n_agents)
        yield executor, agents
    finally:
        executor.close()
        for agent in agents:
            if agent.poll() is None:
                try:
                    agent.wait(15)
                except subprocess.TimeoutExpired:
                    agent.kill()
            if agent.stdout is not None:
                agent.stdout.close()
