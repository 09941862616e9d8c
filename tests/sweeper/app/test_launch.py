"""How an app was started, and so how its jobs are."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper.app.launch import CALLBACK, Launch, launch_of
from sweeper.layout import RunFolder


def launched(
    monkeypatch: pytest.MonkeyPatch, *words: str, hydra: tuple[str, ...] = (), spec: str | None = None
) -> Launch:
    main = SimpleNamespace(
        __spec__=None if spec is None else SimpleNamespace(name=spec), __file__="src/train.py"
    )
    monkeypatch.setitem(sys.modules, "__main__", main)
    monkeypatch.setattr(sys, "argv", ["src/train.py", *words])
    return launch_of(hydra, "/app")


@pytest.mark.parametrize(
    ("spec", "program"),
    [
        (None, [str(Path("src/train.py").absolute())]),
        ("package.train", ["-m", "package.train"]),
        ("package.__main__", ["-m", "package"]),
    ],
)
def test_a_script_and_a_module_are_started_as_they_were(
    spec: str | None, program: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert launched(monkeypatch, spec=spec).program == (sys.executable, *program)


def test_flags_that_say_where_configurations_are_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("-m", "--config-name", "other", "-cd", "mine", "--config-path=conf", "lr=1,2")
    kept = ("--config-path", "conf", "--config-name", "other", "--config-dir", str(Path("mine").absolute()))
    assert launched(monkeypatch, *words).flags == kept


def test_of_hydra_s_own_overrides_those_are_kept_that_are_not_about_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = (
        "hydra/sweeper=optuna_study",
        "hydra/launcher=joblib",
        "hydra.searchpath=[file:///more]",
        "hydra.job.chdir=true",
        "hydra/job_logging=disabled",
        "+hydra.callbacks.mine._target_=mine.Callback",
    )
    about_the_sweep = (
        "hydra.mode=MULTIRUN",
        "hydra.sweeper.n_trials=5",
        "+hydra.sweeper.sampler.seed=1",
        "hydra.sweep.dir=out",
        "hydra.run.dir=out",
        "hydra.launcher.n_jobs=2",
        "hydra.job.num=1",
        "hydra.job.id=1",
    )
    assert launched(monkeypatch, hydra=(*about_the_sweep, *kept)).hydra == kept


def test_a_job_is_the_same_line_with_a_folder_of_its_own_and_by_hand_without() -> None:
    launch = Launch(
        ("/usr/bin/python", "a b.py"), ("--config-name", "c"), ("hydra.job.chdir=true",), Path(".")
    )
    folder = RunFolder(Path("/r/x=1, (y)/seed0"))
    start = ("a b.py", "--config-name", "c", "hydra.job.chdir=true", "lr=1")
    assert launch.by_hand(["lr=1"]) == ("python", *start)
    assert replace(launch, always_sweeps=True).by_hand(["lr=1"]) == ("python", *start, "hydra.mode=RUN")
    assert launch.job(["lr=1"], folder, 3) == (
        "/usr/bin/python",
        *start,
        "hydra.mode=RUN",
        'hydra.run.dir="/r/x=1, (y)/seed0/app"',
        "hydra.job.num=3",
        CALLBACK,
    )
