"""The documented example, used as its readers would: installed, and swept from a folder of their own."""

import json
import math
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeper.models import stackable_values
from sweeper.task.entry import load

DOCUMENT = Path(__file__).parents[1] / "docs" / "tutorials" / "your_task.md"
EXAMPLE = Path(__file__).parents[1] / "docs" / "example_task"
SHORT = (
    *("trainer.max_steps=20", "trainer.eval_every=10", "tracking=none"),
    *("study.n_seeds=2", "study.confirm_seeds=2"),
)
BLOCK = re.compile(r"^\*\*`(?P<path>[^`]+)`\*\*\n\n```\w+\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
WITHOUT_TORCH = "import sys, my_package.config, my_package.data; print('torch' in sys.modules)"


def sources() -> list[Path]:
    """The files that a reader would write; builds leave others beside them."""
    found = (path for pattern in ("*.py", "*.yaml", "*.toml") for path in EXAMPLE.rglob(pattern))
    return [path.relative_to(EXAMPLE) for path in found if "build" not in path.parts]


def python(*words: str, site: Path | None, folder: Path, code: int = 0) -> str:
    """What `python` printed, with the packages in `site`; fails unless it exited with `code`."""
    paths = {"PYTHONPATH": str(site)} if site else {}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | paths
    command = [sys.executable, *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed; built from a copy, since a build writes beside its sources."""
    folder = tmp_path_factory.mktemp("outside")
    source, target = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    python("-m", "pip", "install", *options, "--target", str(target), str(source), site=None, folder=folder)
    return target


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder of the user's with the YAML in it, but without the package."""
    shutil.copytree(EXAMPLE / "my_conf", tmp_path / "my_conf")
    return tmp_path


@pytest.fixture
def task(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The installed task in this process, on the CPU."""
    monkeypatch.syspath_prepend(site)
    sections = {"data": {"name": "digits", "split_seed": 0}, "model": {"width": 4}, "loss": {"gamma": 2.0}}
    config = load("my_package.config:MyConfig").model_validate(sections)
    prepared = load("my_package.data:prepare")(config, tmp_path)
    yield load("my_package.task:MyTask")(config, prepared, torch.device("cpu"))
    for name in [name for name in sys.modules if name.split(".")[0] == "my_package"]:
        del sys.modules[name]


def documented_command() -> list[str]:
    (line,) = re.findall(r"^\$ python (-m sweeper .* -m .*)$", DOCUMENT.read_text(), re.MULTILINE)
    return shlex.split(line)


def test_the_documents_blocks_are_the_files() -> None:
    blocks = {match["path"]: match["text"] for match in BLOCK.finditer(DOCUMENT.read_text())}
    assert blocks == {path.as_posix(): (EXAMPLE / path).read_text() for path in sources()}


def test_the_task_has_under_100_lines() -> None:
    """Python and YAML with comments and docstrings, blank lines not counted; what was there before apart."""
    own = [path for path in sources() if path.suffix in (".py", ".yaml") and path.name != "train.py"]
    lines = [line for path in own for line in (EXAMPLE / path).read_text().splitlines() if line.strip()]
    assert len(own) == 5
    assert len(lines) < 100


def test_the_script_that_the_task_is_made_of_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py", "2"])
    runpy.run_path(str(EXAMPLE / "train.py"))
    gamma, accuracy = re.findall(r"[\d.]+", capsys.readouterr().out)
    assert gamma == "2.0"
    assert float(accuracy) > 0.9


def test_the_documented_command_ends_with_a_verdict(site: Path, work: Path) -> None:
    printed = python(*documented_command(), *SHORT, site=site, folder=work)
    (path,) = work.glob("results/*/summary.json")
    facts = json.loads(path.read_text())
    assert facts["task"] == "my_task"
    assert facts["data"]["real"] is True
    assert [trial["name"] for trial in facts["trials"]] == ["baseline", "gamma=0.5", "gamma=1", "gamma=2"]
    assert len({trial["fingerprint"] for trial in facts["trials"]}) == 4
    assert facts["verdict"] in ("better", "worse", "not distinguishable")
    assert facts["confirmation"]["se_examples"] is not None  # the influence values have arrived
    assert facts["verdict"] in printed
    assert {entry.name for entry in work.iterdir()} == {"my_conf", "results"}


def test_a_typo_in_the_tasks_own_key_is_told_with_a_suggestion(site: Path, work: Path) -> None:
    words = (
        "-m",
        "sweeper",
        "--config-dir",
        "my_conf",
        "-m",
        "task=my_task",
        "loss.gama=1",
        "model.width=8,16",
    )
    printed = python(*words, site=site, folder=work, code=2)
    expected = "loss.gama: no such parameter (from override 'loss.gama=1'); did you mean 'loss.gamma'?"
    assert printed.splitlines() == [expected]


def test_a_package_that_is_not_installed_is_named(work: Path) -> None:
    printed = python(*documented_command(), site=None, folder=work, code=2)
    assert printed.startswith("task.config_target: got 'my_package.config:MyConfig'")
    assert "Is the package installed" in printed


def test_configuration_and_data_are_read_without_torch(site: Path, tmp_path: Path) -> None:
    assert python("-c", WITHOUT_TORCH, site=site, folder=tmp_path).split() == ["False"]


def test_every_stackable_field_arrives_as_a_coefficient(task: Any) -> None:
    assert {path: c.item() for path, c in task.coefficients().items()} == stackable_values(task.config)


def test_the_focal_loss_is_the_documented_one(task: Any) -> None:
    """Even logits of two digits: p = 1/2 and CE = ln 2; (1 - 1/2)^2 ln 2 with gamma 2, ln 2 with gamma 0."""
    outputs = torch.full((1, 10), -torch.inf)
    outputs[0, :2] = 0.0
    batch = (torch.zeros(1, 64), torch.tensor([1]))
    for gamma, weight in ((2.0, 0.25), (0.0, 1.0)):
        loss, parts = task.loss(outputs, batch, {"loss.gamma": torch.tensor(gamma)}, torch.tensor(0))
        assert loss.item() == pytest.approx(weight * math.log(2))
        assert parts["cross_entropy"].item() == pytest.approx(math.log(2))


def test_influence_gives_the_variance_of_an_accuracy(task: Any) -> None:
    """The share p of right answers among n has the variance p (1 - p) / (n - 1)."""
    torch.manual_seed(0)
    evaluation = task.evaluate(task.build_model(), "test", task.coefficients(), torch.tensor(0))
    p, n = evaluation.metrics["accuracy"], 450
    influence = evaluation.records["influence_accuracy"]
    assert influence.shape == (n,)
    assert np.sum(influence**2) / n**2 == pytest.approx(p * (1 - p) / (n - 1))
