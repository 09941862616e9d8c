"""One app for all tests that only read command lines."""

from collections.abc import Iterator

import pytest

from tests.sweeper.app.apps import FILES, App, app_in, write


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app with the files of `apps.FILES`."""
    with app_in(write(tmp_path_factory.mktemp("conf"), FILES)) as app:
        yield app
