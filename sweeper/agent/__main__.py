"""`python -m sweeper.agent tcp://HOST:PORT --token-file FILE`: one slot of this host for a study elsewhere.

The study says what to type. Exit codes: 0 when the study is over or the slot was given up, 1 where nothing
answers, or the study is gone and did not say that it is over (it was killed), 2 for a wrong command, 3 where
the study refuses this host (another code, another file system).
"""

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from sweeper.agent.agent import Address, Agent
from sweeper.errors import Fault, UserError

TOKEN = "SWEEPER_AGENT_TOKEN"
PATIENCE_S = 120.0


def main(arguments: Sequence[str]) -> int:
    """Offer a slot until the study is over; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sweeper.agent", description="One slot for a study.")
    parser.add_argument("address", help="where the study listens: tcp://HOST:PORT, tls://HOST:PORT")
    parser.add_argument("--token-file", type=Path, help=f"holds the study's token; without, {TOKEN} does")
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds to try to reach it")
    parser.add_argument("--stagger", type=float, default=0.0, help="wait up to so many seconds before")
    parser.add_argument("--lifeline", action="store_true", help="leave when standard input ends")
    given = parser.parse_args(arguments)
    try:
        agent = Agent(
            address_of(given.address),
            token_of(given.token_file),
            patience_s=given.patience,
            stagger_s=given.stagger,
        )
        return asyncio.run(_run(agent, has_lifeline=given.lifeline))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2


async def _run(agent: Agent, *, has_lifeline: bool) -> int:
    if has_lifeline:
        loop = asyncio.get_running_loop()

        def wait() -> None:
            while os.read(0, 4096):
                pass
            loop.call_soon_threadsafe(agent.leave, "whoever started it is gone")

        threading.Thread(target=wait, name="lifeline", daemon=True).start()
    return await agent.run()


def address_of(text: str) -> Address:
    """The address in words. Raises UserError."""
    parts = urlsplit(text if "://" in text else f"tcp://{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in ("tcp", "tls") or not parts.hostname or not port:
        raise UserError(Fault("address", f"got '{text}'; expected tcp://HOST:PORT or tls://HOST:PORT"))
    return Address(parts.hostname, port, is_tls=parts.scheme == "tls")


def token_of(file: Path | None) -> bytes:
    """The token, which no child of this process will see. Raises UserError where there is none."""
    given = os.environ.pop(TOKEN, "")
    if file is None:
        if not given:
            raise UserError(
                Fault("--token-file", f"not given, and {TOKEN} is not set", "The study says where it is")
            )
        return given.strip().encode()
    try:
        return file.read_text().strip().encode()
    except OSError as error:
        problem = f"got {file}, which cannot be read here ({error.strerror})"
        advice = f"Is the study's folder on this host? If not, set {TOKEN} instead"
        if isinstance(error, FileNotFoundError) and file.parent.is_dir():
            advice = "The study is over, or was started again: type the line that it shows now"
        raise UserError(Fault("--token-file", problem, advice)) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
