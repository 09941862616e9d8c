"""By what a trial of an app is known, and what a study of it is called."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper.app.hydra_app import HydraApp
from sweeper.app.launch import Launch
from sweeper.app.specs import ProgramSpecs, plain, refuse_what_is_not_for_programs
from sweeper.errors import UserError
from sweeper.layout import RunFolder
from sweeper.models import drop_key
from sweeper.program_spec import ProgramSpec
from sweeper.search import text_of
from sweeper.trial import Slot
from tests.sweeper.app.apps import App, write

TWO = "lr=1,2"
DATA = "hydra.sweeper.app.data_files=[data.csv]"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where an app lies, imports a module, and reads a file."""
    write(tmp_path, {"train.py": "", "module_of_specs.py": "A = 1", "data.csv": "1,2"})
    module = SimpleNamespace(__file__=str(tmp_path / "module_of_specs.py"))
    monkeypatch.setitem(__import__("sys").modules, "module_of_specs", module)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def specs(app: App, folder: Path, *words: str) -> ProgramSpecs:
    sweep = app.read(*(words or (TWO,)))
    launch = Launch(("python", str(folder / "train.py")), (), (), folder)
    return ProgramSpecs(HydraApp(sweep, launch), sweep)


def fingerprint(app: App, folder: Path, *words: str, at: str = "lr=1") -> str:
    return specs(app, folder, TWO, *words).spec(1, "t", "candidate", {}, [at]).fingerprint


def test_the_same_trial_is_known_again_whatever_the_time_and_the_seed(app: App, folder: Path) -> None:
    """`at: ${now:...}` of the app is another value a minute later."""
    known = fingerprint(app, folder)
    for words in ((), ("seed=9",), ("seed=1,2",), ("hydra.sweeper.study.n_seeds=1",), ("model=small",)):
        assert fingerprint(app, folder, *words) == known, words
    assert fingerprint(app, folder, at="lr=1.0") == known


@pytest.mark.parametrize(
    ("fixed", "line"), [("+rng=0", "++rng=5"), ("++rng=0", "++rng=5"), ("seed=3", "seed=5")]
)
def test_a_seed_that_the_command_adds_to_an_app_without_the_key_is_added_for_each_run(
    fixed: str, line: str, app: App, folder: Path
) -> None:
    key = fixed.lstrip("+").partition("=")[0]
    sweep = app.read(TWO, fixed, f"hydra.sweeper.app.seed_key={key}")
    launch = Launch(("python", str(folder / "train.py")), (), (), folder)
    argv = HydraApp(sweep, launch).run(["lr=1"], seed=5, number=1, folder=RunFolder(folder / "run")).argv
    assert [word for word in argv if word.lstrip("+").startswith(f"{key}=")] == [line]


def test_what_changes_a_run_changes_the_fingerprint(app: App, folder: Path) -> None:
    known = fingerprint(app, folder)
    assert fingerprint(app, folder, at="lr=2") != known
    assert fingerprint(app, folder, "model=big") != known
    assert fingerprint(app, folder, "paths.data=/other") != known


def test_keys_that_are_to_be_ignored_do_not_count(app: App, folder: Path) -> None:
    ignored = "hydra.sweeper.app.ignore=[paths, no.such.key]"
    known = fingerprint(app, folder, ignored)
    assert fingerprint(app, folder, ignored, "paths.data=/other") == known


def test_data_files_that_are_named_count(app: App, folder: Path) -> None:
    known = fingerprint(app, folder, DATA)
    assert known != fingerprint(app, folder)
    (folder / "data.csv").write_text("3,4,5")
    assert fingerprint(app, folder, DATA) != known


def test_a_data_file_that_is_not_there_is_a_fault(app: App, folder: Path) -> None:
    (folder / "data.csv").unlink()
    with pytest.raises(
        UserError, match=r"^hydra\.sweeper\.app\.data_files: got 'data.csv', but there is no "
    ):
        specs(app, folder, TWO, DATA)


@pytest.mark.parametrize("counts", [True, False])
def test_changed_code_makes_another_study_unless_it_is_not_to_count(
    counts: bool, app: App, folder: Path
) -> None:
    option = f"hydra.sweeper.app.code={str(counts).lower()}"
    before, known = specs(app, folder, TWO, option), fingerprint(app, folder, option)
    (folder / "module_of_specs.py").write_text("A = 2")
    after = specs(app, folder, TWO, option)
    assert (after.study_name() != before.study_name()) == counts
    assert (fingerprint(app, folder, option) != known) == counts
    assert after.code_hash() != before.code_hash()  # told in any case


def test_a_study_of_changed_code_says_so_once(app: App, folder: Path) -> None:
    """Where it begins; later it is the study that the command has."""
    (folder / "results" / specs(app, folder).study_name()).mkdir(parents=True)
    assert specs(app, folder).warnings([]) == []
    (folder / "module_of_specs.py").write_text("A = 2")
    (said,) = specs(app, folder).warnings([])
    assert "the code of app has changed" in said
    (folder / "results" / specs(app, folder).study_name()).mkdir()
    assert specs(app, folder).warnings([]) == []


