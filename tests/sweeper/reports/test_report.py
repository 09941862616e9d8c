"""Summary, tables, report and plots of an invented study."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, strategies as st

from sweeper.findings import Comparison, Look
from sweeper.layout import StudyFolder
from sweeper.reports import report
from sweeper.reports.curves import curve, flatten, read_evaluations
from sweeper.reports.leaderboard import difference, p_value, rows
from sweeper.reports.plots import curves_figure, forest_figure, pareto_figure
from sweeper.reports.replay import read_runs
from sweeper.reports.report import best_yaml, command_again, write_report
from sweeper.reports.report_html import self_contained, to_html
from sweeper.reports.report_text import report_markdown, table
from sweeper.reports.summary import read_sentence, read_summary, summary_of
from sweeper.reports.summary_model import as_json
from sweeper.results import Judgement, StudyResult
from sweeper.wording import duration, number
from tests.sweeper.factories import (
    AUC,
    CONFIRM_SEEDS,
    LOSS,
    SEEDS,
    SENTENCE,
    front_judgement,
    judgement,
    study_result,
    trial_spec,
)

TOP_KEYS = [
    *("schema_version", "study", "task", "data", "metric", "direction", "seeds", "confirm_seeds"),
    *("verdict", "baseline", "best", "confirmation", "ensemble", "trials", "totals", "provenance"),
    *("state", "stopped_because", "warnings", "notes", "looks", "guards", "attribution", "plan"),
]
TRIAL_KEYS = [
    *("trial", "name", "role", "state", "reason", "params", "overrides", "fingerprint", "value"),
    *("per_seed", "test", "train", "success"),
    *("difference", "improvement", "ci_low", "ci_high", "p_adjusted"),
    *("steps_trained", "steps_inherited", "seconds", "warnings", "max_steps", "pruned_at", "runs"),
    *("parent", "rule", "alarms"),
]


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


def test_the_summary_has_the_documented_keys_in_the_documented_order() -> None:
    facts = as_json(summary_of(study_result(with_failure=True), judgement()))
    assert list(facts) == TOP_KEYS
    assert list(facts["data"]) == ["name", "digest", "real"]
    values = ["value", "per_seed", "test", "train"]
    assert list(facts["baseline"]) == ["trial", "name", "params", *values]
    assert list(facts["best"]) == ["trial", "name", "params", "overrides", *values]
    assert [list(trial) for trial in facts["trials"]] == [TRIAL_KEYS] * 5
    json.dumps(facts, allow_nan=False)


def test_a_value_is_the_mean_over_the_screening_seeds_and_confirmation_does_not_count() -> None:
    """Trial 3 has 0.743 + 0.0000, 0.0001, 0.0002 on seeds 0 to 2: the mean is 0.7431."""
    (best,) = summary_of(study_result(), judgement()).best
    assert best.value == pytest.approx((0.7431,))
    assert best.per_seed == {0: (0.7430,), 1: (0.7431,), 2: (0.7432,)}


def test_a_failed_trial_has_its_reason_and_no_value() -> None:
    trial = summary_of(study_result(with_failure=True), judgement()).trials[4]
    assert (trial.state, trial.value, trial.test) == ("FAILED", (), ())
    assert trial.reason == "seed 0: loss is nan at step 120"


def test_with_two_objectives_values_are_lists_and_best_is_the_front() -> None:
    facts = as_json(summary_of(study_result(objectives=(AUC, LOSS)), front_judgement()))
    assert (facts["metric"], facts["direction"]) == (["ctcvr_auc", "bce"], ["maximize", "minimize"])
    assert [entry["trial"] for entry in facts["best"]] == [0, 3]
    assert facts["best"][0]["value"] == pytest.approx([0.7401, 0.42599])
    assert facts["best"][0]["per_seed"]["1"] == pytest.approx([0.7401, 0.42599])
    assert facts["best"][0]["difference"] is None
    assert facts["best"][1]["difference"] == facts["trials"][3]["difference"] == [0.003, -0.0003]
    assert facts["best"][1]["p_adjusted"] == [0.01, None]


def test_without_a_finished_candidate_best_is_null_and_the_report_still_says_so(folder: StudyFolder) -> None:
    nothing = Judgement(verdict="no result", sentence="No candidate finished.")
    facts = write_report(folder, study_result(folder, lambdas=(), with_failure=True), nothing)
    assert facts.best == ()
    assert not folder.best_yaml.exists()
    assert read_sentence(folder) == "No candidate finished."


def test_the_summary_is_written_last(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> str:
        raise RuntimeError("disk full")

    monkeypatch.setattr(report, "write_page", broken)
    with pytest.raises(RuntimeError, match="disk full"):
        write_report(folder, study_result(folder), judgement())
    assert folder.report_md.exists()
    assert not folder.summary.exists()


def test_what_is_written_is_what_is_returned(folder: StudyFolder) -> None:
    assert write_report(folder, study_result(folder), judgement()) == read_summary(folder)
    assert sorted(path.name for path in folder.plots.iterdir()) == ["curves.png", "forest.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in folder.plots.iterdir())


def test_trials_csv_has_a_row_a_run_with_relative_folders(folder: StudyFolder) -> None:
    """4 trials on 3 seeds, 2 of them on 3 more, and one failed run: 12 + 6 + 1 = 19 rows."""
    write_report(folder, study_result(folder, with_failure=True), judgement())
    with folder.trials_csv.open(newline="") as file:
        found = list(csv.DictReader(file))
    assert len(found) == 19
    assert [row["phase"] for row in found].count("confirmation") == 6
    fewer = study_result(folder, seeds=SEEDS[:2], confirm_seeds=CONFIRM_SEEDS[:1])
    write_report(folder, fewer, judgement())
    with folder.trials_csv.open(newline="") as file:
        phases = [row["phase"] for row in csv.DictReader(file)]
    assert [phases.count(phase) for phase in ("screening", "confirmation", "unused")] == [8, 2, 8]
    assert found[6]["folder"] == "trials/0001-lambda=0.05/seed0"
    assert (found[6]["params.aux_focal.lambda"], found[6]["metrics.val/ctcvr_auc"]) == ("0.05", "0.741")
    assert found[18]["reason"] == "loss is nan at step 120"


def test_runs_read_back_from_the_files_equal_those_that_were_written(folder: StudyFolder) -> None:
    result = study_result(folder, with_failure=True)
    facts = write_report(folder, result, judgement())
    written = [(trial.spec.fingerprint, run) for trial in result.trials for run in trial.runs.values()]
    assert [(spec.fingerprint, run) for spec, run in read_runs(folder, facts)] == written
    assert read_runs(folder, facts)[6][0].config == trial_spec(1, 0.05).config


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("-m aux_focal.lambda=0.05,0.1", "task=esmm aux_focal.lambda=0.2 seed=0"),
        (
            "-m task=esmm data=esmm/csv data.path='a b.csv' seed=1,2",
            "task=esmm data=esmm/csv 'data.path=a b.csv'",
        ),
        ("-m sweep=esmm_aux_focal study.n_seeds=5 sampler=tpe", "sweep=esmm_aux_focal aux_focal.lambda=0.2"),
        (
            "--multirun ~loss.extra +model.depth=3 hydra.verbose=true",
            "task=esmm '~loss.extra' +model.depth=3",
        ),
    ],
)
def test_the_command_again_keeps_what_was_fixed_and_drops_what_steers_a_study(
    typed: str, expected: str
) -> None:
    result = study_result(provenance={"command": f"python -m sweeper {typed}"})
    again = command_again(result, result.trials[3])
    assert again.startswith(f"python -m sweeper {expected}")
    assert again.endswith("aux_focal.lambda=0.2 seed=0")


def test_best_yaml_holds_overrides_configuration_and_command() -> None:
    best = yaml.safe_load(best_yaml(study_result(), judgement()))
    assert best["overrides"] == ["aux_focal.lambda=0.2"]
    assert best["config"]["aux_focal"]["lambda"] == 0.2
    assert best["command"] == "python -m sweeper task=esmm optimizer.lr=0.01 aux_focal.lambda=0.2 seed=0"


def test_the_report_opens_with_the_verdict(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder), judgement())
    assert folder.report_md.read_text().splitlines()[2] == f"> **{SENTENCE}**"
    assert read_sentence(folder) == SENTENCE


def test_rows_left_out_of_the_data_are_told_in_the_words_of_the_task() -> None:
    """The facts are for programs; their keys would be no sentences."""
    skipped = {"a review needs text": {"n": 2, "first": ["x.csv row 3"]}}
    line = "left out 2 (data.skip_bad): x.csv row 3 and 1 more; a review needs text"
    result = study_result()
    result = replace(result, data={**result.data, "rows": 7, "skipped": skipped}, announced=(line,))
    text = report_markdown(result, judgement(), summary_of(result, judgement()), [])
    section = text.partition("## Data")[2].partition("\n## ")[0]
    assert "- rows: 7" in section
    assert section.count("a review needs text") == section.count(line) == 1


def test_the_report_tells_data_warnings_failures_and_how_to_reproduce() -> None:
    result = study_result(with_failure=True)
    text = report_markdown(result, judgement(), summary_of(result, judgement()), [])
    for claim in (
        "Generated data: `esmm/synthetic`.",
        "- positives test: 1,204",
        "- best auc: 0.7831",
        "- loss.static_pos_weight: auto on 12 positives",
        "- aux_focal.lambda: 9.0 > 0.3 dominates (trial 4 lambda=9.0)",
        "## Failed\n\n- trial 4 lambda=9.0 seed 0: loss is nan at step 120",
        "- standard error from seeds 0.0002, from the finite test set 0.0003; degrees of freedom 6.2",
        "git 0123456789abcdef",
    ):
        assert claim in text


def test_a_study_that_was_judged_before_is_not_made_again_by_its_last_command_alone() -> None:
    result, judged = study_result(), judgement()
    look = Look(best="f1", baseline="f0", seeds=(0, 1, 2), confirm_seeds=(1000,))
    for looks, own, is_told in (((), look, False), ((look,), look, False), ((look,), None, True)):
        text = report_markdown(
            replace(result, looks=looks), replace(judged, look=own), summary_of(result, judged), []
        )
        assert ("all its commands make it again, in their order" in text) == is_told


def test_tables_line_up_when_read_raw_whatever_the_names_hold() -> None:
    lines = table(["trial", "value"], [["a|b <script>", "1.0"], ["long\nname", "12.5"]], left=("trial",))
    assert len({len(line) for line in lines}) == 1
    page = to_html("\n".join(lines), title="t")
    assert "<script>" not in page
    assert "<td>a|b &lt;script&gt;</td>" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("seed 0: <script>alert(1)</script>failed", "<p>seed 0: failed</p>"),
        ("[log](javascript:alert(1))", '<p><a rel="noopener noreferrer">log</a></p>'),
        ('<img src="plots/a.png" onerror="alert(1)">', '<img src="plots/a.png">'),
        ("```\nif a < b\n```", "<pre><code>if a &lt; b\n</code></pre>"),
    ],
)
def test_nothing_in_the_page_can_be_run(text: str, shown: str) -> None:
    page = to_html(text, title="t")
    assert shown in page
    assert "alert" not in page


def test_numbers_in_tables_stay_on_the_right() -> None:
    page = to_html("\n".join(table(["trial", "value"], [["a", "1.0"]], left=("trial",))), title="t")
    assert '<td align="right">1.0</td>' in page


def test_images_are_relative_in_a_page_of_markdown_and_inside_in_the_self_contained_one(
    folder: StudyFolder,
) -> None:
    write_report(folder, study_result(folder), judgement())
    page = to_html(folder.report_md.read_text(), title="t")
    assert 'src="plots/curves.png"' in page
    assert "plots/" not in self_contained(page, folder.path).split("<img", 1)[1]
    assert 'src="data:image/png;base64,iVBOR' in self_contained(page, folder.path)


def test_the_difference_of_the_curves_is_paired_by_seed_and_zero_until_warmup_ends(
    folder: StudyFolder,
) -> None:
    """Trial 3 equals the baseline until step 200, then every seed gains 0.003, whatever its own noise."""
    figure = curves_figure(study_result(folder), judgement())
    assert figure is not None
    drawn = figure.axes[1].lines[0]
    assert np.asarray(drawn.get_xdata()).tolist() == [100, 200, 300, 400, 500, 600]
    assert np.asarray(drawn.get_ydata()).tolist() == pytest.approx([0, 0, 0.003, 0.003, 0.003, 0.003])


def test_curves_are_left_out_where_no_run_has_left_any(tmp_path: Path) -> None:
    assert curves_figure(study_result(), judgement()) is None
    assert curves_figure(study_result(StudyFolder(tmp_path)), judgement()) is not None


def test_the_forest_shows_the_confirmed_first_then_from_the_largest_difference_down() -> None:
    figure = forest_figure(study_result(), judgement())
    assert figure is not None
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["lambda=0.2, confirmed", "lambda=0.2", "lambda=0.1", "lambda=0.05"]


def test_the_front_is_drawn_for_two_objectives_only() -> None:
    both = study_result(objectives=(AUC, LOSS))
    figure = pareto_figure(both, front_judgement())
    assert figure is not None
    assert np.asarray(figure.axes[0].lines[0].get_xdata()).tolist() == pytest.approx([0.7401, 0.7431])
    assert figure.axes[0].lines[0].get_drawstyle() == "steps-pre"
    assert pareto_figure(study_result(), judgement()) is None
    assert forest_figure(both, front_judgement()) is None


def test_the_leaderboard_ranks_by_validation_and_puts_failures_last() -> None:
    ranked = rows(summary_of(study_result(with_failure=True), judgement()))
    assert [row.trial for row in ranked] == [3, 2, 1, 0, 4]
    assert ranked[0].marks == {"best"}
    assert ranked[0].values == ("0.7431 ± 0.0001",)


def test_the_interval_of_a_loss_is_shown_about_its_difference() -> None:
    """`ci_low` and `ci_high` are the improvement's; less by 0.002, to within 0.001, is -0.003 to -0.001."""
    fallen = Comparison(difference=-0.002, improvement=0.002, ci_low=0.001, ci_high=0.003, p_adjusted=0.01)
    said = judgement(comparisons={3: (fallen,)})
    row = next(row for row in rows(summary_of(study_result(objectives=(LOSS,)), said)) if row.trial == 3)
    assert (row.difference, row.interval) == ("-0.0020", "[-0.0030, -0.0010]")
    figure = forest_figure(study_result(objectives=(LOSS,)), said)
    assert figure is not None
    drawn = next(
        line
        for line in figure.axes[0].lines
        if len(set(np.asarray(line.get_xdata()))) == 2 and np.asarray(line.get_xdata())[0] < -0.002
    )
    assert np.asarray(drawn.get_xdata()).tolist() == [-0.003, -0.001]


