"""`sweeper run`: the words of an app, and the line for a configuration that names another sweeper."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra.core.plugins import Plugins
from omegaconf import OmegaConf

from hydra_plugins.optuna_study.other_sweeper import CLASS, OURS, explain_the_other, is_installed
from sweeper import run_program
from sweeper.run_program import FORCED, as_study, main
from tests.sweeper.app.apps import write


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["lr=1,2"], ["lr=1,2"]),
        (["-m", "lr=1,2"], ["lr=1,2"]),
        (["--multirun", "--config-name", "x", "lr=1"], ["--config-name", "x", "lr=1"]),
        (["hydra/sweeper=optuna", "hydra/sweeper/pruner=asha"], ["hydra/sweeper/pruner=asha"]),
        (["hydra/sweeper=optuna_study", "-m", "+x=1,2"], ["+x=1,2"]),
    ],
)
def test_the_words_of_an_app_start_a_study_of_ours(words: list[str], kept: list[str]) -> None:
    assert as_study(words) == ["-m", *FORCED, *kept]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--module pkg.train -m lr=1,2", ("pkg.train", ["lr=1,2"], True)),
        ("--module=pkg.train --multirun lr=1,2", ("pkg.train", ["lr=1,2"], True)),
        ("-m --module pkg.train --config-name x lr=1", ("pkg.train", ["--config-name", "x", "lr=1"], True)),
        ("-m train.py lr=1,2", ("train.py", ["lr=1,2"], False)),
        ("train.py --help", ("train.py", ["--help"], False)),
        ("train.py lr=1,2 -c job -m", ("train.py", ["lr=1,2", "-c", "job"], False)),
        ("--cmd train{x} -m x=1,2", ("train{x}", ["x=1,2"])),
        ("--cmd=train{x} x=1,2 -m", ("train{x}", ["x=1,2"])),
        ("-m --cmd train{x} x=1,2", ("train{x}", ["x=1,2"])),
    ],
)
def test_m_may_stand_anywhere(
    arguments: str, expected: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--module pkg.train -m ...`, as the help has it, were unrecognized arguments."""
    called: list[tuple[object, ...]] = []

    def run(*words: object, **kind: bool) -> int:
        called.append((*words, *kind.values()))
        return 0

    monkeypatch.setattr(run_program, "_run_app", run)
    monkeypatch.setattr(run_program, "_run_command", run)
    assert main(arguments.split()) == 0
    assert called == [expected]


@pytest.mark.parametrize("arguments", [["--help"], ["-m", "-h"], ["--cmd", "train {x}", "--help"]])
def test_help_before_any_word_of_an_app_is_ours(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    assert "sweeper run --module my_package.train -m" in capsys.readouterr().out


def test_a_script_that_is_not_there_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere.py", "x=1,2"]) == 2
    expected = "nowhere.py: there is no such file. Name the script of your app, as train.py, or give --cmd"
    assert capsys.readouterr().err.strip() == expected


@pytest.mark.parametrize(
    ("folder", "script", "advice"),
    [
        (".", "pkg/train.py", "Start it as sweeper run --module pkg.train -m ..."),
        (
            "pkg",
            "train.py",
            "Start it from the folder above its package, as sweeper run --module pkg.train -m ...",
        ),
    ],
)
def test_a_script_that_imports_relatively_is_a_line_with_its_module(
    folder: str,
    script: str,
    advice: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path, {"pkg/train.py": "from .net import Net", "pkg/__init__.py": "", "pkg/net.py": "Net = 1"})
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main([script, "x=1,2"]) == 2
    assert capsys.readouterr().err == (
        f"{script}: imports relatively, so it is part of a package. {advice}\n"
    )


def test_another_import_error_of_a_script_stays_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a module which it imports, too: there the script is right."""
    write(tmp_path, {"train.py": "import nothing_there", "main.py": "import beside_main"})
    write(tmp_path, {"beside_main.py": "from . import x"})
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", [*sys.path])
    for script, said in (("train.py", "nothing_there"), ("main.py", "no known parent package")):
        with pytest.raises(ImportError, match=said):
            main([str(tmp_path / script), "x=1,2"])


@pytest.mark.parametrize(
    ("source", "code"), [("print('trained')", 2), ("raise SystemExit(0)", 2), ("raise SystemExit(3)", 3)]
)
def test_a_script_without_hydra_is_told_of_the_other_way(source: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(source)
    command = [sys.executable, "-m", "sweeper", "run", "plain.py", "x=1,2"]
    ended = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert "plain.py: it has ended without calling @hydra.main" in ended.stderr
    assert "sweeper run --cmd 'python train.py --lr {lr}" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(is_installed(), reason="the other plugin is there, and its class is its own")
def test_a_configuration_that_names_the_other_plugin_s_class_gets_a_line_that_says_what_to_write(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    explain_the_other()
    monkeypatch.setattr(sys, "argv", ["train.py", "-m", "lr=1,2"])
    with pytest.raises(SystemExit, match="2"):
        Plugins.instance()._instantiate(OmegaConf.create({"_target_": CLASS, "n_trials": 3}))  # as Hydra does
    assert capsys.readouterr().err == (
        f"hydra.sweeper._target_: got {CLASS}, which is not installed. "
        f"Start it with 'sweeper run train.py lr=1,2', or add hydra.sweeper._target_={OURS}\n"
    )
    assert not is_installed()


APP = """
import hydra

@hydra.main(config_path=None, version_base=None)
def main(config):
    return 0.0

main()
"""


@pytest.mark.parametrize(
    "words", [["app.py", "-m", "hydra/sweeper=optuna_study"], ["-m", "sweeper", "run", "app.py", "-m"]]
)
def test_what_hydra_itself_refuses_is_one_line_and_exit_code_2(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "app.py").write_text(APP)
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, *words, "+x=1,2", "lrr=3"],
        cwd=tmp_path,
        env=os.environ | path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("command line: Could not override 'lrr'")
    assert len(done.stderr.splitlines()) == 1
