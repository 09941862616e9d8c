"""What a task adds to a report: which runs it compares, where its parts go, and that it can lose nothing."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.layout import StudyFolder
from sweeper.reports.report import write_report
from sweeper.reports.summary import read_summary
from sweeper.reports.task_report import Added, added_by_task, comparison
from sweeper.results import Judgement, StudyResult
from sweeper.studies import main as studies
from sweeper.study.study import run_sweep
from sweeper.task.config import TaskConfig
from sweeper.task.entry import TaskEntry, task_entry
from sweeper.task.prepared import MANIFEST, Prepared
from tests.sweeper import fake_report
from tests.sweeper.factories import (
    AUC,
    CONFIRM_SEEDS,
    LOSS,
    SEEDS,
    front_judgement,
    judgement,
    study_result,
    value,
)
from tests.sweeper.small_esmm import small_sweep
from tests.sweeper.toy_app import faults, read

STUDY = "esmm-3f2a91c0"
NO_BEST = Judgement(verdict="no result", sentence="No candidate finished.")


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, STUDY)


def config_of(_: Any) -> TaskConfig:
    return TaskConfig()


def prepared_in(folder: Path) -> Callable[[Any], Prepared]:
    return lambda _: Prepared(folder, "sha256:abc", 1, real=False)


def added(result: StudyResult, function: str = "report_parts", told: Judgement | None = None) -> Added:
    entry = TaskEntry("", "", "", f"{fake_report.ENTRY}:{function}")
    return added_by_task(result, told or judgement(), entry, config_of, prepared_in(Path("nowhere")))


def compared(result: StudyResult, told: Judgement) -> Any:
    return comparison(result, told, config_of, prepared_in(Path("nowhere")))


def without_run(result: StudyResult, trial: int, seed: int) -> StudyResult:
    trials = list(result.trials)
    runs = {s: run for s, run in trials[trial].runs.items() if s != seed}
    trials[trial] = replace(trials[trial], runs=runs)
    return replace(result, trials=tuple(trials))


def test_baseline_and_best_are_compared_on_the_confirmation_seeds(folder: StudyFolder) -> None:
    found = compared(study_result(folder), judgement())
    assert (found.baseline.name, found.best.name) == ("baseline", "lambda=0.2")
    assert found.seeds == "confirmation seeds 1000, 1001, 1002"
    expected = {seed: value(3, seed) for seed in CONFIRM_SEEDS}
    assert found.best.per_seed("test/ctcvr_auc") == pytest.approx(expected)
    assert found.differences("test/ctcvr_auc") == pytest.approx([0.003] * 3)
    assert set(found.best.records) == set(CONFIRM_SEEDS)
    assert found.best.pooled("influence_ctcvr_auc").shape == (3 * 400,)


@pytest.mark.parametrize("trial", [0, 3])
def test_while_a_confirmation_run_is_missing_the_screening_runs_are_compared(trial: int) -> None:
    found = compared(without_run(study_result(), trial, 1001), judgement())
    assert found.seeds == "screening seeds 0, 1, 2"
    assert set(found.baseline.metrics) == set(found.best.metrics) == set(SEEDS)


def test_only_seeds_that_both_have_are_compared() -> None:
    found = compared(replace(without_run(study_result(), 3, 1), confirm_seeds=()), judgement())
    assert found.seeds == "screening seeds 0, 2"
    assert set(found.baseline.metrics) == set(found.best.metrics) == {0, 2}


def test_without_a_best_there_is_the_baseline_alone() -> None:
    found = compared(study_result(), NO_BEST)
    assert (found.best, found.arms, found.shown) == (None, (found.baseline,), found.baseline)
    assert found.seeds == "screening seeds 0, 1, 2"
    assert found.differences("test/ctcvr_auc") == []


def test_of_a_front_the_first_candidate_is_the_best() -> None:
    """The front is the baseline and trial 3; compared with itself the baseline would say nothing."""
    found = compared(study_result(objectives=(AUC, LOSS)), front_judgement())
    assert found.best.name == "lambda=0.2"


def test_a_baseline_without_a_complete_run_is_compared_with_nothing() -> None:
    assert compared(replace(study_result(), seeds=(7,), confirm_seeds=()), NO_BEST) is None


def test_runs_whose_records_are_gone_or_damaged_keep_their_metrics(folder: StudyFolder) -> None:
    result = study_result(folder)
    spec = result.trials[3].spec
    folder.run(spec, 1000).records.unlink()
    folder.run(spec, 1001).records.write_bytes(b"half a fi")
    best = compared(result, judgement()).best
    assert set(best.records) == {1002}
    assert set(best.metrics) == set(CONFIRM_SEEDS)


def test_prepared_data_are_given_while_they_are_there(folder: StudyFolder, tmp_path: Path) -> None:
    assert compared(study_result(), judgement()).prepared is None
    (tmp_path / MANIFEST).write_text("{}")
    found = comparison(study_result(), judgement(), config_of, prepared_in(tmp_path))
    assert found is not None
    assert found.prepared is not None


def test_parts_are_sections_of_their_titles_behind_the_standard_plots(folder: StudyFolder) -> None:
    """Trial 3 has 0.743 + 0.0000, 0.0001, 0.0002 on its confirmation seeds: the mean is 0.7431."""
    result = study_result(folder)
    write_report(folder, result, judgement(), added(result))
    text = folder.report_md.read_text()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[titles.index("## Plots") + 1 :][:2] == ["## Means", "## Records"]
    assert "| arm        |   a\\|b |" in text
    assert "| lambda=0.2 | 0.7431 |" in text
    assert "Over confirmation seeds 1000, 1001, 1002; &lt;b>" in text
    assert "![Means](plots/means.png)\n\n*What means shows.*" in text
    assert (folder.plots / "means.png").read_bytes().startswith(b"\x89PNG")
    page = folder.report_html.read_text()
    assert '<img alt="Means" src="data:image/png;base64,' in page
    assert '<td align="right">0.7431</td>' in page


def test_plots_of_a_session_that_found_nothing_new_are_kept(folder: StudyFolder) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement(), added(result))
    fake_report.DRAWN.clear()
    before = {path: path.stat().st_mtime_ns for path in folder.plots.iterdir()}
    again = replace(result, totals=result.totals.model_copy(update={"jobs": 0}))
    write_report(folder, again, judgement(), added(again))
    assert fake_report.DRAWN == []
    assert {path: path.stat().st_mtime_ns for path in folder.plots.iterdir()} == before
    assert "![Means](plots/means.png)" in folder.report_md.read_text()
    write_report(folder, again, judgement(verdict="better"), added(again))
    assert fake_report.DRAWN == ["means"]


def test_a_plot_that_an_earlier_session_lacks_is_drawn_though_nothing_else_is_new(
    folder: StudyFolder,
) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement())
    before = (folder.plots / "curves.png").stat().st_mtime_ns
    write_report(folder, result, judgement(), added(result))
    assert (folder.plots / "means.png").exists()
    assert (folder.plots / "curves.png").stat().st_mtime_ns == before


def test_plots_of_earlier_findings_do_not_outlive_them(folder: StudyFolder) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement(), added(result))
    write_report(folder, result, judgement(verdict="better", comparisons={}, confirmation=None))
    assert {path.name for path in folder.plots.iterdir()} == {"curves.png"}


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("raising", "got KeyError: 'f_nose' (fake_report.py, line "),
        ("uneven", "got ValueError: got rows of other lengths than the head in table 'Uneven'"),
        ("colliding", "got ValueError: got the plot name 'curves'; expected letters, digits"),
        ("outside", "got ValueError: got the plot name '../means'; expected letters, digits"),
        ("foreign", "got TypeError: got a str among the parts; expected a Table or a Plot"),
        ("nowhere", "got AttributeError: module 'tests.sweeper.fake_report' has no attribute 'nowhere'"),
    ],
)
def test_a_report_function_that_fails_costs_its_parts_and_nothing_else(
    folder: StudyFolder, function: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = study_result(folder)
    facts = write_report(folder, result, judgement(), added(result, function))
    (warning,) = facts.warnings
    assert warning.startswith(f"tests.sweeper.fake_report:{function}: {said}")
    assert read_summary(folder) == facts
    text = folder.report_md.read_text()
    assert said in text
    assert all(title in text for title in ("## Leaderboard", "## Plots", "## How to reproduce"))
    assert capsys.readouterr().err == ""


def test_a_plot_that_cannot_be_drawn_is_left_out_with_a_warning(folder: StudyFolder) -> None:
    result = study_result(folder)
    facts = write_report(folder, result, judgement(), added(result, "undrawable"))
    (warning,) = facts.warnings
    assert warning.startswith("plot 'Broken': got ZeroDivisionError: no pixels (fake_report.py, line ")
    text = folder.report_md.read_text()
    assert "![Whole](plots/whole.png)" in text
    assert "broken.png" not in text


def test_a_published_study_has_the_plots_of_its_task(folder: StudyFolder, tmp_path: Path) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement(), added(result))
    assert studies(["--results-dir", str(tmp_path), "publish", STUDY]) == 0
    assert (tmp_path / "published" / STUDY / "plots" / "means.png").exists()


def test_pictures_of_the_data_are_not_published(folder: StudyFolder, tmp_path: Path) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement(), added(result, "showing_data"))
    assert (folder.plots / "examples-worst.png").exists()
    assert studies(["--results-dir", str(tmp_path), "publish", STUDY]) == 0
    published = StudyFolder(tmp_path / "published" / STUDY)
    assert sorted(path.name for path in published.plots.glob("[ew]*")) == ["whole.png"]
    for text in (published.report_md.read_text(), published.report_html.read_text()):
        assert "plots/whole.png" in text
        assert "examples-worst.png" not in text
        assert "(Not published: shows pieces of the data.)" in text


def test_a_study_asks_the_function_that_its_configuration_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built-in task with a report of the user's own, from the command line to the files."""
    from sweeper_tasks.esmm.config import EsmmConfig

    def announce(self: EsmmConfig, facts: Any) -> list[str]:
        return [f"{facts['rows']['train']} rows, focal term {self.active_focal is not None}"]

    monkeypatch.setattr(EsmmConfig, "announce", announce)
    target = f"task.report_target='{fake_report.ENTRY}:report_parts'"
    few = ("study.n_seeds=1", "study.confirm_seeds=0", "executor=inline", "trainer.max_steps=5")
    assert run_sweep(small_sweep(tmp_path, "aux_focal.lambda=choice(0.1)", target, *few)) == 0
    printed = capsys.readouterr().out
    (path,) = tmp_path.glob("*/summary.json")
    text = (path.parent / "report.md").read_text()
    assert (path.parent / "plots" / "means.png").exists()
    assert "Over screening seed 0;" in text
    size = ["baseline", "2000"]
    assert [cell.strip() for cell in _row(text.partition("## Records")[2], "baseline")] == size
    block = ["in baseline:", "4000 rows, focal term False", "in lambda=0.1:", "4000 rows, focal term True"]
    announced = text.partition("## Data")[2].partition("```\n")[2].partition("\n```")[0].splitlines()
    first = [line.split()[0] for line in announced[:5]]
    assert first == ["data", "rows", "clicks", "conversions", "imbalance"]
    assert announced[5:] == block
    assert "\n".join(block) in printed
    facts = json.loads(path.read_text())
    assert facts["trivial"]["test"] == 0.5
    assert facts["trivial"]["margin"] == pytest.approx(facts["baseline"]["test"] - 0.5)