def test_for_a_loss_the_smallest_value_comes_first() -> None:
    ranked = rows(summary_of(study_result(objectives=(LOSS,)), judgement()))
    assert [row.trial for row in ranked] == [3, 2, 1, 0]
    assert ranked[0].values[0].startswith("0.4257")


def test_a_trial_that_was_only_screened_says_on_how_many_seeds() -> None:
    result = study_result()
    screened = result.trials[1]
    first = replace(screened, runs={0: screened.runs[0]})
    facts = summary_of(replace(result, trials=(result.trials[0], first, *result.trials[2:])), judgement())
    assert next(row for row in rows(facts) if row.trial == 1).values == ("0.7410 (1 of 3 seeds)",)


def test_figures_are_shown_with_the_digits_that_mean_something() -> None:
    """A half-width of 0.0015 has its second digit at the fourth decimal, one of 0.15 at the second."""
    assert [number(x) for x in (0.74251, 12.3456, 4813.2, 0.0, 2.5e-5, 3e9)] == [
        *("0.7425", "12.35", "4813", "0.0000", "0.00002500", "3.000e+09"),
    ]
    fine, coarse = (
        Comparison(difference=0.0007 * x, improvement=0.0007 * x, ci_low=-0.0008 * x, ci_high=0.0022 * x)
        for x in (1, 100)
    )
    assert difference(fine) == ("+0.0007", "[-0.0008, +0.0022]")
    assert difference(coarse) == ("+0.07", "[-0.08, +0.22]")
    assert difference(None) == ("-", "-")
    assert [p_value(p) for p in (0.0002, 0.0312, 0.62, None)] == ["<0.001", "0.031", "0.62", "-"]
    assert [duration(s) for s in (21.44, 185, 7800, 273600)] == [
        "21.4 s",
        "3 min 05 s",
        "2 h 10 min",
        "3 d 4 h",
    ]


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_a_shown_number_is_off_by_less_than_its_last_digits(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=5.1e-4, abs=5.1e-5 if abs(value) > 1e-3 else 0)


