"""Who holds a lease: a process on a host. One that died on this host need not be waited for."""

import os
import socket
import uuid


def new_owner() -> str:
    """A name for this session: host, process, and something that no other session has."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def is_gone(owner: str) -> bool:
    """Whether the owner was a process of this host that is no more; False where that cannot be known."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname()[:30] or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
