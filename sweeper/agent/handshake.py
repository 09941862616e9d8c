"""Who may talk: both sides show that they know the study's token, and neither tells it.

    study  ──banner, nonce──────────────> agent
    study <──banner, nonce, proof──────── agent
    study  ──proof──────────────────────> agent

Until the agent's proof is there, the study reads a fixed number of bytes and keeps nothing. Under TLS the
proofs cover the certificate that the agent was shown: somebody between, with another one, cannot pass them
on.
"""

import asyncio
import hashlib
import hmac
import os
import ssl
from collections.abc import Callable

from sweeper.agent.wire import Wire, WireError

BANNER = b"sweeper-agent 1\n"
NONCE_BYTES = 32
PROOF_BYTES = 32
TIMEOUT_S = 10.0
"""So long either side waits for the other one's part."""


class StrangerError(WireError):
    """Whoever is there is no agent of this study, or no study of this agent."""


async def met_by_study(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes, certificate: bytes = b""
) -> Wire:
    """The study's side; `certificate` is its own, as sent. Raises StrangerError, WireError."""
    return await _in_time(_study_side(reader, writer, token, certificate))


async def met_by_agent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes) -> Wire:
    """The agent's side. Raises StrangerError where nothing of this study listens there."""
    return await _in_time(_agent_side(reader, writer, token))


async def _in_time(meeting: "asyncio._CoroutineLike[Wire]") -> Wire:
    try:
        return await asyncio.wait_for(meeting, TIMEOUT_S)
    except TimeoutError:
        raise StrangerError(f"no answer within {TIMEOUT_S:g} s") from None
    except (asyncio.IncompleteReadError, OSError):
        raise StrangerError(
            "the connection was closed before both had shown that they know the token"
        ) from None


async def _study_side(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes, certificate: bytes
) -> Wire:
    ours = os.urandom(NONCE_BYTES)
    writer.write(BANNER + ours)
    said = await reader.readexactly(len(BANNER))
    if said != BANNER:
        raise StrangerError("what it said first is no agent's greeting")
    theirs = await reader.readexactly(NONCE_BYTES)
    proof = await reader.readexactly(PROOF_BYTES)
    prove = _prover(token, ours, theirs, certificate)
    if not hmac.compare_digest(proof, prove(b"agent")):
        raise StrangerError("it does not know this study's token")
    writer.write(prove(b"study"))
    return Wire(reader, writer, key_in=prove(b"to study"), key_out=prove(b"to agent"))


async def _agent_side(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: bytes) -> Wire:
    said = await reader.readexactly(len(BANNER))
    if said != BANNER:
        raise StrangerError("what listens there is no study of this version")
    theirs, ours = await reader.readexactly(NONCE_BYTES), os.urandom(NONCE_BYTES)
    prove = _prover(token, theirs, ours, _shown_certificate(writer))
    writer.write(BANNER + ours + prove(b"agent"))
    proof = await reader.readexactly(PROOF_BYTES)
    if not hmac.compare_digest(proof, prove(b"study")):
        raise StrangerError("what listens there does not know the token")
    return Wire(reader, writer, key_in=prove(b"to agent"), key_out=prove(b"to study"))


def _shown_certificate(writer: asyncio.StreamWriter) -> bytes:
    connection: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    return (connection.getpeercert(binary_form=True) or b"") if connection is not None else b""


def _prover(token: bytes, study: bytes, agent: bytes, certificate: bytes) -> Callable[[bytes], bytes]:
    bound = hashlib.sha256(certificate).digest() if certificate else b""

    def prove(what: bytes) -> bytes:
        return hmac.digest(token, what + b"\0" + study + agent + bound, "sha256")

    return prove
