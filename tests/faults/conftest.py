"""Whatever becomes of a test, its processes do not outlive it."""

from collections.abc import Iterator

import pytest

from tests.faults.harness import STARTED, kill, marked_processes


@pytest.fixture(autouse=True)
def _nothing_runs_on() -> Iterator[None]:
    """A study that a failed test left would take the cores from all tests after it."""
    yield
    for mark, process in STARTED:
        for pid in marked_processes(mark):
            kill(pid)
        process.wait()
    STARTED.clear()
