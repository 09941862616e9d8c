"""The collector rests while a study opens, works while it runs, and is left as it was."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from sweeper.worker import collect_from_here, collector_resting


class Cycle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """A collector at work, nothing set aside: other tests of this process may have opened studies."""
    gc.unfreeze()
    gc.enable()
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_while_a_study_opens_and_what_comes_later_is() -> None:
    with collector_resting():
        assert not gc.isenabled()
        early = weakref.ref(Cycle())
        collect_from_here()
        assert gc.isenabled()
        late = weakref.ref(Cycle())
        gc.collect()
        assert early() is not None
        assert late() is None
    gc.collect()
    assert early() is None


def test_the_collector_is_left_as_it_was_after_an_error_too() -> None:
    with pytest.raises(ValueError, match="x"), collector_resting():
        raise ValueError("x")
    assert gc.isenabled()
    gc.disable()
    with collector_resting():
        pass
    assert not gc.isenabled()


def test_at_the_end_of_the_process_nothing_is_gone_through() -> None:
    """The finalizer of an object that is garbage only for the collector is not run any more."""
    code = """
import sys
from sweeper.worker import collector_resting
class Cycle:
    def __init__(self): self.own = self
    def __del__(self): print("collected")
if sys.argv[1] == "rests":
    with collector_resting(): pass
import gc
gc.disable()
Cycle()
"""
    said = [
        subprocess.run([sys.executable, "-c", code, mode], capture_output=True, text=True, check=True).stdout
        for mode in ("rests", "does not")
    ]
    assert said == ["", "collected\n"]


COUNTED = """
import gc, socket, sys, threading, time
collected = []
gc.callbacks.append(lambda phase, info: collected.append(info["generation"]) if phase == "start" else None)
"""


def test_nothing_is_collected_while_a_command_is_read() -> None:
    code = f"""{COUNTED}
from sweeper.cli import main
collected.clear()
try:
    main(["-m", "trainer.max_steps=many"])
except SystemExit as end:
    print(end.code, "hydra" in sys.modules, len(collected) < 3)  # one more may follow when it works again
"""
    assert printed(code) == "2 True True"


def test_nothing_is_collected_while_a_worker_imports_what_it_needs_and_nobody_goes_through_it_later() -> None:
    code = f"""{COUNTED}
from sweeper.worker import slot
ours, theirs = socket.socketpair()
def watch():
    until = time.monotonic() + 60
    while not gc.get_freeze_count() and time.monotonic() < until:
        time.sleep(0.01)
    print("torch" in sys.modules, len(collected) < 3, gc.isenabled(), flush=True)
    time.sleep(0.5)
    ours.close()
collected.clear()
threading.Thread(target=watch).start()
slot.main([str(theirs.fileno()), "task"])
"""
    assert printed(code) == "True True True"


def printed(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
