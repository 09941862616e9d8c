"""Agent calls for tests."""

import sys
from pathlib import Path
from typing import Any

from sweeper.executors.agent_call import AgentCall

TOKEN = "0123456789abcdef" * 4


def call_of(folder: Path, **changes: Any) -> AgentCall:
    """Two agents of a study that nobody listens for."""
    token = folder / "token"
    token.touch(0o600)
    token.write_text(TOKEN)
    facts = {
        "study": "a study",
        "address": "127.0.0.1:9",
        "token_file": str(token),
        "folder": str(folder / "agents"),
        "python": sys.executable,
        "cwd": str(folder),
        "environment": {"PYTHONPATH": "/some where"},
        "n_agents": 2,
        "n_threads": 1,
        "wait_s": 60.0,
    }
    return AgentCall.model_validate({**facts, **changes})
