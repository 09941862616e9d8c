"""The code of a command: the files that it names, and what its Python scripts import from beside them."""

import ast
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from sweeper.app.code import INSTALLED

OWN = "sweeper"
"""The package of the client, by which a script reports: whose changes are none of the script's."""
DYNAMIC = ("import_module", "__import__", "run_path", "run_module", "exec")
"""Functions by which a script may run code that it does not import."""
PYTHON = re.compile(r"python[\d.]*")
Place = str | tuple[Path, str]
"""Where code is imported from: a module by its name without those inside, or a pattern in a folder."""


def starts_of(words: Sequence[str], cwd: Path) -> dict[Path, Path]:
    """The files that a command names or runs with `-m`, each with the folder that it imports from."""
    run = (name.partition(".")[0] for flag, name in pairwise(words) if flag == "-m")
    starts = {path.resolve(): cwd for top in run for path in _files_of(top, [cwd])}
    named = (path.resolve() for word in words for path in named_files(word, cwd))
    return starts | {path: path.parent for path in named}


def code_files(words: Sequence[str], cwd: Path) -> set[Path]:
    """All files that decide what a command does, as far as that can be told without running it.

    Of an imported package all modules count, of single modules those that are imported, from wherever in the
    code; what is installed does not. Where a script runs code by name, all modules beside it count.
    """
    starts = starts_of(words, cwd)
    found = set(starts)
    for root in {root for path, root in starts.items() if path.suffix == ".py"}:
        scripts = [path for path, other in starts.items() if other == root and path.suffix == ".py"]
        found |= _imported_by(scripts, [root, *_python_path(cwd)])
    return {path for path in found if path.is_file()}  # a folder may be called like a module


def named_files(word: str, cwd: Path) -> list[Path]:
    """The file that a word of a command names, or its part after `=`; nothing where there is none."""
    found = (cwd / text for text in (word, word.partition("=")[2]) if text)
    with suppress(OSError):  # a word may be too long for a name
        return [path for path in found if path.is_file()][:1]
    return []


def missing_program(words: Sequence[str], cwd: Path) -> str | None:
    """What a command would start and is not there: its first word, if that is a path, or Python's script.

    None where nothing of the kind is missing, or a parameter is in its name.
    """
    program, *arguments = words
    script = arguments[:1] if PYTHON.fullmatch(Path(program).name) else []
    named = [*([program] if "/" in program else []), *(word for word in script if word.endswith(".py"))]
    return next((word for word in named if "{" not in word and not (cwd / word).exists()), None)


def _python_path(cwd: Path) -> Iterator[Path]:
    """Where else modules come from: folders of PYTHONPATH that hold code of the user's."""
    for text in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        if text and not set(INSTALLED) & set(Path(text).parts):
            yield cwd / text


def _imported_by(scripts: Sequence[Path], roots: Sequence[Path]) -> set[Path]:
    """The scripts, and all that they import from below `roots`, at any remove. No place is searched twice."""
    found, left = set(scripts), list(scripts)
    seen: set[Place] = {OWN}
    while left:
        for place in set(_places(left.pop())) - seen:
            seen.add(place)
            files = _files_of(place, roots) if isinstance(place, str) else place[0].glob(place[1])
            new = {path.resolve() for path in files} - found
            found |= new
            left += new
    return found


def _places(path: Path) -> Iterator[Place]:
    """Where a module imports from."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return  # of other versions of Python, or none: it counts by itself
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name.partition(".")[0] for one in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.ImportFrom(level=level) if level > 0:
                yield path.parents[level - 1], "**/*.py"
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in DYNAMIC:
                yield path.parent, "*.py"


def _files_of(top: str, roots: Sequence[Path]) -> list[Path]:
    """The module of this name, or all modules of the package, in the first folder that has it."""
    for root in roots:
        if (module := root / f"{top}.py").is_file():
            return [module]
        if modules := list((root / top).rglob("*.py")):
            return modules
    return []
