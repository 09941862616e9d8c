"""The page of a study that has ended: what is in it, whatever its names are, and what it costs."""

import base64
import gzip
import html
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plotly.offline import get_plotlyjs

from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.reports.page_data import PageData, Span, read_page_data, thinned, write_page_data
from sweeper.reports.page_final import last_lines, rebuild_page, write_page
from sweeper.reports.page_sections import Pictures, written_sections
from sweeper.reports.report import write_report
from sweeper.reports.summary import read_summary
from sweeper.results import TrialResult
from tests.sweeper.factories import (
    AUC,
    LOSS,
    SEEDS,
    front_judgement,
    judgement,
    run_result,
    study_result,
    trial_spec,
)

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "</title><b>",
    "%{x}<a href='javascript:alert(1)'>x</a>",
)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


def figures_in(page: str) -> dict[str, Any]:
    packed = re.search(r'id="figures">([^<]*)<', page)
    assert packed is not None
    found: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(packed[1])))
    return found


def sections_in(page: str) -> list[str]:
    return [html.unescape(title) for title in re.findall(r"<h2>(.*?)</h2>", page)]


def test_the_sections_follow_a_reader_s_questions(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder, with_failure=True), judgement())
    page = folder.report_html.read_text()
    assert sections_in(page) == [
        *("Leaderboard", "Confirmation", "Learning curves", "Parameters", "Timeline", "Cost"),
        *("Warnings", "Failed", "Data", "How to reproduce"),
    ]
    assert page.index("<blockquote>") < page.index('class="forest"') < page.index('id="leaderboard"')


def test_nothing_is_asked_of_other_files_or_places(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder, with_failure=True), judgement())
    page = re.sub(r'<script type="application/octet-stream".*?</script>', "", folder.report_html.read_text())
    assert "default-src 'none'" in page
    sources = [source[:22] for source in re.findall(r'(?:src|href)="([^"#][^"]*)"', page)]
    assert set(sources) == {"data:image/png;base64,"}


def test_a_page_brings_plotlys_own_script(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder), judgement())
    packed = re.search(r'id="plotly">([^<]*)<', folder.report_html.read_text())
    assert packed is not None
    assert gzip.decompress(base64.b64decode(packed[1])).decode() == get_plotlyjs()


def test_tables_have_captions_and_columns_and_figures_have_words(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder, with_failure=True), judgement())
    page = folder.report_html.read_text()
    assert page.count("<table") == page.count("<caption>") > 3
    assert not re.search(r"<th(?![^>]*scope=)[ >]", page)
    for place in re.findall(r'<div class="plot"[^>]*>', page):
        assert re.search(r'aria-label="[^"]{10,}"', place), place
    assert not re.search(r'<img(?![^>]*alt="[^"]+)', page)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_reasons_and_logs_are_text(folder: StudyFolder, text: str) -> None:
    named, failed = trial_spec(3, 0.2, text), trial_spec(4, 9.0, f"{text} again")
    result = study_result(folder)
    trials = [replace(one, spec=named) if one.spec.number == 3 else one for one in result.trials]
    run = run_result(folder, failed, 0, "FAILED", text)
    folder.run(failed, 0).log.write_text(f"before\n{text}\n")
    trials.append(TrialResult(failed, "FAILED", f"seed 0: {text}", {0: run}))
    params = {f"key{text}": text}
    result = replace(result, study=text, trials=tuple(trials), warnings=(text,), announced=(text,))
    result.trials[1].spec.params.update(params)
    write_report(folder, result, judgement(sentence=f"{text} is better.", notes=(text,)))
    page = folder.report_html.read_text()
    tags = re.findall(r"<(script|b|a|img|title)\b([^>]*)>", page)
    assert [name for name, _ in tags].count("script") == 3  # the figures, what draws them, and what calls it
    assert [name for name, _ in tags].count("title") == 1
    assert "b" not in [name for name, _ in tags]
    assert not [rest for _, rest in tags if "javascript" in rest]
    for tag in re.findall(r"<[a-z][^<>]*>", page):
        assert not re.search(r"\son\w+=", re.sub(r'"[^"]*"', '""', tag)), tag
    drawn = json.dumps(figures_in(page))
    assert "<script" not in drawn
    assert "<a " not in drawn
    assert "<pre>before\n" in page  # the end of the failed run's log


def test_curves_are_those_of_all_trials_with_the_band_of_baseline_and_best(folder: StudyFolder) -> None:
    """Trials 1 and 2 are one line with gaps; 0 and 3 have a band of two edges and a mean each."""
    write_report(folder, study_result(folder), judgement())
    lines = figures_in(folder.report_html.read_text())["curves-0"]["data"]
    named = [line["name"] for line in lines if line.get("name")]
    assert named == ["2 other trials", "0 baseline (3 seeds)", "3 lambda=0.2 (3 seeds)"]
    others = lines[0]
    assert others["x"] == [100, 200, 300, 400, 500, 600, None] * 2
    assert len(others["y"]) == len(others["text"]) == 14
    assert len(lines) == 7


