"""`python -m sweeper.agent`: what may be wrong with the command, and when it ends."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.agent import import_path
from tests.sweeper.executors.agents import remote_executor, started_agent, until
from tests.sweeper.executors.proxy import Proxy


def run(*words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **import_path(), "CUDA_VISIBLE_DEVICES": "", **variables}
    environment.pop("SWEEPER_AGENT_TOKEN", None) if "SWEEPER_AGENT_TOKEN" not in variables else None
    return subprocess.run(
        [sys.executable, "-P", "-m", "sweeper.agent", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["host"], "address: got 'host'; expected tcp://HOST:PORT or tls://HOST:PORT"),
        (["http://host:1"], "address: got 'http://host:1'; expected tcp://HOST:PORT or tls://HOST:PORT"),
        (["tcp://host:99999"], "address: got 'tcp://host:99999'"),
        (["tcp://127.0.0.1:9"], "--token-file: not given, and SWEEPER_AGENT_TOKEN is not set"),
        (
            ["tcp://127.0.0.1:9", "--token-file", "/no/such"],
            "--token-file: got /no/such, which cannot be read here (No such file or directory)",
        ),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(words: list[str], told: str) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_token_that_is_gone_from_its_folder_was_that_of_an_earlier_start(tmp_path: Path) -> None:
    done = run("tcp://127.0.0.1:9", "--token-file", str(tmp_path / "token-1"))
    assert done.returncode == 2
    assert "The study is over, or was started again: type the line that it shows now" in done.stderr


def test_where_nothing_listens_it_gives_up_with_a_line() -> None:
    done = run("tcp://127.0.0.1:9", "--patience", "1", SWEEPER_AGENT_TOKEN="secret")
    assert done.returncode == 1
    assert "tcp://127.0.0.1:9: " in done.stderr
    assert "tries again for 1 s" in done.stderr
    assert "gave up after 1 s" in done.stderr
    assert "secret" not in done.stderr


def test_it_ends_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    executor = remote_executor(tmp_path)
    agent = started_agent(executor, "--lifeline", stdin=subprocess.PIPE)
    try:
        until(executor, 1)
        assert agent.stdin is not None
        agent.stdin.close()
        assert agent.wait(20) == 0
        until(executor, 0)
    finally:
        executor.close()
        assert agent.stdout is not None
        agent.stdout.close()


def test_where_a_study_is_gone_that_was_not_over_its_exit_code_asks_for_another_start(tmp_path: Path) -> None:
    executor = remote_executor(tmp_path)
    proxy = Proxy(executor.address)
    agent = started_agent(executor, through=proxy.address)
    try:
        until(executor, 1)
        assert agent.stdout is not None
        next(line for line in agent.stdout if "one slot for the study" in line)  # it knows that, too
        proxy.close()  # as a study that is killed
        said, _ = agent.communicate(timeout=30)
        assert (agent.returncode, "the study is gone" in said) == (1, True)
    finally:
        executor.close()


def test_it_ends_at_once_when_the_study_is_over(tmp_path: Path) -> None:
    executor = remote_executor(tmp_path)
    agent = started_agent(executor)
    until(executor, 1)
    executor.close()
    began = time.monotonic()
    assert agent.wait(20) == 0
    assert time.monotonic() - began < 10
    assert agent.stdout is not None
    agent.stdout.close()
