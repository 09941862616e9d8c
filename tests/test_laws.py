"""The laws of the design that an import statement can break; each failure names the chain of imports."""

import sys
from collections.abc import Iterable

import pytest

from tests.laws import ORDER, PACKAGES, chain, circles, loaded, modules, picture

LEVEL = {package: level for level, package in enumerate(ORDER)}
SWEEPING = ("hydra", "omegaconf", "optuna", "mlflow")
DOORS = {
    "optuna": (
        *("sweeper.storage.storage", "sweeper.storage.remembering", "sweeper.storage.optuna_adapter"),
        *("sweeper.storage.opening", "sweeper.storage.repeating", "sweeper.storage.optuna_rows"),
        *("sweeper.search.pruners", "sweeper.search.samplers", "sweeper.search.trial_book"),
        "sweeper.search.rehearsal",
    ),
    "mlflow": ("sweeper.watch.run_store", "sweeper.watch.experiments", "sweeper.watch.registering"),
    "pynvml": ("sweeper.agent.gpus", "sweeper.worker.system_metrics"),
    "psutil": ("sweeper.worker.system_metrics",),
    "ray": ("sweeper.executors.launch_ray",),
    "hydra": (
        *("sweeper.run_study", "hydra_plugins.optuna_study.sweeper", "sweeper.config.hydra_adapter"),
        "hydra_plugins.optuna_study.other_sweeper",
        *("sweeper.config.command_line", "sweeper.config.compose", "sweeper.config.config_source"),
        *("sweeper.search.grammar", "sweeper.search.search_space", "sweeper.search.functions"),
        *("sweeper.search.sampler_options", "sweeper.app.reading", "sweeper.app.run"),
    ),
}
"""The modules that may import a library."""
PURE = (
    *(
        "sweeper.trial",
        "sweeper.study.jobs",
        "sweeper.findings",
        "sweeper.messages",
        "sweeper.criteria",
        "sweeper.wording",
    ),
    *(
        "sweeper.study.fork_groups",
        "sweeper.study.run_state",
        "sweeper.study.line_of_runs",
        "sweeper.study.screening",
        "sweeper.study.retries",
        "sweeper.verdict.selection",
        "sweeper.verdict.paired",
        "sweeper.verdict.attribution",
        "sweeper.verdict.attribution_words",
        "sweeper.search.stages",
        "sweeper.search.way",
        "sweeper.verdict.factorial",
    ),
    *(f"sweeper.monitor.{name}" for name in ("alarms", "changes", "evaluation", "expressions", "grammar")),
    *(f"sweeper.monitor.{name}" for name in ("history", "measured", "phases", "rules")),
)
IMPURE = ("os", "io", "time", "datetime", "random", "subprocess", "socket", "sqlalchemy", "optuna", "torch")


def chains(starts: Iterable[str], targets: Iterable[str]) -> list[str]:
    """For each start that loads a target on import, how."""
    graph, goals = loaded(), set(targets)
    ways = (chain(start, goals, graph) for start in starts)
    return [" > ".join(way) for way in ways if way]


def test_packages_import_downwards_only_and_no_built_in_task_ever() -> None:
    wrong = [
        f"{module.path}:{one.line}: {module.package} imports {there.package} ({one.module})"
        for module in modules().values()
        for one in module.imports
        if module.package in LEVEL and (there := modules().get(one.module)) is not None
        if LEVEL.get(there.package, -1) < LEVEL[module.package]
    ]
    assert wrong == []


def test_from_outside_a_package_only_its_face_is_imported() -> None:
    wrong = [
        f"{module.path}:{one.line}: {one.module} is not taken from the face sweeper.{there.package}"
        for module in modules().values()
        for one in module.imports
        if (there := modules().get(one.module)) is not None
        if f"sweeper.{there.package}" in PACKAGES and there.package != module.package
        if one.face != f"sweeper.{there.package}" and one.module != f"sweeper.{there.package}"
    ]
    assert wrong == []


def test_tasks_import_the_contract_and_nothing_else_of_ours() -> None:
    wrong = [
        f"{module.path}:{one.line}: {one.module}"
        for module in modules().values()
        for one in module.imports
        if module.package == "sweeper_tasks" and one.module.split(".")[0] == "sweeper"
        if one.face != "sweeper.task"
    ]
    assert wrong == []


def test_no_import_leads_back_to_where_it_began() -> None:
    assert [" > ".join(circle) for circle in circles()] == []


def test_the_parent_never_loads_torch() -> None:
    parents = [
        name
        for name, module in modules().items()
        if module.package not in ("worker", "sweeper_tasks") or name == "sweeper.worker"
    ]
    assert chains(parents, ["torch"]) == []


def test_worker_and_tasks_know_nothing_of_optuna_mlflow_and_hydra() -> None:
    trained = [
        name for name, module in modules().items() if module.package in ("worker", "task", "sweeper_tasks")
    ]
    assert chains(trained, SWEEPING) == []
    tasks = [name for name in trained if name.startswith("sweeper_tasks")]
    assert chains(tasks, ["multiprocessing"]) == []


def test_what_an_app_imports_is_of_the_standard_library() -> None:
    theirs = {"sweeper.client.hugging_face": {"transformers"}}
    apps = {name: module for name, module in modules().items() if module.package == "client"}
    brought = {
        name: {one.module.split(".")[0] for one in module.imports} - {"sweeper", *sys.stdlib_module_names}
        for name, module in apps.items()
    }
    assert len(brought) > 5
    assert {name: found for name, found in brought.items() if found - theirs.get(name, set())} == {}


def test_a_worker_that_runs_a_program_loads_neither_torch_nor_numpy() -> None:
    programs = [name for name in modules() if name.startswith("sweeper.worker.program")]
    assert len(programs) > 3
    assert chains([*programs, "sweeper.worker.runners", "sweeper.worker.slot"], ["torch", "numpy"]) == []


def test_configurations_of_tasks_are_read_without_torch() -> None:
    configs = [name for name in modules() if name.startswith("sweeper_tasks.") and name.endswith("config")]
    assert len(configs) > 10
    assert chains(configs, ["torch"]) == []


def test_pure_modules_do_no_input_or_output() -> None:
    imports = {name: {one.module.split(".")[0] for one in modules()[name].imports} for name in PURE}
    assert {name: found & set(IMPURE) for name, found in imports.items() if found & set(IMPURE)} == {}


@pytest.mark.parametrize("library", DOORS)
def test_an_outside_library_has_few_doors(library: str) -> None:
    users = {
        module.name
        for module in modules().values()
        if any(one.module.split(".")[0] == library for one in module.imports)
    }
    assert users <= set(DOORS[library])


def test_the_root_holds_words_and_commands_only() -> None:
    at_root = [name for name in modules() if name.count(".") == 1 and f"{name}" not in PACKAGES]
    assert len([name for name in at_root if name.startswith("sweeper.")]) <= 22  # and its __init__


def test_a_chain_is_named_from_its_beginning_to_its_end() -> None:
    graph = {"a": ["b", "c"], "b": ["d"], "c": ["torch"], "d": ["torch"]}
    assert chain("a", {"torch"}, graph) == ["a", "c", "torch"]
    assert chain("torch", {"torch"}, graph) == []


def test_the_picture_names_every_package_with_its_imports() -> None:
    lines = picture().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["hydra_plugins", *ORDER, "sweeper_tasks"]
    assert "task" in next(line for line in lines if line.startswith("sweeper_tasks"))