def test_differences_are_paired_by_seed(folder: StudyFolder) -> None:
    """The curves of trial 3 are the baseline's until step 200, and 0.003 above it from 300 on."""
    write_report(folder, study_result(folder), judgement())
    drawn = figures_in(folder.report_html.read_text())["differences-0"]
    mean = next(line for line in drawn["data"] if line.get("name", "").startswith("3 "))
    assert mean["y"] == pytest.approx([0, 0, 0.003, 0.003, 0.003, 0.003], abs=1e-9)


def test_a_study_with_two_objectives_has_curves_for_each_and_no_forest(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder, objectives=(AUC, LOSS)), front_judgement())
    page = folder.report_html.read_text()
    assert {"curves-0", "curves-1"} <= figures_in(page).keys()
    assert 'class="forest"' not in page
    assert "More figures" in sections_in(page)


def test_a_study_without_a_finished_trial_has_a_page(folder: StudyFolder) -> None:
    result = study_result(folder, lambdas=(), with_failure=True)
    write_report(folder, result, judgement(best=None, confirmation=None, comparisons={}, sentence="Nothing."))
    assert "Nothing." in folder.report_html.read_text()


def test_the_page_is_made_again_of_the_other_files_to_the_byte(folder: StudyFolder) -> None:
    write_report(folder, study_result(folder, with_failure=True), judgement())
    before = folder.report_html.read_bytes()
    folder.report_html.unlink()
    rebuild_page(folder)
    assert folder.report_html.read_bytes() == before
    folder.report_md.unlink()
    with pytest.raises(UserError, match=r"report\.md: cannot be read"):
        rebuild_page(folder)


def test_a_thousand_trials_stay_small_and_quick(folder: StudyFolder) -> None:
    result = study_result(folder, lambdas=[round(0.001 * (i + 1), 4) for i in range(1000)])
    summary = write_report(folder, result, judgement())
    text = folder.report_md.read_text()
    began = time.process_time()
    write_page(folder, summary, text)
    assert time.process_time() - began < 6  # about 0.7 s on an idle core
    assert folder.report_html.stat().st_size < 5e6


def test_data_of_a_page_come_back_from_their_file(folder: StudyFolder, tmp_path: Path) -> None:
    data = PageData(
        {"auc": {0: {1: ((100, 0.5), (200, 0.75))}}}, (Span(0, 1, "cpu", 10.0, 12.5, "COMPLETE"),)
    )
    write_page_data(folder, data)
    write_report(folder, study_result(folder), judgement())
    assert read_page_data(folder, read_summary(folder)) == data


def test_runs_without_files_leave_no_data_file(folder: StudyFolder) -> None:
    write_page_data(folder, PageData({"auc": {}}))
    assert not folder.page_data.exists()


def test_a_thinned_curve_keeps_its_end_and_loses_what_is_not_finite() -> None:
    points = [(step, float(step)) for step in range(1, 101)] + [(101, float("nan"))]
    kept = thinned(points, 10)
    assert len(kept) == 10
    assert kept[-1] == (100, 100.0)
    assert thinned(points[:3], 10) == tuple(points[:3])


def test_headings_within_code_are_no_sections() -> None:
    head, sections = written_sections("# t\n\n> **v**\n\n## A\n\n```\n## not one\n```\n\n## B \\# c\n\nx\n")
    assert [one for one in head if one] == ["> **v**"]
    assert [one.title for one in sections] == ["A", "B # c"]
    assert "## not one" in sections[0].lines


def test_pictures_come_from_the_study_s_folder_alone_and_as_many_as_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study" / "plots").mkdir(parents=True)
    (tmp_path / "study" / "plots" / "one.png").write_bytes(b"x" * 100)
    (tmp_path / "secret.png").write_bytes(b"y")
    monkeypatch.setattr("sweeper.reports.page_sections.MAX_IMAGES", 150)
    pictures = Pictures(tmp_path / "study")
    assert pictures.inside("../secret.png") == ""
    assert pictures.inside("plots/one.png").startswith("data:image/png;base64,")
    assert pictures.inside("plots/one.png") == ""


def test_the_end_of_a_log_is_its_last_lines_that_say_something() -> None:
    log = "".join(f"line {i}\n\n" for i in range(100)).encode() + b"\xff end\n"
    lines = last_lines(log)
    assert len(lines) == 15
    assert lines[-1].endswith(" end")


def test_the_seeds_of_the_screening_are_those_of_the_curves(folder: StudyFolder) -> None:
    summary = write_report(folder, study_result(folder), judgement())
    assert set(read_page_data(folder, summary).curves[AUC.metric][3]) == set(SEEDS)
