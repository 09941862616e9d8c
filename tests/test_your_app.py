"""The tutorial about apps: its files are the example's, its commands are understood.

`test_installed.py` runs them.
"""

import pytest
from hydra.types import RunMode

from sweeper.app.command_words import read_words
from sweeper.app.reading import AppSweep, read_app
from sweeper.config import loader_of
from tests.tutorial import DOCS, Step, files_of, shape, steps_of

PAGE, EXAMPLE = DOCS / "your_app.md", DOCS / "your_app"
STEPS = [step for step in steps_of(PAGE) if step.words[0] != "pip"]


def read(step: Step) -> AppSweep:
    """The study that a command of the page about the app itself describes."""
    words = step.words[step.words.index("-m") + 1 :]
    name = words[1] if words[0] == "--config-name" else "config"
    lines = [word for word in words if "=" in word]
    with loader_of(EXAMPLE / "conf", None) as loader:
        as_ours = lines if name == "study" else ["hydra/sweeper=optuna_study", *lines]
        config = loader.load_configuration(name, as_ours, RunMode.MULTIRUN)
        config.hydra.job.name = step.words[-2]
        return read_app(loader, name, config.hydra, list(config.hydra.overrides.task))


def test_the_files_that_the_page_shows_are_those_of_the_example() -> None:
    shown = files_of(PAGE)
    assert shown == {path: (EXAMPLE / path).read_text() for path in shown}
    assert len(shown) == 3


def test_the_lines_that_tell_more_are_those_that_the_page_shows() -> None:
    (text,) = [block for block in PAGE.read_text().split("```python\n") if block.startswith("from sweeper")]
    shown = [line for line in text.partition("```")[0].splitlines() if line]
    before, after = ((EXAMPLE / name).read_text().splitlines() for name in ("train.py", "train_reporting.py"))
    assert [line for line in after if line in shown] == shown
    assert not set(shown) & set(before)
    assert len(set(after) - set(before)) == len(shown) + 3  # two docstrings and the type of the result


def test_the_example_is_about_fifty_lines() -> None:
    names = ("train.py", "tasks.py", "src/net.py", "conf/config.yaml")
    lines = [line for name in names for line in (EXAMPLE / name).read_text().splitlines() if line.strip()]
    assert len(lines) <= 70


@pytest.mark.parametrize(
    ("step", "values"),
    [(0, "0.05 0.1"), (1, "0.05 0.1 0.3"), (2, "0.05 0.1 0.3"), (3, "0.1 0.3 3")],
)
def test_a_command_of_the_page_is_the_study_that_it_speaks_of(step: int, values: str) -> None:
    sweep = read(STEPS[step])
    assert sweep.points is not None
    assert [point.overrides for point in sweep.points] == [
        (f"optimizer.lr={value}",) for value in values.split()
    ]
    assert sweep.seed_key == "seed"
    assert sweep.warnings == ()


def test_the_command_without_hydra_is_understood() -> None:
    (step,) = [step for step in STEPS if "--cmd" in step.words]
    template, *words = step.words[step.words.index("--cmd") + 1 :]
    read = read_words(template, words)
    assert read.arguments == ("+lr=0.05,0.1,0.3", "+seed=0")
    assert (EXAMPLE / read.template[1]).is_file()


def test_the_keys_that_the_page_names_are_keys_of_an_app() -> None:
    rows = [line.split("|")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    named = {name.strip(" `") for row in rows for name in row.split(",")}
    known = set(read(STEPS[0]).app.model_dump())
    assert known - named == {"prefork", "resume", "report_every", "total_steps"} - named
    assert named <= known


def test_outputs_are_compared_without_what_varies() -> None:
    """Else the page could show anything."""
    shown = "study a-0123abcd-9f9f: 15 runs planned; 2 slots on cpu, 1 thread each\n lr=0.1 [-1.0, 2]"
    printed = "study a-1123abcd-9f9e: 1 run planned; 16 slots on cpu, 2 threads each\n lr=0.1 [+1.25, 1]"
    assert shape(shown) == "study a-HASH: # run planned; # slot on cpu, # thread lr=# # #]"
    assert shape(printed) == shape(shown)
    assert shape(shown) != shape(shown.replace("planned", "known"))
