"""What a report, a terminal, tables and pictures say of an attribution."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sweeper.findings import Attribution, GroupEffect, Interaction, ScaleControl
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.reports.attribution_text import attribution_line, attribution_section
from sweeper.reports.leaderboard import pruning, reasons, rows
from sweeper.reports.plots import attribution_figure
from sweeper.reports.publishing import publish
from sweeper.reports.replay import read_runs
from sweeper.reports.report import write_report
from sweeper.reports.report_text import table
from sweeper.reports.summary import summary_of
from sweeper.reports.summary_model import Summary, as_json, from_json
from sweeper.results import ENDED, Judgement, StudyResult, TrialResult
from sweeper.watch.tracked import summary_numbers
from tests.sweeper.factories import CONFIRM_SEEDS, judgement, run_result, study_result, trial_spec

FOUND = Attribution(
    groups=(
        GroupEffect(
            name="loss",
            keys=("loss", "loss.gamma"),
            improvement=0.017,
            ci_low=0.01,
            ci_high=0.024,
            p_adjusted=0.0004,
            is_named=True,
        ),
        GroupEffect(
            name="lr_all",
            keys=("optimizer.lr",),
            improvement=0.002,
            ci_low=-0.005,
            ci_high=0.009,
            p_adjusted=0.4,
        ),
    ),
    interactions=(Interaction(pairs=(("loss", "lr_all"),), improvement=0.004, ci_low=0.001, ci_high=0.007),),
    control=ScaleControl(trial=12, scale=2.31, improvement=0.001, ci_low=-0.002, ci_high=0.004),
    improvement=0.0194,
    trials={"00": 0, "01": 10, "10": 11, "11": 3},
    means={"00": 0.74, "01": 0.7401, "10": 0.757, "11": 0.7594},
    seeds=CONFIRM_SEEDS,
    sentence="Of +0.0194, `loss` accounts for +0.017; `lr_all`: not distinguishable from none.",
    notes=("two groups were merged",),
)


def added(folder: StudyFolder | None = None) -> tuple[TrialResult, ...]:
    """Trial 10, complete, and trial 11, whose last run failed."""
    found, states = [], ((10, "lr", ENDED[0]), (11, "loss", ENDED[1]))
    for number, name, state in states:
        spec = trial_spec(number, 0.3, name).model_copy(update={"role": "attribution"})
        runs = {seed: run_result(folder, spec, seed) for seed in CONFIRM_SEEDS[:2]}
        last = CONFIRM_SEEDS[2]
        reason = None if state == "COMPLETE" else "loss is nan at step 7"
        runs[last] = run_result(folder, spec, last, state, reason)
        found.append(TrialResult(spec, state, reason, runs))
    return tuple(found)


def studied(folder: StudyFolder | None = None) -> tuple[StudyResult, Judgement]:
    return replace(study_result(folder), added=added(folder)), judgement(attribution=FOUND)


def summary() -> Summary:
    return summary_of(*studied())


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


def test_the_section_has_groups_interactions_control_and_combinations() -> None:
    text = "\n".join(attribution_section(summary(), table))
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if "|" in line]
    assert ["loss", "loss, loss.gamma", "+0.0170", "[+0.0100, +0.0240]", "&lt;0.001", "yes"] in cells
    assert ["lr_all", "optimizer.lr", "+0.0020", "[-0.0050, +0.0090]", "0.40", "no"] in cells
    assert ["together: loss x lr_all", "-", "+0.0040", "[+0.0010, +0.0070]", "-", "-"] in cells
    assert ["control: baseline, loss x 2.31", "-", "+0.0010", "[-0.0020, +0.0040]", "-", "-"] in cells
    assert ["#", "trial", "loss", "lr_all", "test ctcvr_auc"] in cells
    assert ["10", "lr", "", "x", "0.7401"] in cells
    assert ["3", "lambda=0.2", "x", "x", "0.7594"] in cells


def test_the_section_tells_the_sentence_the_notes_and_what_failed() -> None:
    lines = attribution_section(summary(), table)
    assert lines[0] == "## Which difference made it"
    assert lines[2].startswith("Of +0.0194, **loss** accounts for +0.017; **lr_all**: not")
    assert lines[-2:] == [
        "- note: two groups were merged",
        "- note: trial 11 loss seed 1002: failed: loss is nan at step 7",
    ]


def test_where_nothing_is_divided_the_section_is_its_sentence() -> None:
    said = judgement(attribution=Attribution(sentence="One group of keys differs, `loss`."))
    lines = attribution_section(summary_of(study_result(), said), table)
    assert lines == ["## Which difference made it", "", "One group of keys differs, **loss**."]


def test_a_study_that_was_not_asked_has_no_section_line_or_picture() -> None:
    facts = summary_of(study_result(), judgement())
    assert attribution_section(facts, table) == []
    assert attribution_line(facts) == ""
    assert attribution_figure(study_result(), judgement()) is None


def test_the_terminal_gets_the_sentence() -> None:
    assert attribution_line(summary()) == f"attribution: {FOUND.sentence}"


def test_trials_of_an_attribution_are_not_ranked_and_their_failures_not_a_candidates() -> None:
    facts = summary()
    assert [row.trial for row in rows(facts)] == [3, 2, 1, 0]
    assert (reasons(facts), pruning(facts)) == ([], "")
    assert [(trial.role, trial.value, trial.success) for trial in facts.trials[4:]] == [
        ("attribution", (), ())
    ] * 2
    assert {run.phase for trial in facts.trials[4:] for run in trial.runs} == {"attribution"}


def test_a_summary_with_an_attribution_is_read_back_as_it_was() -> None:
    assert from_json(as_json(summary())) == summary()


def test_a_study_is_not_over_before_the_runs_of_its_attribution_are() -> None:
    result, said = studied()
    running = replace(result.added[0], state="RUNNING")
    assert summary_of(replace(result, added=(running, result.added[1])), said).state == "interrupted"
    assert summary().state == "finished"


def test_the_picture_has_the_whole_on_top_and_a_line_for_each_group() -> None:
    result, said = studied()
    figure = attribution_figure(result, said)
    assert figure is not None
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["all together", "loss", "lr_all"]
    intervals = [np.asarray(line.get_xdata()).tolist() for line in axes.lines[1::2]]
    assert intervals == [[-0.0006, 0.0014], [0.01, 0.024], [-0.005, 0.009]]
    named, other = (axes.lines[i].get_color() for i in (3, 5))
    assert named != other


def test_the_whole_has_no_interval_where_the_confirmation_is_of_other_seeds() -> None:
    result, said = studied()
    figure = attribution_figure(
        result, replace(said, attribution=FOUND.model_copy(update={"seeds": (1000,)}))
    )
    assert figure is not None
    assert np.asarray(figure.axes[0].lines[1].get_xdata()).tolist() == [0.0194, 0.0194]


def test_a_report_with_an_attribution_is_written_read_back_and_published(folder: StudyFolder) -> None:
    """4 trials on 3 seeds, 2 of them and 2 added ones on 3 more: 12 + 6 + 6 runs."""
    result, said = studied(folder)
    facts = write_report(folder, result, said)
    with folder.trials_csv.open(newline="") as file:
        phases = [row["phase"] for row in csv.DictReader(file)]
    assert (len(phases), phases.count("attribution")) == (24, 6)
    assert [spec.role for spec, _ in read_runs(folder, facts)].count("attribution") == 6
    text = folder.report_md.read_text()
    assert text.index("## Confirmation") < text.index("## Which difference made it") < text.index("## Plots")
    assert "plots/attribution.png" in text
    assert "- trial 11 loss seed 1002: loss is nan at step 7" in text.partition("## Failed")[2]
    place, left_out = publish(ResultsFolder(folder.path.parent), folder, facts)
    assert left_out == []
    assert (place / "records" / "0010-lr" / "seed1000.npz").exists()


def test_a_table_of_studies_may_show_what_each_group_does() -> None:
    numbers = summary_numbers(summary())
    assert (numbers["attribution/loss"], numbers["attribution/lr_all"]) == (0.017, 0.002)
