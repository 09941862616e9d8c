"""Who holds a lease: one process, told from all others. One that died on this machine need not be waited for.

A host's name says little: containers of one host may share it, and hosts of one image too. A process's number
says little: each container counts its own, and numbers are used again. So an owner is told by the boot and
the namespace in which its number counts, by the number, and by the moment when the process began; people read
the host and the number, which come first.
"""

import hashlib
import os
import socket
import uuid
from pathlib import Path

PROC = Path("/proc")
HALF = 6
"""So many characters of a realm tell the machine's boot, as many the namespace."""
UNKNOWN = "-"
"""Stands for the moment when a process began, where the system does not tell."""


def new_owner() -> str:
    """A name for this session, at most 64 characters: host, process, where and when that began."""
    pid = os.getpid()
    host = socket.gethostname().replace(":", "")[:18]
    return f"{host}:{pid}:{_realm()}:{_begun(pid)}:{uuid.uuid4().hex[:8]}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this boot and namespace that is no more; False where unknown."""
    parts = owner.split(":")
    if len(parts) != 5 or parts[2] != _realm() or not parts[1].isdigit():
        return False
    pid, begun = int(parts[1]), parts[3]
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return UNKNOWN not in (begun, now := _begun(pid)) and begun != now


def host_of(owner: str) -> str:
    """Host and process, for people."""
    return ":".join(owner.split(":")[:2])


def is_of_this_host(owner: str) -> bool:
    """Whether the owner runs on this boot of this machine, in whatever container; True where unknown."""
    parts = owner.split(":")
    return len(parts) != 5 or parts[2][:HALF] == _realm()[:HALF]


def _realm() -> str:
    """12 characters that say where process numbers mean the same: a boot of a machine, a namespace on it."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = f"{boot} {os.readlink(PROC / 'self/ns/pid')}"
    except OSError:  # no Linux
        boot = namespace = f"{socket.gethostname()} {uuid.getnode()}"
    return "".join(hashlib.sha256(where.encode()).hexdigest()[:HALF] for where in (boot, namespace))


def _begun(pid: int) -> str:
    """When the process began, in clock ticks since the boot."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return UNKNOWN
    return stat.rpartition(")")[2].split()[19]  # the name before it may hold anything, brackets too