def test_a_study_is_called_by_the_app_and_by_all_that_is_fixed(app: App, folder: Path) -> None:
    name = specs(app, folder).study_name()
    start, fixed, code = name.split("-")
    assert (start, len(fixed), len(code)) == ("app", 8, 4)
    assert specs(app, folder, "lr=3,4,5").study_name() == name
    assert specs(app, folder, TWO, "seed=1,2").study_name() == name
    for words in (
        (TWO, "model=big"),
        ("model=small,big",),
        (TWO, "hydra.sweeper.direction=max"),
        (TWO, DATA),
    ):
        assert specs(app, folder, *words).study_name() != name, words
    assert specs(app, folder, TWO, "hydra.sweeper.study_name=mine").study_name() == "mine"


def test_what_is_swept_is_not_fixed(app: App, folder: Path) -> None:
    config = specs(app, folder, TWO, "model=small,big", "+a.b=1,2").fixed()["config"]
    assert set(config) == {"at", "paths"}


def test_the_baseline_is_what_is_fixed_with_overrides_of_its_own(app: App, folder: Path) -> None:
    assert specs(app, folder).baseline(0).config["lr"] == 0.1
    baseline = specs(app, folder, TWO, "hydra.sweeper.study.baseline=['lr=5']").baseline(0)
    assert (baseline.config["lr"], baseline.prunable) == (5, False)


def test_a_run_is_the_app_s_own_line_with_the_last_word_of_each_key(app: App, folder: Path) -> None:
    made = specs(app, folder, TWO, "paths.data=/x", "model=big", "hydra.sweeper.study.grace_s=5")
    trial = made.spec(3, "t", "candidate", {}, ["lr=2", "model=small"])
    parts = made.run_parts(trial, 11, RunFolder(folder / "r"))
    program = parts.config["program"]
    assert isinstance(program, dict)
    argv, own = program["argv"], ["paths.data=/x", "model=small", "lr=2", "seed=11"]
    assert isinstance(argv, list)
    assert argv[:6] == ["python", str(folder / "train.py"), *own]
    assert (program["cwd"], program["grace_s"], program["objectives"]) == (str(folder), 3.0, ["objective"])
    assert parts.overrides == ("lr=2", "model=small", "seed=11")
    assert made.command_again(trial, 11) == f"python {folder / 'train.py'} {' '.join(own)}"


def test_an_interrupted_run_goes_on_from_the_file_that_its_attempt_left(app: App, folder: Path) -> None:
    resume = "hydra.sweeper.app.resume={key: +ckpt, file: last.ckpt}"
    made, run = specs(app, folder, TWO, resume), RunFolder(folder / "r")
    trial = made.spec(1, "t", "candidate", {}, ["lr=2"])

    def program() -> ProgramSpec:
        return ProgramSpec.model_validate(made.run_parts(trial, 1, run).config["program"])

    assert (program().argv[2:4], program().environment) == (("lr=2", "seed=1"), {})
    write(run.app, {"last.ckpt": ""})
    assert program().argv[4] == f"+ckpt={text_of(str(run.app / 'last.ckpt'))}"
    assert program().environment == {"SWEEPER_RESUME_DIR": str(run.app)}


def test_a_key_for_the_seed_that_the_app_lacks_is_added_where_the_user_adds_it(
    app: App, folder: Path
) -> None:
    made = specs(app, folder, TWO, "hydra.sweeper.app.seed_key=rs", "+rs=1,2")
    trial = made.spec(1, "t", "candidate", {}, ["lr=2"])
    assert made.run_parts(trial, 1, RunFolder(folder / "r")).overrides == ("lr=2", "+rs=1")


def test_what_only_our_own_trainer_can_do_is_refused(app: App) -> None:
    settings = app.read(TWO, "+hydra.sweeper.study.ensemble_top_k=3").settings
    with pytest.raises(UserError, match=r"^study.ensemble_top_k: got 3; a program's models are its own"):
        refuse_what_is_not_for_programs(settings)


def test_runs_of_other_code_do_not_tell_how_long_this_takes(app: App, folder: Path) -> None:
    made = specs(app, folder)
    trial = made.baseline(0)
    assert made.workload(trial, Slot(0, "cpu", 1)) == f"app|{made.code_hash()}|cpu|1 threads"


def test_a_configuration_is_told_as_json_with_its_interpolations() -> None:
    assert plain({1: (Path("a"), None, 0.5, True, "x")}) == {"1": ["a", None, 0.5, True, "x"]}
    assert plain([float("inf"), float("nan")]) == ["inf", "nan"]
    config = {"a": {"b": 1}, "c": 2}
    for path in ("a.b", "c.d", "x.y", "c"):
        drop_key(config, path.split("."))
    assert config == {"a": {}}
