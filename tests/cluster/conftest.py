"""Servers that tests share. They are real, throw-away and on loopback; where they are missing, tests say so."""

from collections.abc import Iterator

import pytest

from tests.cluster.postgres import Server, missing, postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL for the tests of a module."""
    if problem := missing():
        pytest.skip(problem)
    with postgres() as running:
        yield running