def _row(text: str, first: str) -> list[str]:
    (line,) = [line for line in text.partition("\n## ")[0].splitlines() if f" {first} " in line]
    return line.strip("| ").split("|")


def test_a_report_of_ones_own_is_checked_before_anything_runs() -> None:
    assert faults("+task.report_target='nowhere:parts'", "loss.weight=1,2") == [
        "task.report_target: got 'nowhere:parts', which cannot be loaded: No module named 'nowhere'; "
        "expected module:name. Is the package installed, and the name public?"
    ]


def test_a_report_of_ones_own_takes_the_place_of_a_built_in_one() -> None:
    own = f"{fake_report.ENTRY}:report_parts"
    entries = [
        task_entry(read(f"task={task}", f"task.report_target={target}", "optimizer.lr=1,2").settings.task)
        for task in ("esmm", "captcha")
        for target in ("null", f"'{own}'")
    ]
    assert [entry.report for entry in entries] == [None, own, None, own]
    usual = task_entry(read("task=captcha", "optimizer.lr=1,2").settings.task)
    assert usual.report == "sweeper_tasks.captcha.report:report_parts"


def test_a_task_may_be_silent_about_its_report() -> None:
    """As the toy task's YAML is, and jobs that were stored before there were reports of tasks."""
    assert read("optimizer.lr=1,2").settings.task.report_target is None


def test_pooled_records_are_one_seed_after_the_other(folder: StudyFolder) -> None:
    best = compared(study_result(folder), judgement()).best
    parts = [best.records[seed]["influence_ctcvr_auc"] for seed in CONFIRM_SEEDS]
    assert np.array_equal(best.pooled("influence_ctcvr_auc"), np.concatenate(parts))
