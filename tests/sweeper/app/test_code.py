"""Which files are an app's own code."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.app.code import code_of
from tests.sweeper.app.apps import write

FILES = {
    "app_of_code.py": "import package_of_code",
    "package_of_code/__init__.py": "",
    "package_of_code/deep/__init__.py": "",
    "package_of_code/deep/loss.py": "A = 1",
    "named_of_code/__init__.py": "raise RuntimeError('imported')",
    "named_of_code/model.py": "A = 1",
    "namespace_of_code/inner/model.py": "A = 1",
    "other_of_code.py": "A = 1",
    "notes.txt": "",
    "env/site-packages/installed_of_code.py": "A = 1",
}
CONFIG = {
    "model": {
        "_target_": "named_of_code.model.Net",
        "parts": [{"_target_": "namespace_of_code.inner.model.A"}],
    },
    "other": {"_target_": "nowhere_of_code.A"},
    "broken": {"_target_": "..A"},
    "torch": {"_target_": "json.JSONDecoder"},
}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """The hash of an app that has imported a package, and an installed module."""
    write(tmp_path, FILES)
    for place in (tmp_path, tmp_path / "env" / "site-packages"):
        monkeypatch.syspath_prepend(place)
    for name in ("app_of_code", "package_of_code", "installed_of_code"):
        __import__(name)
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.setitem(sys.modules, name, __import__(name))
    return lambda: code_of([tmp_path], CONFIG)


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("app_of_code.py", True),
        ("package_of_code/deep/loss.py", True),
        ("package_of_code/new.py", True),
        ("named_of_code/model.py", True),
        ("namespace_of_code/inner/model.py", True),
        ("other_of_code.py", False),
        ("notes.txt", False),
        ("package_of_code/notes.txt", False),
        ("env/site-packages/installed_of_code.py", False),
    ],
)
def test_other_code_is_what_is_imported_or_named_below_the_app_s_folder(
    path: str, counts: bool, code: Callable[[], str], tmp_path: Path
) -> None:
    before = code()
    assert code() == before
    (tmp_path / path).write_text("B = 2")
    assert (code() != before) == counts
