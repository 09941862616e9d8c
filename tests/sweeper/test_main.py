"""The command `sweeper`: which of its parts a command line asks for, and how each ends."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from sweeper import __version__, cli, run_study, study
from sweeper.config.compose import TaskSweep
from sweeper.errors import Fault, StudyError, UserError
from sweeper.layout import CONF
from sweeper.run_study import with_home
from tests.commands import sweeper_process
from tests.sweeper.toy_app import TOY

ROOT = Path(__file__).parents[2]
MODULE = "import runpy; runpy.run_module('sweeper', run_name='__main__')"
SCRIPT = "import sys; from sweeper.__main__ import main; sys.exit(main())"
"""What `python -m sweeper` does, and what the console script `sweeper` does."""
LOADED = """
import sys
from sweeper.__main__ import main
assert main() == 0
print(*{"torch", "optuna", "mlflow", "hydra", "pydantic"} & set(sys.modules), file=sys.stderr)
"""

Ending = Callable[[TaskSweep], int]


def sweeper(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sweeper", *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT}/tasks", "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., tuple[int, list[TaskSweep]]]:
    """Runs `python -m sweeper` in this process, with a study and a solo run that end as told."""

    def run(ending: Ending, *arguments: str) -> tuple[int, list[TaskSweep]]:
        seen: list[TaskSweep] = []

        def stand_in(sweep: TaskSweep) -> int:
            seen.append(sweep)
            return ending(sweep)

        for function in ("run_sweep", "run_solo"):
            monkeypatch.setitem(vars(study), function, stand_in)
        monkeypatch.setattr(sys, "argv", ["sweeper"])
        monkeypatch.chdir(tmp_path)
        try:
            return run_study.main([*arguments, *TOY]), seen
        except SystemExit as end:
            return int(end.code or 0), seen

    return run


def raises(error: BaseException) -> Ending:
    def ending(_: TaskSweep) -> int:
        raise error

    return ending


def test_help_answers_in_under_a_second_without_hydra() -> None:
    """Processor time, since the machine may be busy."""
    before = os.times()
    command = [sys.executable, "-c", LOADED, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    after = os.times()
    assert "aux_focal.lambda=0.05,0.1,0.2" in done.stdout
    assert done.stderr == "\n"
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    assert spent < 1


def test_help_lists_each_command_and_each_choice(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    printed = capsys.readouterr().out
    for name, command in cli.COMMANDS.items():
        assert f"  {name:<10}{command.help}\n" in printed
    shown = {word.strip(",") for word in printed.split()}
    files = [path.relative_to(CONF).with_suffix("").parts for path in CONF.rglob("*.yaml")]
    assert {"/".join(path[1:]) for path in files if len(path) > 1 and path[0] != "hydra"} <= shown
    assert len(files) > 50
    assert max(map(len, printed.splitlines())) <= 80


def test_help_shows_the_choices_that_a_folder_of_yours_adds(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(Path(__file__).parent / "toy_conf")
    assert cli.main(["--config-dir", folder, "-m", "task=toy", "--help"]) == 0
    printed = capsys.readouterr().out
    assert "  extra      one, two\n" in printed
    assert "toy/narrow" in printed
    assert "segmentation, sentiment, toy" in printed


NO_COMMAND = "no such command. There are studies, run, verdict and predict; values are given as key=value"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("studdies", "no such command; did you mean 'studies'?"),
        ("Predict", "no such command; did you mean 'predict'?"),
        ("train", NO_COMMAND),
        ("task", NO_COMMAND),
    ],
)
def test_an_unknown_command_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], word: str, said: str
) -> None:
    assert cli.main([word, "task=captcha", "--help"]) == 2
    assert tuple(capsys.readouterr()) == ("", f"{word}: {said}\n")


@pytest.mark.parametrize("words", [["~data.n_train"], ["-m"], ["seed=1"], ["+extra=one"], ["data.n"], []])
def test_what_is_no_bare_word_is_a_run_or_a_study_and_may_be_stopped(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """The signals are watched before what takes a second to import."""
    seen: list[object] = []

    def main(arguments: Sequence[str]) -> int:
        seen.append(arguments)
        return 7

    def import_module(name: str) -> SimpleNamespace:
        seen.append(name)
        return SimpleNamespace(main=main)

    monkeypatch.setitem(vars(study), "leave_at_a_signal", lambda: seen.append("watched"))
    monkeypatch.setattr(cli, "import_module", import_module)
    assert cli.main(words) == 7
    assert seen == ["watched", "sweeper.run_study", words]


def test_a_command_gets_the_words_after_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["studies", "--results-dir", str(tmp_path / "none"), "list"]) == 0
    assert capsys.readouterr().out == f"no studies in {tmp_path}/none\n"
    assert cli.main(["predict", "face", str(tmp_path), "-o", "masks", "--results-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"study: got 'face'; expected a study in {tmp_path}")


@pytest.mark.parametrize("entrance", [MODULE, SCRIPT])
def test_a_reader_that_is_gone_is_no_error(entrance: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", entrance, "-h"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


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


def test_one_run_gets_the_fixed_configuration(ends: Callable[..., tuple[int, list[TaskSweep]]]) -> None:
    code, [sweep] = ends(lambda _: 0, "loss.weight=0.25")
    assert code == 0
    assert sweep.config["loss"]["weight"] == 0.25


def test_a_study_gets_its_points(ends: Callable[..., tuple[int, list[TaskSweep]]], tmp_path: Path) -> None:
    code, [sweep] = ends(lambda _: 0, "-m", "loss.weight=0.1,0.2")
    assert code == 0
    assert sweep.points is not None
    assert [point.name for point in sweep.points] == ["weight=0.1", "weight=0.2"]
    assert list(tmp_path.iterdir()) == []


def test_a_sweeper_that_knows_no_study_does_not_make_single_runs_of_it(
    ends: Callable[..., tuple[int, list[TaskSweep]]], capfd: pytest.CaptureFixture[str]
) -> None:
    assert ends(lambda _: 0, "-m", "hydra/sweeper=basic", "loss.weight=0.1,0.2") == (2, [])
    assert capfd.readouterr().err == (
        "hydra/sweeper: got 'basic', which knows no study; expected optuna_study. "
        "Leave it out: every combination becomes a trial.\n"
    )


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
    ends: Callable[..., tuple[int, list[TaskSweep]]], mode: list[str], ending: Ending, code: int
) -> None:
    assert ends(ending, *mode)[0] == code


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_our_own_mistakes_keep_their_traceback(
    ends: Callable[..., tuple[int, list[TaskSweep]]], mode: list[str]
) -> None:
    with pytest.raises(ValueError, match="a bug"):
        ends(raises(ValueError("a bug")), *mode)


@pytest.mark.parametrize("mode", [[], ["-m"]])
@pytest.mark.parametrize("is_wanted", [False, True])
def test_what_led_to_a_line_is_shown_where_it_is_asked_for(
    ends: Callable[..., tuple[int, list[TaskSweep]]],
    mode: list[str],
    is_wanted: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def broken(_: TaskSweep) -> int:
        try:
            return dict[str, int]()["label"]
        except KeyError as error:
            raise UserError(Fault("data", "preparing them has raised")) from error

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1" if is_wanted else "0")
    assert ends(broken, *mode)[0] == 2
    line, *rest = capfd.readouterr().err.splitlines()
    assert line == "data: preparing them has raised"
    assert (rest[-1:] == ["KeyError: 'label'"]) == is_wanted


@pytest.mark.parametrize("mode", [[], ["-m"]])
def test_a_group_without_option_is_named_not_traced(
    ends: Callable[..., tuple[int, list[TaskSweep]]], mode: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    code, seen = ends(lambda _: 0, *mode, "data=null", "loss.wait=3")
    assert (code, seen) == (2, [])
    assert capfd.readouterr().err.split("\n")[:2] == [
        "data: got null (from override 'data=null'); expected an option. Use ~data to leave the group out.",
        "loss.wait: no such parameter (from override 'loss.wait=3'); did you mean 'loss.weight'?",
    ]


def test_an_outside_folder_of_configurations_is_found_by_its_flag(
    ends: Callable[..., tuple[int, list[TaskSweep]]], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(Path(__file__).parent / "toy_conf")
    assert ends(lambda _: 0, "--config-dir", folder, "loss.weight=1")[0] == 0
    assert ends(lambda _: 0, "--config-dir", folder, "loss.wait=1")[0] == 2
    assert capfd.readouterr().err.startswith("loss.wait: no such parameter")
    assert ends(lambda _: 0, "--config-dir", "nowhere")[0] == 2
    assert "expected a folder that exists" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# @package _global_\ntask: {name: mine\nother: [", r"FILE, line 3: cannot be read: .*"),
        ("# @package _global_\ntask:\n\tname: mine\n", r"FILE, line 3: cannot be read: got a tab; .*"),
        ("- task\n", r"FILE: got a list; expected keys, .*"),
    ],
)
def test_what_is_wrong_with_a_file_of_yours_is_one_line_that_names_it(
    tmp_path: Path, text: str, expected: str
) -> None:
    written = tmp_path / "task" / "mine.yaml"
    written.parent.mkdir()
    written.write_text(text)
    done = sweeper("--config-dir", str(tmp_path), "-m", "task=mine", "optimizer.lr=1,2", folder=tmp_path)
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.fullmatch(expected.replace("FILE", re.escape(str(written))), line)


def test_the_version_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"sweeper {__version__}\n"


def test_a_launcher_is_said_to_have_no_effect(caplog: pytest.LogCaptureFixture) -> None:
    from hydra.types import HydraContext
    from omegaconf import OmegaConf

    from hydra_plugins.optuna_study.sweeper import OptunaStudySweeper

    config = OmegaConf.create({"hydra": {"launcher": {"_target_": "their.JoblibLauncher"}}})
    context: HydraContext = None  # type: ignore[assignment]  # not looked at before the sweep
    OptunaStudySweeper().setup(hydra_context=context, task_function=lambda _: None, config=config)
    assert "hydra/launcher: got their.JoblibLauncher, which has no effect" in caplog.text


@pytest.mark.parametrize(
    ("word", "read"),
    [
        ("data.path=~/my data/a.csv", "data.path='/home/me/my data/a.csv'"),
        ("study.results_dir=~", "study.results_dir='/home/me'"),
        ("--config-dir=~/conf", "--config-dir=/home/me/conf"),
        ("~aux_focal", "~aux_focal"),
        ("a=b~/c", "a=b~/c"),
    ],
)
def test_a_home_on_the_command_line_is_meant(word: str, read: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra's grammar has no `~` in a value, and no shell puts the folder in after a key with a dot."""
    monkeypatch.setenv("HOME", "/home/me")
    assert with_home(word) == read


def test_files_of_the_user_take_no_librarys_place(tmp_path: Path) -> None:
    for name in ("yaml", "optuna", "pandas", "omegaconf", "logging"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a file of the user')")
    told = sweeper_process(tmp_path, "task=no_such", code=2)
    assert "no_such" in told
    assert "a file of the user" not in told
