import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import ModuleType

import pytest

from sweeper.config.compose import Sweep
from sweeper.errors import StudyError
from tests.sweeper.toy_app import TOY

ROOT = Path(__file__).parents[2]
HELP = """
import runpy, sys
sys.argv = ["sweeper", "--help"]
try:
    runpy.run_module("sweeper", run_name="__main__")
finally:
    print(sorted({"torch", "optuna", "mlflow"} & set(sys.modules)), file=sys.stderr)
"""

Ending = Callable[[Sweep], int]


def sweeper(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweeper", *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT}/tasks", "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, list[Sweep]]]:
    """Runs `python -m sweeper` in this process, with a study and a solo run that end as told."""

    def run(ending: Ending, *arguments: str) -> tuple[int, list[Sweep]]:
        seen: list[Sweep] = []

        def stand_in(sweep: Sweep) -> int:
            seen.append(sweep)
            return ending(sweep)

        for module, function in (("sweeper.study", "run_sweep"), ("sweeper.single", "run_solo")):
            replaced = ModuleType(module)
            setattr(replaced, function, stand_in)
            monkeypatch.setitem(sys.modules, module, replaced)
        monkeypatch.setattr(sys, "argv", ["sweeper", *arguments, *TOY])
        monkeypatch.chdir(tmp_path)
        from sweeper.__main__ import main

        try:
            main()
        except SystemExit as end:
            return int(end.code or 0), seen
        return 0, seen

    return run


def raises(error: BaseException) -> Ending:
    def ending(_: Sweep) -> int:
        raise error

    return ending


def test_help_answers_at_once_without_heavy_imports(tmp_path: Path) -> None:
    """Processor time, since the machine may be busy: 1.5 s is the promise."""
    started = perf_counter()
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, cwd=ROOT, check=True)
    assert "aux_focal.lambda=0.05,0.1,0.2" in done.stdout
    assert done.stderr.strip().endswith("[]")
    assert perf_counter() - started < 15


def test_the_users_mistakes_are_lines_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    done = sweeper("-m", "optimizer.lrr=0.1", "optimizer.lr=-1,0.1", "trainer.max_steps=0", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.split("\n") == [
        "optimizer.lrr: no such parameter (from override 'optimizer.lrr=0.1'); did you mean 'optimizer.lr'?",
        "optimizer.lr: got -1 (from override 'optimizer.lr=-1,0.1'); expected a number > 0",
        "trainer.max_steps: got 0 (from override 'trainer.max_steps=0'); expected a number > 0",
        "",
    ]
    assert list(tmp_path.iterdir()) == []


def test_one_run_gets_the_fixed_configuration(ends: Callable[..., tuple[int, list[Sweep]]]) -> None:
    code, [sweep] = ends(lambda _: 0, "loss.weight=0.25")
    assert code == 0
    assert sweep.config["loss"]["weight"] == 0.25


def test_a_study_gets_its_points(ends: Callable[..., tuple[int, list[Sweep]]], tmp_path: Path) -> None:
    code, [sweep] = ends(lambda _: 0, "-m", "loss.weight=0.1,0.2")
    assert code == 0
    assert sweep.points is not None
    assert [point.name for point in sweep.points] == ["weight=0.1", "weight=0.2"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("mode", "ending", "code"),
    [
        ([], lambda _: 1, 1),
        (["-m"], lambda _: 1, 1),
        ([], raises(StudyError("nothing finished")), 1),
        (["-m"], raises(StudyError("nothing finished")), 1),
        (["-m"], raises(KeyboardInterrupt()), 130),
    ],
)
def test_exit_codes_say_how_it_ended(
    ends: Callable[..., tuple[int, list[Sweep]]], mode: list[str], ending: Ending, code: int
) -> None:
    assert ends(ending, *mode)[0] == code


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_our_own_mistakes_keep_their_traceback(
    ends: Callable[..., tuple[int, list[Sweep]]], mode: list[str]
) -> None:
    with pytest.raises(ValueError, match="a bug"):
        ends(raises(ValueError("a bug")), *mode)


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_a_group_without_option_is_named_not_traced(
    ends: Callable[..., tuple[int, list[Sweep]]], mode: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    code, seen = ends(lambda _: 0, *mode, "data=null", "loss.wait=3")
    assert (code, seen) == (2, [])
    assert capfd.readouterr().err.split("\n")[:2] == [
        "data: got null (from override 'data=null'); expected an option. Use ~data to leave the group out.",
        "loss.wait: no such parameter (from override 'loss.wait=3'); did you mean 'loss.weight'?",
    ]


def test_an_outside_folder_of_configurations_is_found_by_its_flag(
    ends: Callable[..., tuple[int, list[Sweep]]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(Path(__file__).parent / "toy_conf")
    assert ends(lambda _: 0, "--config-dir", folder, "loss.weight=1")[0] == 0
    assert ends(lambda _: 0, "--config-dir", folder, "loss.wait=1")[0] == 2
    assert capfd.readouterr().err.startswith("loss.wait: no such parameter")
    assert ends(lambda _: 0, "--config-dir", "nowhere")[0] == 2
    assert "expected a folder that exists" in capfd.readouterr().err


def test_a_launcher_is_said_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    from hydra.types import HydraContext
    from omegaconf import OmegaConf

    from hydra_plugins.optuna_study.sweeper import OptunaStudySweeper

    config = OmegaConf.create({"hydra": {"launcher": {"_target_": "their.JoblibLauncher"}}})
    context: HydraContext = None  # type: ignore[assignment]  # not looked at before the sweep
    OptunaStudySweeper().setup(hydra_context=context, task_function=lambda _: None, config=config)
    assert "hydra/launcher: got their.JoblibLauncher, which has no effect" in caplog.text
