"""One headless Chromium for the tests of a module."""

from collections.abc import Iterator

import pytest

from tests.browser.browser import Browser, open_browser, why_no_browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if reason := why_no_browser():
        pytest.skip(reason)
    with open_browser() as found:
        yield found
