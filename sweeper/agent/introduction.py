"""What an agent and a study tell each other before the first job, and what they refuse each other for.

agent  HELLO: who and where it is, its code, its clock
study  PROBE: its folder, a file that both should see
agent  HELLO: what it found there, and the code of the problem
study  WELCOME: what every worker gets; or, at either point, REFUSED
"""

import importlib.metadata
import os
import platform
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from pydantic import Field

from sweeper.agent.code import code_hash
from sweeper.agent.gpus import ORDER, VISIBLE, Gpus, gpus_found, gpus_shown, torch_has_cuda
from sweeper.errors import Fault, UserError
from sweeper.models import LenientModel, Strings

PROTOCOL = 1
MOST_CLOCK_S = 60.0
"""Clocks that differ by more make nonsense of when files were written and how long things took."""
READ_S = 0.8
"""So long a file that was just written may take to show on another host of the same file system."""


class Hello(LenientModel):
    """Who offers a slot. `node` is the engine's name of the host, `device` what its worker trains on.

    `place` tells GPUs of a host apart (`gpu 0`, `cpu`); `engine`: what started the agent (`SLURM job 7_1`).
    """

    protocol: int
    host: str
    node: str
    pid: int
    engine: str
    code: str
    python: str
    torch: str
    clock: float
    device: str
    place: str
    gpus: Strings

    @property
    def label(self) -> str:
        """`n1 gpu 0`: what a reader calls the device; slots with equal labels share it."""
        return f"{self.node} {self.place}"


class Probe(LenientModel):
    """Where the study works. `file` holds `words`; `path` is what it imports from beside its packages.

    `target`: the task's ("module:name"), None for a program.
    """

    file: str
    cwd: str
    path: Strings
    target: str | None


class Probed(LenientModel):
    """What an agent found: the file's words, and the hash of the code of the problem; or a problem."""

    words: str = ""
    code: str = ""
    problem: str = ""


class Welcome(LenientModel):
    """The slot is taken. `environment` is what every worker gets."""

    n_threads: Annotated[int, Field(ge=1)]
    environment: dict[str, str]


class Refused(LenientModel):
    """The slot is not taken, and why, in one line."""

    reason: str


def hello(environ: Mapping[str, str] = os.environ) -> Hello:
    """What to tell of this process. Raises UserError where it is not clear which GPU is its own."""
    device, place, gpus = _device(environ)
    return Hello(
        protocol=PROTOCOL,
        host=socket.gethostname(),
        node=environ.get("SLURMD_NODENAME") or environ.get("SWEEPER_NODE") or socket.gethostname(),
        pid=os.getpid(),
        engine=_engine(environ),
        code=code_hash(),
        python=_minor(),
        torch=_torch(),
        clock=time.time(),
        device=device,
        place=place,
        gpus=gpus,
    )


def refusal(hello: Hello, own_code: str, *, is_program: bool) -> str | None:
    """Why a study of this process, whose sweeper is `own_code`, does not take this agent; or None.

    A program brings its own torch.
    """
    if hello.protocol != PROTOCOL:
        return f"it speaks version {hello.protocol} of the protocol, this study version {PROTOCOL}"
    if hello.code != own_code:
        return f"its sweeper is another one (code {hello.code}, here {own_code}); install the same there"
    if hello.python != _minor():
        return f"it has Python {hello.python}, the study {_minor()}"
    if not is_program and hello.torch != _torch():
        return f"it has torch {hello.torch}, the study {_torch()}; results would differ"
    if abs(ahead := hello.clock - time.time()) > MOST_CLOCK_S:
        return f"its clock differs by {ahead:+.0f} s; set the clocks (NTP)"
    return None


def own_path() -> tuple[str, ...]:
    """What this process imports from beside its Python's own folders and its installed packages."""
    inside = tuple({sys.prefix, sys.base_prefix, sys.exec_prefix})
    entries = dict.fromkeys(os.path.abspath(entry) for entry in sys.path)
    return tuple(entry for entry in entries if not entry.startswith(inside) and not entry.endswith(".zip"))


def probed(probe: Probe) -> Probed:
    """What this process finds of the study's place: the words there, answered in a file beside.

    It works in the study's folder from now on, and imports what the study does.
    """
    file = Path(probe.file)
    words = _words_of(file)
    if words is None:
        return Probed(problem=f"{file.parent} is not the same folder on {socket.gethostname()}")
    try:
        file.with_suffix(".answer").write_text(words[::-1])
    except OSError as error:
        return Probed(problem=f"{file.parent} cannot be written on {socket.gethostname()} ({error})")
    try:
        os.chdir(probe.cwd)
    except OSError as error:
        return Probed(problem=f"the study works in {probe.cwd} ({error.strerror}) on {socket.gethostname()}")
    sys.path[:0] = [entry for entry in probe.path if entry not in sys.path and os.path.isdir(entry)]
    with suppress(ImportError, ValueError):
        return Probed(words=words, code=code_hash(probe.target))
    return Probed(problem=f"{probe.target} cannot be imported on {socket.gethostname()}")


def _words_of(file: Path) -> str | None:
    deadline = time.monotonic() + READ_S
    while True:
        try:
            return file.read_text()
        except OSError:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)


def _minor() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _torch() -> str:
    try:
        return importlib.metadata.version("torch").partition("+")[0]
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _engine(environ: Mapping[str, str]) -> str:
    if job := environ.get("SLURM_ARRAY_JOB_ID"):
        return f"SLURM job {job}_{environ.get('SLURM_ARRAY_TASK_ID', '?')}"
    if job := environ.get("SLURM_JOB_ID"):
        return f"SLURM job {job}"
    return environ.get("SWEEPER_ENGINE", "")


def _device(environ: Mapping[str, str]) -> tuple[str, str, tuple[str, ...]]:
    """What a worker calls its device, what a reader does, and the GPUs' UUIDs.

    CUDA_VISIBLE_DEVICES says which GPUs an agent has: engines set it. Under an engine that does not, there
    was none asked for; started by hand on a host with one GPU, that one is meant.
    """
    found = gpus_found()
    visible = environ.get(VISIBLE)
    if visible is None and _engine(environ):
        return "cpu", "cpu", ()
    shown = gpus_shown(found.shown, visible, environ.get(ORDER)).shown if found.shown else ()
    if not shown or not torch_has_cuda():
        return "cpu", "cpu", ()
    if visible is None and len(shown) > 1:
        raise UserError(_which(found))
    numbers = "+".join(str(gpu.index) if gpu.index >= 0 else gpu.uuid for gpu in shown)
    return "cuda:0", f"gpu {numbers}", tuple(gpu.uuid for gpu in shown)


def _which(found: Gpus) -> Fault:
    here = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in found.shown)
    return Fault(
        VISIBLE,
        f"not set, and this host has GPUs {here}; an agent has one slot",
        f"Say which one it is to use: {VISIBLE}={found.shown[0].index}, or {VISIBLE}= for the CPU",
    )
