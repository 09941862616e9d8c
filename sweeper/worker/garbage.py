"""When Python's collector of garbage goes through what a process has made.

It looks for cycles that nobody refers to, the more often the faster objects are made. What imports make, and
what a study makes while it opens, tens of thousands of points perhaps, stays until the end: to go through it
time and again finds nothing. At the end of the process Python goes through all of it twice more.
"""

import atexit
import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_resting() -> Iterator[None]:
    """Within, nothing is collected until `collect_from_here`; after it, all is as it was before."""
    leave_garbage_at_exit()
    was_enabled, n_frozen = gc.isenabled(), gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        if not n_frozen:
            gc.unfreeze()
        if was_enabled:
            gc.enable()


def collect_from_here() -> None:
    """What there is by now is left alone from now on; garbage that is made later is collected."""
    gc.freeze()
    gc.enable()


def leave_garbage_at_exit() -> None:
    """Nobody looks for garbage when this process ends: all of it goes then anyway."""
    atexit.register(gc.freeze)
