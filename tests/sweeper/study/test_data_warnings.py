"""What a task warns of in its data, by their facts: in the terminal, the report and the summary."""

import json
from pathlib import Path
from typing import Any

import pytest

from sweeper.study.single import run_solo
from sweeper.study.specs import TaskSpecs
from sweeper.study.study import run_sweep
from sweeper_tasks.esmm.config import EsmmConfig
from tests.sweeper.small_esmm import SMALL, read_line, small_sweep

FEW = ("executor=inline", "trainer.max_steps=5", "study.n_seeds=1", "study.confirm_seeds=0")
TOLD = "data.n_train: got 4000 rows; expected more"
FOCAL = "aux_focal: got data that it does not suit"


@pytest.fixture(autouse=True)
def _warning_of_its_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def warnings(self: EsmmConfig, facts: Any) -> list[str]:
        told = f"data.n_train: got {facts['rows']['train']} rows; expected more"
        return [told, FOCAL] if self.active_focal is not None else [told]

    monkeypatch.setattr(EsmmConfig, "warnings", warnings)
    monkeypatch.setattr(EsmmConfig, "announce", lambda self, facts: ["some rows", "in two lines"])


def test_a_study_says_each_once_at_its_start_and_keeps_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sweep(small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", *FEW)) == 0
    printed = capsys.readouterr().out
    before_training = printed.partition("[1/3]")[0]
    for text in (TOLD, FOCAL):
        assert before_training.count(f"warning: {text}\n") == printed.count(text) == 1
    (path,) = tmp_path.glob("*/summary.json")
    assert json.loads(path.read_text())["warnings"][:2] == [TOLD, FOCAL]
    section = (path.parent / "report.md").read_text().partition("## Warnings")[2].partition("\n## ")[0]
    assert section.splitlines()[2:4] == [f"- {TOLD}", f"- {FOCAL}"]


def test_a_plan_says_them_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_sweep(small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", "study.dry_run=true", *FEW))
    assert f"warning: {TOLD}\nwarning: {FOCAL}\n" in capsys.readouterr().out


def test_one_run_says_them_and_its_log_has_what_is_announced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = f"study.results_dir={tmp_path}"
    assert run_solo(read_line(*SMALL, place, *FEW, "aux_focal.enabled=false", multirun=False)) == 0
    printed = capsys.readouterr().out
    assert f"warning: {TOLD}\ndata  " in printed
    assert "\nsome rows\nin two lines\n" in printed
    assert "rows              4,000       2,000       2,000\n" in printed
    (log,) = tmp_path.rglob("log.txt")
    first, *lines = log.read_text().splitlines()
    assert first.endswith("Z data")
    assert lines[:2] == ["  some rows", "  in two lines"]


def test_of_every_task_it_is_told_what_its_splits_hold_and_have_too_little_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.undo()
    few = ("data.n_val=200", "data.n_test=300")
    assert run_sweep(small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", "study.dry_run=true", *few)) == 0
    printed = capsys.readouterr().out
    assert "rows              4,000         200         300\n" in printed
    (warning,) = [line for line in printed.splitlines() if line.startswith("warning: data: got ")]
    assert " conversions on val and " in warning
    assert warning.endswith("or a larger data.n_val and data.n_test; more seeds do not help")
    factory = TaskSpecs(small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", *few))
    assert factory.data()["contents"]["rows"] == {"train": 4000, "val": 200, "test": 300}
