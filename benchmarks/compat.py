"""Whether everything works with other versions of Hydra, OmegaConf, Optuna or torch.

    python benchmarks/compat.py --hydra 1.4.0rc3 --omegaconf 2.4.1rc1
    python benchmarks/compat.py --optuna 4.9.0 --base .venv --table docs/reference/versions.md

An environment of its own gets the versions that are named. What is not named comes from `--base`, an existing
environment that is read and never changed; without one everything else is installed as pyproject.toml says,
torch included. There the main job runs as a user would type it, at a size of seconds, and then the tests of
how a command line is read: grammar, search space, composing, and the private parts of Hydra and Optuna.

It prints a row of a table, and with `--table` writes it into that file, in place of an earlier one for the
same versions. Exit code 0 where all went well, else 1.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
NAMED = {"hydra": "hydra-core", "omegaconf": "omegaconf", "optuna": "optuna", "torch": "torch"}
"""The options of the command, and what they install."""
MAIN_JOB = (
    *("-m", "sweeper", "-m", "aux_focal.lambda=0.05,0.1,0.2", "trainer.max_steps=20", "study.n_seeds=2"),
    *("data.n_train=6000", "data.n_val=3000", "data.n_test=3000", "aux_focal.warmup_steps=4"),
)
GRAMMAR_TESTS = (
    *("search/test_search_space.py", "search/test_samplers.py"),
    *("config/test_command_line.py", "config/test_compose.py", "config/test_other_tasks.py"),
    *("config/test_hydra_adapter.py", "storage/test_optuna_adapter.py"),
)
HEAD = ("Hydra", "OmegaConf", "Optuna", "torch", "Python", "main job", "grammar tests", "an error")
LONGEST = 160
"""Characters of an error in the table."""


@dataclass(frozen=True)
class Outcome:
    """How something went, in words; `error` is the first thing that went wrong, "" where nothing did."""

    words: str
    error: str = ""


def environment(folder: Path, requirements: Sequence[str], base: Path | None) -> Path:
    """The interpreter of a new environment in `folder`; what it lacks it takes from `base`."""
    venv.create(folder, clear=True, with_pip=True)
    python = folder / "bin" / "python"
    if base is not None:
        (theirs,) = base.resolve().glob("lib/python*/site-packages")
        (ours,) = folder.glob("lib/python*/site-packages")
        (ours / "base.pth").write_text(f"{theirs}\n")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True)
    return python


def requirements_of(versions: Mapping[str, str], declared: Sequence[str], has_base: bool) -> list[str]:
    """What pip installs: the named versions; without a base also all other `declared` requirements."""
    named = [f"{name}=={version}" for name, version in versions.items()]
    others = [one for one in declared if re.split(r"[^\w.-]", one)[0] not in versions]
    return named if has_base else [*named, *others]


def declared() -> list[str]:
    """The requirements of the project and of its tests."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [*project["dependencies"], *project["optional-dependencies"]["dev"]]


def main_job(python: Path, folder: Path) -> Outcome:
    """The documented grid, small, in an empty folder."""
    began = time.monotonic()
    done = _run(python, MAIN_JOB, folder)
    if done.returncode == 0 and list(folder.glob("results/*/summary.json")):
        return Outcome(f"done in {time.monotonic() - began:.0f} s")
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return Outcome(f"exit code {done.returncode}", lines[-1] if lines else "no summary")


def grammar_tests(python: Path, folder: Path) -> Outcome:
    """The tests of reading a command line, counted; a warning of a newer version fails none of them."""
    report = folder / "tests.xml"
    files = [*(f"tests/sweeper/{name}" for name in GRAMMAR_TESTS), "tests/regressions"]
    words = ("-m", "pytest", "-q", "-W", "default", "-p", "no:cacheprovider", f"--junitxml={report}", *files)
    done = _run(python, words, ROOT)
    if not report.exists():
        return Outcome("did not start", done.stderr[-LONGEST:])
    return counted(report.read_text())


def counted(report: str) -> Outcome:
    """The outcome that a JUnit report tells."""
    cases = list(ElementTree.fromstring(report).iter("testcase"))
    failed = [(case, bad) for case in cases for bad in case if bad.tag in ("failure", "error")]
    words = f"{len(cases) - len(failed)} passed"
    if not failed:
        return Outcome(words)
    case, bad = failed[0]
    return Outcome(f"{words}, {len(failed)} failed", f"{case.get('name')}: {bad.get('message')}")


def row_of(versions: Sequence[str], outcomes: Sequence[Outcome]) -> str:
    """A row of the table."""
    first = next((one.error for one in outcomes if one.error), "")
    error = " ".join(first.split()).replace("|", "\\|")
    short = error if len(error) <= LONGEST else f"{error[:LONGEST]}..."
    return f"| {' | '.join([*versions, *(one.words for one in outcomes), short])} |"


def with_row(text: str, row: str) -> str:
    """The text with the row at the end of its table, or in the place of the one for the same versions."""
    n = HEAD.index("main job")
    lines = text.rstrip("\n").splitlines()
    if not any(line.startswith(f"| {HEAD[0]} ") for line in lines):
        lines += ["", f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    same = [i for i, line in enumerate(lines) if line.split(" | ")[:n] == row.split(" | ")[:n]]
    last = max(i for i, line in enumerate(lines) if line.startswith("|"))
    if same:
        lines[same[0]] = row
    else:
        lines.insert(last + 1, row)
    return "\n".join(lines) + "\n"


def installed(python: Path) -> list[str]:
    """The versions that the environment has, Python's last."""
    code = (
        "import platform, sys; from importlib.metadata import version; "
        "print(*map(version, sys.argv[1:]), platform.python_version())"
    )
    done = subprocess.run(
        [python, "-c", code, *NAMED.values()], check=True, capture_output=True, text=True, env=_environ()
    )
    return done.stdout.split()


def _run(python: Path, words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(python), *words], cwd=folder, env=_environ(), capture_output=True, text=True, check=False
    )


def _environ() -> dict[str, str]:
    """The checkout is imported from where it lies: an editable install in the base would be another one."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tasks'}"}


def main() -> int:
    """Try one combination; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for option, name in NAMED.items():
        parser.add_argument(f"--{option}", metavar="VERSION", help=f"of {name}")
    parser.add_argument("--base", type=Path, help="an environment that has everything else")
    parser.add_argument("--table", type=Path, help="a file to write the row into")
    options = parser.parse_args()
    versions = {name: getattr(options, option) for option, name in NAMED.items() if getattr(options, option)}
    with tempfile.TemporaryDirectory(prefix="compat-") as made:
        folder = Path(made)
        wanted = requirements_of(versions, declared(), options.base is not None)
        python = environment(folder / "venv", wanted, options.base)
        (folder / "empty").mkdir()
        outcomes = [main_job(python, folder / "empty"), grammar_tests(python, folder)]
        row = row_of(installed(python), outcomes)
    print(f"| {' | '.join(HEAD)} |\n{row}")
    if options.table is not None:
        text = options.table.read_text() if options.table.exists() else ""
        options.table.write_text(with_row(text, row))
    return int(any(one.error for one in outcomes))


if __name__ == "__main__":
    sys.exit(main())