def test_a_line_cut_by_a_crash_is_skipped_and_a_repeated_step_counts_once(tmp_path: Path) -> None:
    lines = [
        {"split": "val", "global_step": step, "auc": value, "on": True}
        for step, value in ((2, 0.2), (1, 0.1))
    ]
    again = {"split": "val", "global_step": 2, "auc": 0.25, "on": True}
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(map(json.dumps, [*lines, again])) + '\n{"split": "val", "glo')
    assert curve(path, "val/auc") == {1: 0.1, 2: 0.25}
    assert read_evaluations(path, leave_out={"auc"})[0].metrics == {"val/on": 1.0}
    assert read_evaluations(tmp_path / "nothing.jsonl") == []


def test_nested_configurations_become_dotted_paths() -> None:
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {"a.b": 1, "a.c.d": [2], "e": None}


def test_results_that_lack_an_interval_make_a_report_without_one(folder: StudyFolder) -> None:
    """No confirmation seeds, one candidate, nothing compared: no section, no plot, no error."""
    bare: StudyResult = study_result(folder, lambdas=(0.1,))
    write_report(folder, bare, Judgement(verdict="not distinguishable", sentence="Not confirmed.", best=1))
    assert "## Confirmation" not in folder.report_md.read_text()
    assert not (folder.plots / "forest.png").exists()


def test_a_session_that_found_nothing_new_keeps_the_plots(folder: StudyFolder) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement())
    before = {path: path.stat().st_mtime_ns for path in folder.plots.iterdir()}
    write_report(folder, replace(result, totals=result.totals.model_copy(update={"jobs": 0})), judgement())
    assert {path: path.stat().st_mtime_ns for path in folder.plots.iterdir()} == before
    write_report(folder, result, judgement(verdict="better"))
    assert all(path.stat().st_mtime_ns > time for path, time in before.items())
