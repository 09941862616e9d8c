"""What a terminal of 60, 80, 100 or 200 columns shows, and what a file gets."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType

from sweeper.layout import StudyFolder
from sweeper.reports.fitting import Column, FittedTable, Prose, Row, default_console, say, wrapped
from sweeper.reports.leaderboard_table import leaderboard_of, studies_table
from sweeper.reports.report import write_report
from sweeper.reports.standing import status_of
from sweeper.reports.summary import summary_of
from sweeper.study.dry_run import Forecast, drawn
from sweeper.trial import Slot
from sweeper.watch.live_view import Running
from sweeper.watch.screen import slot_table
from tests.sweeper.factories import CONFIRM_SEEDS, SEEDS, judgement, study_result, trial_spec

WIDTHS = (60, 80, 100, 200)
NAMES = (
    "lambda=0.2",
    "focal=0.1,gamma=2,warmup=1000,lr=0.001",
    "a name with spaces, 東京 and λ=0.1 of 56 columns, no more",
)
SLOTS = (Slot(0, "cuda:0", 1, "gpu 0"),)


def shown(drawn: RenderableType, width: int) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, highlight=False, force_terminal=True, color_system=None
    )
    console.print(drawn, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def board(name: str) -> RenderableType:
    named = trial_spec(3, 0.2, name)
    result = study_result(with_failure=True)
    trials = [replace(t, spec=named) if t.spec.number == 3 else t for t in result.trials]
    return leaderboard_of(summary_of(replace(result, trials=tuple(trials)), judgement()))


def plan(name: str) -> RenderableType:
    trials = [trial_spec(0), trial_spec(1, 0.2, name)]
    return drawn(Forecast("esmm-3f2a91c0", trials, SEEDS, CONFIRM_SEEDS, SLOTS, {}, seconds_per_run=60.0))


def live(name: str) -> RenderableType:
    run = Running(0, 12, name, 1002, 0, 300, 600, 0.7123, 80.0)
    return slot_table(SLOTS, [run], "ctcvr_auc")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("view", [board, plan])
def test_no_line_is_too_long_and_no_name_is_cut_or_folded(view: object, name: str, width: int) -> None:
    lines = shown(view(name), width)  # type: ignore[operator]
    assert max(map(cell_len, lines)) <= width
    assert any(name in line for line in lines)


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_studies_keeps_names_states_and_verdicts(tmp_path: Path, width: int) -> None:
    names = ["esmm-3f2a91c0", "segmentation-of-faces-with-dice-and-focal-losses"]
    for name in names:
        folder = StudyFolder(tmp_path / name)
        write_report(folder, study_result(folder), judgement())
    studies = [status_of(StudyFolder(tmp_path / name), None) for name in names]
    lines = shown(studies_table(studies, 0.0), width)
    assert max(map(len, lines)) <= width
    assert all(any(name in line for line in lines) for name in names)
    assert sum("finished" in line and "not distinguishable" in line for line in lines) == 2
    assert any("lambda=0.2" in line for line in lines) == (width in (60, 200))


def test_the_list_says_what_the_sentence_says_where_one_pair_has_no_interval(tmp_path: Path) -> None:
    folder, found = StudyFolder(tmp_path / "s"), judgement()
    assert found.confirmation is not None
    alone = found.confirmation.model_copy(update={"ci_low": None, "ci_high": None, "p_value": None})
    write_report(folder, study_result(folder), judgement(confirmation=alone))
    (line,) = [one for one in shown(studies_table([status_of(folder, None)], 0.0), 200) if "esmm" in one]
    assert "cannot be judged" in line


@pytest.mark.parametrize(
    ("width", "left"),
    [
        (200, "# trial val test difference interval p (Holm) s"),
        (90, "# trial val test difference interval p (Holm)"),
        (80, "# trial val test difference interval"),
        (74, "# trial val difference interval"),
        (60, "# trial val difference"),
        (40, "# trial val"),
    ],
)
def test_columns_of_the_leaderboard_leave_in_their_order(width: int, left: str) -> None:
    (head,) = [line for line in shown(board("lambda=0.2,gamma=2"), width) if line.lstrip().startswith("#")]
    assert head.split() == left.split()


@pytest.mark.parametrize("width", WIDTHS)
def test_sentences_break_between_words_only(width: int) -> None:
    sentence = "the candidate is not distinguishable from the baseline: ctcvr_auc improvement +0.0004 " * 3
    lines = shown(Prose(sentence.strip()), width)
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == sentence.split()


def test_a_command_and_a_path_stay_whole_to_be_copied() -> None:
    again = "python -m sweeper.worker results/esmm/trials/0001-lambda=0.1/seed0/job.json --flag"
    assert wrapped(f"trial 1 has failed, 2 of 20 may. Again: {again}", 60) == [
        "trial 1 has failed, 2 of 20 may. Again:",
        again,
    ]
    path = "/a/" + "b" * 70
    assert wrapped(f"report: {path}", 60) == ["report:", path]


def test_a_name_that_is_longer_than_the_terminal_is_whole_with_its_figures_below() -> None:
    name = "lambda=0.1," * 12
    lines = shown(board(name), 60)
    at = lines.index(name)
    assert lines[at + 1].split()[:2] == ["*3", "0.7431"]


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    assert shown(Prose("a\x1b[2Jb\u202ec"), 60) == ["a?[2Jb?c"]
    table = FittedTable([Column("trial", is_name=True)], [Row(["x\x1b]0;title\x07"])])
    assert "\x1b" not in "".join(shown(table, 60))


def test_a_file_gets_whole_lines_unless_columns_are_given(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    say(default_console(), "word " * 60)
    default_console().print(board(NAMES[1]), crop=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines[0]) == 300
    assert "p (Holm)" in lines[2]
    monkeypatch.setenv("COLUMNS", "70")
    say(default_console(), "word " * 60)
    default_console().print(board(NAMES[1]), crop=False)
    assert max(map(cell_len, capsys.readouterr().out.splitlines())) <= 70
