"""What a test of somebody else's private parts says when a new version lacks one."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import pytest

BROKEN = (AttributeError, ImportError, TypeError, KeyError, AssertionError)


@contextmanager
def part_of(distribution: str, part: str, adapter: str) -> Iterator[None]:
    """Within, `part` is used as `adapter` does. Where that fails, the test says which version broke it."""
    try:
        yield
    except BROKEN as error:
        problem = f"{distribution} {version(distribution)} no longer has {part}: {adapter}"
        pytest.fail(f"{problem} ({type(error).__name__}: {error})")
