"""The import graph of the repository, read from its source: `python -m tests.laws` prints the packages.

A module's imports are those that its file states, wherever in it they stand. A name that is taken from the
face of a package (`from sweeper.reports import Summary`) counts as an import of the module that the face gets
it from, which its stub (`__init__.pyi`) tells.
"""

import ast
from collections import Counter, deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = (ROOT, ROOT / "tasks")
OURS = ("sweeper", "sweeper_tasks", "hydra_plugins")
ORDER = (
    "commands",
    "app",
    "study",
    "watch",
    "reports",
    "config",
    "search",
    "executors",
    "agent",
    "worker",
    "verdict",
    "monitor",
    "storage",
    "task",
    "words",
    "client",
)
"""The packages of `sweeper`, the highest first: each may import what stands below it."""
PACKAGES = {f"sweeper.{name}" for name in ORDER if name not in ("commands", "words")}
COMMANDS = ("__main__", "cli", "studies", "predict", "run_study", "run_program", "judge_runs")


@dataclass(frozen=True)
class Import:
    """What one import statement names: a module of ours or of a library. `is_top`: done when the file is."""

    module: str
    line: int
    is_top: bool = True
    face: str | None = None
    """The package through whose face a name was taken."""


@dataclass(frozen=True)
class Module:
    """A file of ours."""

    name: str
    path: Path
    imports: tuple[Import, ...] = field(repr=False, default=())

    @property
    def package(self) -> str:
        """The package of `sweeper` that it belongs to: one of `ORDER`; another top-level package's name."""
        first, *rest = self.name.split(".")
        if first != "sweeper":
            return first
        if len(rest) > 1 or (rest and (self.path.name == "__init__.py")):
            return rest[0]
        return "commands" if rest and rest[0] in COMMANDS else "words"


@cache
def modules() -> Mapping[str, Module]:
    """All modules of ours by name."""
    paths = {
        _name_of(path, source): path
        for source in SOURCES
        for top in OURS
        for path in sorted((source / top).rglob("*.py"))
    }
    return {name: Module(name, path, tuple(_imports(path, name, paths))) for name, path in paths.items()}


@cache
def face_of(package: str) -> Mapping[str, str]:
    """The names that the face of a package of ours exports, each with the module it comes from."""
    folder = ROOT / Path(*package.split("."))
    face = next((path for end in (".pyi", ".py") if (path := folder / f"__init__{end}").exists()), None)
    nodes = ast.parse(face.read_text()).body if face and package in PACKAGES else []
    return {
        alias.asname or alias.name: f"{package}.{node.module}" if node.level else str(node.module)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def chain(start: str, targets: Collection[str], graph: Mapping[str, Iterable[str]]) -> list[str]:
    """The shortest chain of imports from `start` to one of `targets`; empty where there is none."""
    before: dict[str, str | None] = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here in targets and here != start:
            return _back(here, before)
        for there in graph.get(here, ()):
            if there not in before:
                before[there] = here
                queue.append(there)
    return []


def loaded() -> dict[str, list[str]]:
    """What importing each module loads: ours by their full names, libraries by their top-level ones."""
    return {name: _loads(module) for name, module in modules().items()}


def circles() -> list[list[str]]:
    """Every module that can be reached from itself, with the shortest way back."""
    graph = {
        name: sorted({i.module for i in module.imports if i.module in modules()})
        for name, module in modules().items()
    }
    found = []
    for name in graph:
        ways = [way for first in graph[name] if (way := _way(first, name, graph))]
        if ways:
            found.append([name, *min(ways, key=len)])
    return found


def edges() -> Counter[tuple[str, str]]:
    """From package to package: how many pairs of a module and another one that it imports there are."""
    pairs = {
        (module, modules()[one.module])
        for module in modules().values()
        for one in module.imports
        if one.module in modules()
    }
    return Counter((of.package, to.package) for of, to in pairs if of.package != to.package)


def picture() -> str:
    """The packages from the highest down, each with its modules and what it imports how often."""
    rows = []
    for package in ("hydra_plugins", *ORDER, "sweeper_tasks"):
        n_modules = sum(module.package == package for module in modules().values())
        below = sorted(((n, to) for (of, to), n in edges().items() if of == package), reverse=True)
        rows.append(f"{package:<14}{n_modules:>4}   {', '.join(f'{to} {n}' for n, to in below) or '-'}")
    return "\n".join([f"{'package':<14}{'files':>4}  imports", *rows])


def _back(end: str, before: Mapping[str, str | None]) -> list[str]:
    way: list[str] = []
    step: str | None = end
    while step is not None:
        way.append(step)
        step = before[step]
    return way[::-1]


def _way(first: str, home: str, graph: Mapping[str, Iterable[str]]) -> list[str]:
    return [first] if first == home else chain(first, {home}, graph)


def _loads(module: Module) -> list[str]:
    parents = [".".join(module.name.split(".")[:n]) for n in range(1, module.name.count(".") + 1)]
    own = [
        one.module if one.module in modules() else one.module.split(".")[0]
        for one in module.imports
        if one.is_top
    ]
    return [*(parent for parent in parents if parent in modules()), *own]


def _name_of(path: Path, source: Path) -> str:
    parts = path.relative_to(source).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(path: Path, name: str, known: Collection[str]) -> Iterator[Import]:
    for node, is_top in _statements(ast.parse(path.read_text()).body, is_top=True):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, is_top) for alias in node.names)
        elif node.module is not None and node.level == 0:
            yield from _from(node, node.module, is_top, known)


def _from(node: ast.ImportFrom, module: str, is_top: bool, known: Collection[str]) -> Iterator[Import]:
    face = face_of(module)
    for alias in node.names:
        inner = f"{module}.{alias.name}"
        if alias.name in face:
            yield Import(face[alias.name], node.lineno, is_top, face=module)
        else:
            yield Import(inner if inner in known else module, node.lineno, is_top)


def _statements(
    body: Sequence[ast.stmt], *, is_top: bool
) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    """Each import with whether it is done on import: not within a function, nor for type checkers only."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node, is_top
            continue
        inner_top = is_top and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            inner_top = False
        for name in ("body", "orelse", "finalbody"):
            yield from _statements(getattr(node, name, []), is_top=inner_top)
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body, is_top=inner_top)
        for case in getattr(node, "cases", []):
            yield from _statements(case.body, is_top=inner_top)


if __name__ == "__main__":
    print(picture())
