"""The code of a command: the files that it names, and what its Python scripts import from beside them."""

import ast
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

OWN = "sweeper"
"""The package of the client, by which a script reports: whose changes are none of the script's."""
INSTALLED = {"site-packages", "dist-packages"}
DYNAMIC = ("import_module", "__import__", "run_path", "run_module", "exec")
"""Functions by which a script may run code that it does not import."""


def code_files(words: Sequence[str], cwd: Path) -> set[Path]:
    """All files that decide what a command does, as far as that can be told without running it.

    Of an imported package all modules count, of single modules those that are imported, from wherever in the
    code; what is installed does not. Where a script runs code by name, all modules beside it count.
    """
    named = {path.resolve() for word in words for path in named_files(word, cwd)}
    scripts = [(path, path.parent) for path in named if path.suffix == ".py"]
    scripts += [(path, cwd) for flag, name in pairwise(words) if flag == "-m" for path in _run_as(name, cwd)]
    found = set(named)
    for script, root in scripts:
        found |= _imported_by(script, (root, *_python_path(cwd)))
    return found


def named_files(word: str, cwd: Path) -> list[Path]:
    """The file that a word of a command names, or its part after `=`; nothing where there is none."""
    found = (cwd / text for text in (word, word.partition("=")[2]) if text)
    with suppress(OSError):  # a word may be too long for a name
        return [path for path in found if path.is_file()][:1]
    return []


def _run_as(module: str, cwd: Path) -> list[Path]:
    """What `-m module` runs, where that is here."""
    place = cwd.joinpath(*module.split("."))
    known = (place.with_name(f"{place.name}.py"), place / "__main__.py")
    return [path.resolve() for path in known if path.is_file()][:1]


def _python_path(cwd: Path) -> Iterator[Path]:
    """Where else modules come from: folders of PYTHONPATH that hold code of the user's."""
    for text in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if text and not INSTALLED & set(Path(text).parts):
            yield cwd / text


def _imported_by(script: Path, roots: Sequence[Path]) -> set[Path]:
    """The script, and all that it imports from below `roots`, at any remove."""
    found, left = {script}, [script]
    while left:
        path = left.pop()
        new = {one.resolve() for one in _imports(path, roots)} - found
        found |= new
        left += new
    return found


def _imports(path: Path, roots: Sequence[Path]) -> Iterator[Path]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # of other versions of Python, or none: it counts by itself
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                tops = [one.name.partition(".")[0] for one in names]
            case ast.ImportFrom(module=str(module), level=0):
                tops = [module.partition(".")[0]]
            case ast.ImportFrom(level=level) if level > 0:
                yield from path.parents[level - 1].rglob("*.py")
                continue
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in DYNAMIC:
                yield from path.parent.glob("*.py")
                continue
            case _:
                continue
        for top in tops:
            if top != OWN:
                yield from _files_of(top, roots)


def _files_of(top: str, roots: Sequence[Path]) -> Iterator[Path]:
    """The module of this name, or all modules of the package, in the first folder that has it."""
    for root in roots:
        if (module := root / f"{top}.py").is_file():
            yield module
            return
        if (package := root / top).is_dir() and (modules := list(package.rglob("*.py"))):
            yield from modules
            return
