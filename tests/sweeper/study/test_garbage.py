"""The collector rests while a study opens, works while it runs, and is left as it was."""

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from sweeper.study.garbage import collect_from_here, collector_resting


class Cycle:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    gc.enable()
    yield
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
from sweeper.study.garbage import collector_resting
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
