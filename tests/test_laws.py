"""The laws of the design that an import statement can break."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOORS = {
    "optuna": {
        "trial_book.py",
        "remembering.py",
        "storage.py",
        "search_space.py",
        "samplers.py",
        "pruners.py",
        "plots.py",
    },
    "mlflow": {"tracking.py"},
    "pynvml": {"gpus.py"},
    "hydra": {
        "compose.py",
        "search_space.py",
        "__main__.py",
        "grammar.py",
        "command_line.py",
        "config_source.py",
    },
}
PURE = ("trial.py", "planning.py", "run_state.py", "selection.py", "paired.py", "messages.py")
IMPURE = {"os", "io", "time", "datetime", "random", "subprocess", "socket", "sqlalchemy", "optuna", "torch"}


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, bool]]:
    """Each imported module's full name, and whether the import stands at the top of the file."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in tree.body) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node in tree.body


def names(path: Path) -> set[str]:
    return {name for name, _ in imported(path)}


def packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in names(path)}


@pytest.mark.parametrize("path", sources("tasks"), ids=str)
def test_tasks_know_nothing_of_sweeping(path: Path) -> None:
    assert not packages(path) & {
        "hydra",
        "omegaconf",
        "optuna",
        "mlflow",
        "multiprocessing",
        "joblib.externals",
    }
    assert not {name for name in names(path) if name.startswith("sweeper") and name != "sweeper.errors"}


@pytest.mark.parametrize("path", sources("sweeper/worker"), ids=str)
def test_the_worker_knows_nothing_of_optuna_mlflow_and_hydra(path: Path) -> None:
    assert not packages(path) & {"optuna", "mlflow", "hydra", "omegaconf"}


@pytest.mark.parametrize(
    "path", [path for path in sources("sweeper", "hydra_plugins") if "worker" not in path.parts], ids=str
)
def test_the_parent_never_imports_torch(path: Path) -> None:
    assert "torch" not in packages(path)
    at_top = {name for name, is_top in imported(path) if is_top}
    assert not {name for name in at_top if name.startswith("sweeper.worker")}


@pytest.mark.parametrize("library", DOORS)
def test_an_outside_library_has_few_doors(library: str) -> None:
    users = {path.name for path in sources("sweeper") if library in packages(path)}
    assert users <= DOORS[library]


@pytest.mark.parametrize("name", PURE)
def test_pure_modules_do_no_input_or_output(name: str) -> None:
    assert not packages(ROOT / "sweeper" / name) & IMPURE


def test_predicting_loads_no_optimiser_tracker_or_hydra_and_torch_only_at_work() -> None:
    loaded = "import sys; print(*{name.split('.')[0] for name in sys.modules})"
    for module, is_worker in (("sweeper.predict", False), ("sweeper.worker.predicting", True)):
        command = [sys.executable, "-c", f"import {module}; {loaded}"]
        found = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
        assert not found & {"optuna", "mlflow", "hydra", "omegaconf"}
        assert ("torch" in found) is is_worker


def test_configurations_are_read_without_torch() -> None:
    for name in ("config.py", "prepared.py", "registry.py"):
        assert "torch" not in packages(ROOT / "tasks" / name)
    for path in ROOT.glob("tasks/*/*config.py"):
        assert "torch" not in packages(path)
