"""A command line as the program of a study."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sweeper.app import command_code, run_command
from sweeper.app.command import CommandProgram
from sweeper.app.command_words import CommandWords, read_words
from sweeper.app.reading import read_app
from sweeper.app.run import EMPTY
from sweeper.config import loader_of
from sweeper.layout import RunFolder
from tests.sweeper.app.apps import OURS, App, app_in, write

JUDGED = ("baseline.x=0", "metric=val/acc:max")


@pytest.fixture(scope="module")
def app() -> Any:
    with app_in(EMPTY) as nothing:
        yield nothing


def program(app: App, cwd: Path, template: str, *words: str) -> CommandProgram:
    read: CommandWords = read_words(template, [*words, *JUDGED])
    node = app.hydra(OURS, *read.options, name=None)
    return CommandProgram(read_app(app.loader, None, node, read.arguments), read, cwd)


def argv(app: App, template: str, word: str, override: str) -> tuple[str, ...]:
    """The command of a run with this override, of a study that sweeps by `word`."""
    made = program(app, Path("/work"), template, word)
    return made.run([override], 5, 1, RunFolder(Path("/r"))).argv


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("0.5", "0.5"),
        ("true", "true"),
        ("null", "null"),
        ("abc", "abc"),
        ("'a b'", "a b"),
        ('"it\'s"', "it's"),
        ("'{seed}'", "{seed}"),
        ("'$HOME; rm x'", "$HOME; rm x"),
        ("[1,2,a]", '[1,2,"a"]'),
        ("{a: 1}", '{"a":1}'),
        ("'1'", "1"),
        ("1e-3", "1e-3"),
        ("1.10", "1.10"),
        ("1e5", "1e5"),
        ("True", "True"),
        ("010", "010"),
        ("choice(2.0,3)", "2.0"),
    ],
)
def test_a_value_is_one_word_of_the_command_whatever_is_in_it(value: str, word: str, app: App) -> None:
    swept = value if value.startswith("choice") else f"{value},1"
    override = f"+x={value.removeprefix('choice(').partition(',')[0]}" if swept == value else f"+x={value}"
    assert argv(app, "train --x={x}", f"x={swept}", override) == ("train", f"--x={word}")


def test_a_number_is_written_as_the_user_wrote_it_in_the_baseline_too(app: App) -> None:
    """`int("100000.0")` raises where `int(float("1e5"))` was expected; what a sampler draws is as JSON."""
    made = program(app, Path("/work"), "train {x} {y}", "x=1e5,2e5", "y=1.50")
    folder = RunFolder(Path("/r"))
    assert made.run(["+x=100000.0"], 5, 1, folder).argv == ("train", "1e5", "1.50")
    assert made.by_hand(["+x=200000.0"]) == ("train", "2e5", "1.50")
    assert made.run(["+x=0.0001"], 5, 1, folder).argv == ("train", "0.0001", "1.50")


@pytest.mark.parametrize("beside", ["'a b'", '"a,b"', "[1,2]", "[[1,2],3]", "{a: 1}"])
def test_a_number_stays_as_it_was_written_beside_quotes_and_brackets(beside: str, app: App) -> None:
    made = program(app, Path("/work"), "train {x}", f"x={beside},1e5,1.10,True")
    values = {"100000.0": "1e5", "1.1": "1.10", "true": "True"}
    runs = [made.run([f"+x={value}"], 5, 1, RunFolder(Path("/r"))) for value in values]
    assert [run.argv[1] for run in runs] == list(values.values())


def test_the_baseline_gets_its_values_as_they_were_written_there(app: App) -> None:
    made = program(app, Path("/work"), "train {x} {y}", "x=1.0,2", "y=true,null", "baseline.y=False")
    folder = RunFolder(Path("/r"))
    baseline = ["+y=False", "+x=0"]
    assert made.run(baseline, 5, 0, folder).argv == ("train", "0", "False")
    made = program(app, Path("/work"), "train {x} {y}", "x=1,0.0", "y=false,true", "baseline.y=False")
    assert made.run(baseline, 5, 0, folder).argv == ("train", "0", "False")
    assert made.by_hand([*baseline, "seed=5"]) == ("train", "0", "False")
    assert made.run(["+x=0", "+y=false"], 5, 1, folder).argv == ("train", "0", "false")


def test_a_word_that_is_a_place_alone_is_left_out_where_its_value_is_the_empty_text(app: App) -> None:
    """As a flag that is there or not, which is no value of anything."""
    made = program(app, Path("/work"), "train {x} --at={x} '' {{}}", "x='',--fast")
    folder = RunFolder(Path("/r"))
    assert made.run(["+x="], 5, 1, folder).argv == made.by_hand(["+x=''"]) == ("train", "--at=", "", "{}")
    assert made.run(["+x=--fast"], 5, 1, folder).argv == ("train", "--fast", "--at=--fast", "", "{}")


def test_each_run_has_its_seed_and_its_file(app: App, tmp_path: Path) -> None:
    made = program(app, tmp_path, "train {x} {seed} {out}", "x=1,2")
    spec = made.run(["+x=2"], 5, 1, RunFolder(tmp_path / "r"))
    out = str(RunFolder(tmp_path / "r").app_results)
    assert spec.argv == ("train", "2", "5", out)
    assert (spec.results, spec.examples) == (out, out.replace(".json", ".npz"))
    assert (spec.cwd, spec.objectives) == (str(tmp_path), ("acc",))
    assert made.by_hand(["+x=2", "seed=5"]) == ("train", "2", "5", "results.json")


def test_how_the_output_is_read_is_part_of_what_a_run_is(app: App, tmp_path: Path) -> None:
    """Figures that another pattern has read are not those that are asked for now."""
    words = ("x=1,2", r"pattern.acc='acc (\S+)'")
    made = program(app, tmp_path, "train {x}", *words)
    other = program(app, tmp_path, "train {x}", "x=1,2", r"pattern.acc='test (\S+)'")
    assert made.config_at(["+x=2"]) != other.config_at(["+x=2"])
    assert made.run(["+x=2"], 5, 1, RunFolder(tmp_path / "r")).argv == ("train", "2")


def test_a_command_whose_code_nobody_knows_says_so(app: App, tmp_path: Path) -> None:
    write(tmp_path, {"train.py": ""})
    assert any("names no file" in line for line in program(app, tmp_path, "train {x}", "x=1,2").announced)
    known = program(app, tmp_path, "python train.py {x}", "x=1,2", r"pattern.acc='acc (\S+)'")
    assert known.announced == ("each run: python train.py '{x}'", "judged by acc (maximize)")


def test_a_command_that_can_hand_over_no_figure_says_that_it_has_to_report(app: App, tmp_path: Path) -> None:
    def is_told(template: str, *words: str) -> bool:
        announced = program(app, tmp_path, template, "x=1,2", *words).announced
        return any("has to report" in line for line in announced)

    assert is_told("train {x}")
    assert not is_told("train {x} {out}")
    assert not is_told("train {x}", r"pattern.acc='acc (\S+)'")


def test_values_that_are_one_are_told(app: App, tmp_path: Path) -> None:
    made = program(app, tmp_path, "train {x} {y} {out}", "x=1.1,1.10,2,2", "y=true,True,a", "baseline.y=a")
    assert made.announced[2:4] == (
        "x: 1.1 and 1.10 are one value, of which 1.1 is passed on",
        "y: true and True are one value, of which true is passed on",
    )
    assert len([line for line in made.announced if "one value" in line]) == 2


def test_the_seed_is_no_parameter(app: App, tmp_path: Path) -> None:
    made = program(app, tmp_path, "train {x} {seed}", "x=1,2", "seed=3,4")
    assert made.config_at(["+x=2"]) == {"x": 2, "command": ["train", "{x}", "{seed}"]}
    assert made.seeded(3) == ("seed=3",)
    assert program(app, tmp_path, "train {x}", "x=1,2").seeded(3) == ()


def test_seeds_on_the_command_line_are_replicates_and_nothing_is_to_be_said(app: App) -> None:
    read = read_words("train {x} {seed}", ["x=1,2", "seed=3,4", *JUDGED])
    sweep = read_app(app.loader, None, app.hydra(OURS, *read.options, name=None), read.arguments)
    assert (sweep.seeds, sweep.warnings) == ((3, 4), ())


TREE = {
    "src/train.py": "import loss, torch\ndef late():\n    from models.focal import f",
    "src/loss.py": "from shared import x",
    "src/shared.py": "",
    "src/models/focal.py": "from . import parts",
    "src/models/parts/inner.py": "",
    "src/plot.py": "print(1)",
    "src/notes.txt": "",
    "other.py": "",
    "data.csv": "",
}


def changing(made: CommandProgram, folder: Path) -> set[str]:
    """The files below `folder` whose change is one of the command's code."""
    found, known = set(), made.code()
    for path in sorted(folder.rglob("*.*")):
        before = path.read_bytes()
        path.write_bytes(before + b"\n# changed")
        found |= {str(path.relative_to(folder))} if made.code() != known else set()
        path.write_bytes(before)
    return found


