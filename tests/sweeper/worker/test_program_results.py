"""Which figures come of what a program has said."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.client.numbers import packed
from sweeper.errors import NonFiniteResultError, NoResultError
from sweeper.program_spec import ProgramSpec, figure_name
from sweeper.records import read_influence
from sweeper.worker.examples import write_examples
from sweeper.worker.program_environment import OWN_PATH, program_environment
from sweeper.worker.program_failures import last_line
from sweeper.worker.program_process import code_in_words
from sweeper.worker.program_results import (
    Heard,
    figures_in_all,
    lines_from_end,
    printed_figures,
    returned_figures,
    settle,
    written_figures,
)
from tests.sweeper.app.apps import write

NAN = float("nan")


def spec(**changes: Any) -> ProgramSpec:
    facts = {"argv": ["a"], "cwd": "/", "objectives": ["acc"], "total_steps": 0, "grace_s": 1.0}
    return ProgramSpec.model_validate({**facts, "silence_s": None, **changes})


def test_the_first_source_that_has_a_figure_gives_it() -> None:
    sources = (("returned", {"val/acc": 1.0}), ("last reported", {"val/acc": 2.0, "test/acc": 3.0}))
    assert settle(spec(), sources).metrics == {"val/acc": 1.0, "test/acc": 3.0}


@pytest.mark.parametrize(
    ("changes", "figures", "error", "said"),
    [
        ({}, {}, NoResultError, r"no val/acc among what it handed over \(nothing\)"),
        ({}, {"test/acc": 1.0}, NoResultError, r"no val/acc .* \(test/acc\)"),
        ({"objectives": ["acc", "f1"]}, {"val/acc": 1.0}, NoResultError, "no val/f1"),
        ({"test_figure": "final"}, {"val/acc": 1.0}, NoResultError, "no val/final"),
        ({}, {"val/acc": NAN}, NonFiniteResultError, r"val/acc is nan \(returned\)"),
        ({}, {"val/acc": 1.0, "test/acc": -float("inf")}, NonFiniteResultError, "test/acc is -inf"),
    ],
)
def test_what_decides_has_to_be_a_number(
    changes: dict[str, Any], figures: dict[str, float], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        settle(spec(**changes), [("returned", figures)])


def test_how_a_figure_is_handed_over_depends_on_what_is_run() -> None:
    """An app's function returns it; a command writes its file, or prints it."""
    for changes, advice in (
        ({}, "Return a number"),
        ({"results": "r.json"}, '{out}, as JSON: {"val/acc": 0.5}'),
    ):
        with pytest.raises(NoResultError) as caught:
            settle(spec(**changes), [])
        assert advice in caught.value.advice
    assert r"pattern.acc='acc ([-+.\w]+)'" in caught.value.advice


def test_the_figure_that_is_named_is_the_test_split_s() -> None:
    figures = {"val/acc": 1.0, "test/acc": 2.0, "test/acc_best": 3.0}
    settled = settle(spec(test_figure="test/acc_best"), [("returned", figures)])
    assert settled.metrics == {**figures, "test/acc": 3.0}


def test_other_figures_that_are_no_numbers_are_left_out_and_named() -> None:
    settled = settle(spec(), [("returned", {"val/acc": 1.0, "val/b": NAN, "val/a": NAN})])
    assert settled.metrics == {"val/acc": 1.0}
    assert settled.notes == ("left out, not finite: val/a, val/b",)


def test_a_list_has_a_number_for_each_objective() -> None:
    two = spec(objectives=["acc", "f1"])
    assert returned_figures(Heard({"value": [1.0, 2.0]}), two) == ({"val/acc": 1.0, "val/f1": 2.0}, "")
    assert returned_figures(Heard({"value": None}), two) == returned_figures(Heard(), two) == ({}, "")
    assert returned_figures(Heard({"value": None, "problem": "a model"}), two) == ({}, "a model")
    assert returned_figures(Heard({"value": 1.0}), two) == ({}, "returned 1 numbers; expected 2: acc, f1")


