"""Whose token a study's agents have to know."""

import os
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.executors.remote import RemoteExecutor
from sweeper.schema import ByHand

NAME = "SWEEPER_AGENT_TOKEN"
LIMITS = {"wait_s": 60.0, "job_timeout_s": None, "silence_s": 120.0, "retries": 2}
PLACE = {"agents": 1, "n_threads": 1, "host": "127.0.0.1", "port": 0, "tls": False, "environment": ()}
CONFIG = ByHand.model_validate({"name": "agents", **PLACE, **LIMITS})


def token_of_a_study(folder: Path) -> str:
    executor = RemoteExecutor(CONFIG, folder, None)
    try:
        assert executor.token_file.stat().st_mode & 0o777 == 0o600
        return executor.token_file.read_text().strip()
    finally:
        executor.close()


def test_each_study_draws_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    first, second = (token_of_a_study(tmp_path) for _ in range(2))
    assert first != second
    assert min(len(first), len(second)) == 64


def test_one_in_the_environment_is_taken_and_no_child_gets_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, "k" * 40)
    assert token_of_a_study(tmp_path) == "k" * 40
    assert NAME not in os.environ


def test_one_that_could_be_guessed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "secret")
    said = r"^SWEEPER_AGENT_TOKEN: got 6 characters; expected at least 32, drawn at random\. As from: openssl"
    with pytest.raises(UserError, match=said):
        RemoteExecutor(CONFIG, tmp_path, None)
