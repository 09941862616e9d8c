"""Settings for all tests, and a worker process for those that need one.

Two workers of pytest-xdist share two cores, so whatever a test starts has one thread unless it asks for more.
"""

import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from sweeper.executors.local import LocalExecutor
    from sweeper.executors.remote import RemoteExecutor

# before anything imports NumPy or torch
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

# neither the first call into torch nor a busy machine is a fault of an example
settings.register_profile("sweeper", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sweeper")

LONGEST = ("tests/faults/test_interruptions.py", "tests/faults/", "tests/test_", "tests/contracts/")
"""Begun first, in this order: else one of them may be alone at the end while the other core idles."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever takes longest comes first; all else as it was found."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    places = (place for place, start in enumerate(LONGEST) if item.nodeid.startswith(start))
    return next(places, len(LONGEST))


@pytest.fixture(autouse=True)
def _no_terminal() -> Iterator[None]:
    """pytest-xdist's workers are told of 80 columns, but what tests read is no terminal's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Whatever number of threads a test before this one has asked for."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(1)


@pytest.fixture(scope="session")
def warm() -> "Iterator[LocalExecutor]":
    """One slot on the CPU, whose worker has imported torch as soon as it had a job; use `local`."""
    from sweeper.executors.devices import Placement
    from sweeper.executors.local import LocalExecutor
    from sweeper.trial import Slot

    executor = LocalExecutor([Placement(Slot(0, "cpu", 1), {"CUDA_VISIBLE_DEVICES": ""})])
    yield executor
    executor.close()


@pytest.fixture
def local(warm: "LocalExecutor") -> "Iterator[LocalExecutor]":
    """The warm executor without a job; what the test leaves running is ended, by force if need be."""
    yield warm
    from tests.sweeper.executors.idle import idle

    idle(warm)


@pytest.fixture(scope="session")
def warm_remote(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[RemoteExecutor]":
    """An agent on this machine, over TCP, that has done nothing yet; use `remote`."""
    from tests.sweeper.executors.agents import with_agents

    with with_agents(tmp_path_factory.mktemp("agents")) as (executor, _):
        yield executor


@pytest.fixture
def remote(warm_remote: "RemoteExecutor") -> "Iterator[RemoteExecutor]":
    """The warm one without a job; what the test leaves running is ended, by force if need be."""
    yield warm_remote
    from tests.sweeper.executors.idle import idle

    idle(warm_remote)