def test_the_code_of_a_command_is_what_it_names_and_what_its_scripts_import(app: App, tmp_path: Path) -> None:
    """Not a script that happens to lie beside them; of a package all modules."""
    write(tmp_path, TREE)
    made = program(app, tmp_path, "python src/train.py --data data.csv {x}", "x=1,2")
    assert changing(made, tmp_path) == set(TREE) - {"src/plot.py", "src/notes.txt", "other.py"}


def test_each_place_of_a_large_package_is_searched_once(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its modules import from it, and from where they are."""
    modules = {f"pkg/m{n}.py": "import pkg.m0\nfrom pkg.m1 import x\nfrom . import m2" for n in range(20)}
    write(tmp_path, {**modules, "train.py": "import pkg", "pkg/folder.py/inner.py": ""})
    searched: list[str] = []
    real = command_code._files_of

    def counted(top: str, roots: Sequence[Path]) -> list[Path]:
        searched.append(top)
        return real(top, roots)

    monkeypatch.setattr(command_code, "_files_of", counted)
    made = program(app, tmp_path, "python train.py {x}", "x=1,2")
    made.code()
    assert searched == ["pkg"]


def test_a_module_that_is_run_by_its_name_is_code_of_the_command(app: App, tmp_path: Path) -> None:
    write(tmp_path, {"pkg/__init__.py": "", "pkg/train.py": "from .sub import loss", "pkg/sub/loss.py": ""})
    write(tmp_path, {"lib/helper.py": "", "pkg/__main__.py": "import helper", "other.py": ""})
    made = program(app, tmp_path, "python -m pkg.train {x}", "x=1,2")
    assert changing(made, tmp_path) == {f"pkg/{n}.py" for n in ("__init__", "__main__", "train", "sub/loss")}
    assert not any("names no file" in line for line in made.announced)


def test_code_on_the_python_path_counts_and_code_that_is_run_by_name_does(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"lib/helper.py": "", "lib/idle.py": "", "run.py": "import helper", "beside.py": ""})
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'lib'}")
    made = program(app, tmp_path, "python run.py {x}", "x=1,2")
    assert changing(made, tmp_path) == {"run.py", "lib/helper.py"}
    write(tmp_path, {"run.py": "import importlib, sys\nimportlib.import_module(sys.argv[1])"})
    assert changing(made, tmp_path) == {"run.py", "beside.py"}


def test_a_file_that_a_value_names_counts_for_the_trials_that_have_it(app: App, tmp_path: Path) -> None:
    """A change of it trains these again, and a file for a new value does not touch the others."""
    write(tmp_path, {"conf/a.yaml": "1", "conf/b.yaml": "1", "data.csv": "1", "fixed.csv": "1"})
    template = "train --conf=conf/{x}.yaml {d} --data=fixed.csv --seed {seed} --out {out}"
    made = program(app, tmp_path, template, "x=a,b", "d=data.csv")
    before = {x: made.config_at([f"+x={x}"]) for x in "ab"}
    code = made.code()
    (tmp_path / "conf/a.yaml").write_text("22")
    assert made.config_at(["+x=a"]) != before["a"]
    assert made.config_at(["+x=b"]) == before["b"]
    assert list(before["b"]["files named"]) == ["--conf=conf/b.yaml", "data.csv"]
    assert made.code() == code
    (tmp_path / "fixed.csv").write_text("22")
    assert made.code() != code
    assert "files named" not in program(app, tmp_path, "train {x} {seed} {out}", "x=1,2").config_at(["+x=1"])


def test_a_word_that_is_too_long_for_a_file_names_none(app: App, tmp_path: Path) -> None:
    made = program(app, tmp_path, f"bash -c '{'true && ' * 60}true' --x={{x}}", "x=1,2")
    assert any("names no file" in line for line in made.announced)


def test_a_script_of_another_language_or_version_counts_by_itself(app: App, tmp_path: Path) -> None:
    write(tmp_path, {"train.R": "", "old.py": "print 'two'", "beside.py": ""})
    made = program(app, tmp_path, "wrapper train.R old.py {x}", "x=1,2")
    assert changing(made, tmp_path) == {"train.R", "old.py"}


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("python nothere.py {x}", "nothere.py"),
        ("python3.11 src/nothere.py {x}", "src/nothere.py"),
        ("./nothere.sh {x}", "./nothere.sh"),
        ("bin/python train.py {x}", "bin/python"),
        ("python train.py nothere.py {x}", None),
        ("python -m nothere {x}", None),
        ("python {x}.py", None),
        ("/bin/sh train.py {x}", None),
        ("nothere {x}", None),
    ],
)
def test_a_program_that_is_not_there_is_known_at_once(
    command: str, missing: str | None, tmp_path: Path
) -> None:
    write(tmp_path, {"train.py": ""})
    assert command_code.missing_program(command.split(), tmp_path) == missing


def test_a_program_that_is_not_there_is_a_line_and_nothing_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was found out by the first run, the baseline's."""
    monkeypatch.chdir(tmp_path)
    assert run_command("python nothere.py {x}", ["x=1,2", *JUDGED]) == 2
    expected = (
        "--cmd: got 'nothere.py', but there is no such file here. Name it by its path from this folder\n"
    )
    assert capsys.readouterr().err == expected
    assert not list(tmp_path.iterdir())


def test_nothing_of_ours_is_read_where_a_command_has_no_configuration() -> None:
    with loader_of(EMPTY, None) as loader:
        assert not loader.get_group_options("model")
