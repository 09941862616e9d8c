"""The wheel, installed: what it puts where, and that it runs beside folders of the user's with any names."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tutorial import DOCS, shape, steps_of

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "docs" / "example_task"
SOURCES = {"sweeper": "sweeper", "tasks/sweeper_tasks": "sweeper_tasks", "conf": "sweeper/conf"}
SOURCES |= {"hydra_plugins": "hydra_plugins"}
"""The folders of the repository that are installed, each with its place in the wheel."""
GRID = ("-m", "aux_focal.lambda=0.05,0.1")
SMALL = (
    *("data.n_train=3000", "data.n_val=2000", "data.n_test=2000", "data.n_users=100", "data.n_items=100"),
    *("trainer.max_steps=10", "trainer.eval_every=10", "trainer.batch_size=256", "aux_focal.warmup_steps=2"),
    *("study.n_seeds=1", "study.confirm_seeds=2", "tracking=none", "executor.n_slots=1"),
)
THEIRS = 'raise RuntimeError("the user\'s own module was imported")\n'
WHERE = "import sys; print(*(__import__(name).__path__[0] for name in sys.argv[1:]), sep='\\n')"


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "sdist", "wheel")
    return folder


@pytest.fixture(scope="module")
def environment(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it."""
    return installed(dist, tmp_path_factory.mktemp("environment"))


def build(source: Path, target: Path, *kinds: str) -> None:
    """What `pip install .` and a publication build, without the network."""
    wanted = [word for kind in kinds for word in ("-t", kind)]
    called([sys.executable, "-m", "hatchling", "build", "-d", str(target), *wanted], source)


def installed(dist: Path, folder: Path) -> Path:
    """A new virtual environment with the wheel, which takes all other packages from this environment.

    Those lie on its path as a plain folder, whose `.pth` files are not read: no way leads to the checkout.
    """
    venv.EnvBuilder().create(folder)
    python = str(folder / "bin" / "python")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "install")
    called([*pip, "--no-deps", "--no-index", *map(str, dist.glob("*.whl"))], folder)
    others = dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib"))
    (site_of(folder) / "others.pth").write_text("\n".join(others))
    return folder


def site_of(environment: Path) -> Path:
    (site,) = environment.glob("lib/python*/site-packages")
    return site


def called(command: list[str], folder: Path, code: int = 0, **variables: str) -> str:
    """What a command printed; fails unless it exited with `code`."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=folder, env=kept | variables, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def summary(folder: Path) -> dict[str, Any]:
    (path,) = folder.glob("results/*/summary.json")
    loaded: dict[str, Any] = json.loads(path.read_text())
    return loaded


def files_in(folder: Path) -> Iterator[Path]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return (path for path in found if "__pycache__" not in path.parts)


def entries(wheel: Path) -> dict[str, int]:
    """The files of a wheel, each with its checksum."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def test_the_wheel_holds_our_three_packages_and_nothing_else(dist: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    expected = {
        f"{place}/{path.as_posix()}" for source, place in SOURCES.items() for path in files_in(ROOT / source)
    }
    held = {name for name in entries(wheel) if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in held} == {"sweeper", "sweeper_tasks", "hydra_plugins"}
    assert held == expected
    assert {"sweeper/py.typed", "sweeper_tasks/py.typed", "sweeper/conf/config.yaml"} <= held


def test_the_source_distribution_builds_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    (archive,), (wheel,) = dist.glob("*.tar.gz"), dist.glob("*.whl")
    with tarfile.open(archive) as source:
        source.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build(unpacked, tmp_path / "dist", "wheel")
    (again,) = (tmp_path / "dist").iterdir()
    assert entries(again) == entries(wheel)


def test_an_editable_install_reads_the_two_source_roots(tmp_path: Path) -> None:
    build(ROOT, tmp_path, "wheel:editable")
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        (paths,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith(".pth"))
    assert paths.split() == [str(ROOT), str(ROOT / "tasks")]


def test_no_way_leads_from_the_environment_to_the_checkout(environment: Path, tmp_path: Path) -> None:
    """Else the tests below would run the repository."""
    names = ("sweeper", "sweeper_tasks", "hydra_plugins")
    printed = called([f"{environment}/bin/python", "-c", WHERE, *names], tmp_path)
    assert printed.split() == [str(site_of(environment) / name) for name in names]


def test_the_console_script_answers_in_any_folder(environment: Path, tmp_path: Path) -> None:
    script = f"{environment}/bin/sweeper"
    assert "  task       captcha, diagnosis, esmm, segmentation, sentiment\n" in called(
        [script, "-h"], tmp_path
    )
    assert called([script, "studies", "list"], tmp_path) == "no studies in results\n"
    assert "did you mean 'studies'?" in called([script, "studdies"], tmp_path, code=2)
    for command in ([script], [f"{environment}/bin/python", "-m", "sweeper"]):
        shown = called([*command, "--cfg", "hydra", "-p", "hydra.job"], tmp_path)
        assert "name: sweeper\n" in shown
        told = called([*command, "optimizer.lrr=1", "-m", "seed=1,2"], tmp_path, code=2)
        assert told.endswith("did you mean 'optimizer.lr'?\n")
    assert list(tmp_path.iterdir()) == []
    assert "3 trials on 1 seed" in called([script, *GRID, *SMALL, "study.dry_run=true"], tmp_path)