def test_what_is_returned_and_cannot_be_read_matters_where_nothing_else_tells() -> None:
    reported = [("last reported", {"val/acc": 1.0})]
    assert settle(spec(), reported, "returned a Model").notes == ("returned a Model",)
    with pytest.raises(NoResultError, match="returned a Model"):
        settle(spec(), [], "returned a Model")


def test_a_file_of_results_that_is_none_is_said_and_not_guessed_at(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert written_figures(path) == ({}, [])
    for text in ("[1]", "{"):
        path.write_text(text)
        with pytest.raises(NoResultError, match="expected a JSON object of names and numbers"):
            written_figures(path)


def test_a_folder_of_results_is_read_as_hugging_face_s_examples_write_it(tmp_path: Path) -> None:
    """`--output_dir {out}`: it was "handed over (nothing)"."""
    folder, log = tmp_path / "results.json", tmp_path / "log.txt"
    folder.mkdir()
    log.touch()
    for name, value in (("trainer_state.json", 9), ("metrics.json", 1), ("eval_results.json", 2)):
        (folder / name).write_text(f'{{"eval_acc": {value}, "test_acc": 0.5, "epoch": 3.0}}')
    assert written_figures(folder)[0] == {"val/acc": 2.0, "test/acc": 0.5, "val/epoch": 3.0}
    (folder / "all_results.json").write_text('{"eval_acc": 3, "note": "x"}')
    settled = figures_in_all(spec(results=str(folder)), Heard(), {}, log, 0)
    assert (settled.metrics, settled.notes) == ({"val/acc": 3.0}, ("written, and no number: note",))


def test_a_folder_without_a_file_of_results_says_what_is_in_it_unless_something_else_tells(
    tmp_path: Path,
) -> None:
    folder, log = tmp_path / "results.json", tmp_path / "log.txt"
    write(folder, {"model.bin": "", "figures.json": "{}"})
    log.touch()
    wanted = spec(results=str(folder))
    with pytest.raises(NoResultError) as caught:
        figures_in_all(wanted, Heard(), {}, log, 0)
    assert caught.value.reason == (
        "{out} is a folder now, in which there is figures.json, model.bin; expected a file of figures in it, "
        "all_results.json, eval_results.json, results.json or metrics.json"
    )
    assert figures_in_all(wanted, Heard(), {"val/acc": 1.0}, log, 0).notes == ()


def test_what_else_a_file_of_results_holds_is_left_out(tmp_path: Path) -> None:
    """A program may keep its settings there, too; only what decides has to be a number."""
    path = tmp_path / "results.json"
    path.write_text('{"acc": "0.5", "test": {"acc": 0.25}, "model": "resnet", "best": null, "sizes": [1, 2]}')
    log = tmp_path / "log.txt"
    log.touch()
    wanted = spec(results=str(path))
    settled = figures_in_all(wanted, Heard(), {}, log, 0)
    assert settled.metrics == {"val/acc": 0.5, "test/acc": 0.25}
    assert settled.notes == ("written, and no number: model, best, sizes",)
    path.write_text('{"acc": "high"}')
    with pytest.raises(NoResultError, match="acc is no number"):
        figures_in_all(wanted, Heard(), {}, log, 0)


def test_the_last_match_in_the_output_of_this_attempt_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("old 9\nacc 1\rnew 2 acc 3\nacc none\n")
    patterns = {"acc": r"acc (\S+)", "new": r"new (\d)", "old": r"old (\d)"}
    assert printed_figures(path, len("old 9\n"), patterns) == ({"val/acc": 3.0, "val/new": 2.0}, "", {})


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        ("9.025e-05", "takes '9.025' of '9.025e-05': the number goes on; expected the number as a whole"),
        ("0,8337", "takes '0' of '0,8337': a decimal comma is no point; expected the number as a whole"),
        ("1.2e3x", "takes '1.2' of '1.2e3'"),
        ("0.25, next", ""),
        ("(0.25,0.75)", ""),
        ("\x1b[32m0.25\x1b[0m", ""),
    ],
)
def test_a_number_that_goes_on_behind_the_match_is_no_figure(printed: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(f"loss: {printed}\n")
    figures, problem, _ = printed_figures(path, 0, {"val/loss": r"loss: \(?([\d.]+)"})
    assert said in problem
    assert bool(problem) == bool(said)
    assert figures == ({"val/loss": 0.25} if "0.25" in printed else {})


def test_a_pattern_that_finds_nothing_is_told_as_it_was_typed() -> None:
    wanted = spec(patterns={"eval_acc": r"'acc': (\S+)"})
    with pytest.raises(NoResultError) as caught:
        settle(wanted, (("printed", {}),))
    assert caught.value.reason == r"""pattern.eval_acc="'acc': (\S+)" found no number in what was printed"""


@pytest.mark.parametrize(
    ("pattern", "printed", "said"),
    [
        (
            r"acc: (\S+)",
            "acc: 72.30%",
            r"matched '72.30%', which is no number; take less, as P'acc: ([-+.\w]+)'",
        ),
        (r"'acc': (\S+)", "{'acc': 0.48, 'x': 1}", r"""take less, as P"'acc': ([-+.\w]+)"""),
        (
            r"acc: (\S+)",
            "acc: '-1e-5'",
            r"""matched "'-1e-5'", which is no number; take less, as P"acc: '([-+.\w]+)""",
        ),
        (r"acc: (\S+)", "acc: 3.5s", r"take less, as P'acc: ([-+.\deE]+)'"),
        (r"acc: (\S+)", "acc: 3.5.", r"take less, as P'acc: ([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)'"),
        (r"(?:a|b)cc: ((?:x|\S)+)", "acc: 3%", r"take less, as ([-+.\w]+)"),
        (r"acc: (\S+)", "acc: none", r"which is no number; expected one, as pattern.loss='loss: ([-+.\w]+)'"),
    ],
)
def test_what_a_pattern_has_matched_that_is_no_number_is_told_with_one_that_fits(
    pattern: str, printed: str, said: str, tmp_path: Path
) -> None:
    """It was "found no number in what was printed", though it had found the place."""
    log = tmp_path / "log.txt"
    log.write_text(f"{printed}\n")
    with pytest.raises(NoResultError) as caught:
        figures_in_all(spec(patterns={"eval_acc": pattern}), Heard(), {}, log, 0)
    assert caught.value.reason.startswith("pattern.eval_acc matched")
    assert said.replace("P", "pattern.eval_acc=") in caught.value.reason
    settled = figures_in_all(spec(patterns={"b": pattern}), Heard(), {"val/acc": 1.0}, log, 0)
    assert settled.missed == (caught.value.reason.replace("eval_acc", "b"),)


def test_the_pattern_that_is_advised_takes_what_is_no_finite_number_too(tmp_path: Path) -> None:
    """Else an earlier figure would stand for a run that has diverged."""
    log = tmp_path / "log.txt"
    log.write_text("acc: 0.5\nacc: nan,\n")
    with pytest.raises(NonFiniteResultError):
        figures_in_all(spec(patterns={"acc": r"acc: ([-+.\w]+)"}), Heard(), {}, log, 0)


@pytest.mark.parametrize(
    ("changes", "key"),
    [({}, "hydra.sweeper.app.metric=acc."), ({"results": "r"}, "metric=acc:max (or :min).")],
)
def test_a_figure_that_was_handed_over_instead_is_named_with_its_key(
    changes: dict[str, Any], key: str
) -> None:
    handed_over = [("returned", {"val/acc": 1.0, "test/acc": 1.0})]
    with pytest.raises(NoResultError) as caught:
        settle(spec(objectives=["objective"], **changes), handed_over)
    assert caught.value.advice.startswith(f"Name what it is judged by: {key} Or: ")


@pytest.mark.parametrize("block", [5, 6, 100])
def test_lines_are_read_from_the_end_in_blocks(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.worker.program_results.BLOCK_BYTES", block)
    path = tmp_path / "log.txt"
    path.write_text("zero\none\n\nthree")
    assert [line for line in lines_from_end(path, 5) if line] == ["three", "one"]


def test_a_line_without_an_end_is_not_read_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.worker.program_results.BLOCK_BYTES", 10)
    path = tmp_path / "log.txt"
    path.write_text("x" * 1000)
    assert [len(line) for line in lines_from_end(path, 0)] == [10]


def test_the_last_line_is_one_that_says_something(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    hydra = "Set the environment variable HYDRA_FULL_ERROR=1 for a complete stack trace.\n"
    path.write_text(f"begin\n\x1b[31mValueError: no\x1b[0m\n\n{hydra}")
    assert last_line(path, 0) == "ValueError: no"
    assert last_line(path, path.stat().st_size) == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (3, "exit code 3"),
        (-15, "killed by SIGTERM"),
        (-9, "killed by SIGKILL (kill -9, or the machine was out of memory)"),
        (137, "exit code 137, as a shell says of SIGKILL (kill -9, or the machine was out of memory)"),
        (200, "exit code 200"),
        (-40, "killed by signal 40"),
    ],
)
def test_an_exit_code_in_words(code: int, words: str) -> None:
    assert code_in_words(code) == words


def test_examples_of_a_file_and_of_a_report_become_records(tmp_path: Path) -> None:
    file, path = tmp_path / "examples.npz", tmp_path / "records.npz"
    np.savez(file, acc=np.array([0.0, 1.0]), f1=np.array([[1.0]]), auc=np.array([0.5, NAN]))
    told, problems = write_examples(path, {"test/loss": packed([1.0, 3.0])}, file, {"test/acc": 0.50001})
    assert told == {"test/loss": 2.0}
    assert problems == (
        "examples of f1 left out: got an array of shape (1, 1); expected one value for each example",
        "examples of auc left out: 1 of 2 are not finite",
    )
    influence = read_influence(path, "loss")
    assert influence is not None
    np.testing.assert_allclose(influence, [-(2**0.5), 2**0.5])
    assert read_influence(path, "acc") is not None
    assert read_influence(path, "auc") is None


def test_a_file_of_examples_that_cannot_be_read_is_an_incident(tmp_path: Path) -> None:
    file = tmp_path / "examples.npz"
    file.write_text("no")
    told, problems = write_examples(tmp_path / "records.npz", {}, file, {})
    assert told == {}
    assert problems[0].startswith("examples left out: examples.npz cannot be read (")


def test_a_program_has_the_environment_of_who_started_the_study(tmp_path: Path) -> None:
    own = {"PYTHONPATH": "/worker", OWN_PATH: "/user", "MKL_NUM_THREADS": "7", "HOME": "/h"}
    made = program_environment(spec(environment={"MINE": "1"}), "/run", tmp_path / "socket", 2, own)
    assert made == {
        "PYTHONPATH": f"/user:{tmp_path}",
        "HOME": "/h",
        "MINE": "1",
        "PYTHONFAULTHANDLER": "1",
        "OMP_NUM_THREADS": "2",
        "OPENBLAS_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "7",
        "SWEEPER_RUN": "/run",
        "SWEEPER_CHANNEL": f"{tmp_path}/socket",
    }


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("acc", "val/acc"),
        ("eval_acc", "val/acc"),
        ("test/val_acc", "test/acc"),
        ("test_eval_acc", "test/acc"),
        ("val/dev_acc", "val/dev_acc"),
        ("val/acc/top 1", "val/acc_top_1"),
    ],
)
def test_a_figure_is_called_by_its_split_and_its_name(said: str, name: str) -> None:
    assert figure_name(said) == name