@pytest.mark.slow
def test_the_main_job_runs_from_an_empty_folder(environment: Path, tmp_path: Path) -> None:
    printed = called([f"{environment}/bin/sweeper", *GRID, *SMALL], tmp_path)
    facts = summary(tmp_path)
    assert [trial["name"] for trial in facts["trials"]] == ["baseline", "lambda=0.05", "lambda=0.1"]
    assert facts["verdict"] in printed
    assert facts["provenance"]["git_sha"] is None
    assert [path.name for path in tmp_path.iterdir()] == ["results"]
    shown = called([f"{environment}/bin/sweeper", "studies", "show", facts["study"]], tmp_path)
    assert facts["verdict"] in shown


def test_the_main_job_runs_beside_modules_and_folders_called_as_ours_were(
    environment: Path, tmp_path: Path
) -> None:
    """`python -m` puts the folder first on the path, of the workers too."""
    theirs = ["tasks.py", "conf/__init__.py", "utils/__init__.py", "losses.py", "config.py"]
    for name in theirs:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(THEIRS)
    (tmp_path / "conf" / "config.yaml").write_text("theirs: true\n")
    (tmp_path / "conf" / "task").mkdir()
    (tmp_path / "conf" / "task" / "esmm.yaml").write_text("theirs: true\n")
    before = set(files_in(tmp_path))
    called([f"{environment}/bin/python", "-m", "sweeper", *GRID, *SMALL], tmp_path)
    facts = summary(tmp_path)
    assert {trial["state"] for trial in facts["trials"]} == {"COMPLETE"}
    assert {path for path in files_in(tmp_path) if path.parts[0] != "results"} == before


@pytest.mark.slow  # a whole study in a new environment
def test_a_task_from_outside_needs_no_built_in_one(dist: Path, tmp_path: Path) -> None:
    """With `sweeper_tasks` gone, a study of another package's task ends with a verdict."""
    environment = installed(dist, tmp_path / "environment")
    shutil.rmtree(site_of(environment) / "sweeper_tasks")
    work, site = tmp_path / "work", tmp_path / "site"
    shutil.copytree(EXAMPLE / "my_conf", work / "my_conf")
    shutil.copytree(EXAMPLE / "my_package", site / "my_package")
    command = [
        f"{environment}/bin/sweeper",
        "--config-dir",
        "my_conf",
        "-m",
        "task=my_task",
        "loss.gamma=1,2",
    ]
    short = (
        "trainer.max_steps=20",
        "trainer.eval_every=10",
        "study.n_seeds=2",
        "study.confirm_seeds=2",
        "tracking=none",
        "executor.n_slots=1",
    )
    printed = called([*command, *short], work, PYTHONPATH=str(site))
    assert summary(work)["verdict"] in printed
    told = called([f"{environment}/bin/sweeper", "task=captcha"], work, code=2)
    assert told.startswith(
        "task.config_target: got 'sweeper_tasks.captcha.config:CaptchaConfig', which cannot"
    )
    assert "Traceback" not in told


@pytest.mark.slow  # four studies of an app; `test_your_app.py` reads the same commands
def test_the_tutorial_of_an_app_prints_what_it_shows(environment: Path, tmp_path: Path) -> None:
    """Beside a `conf/`, a `tasks.py` and a `src/` of the app, and modules that nobody may import."""
    work = tmp_path / "app"
    shutil.copytree(DOCS / "your_app", work)
    for name in ("losses.py", "config.py", "utils/__init__.py", "study/__init__.py"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(THEIRS)
    before = set(files_in(work))
    ways = {"PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    first, *steps = [step for step in steps_of(DOCS / "your_app.md") if step.words[0] != "pip"]
    printed = killed_at([*first.words], work, "[2/29]", **ways) + called([*first.words], work, 0, **ways)
    assert_shown(first.shown, printed)
    for step in steps:
        # one after the other: what a pruner compares with is then the same everywhere
        more = ("hydra.sweeper.executor.n_slots=1",) if "--config-name" in step.words else ()
        assert_shown(step.shown, called([*step.words, *more], work, 0, **ways))
    assert {path for path in files_in(work) if path.parts[0] != "results"} == before


def assert_shown(shown: tuple[str, ...], printed: str) -> None:
    """Fails unless every piece that the page shows is there, whatever its numbers."""
    missing = [piece for piece in shown if shape(piece) not in shape(printed)]
    assert missing == [], printed


def killed_at(command: list[str], folder: Path, mark: str, **variables: str) -> str:
    """What a command printed until the mark, when it was killed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    printed = ""
    with subprocess.Popen(command, cwd=folder, env=kept | variables, stdout=subprocess.PIPE, text=True) as it:
        assert it.stdout is not None
        for line in it.stdout:
            printed += line
            if mark in line:
                break
        it.send_signal(signal.SIGKILL)
    return printed
