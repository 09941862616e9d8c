"""The page of a study while it runs: what it shows, when it is written, and that it holds nobody up."""

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sweeper.layout import StudyFolder
from sweeper.messages import Reported, Started
from sweeper.reports import page_live
from sweeper.reports.page_known import KnownRuns, joined
from sweeper.reports.page_live import LiveStudy, LiveTrial
from sweeper.reports.report import write_report
from sweeper.storage.outcomes import Outcome, keep_outcome
from sweeper.storage.rows import RunRow
from sweeper.trial import Slot, TrialSpec
from sweeper.watch import heard, page as module
from sweeper.watch.page import PageWriter
from tests.sweeper.factories import AUC, SEEDS, judgement, run_result, study_result, study_start, trial_spec

SLOTS = (Slot(0, "cpu", 1, "left"), Slot(1, "cpu", 1, "right"))
BASELINE, OTHER = trial_spec(0), trial_spec(1, 0.1, "lambda=<0.1>")


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


@pytest.fixture
def writer() -> Iterator[PageWriter]:
    found = PageWriter(0.01, share=1.0)
    yield found
    found.close()


def started(spec: TrialSpec, seed: int) -> Started:
    return Started(
        job_id="j",
        trial=spec.number,
        seed=seed,
        attempt=1,
        resumed_step=0,
        total_steps=600,
        device="cpu",
    )


def reported(spec: TrialSpec, seed: int, step: int, value: float) -> Reported:
    return Reported(
        job_id="j",
        trial=spec.number,
        seed=seed,
        attempt=1,
        step=step,
        metrics={"val/ctcvr_auc": value},
        steps_per_s=12.5,
    )


def page_with(folder: StudyFolder, *texts: str) -> str:
    """The page, as soon as it shows all of them."""

    def read() -> str:
        return folder.report_html.read_text() if folder.report_html.exists() else ""

    ends = time.monotonic() + 60
    while not all(text in (page := read()) for text in texts):
        assert time.monotonic() < ends, [text for text in texts if text not in page]
        time.sleep(0.02)
    return page


def test_a_page_says_what_runs_now_what_is_known_and_what_is_left(
    writer: PageWriter, folder: StudyFolder
) -> None:
    """The candidate is at 0.75 on seed 0, the baseline ended at 0.7400: +0.0001 on the seed of both."""
    writer.study_started(study_start(folder, slots=SLOTS))
    writer.run_started(BASELINE, started(BASELINE, 0), SLOTS[0])
    writer.run_ended(BASELINE, run_result(None, BASELINE, 0))
    for seed, slot in enumerate(SLOTS):
        writer.run_started(OTHER, started(OTHER, seed), slot)
    writer.run_ended(OTHER, run_result(None, OTHER, 1))
    writer.run_reported(OTHER, reported(OTHER, 0, 150, 0.75))
    writer.warned("mind the <gap>")
    writer.plan_grew(3, "three more & why")
    page = page_with(
        folder, "2 of 15 runs done", "150/600", "12.5", "mind the &lt;gap&gt;", "three more &amp; why"
    )
    assert '<span class="chip running">running</span>' in page
    assert re.search(r"reloads every [0-9.e-]+ s", page)
    assert "6 runs of earlier sessions are not counted" in page
    assert "lambda=&lt;0.1&gt;" in page
    assert "lambda=<0.1>" not in page
    assert "1 complete, 1 running" in page or "1 running, 1 complete" in page
    assert "about " in page  # and how long still


def test_differences_are_of_the_seeds_that_trial_and_baseline_both_have(
    writer: PageWriter, folder: StudyFolder
) -> None:
    """0.74 + trial / 1000 + seed / 10000: the difference of trial 1 is 0.001 on each seed."""
    writer.study_started(study_start(folder))
    for spec, seeds in ((BASELINE, (0, 1)), (OTHER, (1, 2))):
        for seed in seeds:
            writer.run_ended(spec, run_result(None, spec, seed))
    page = page_with(folder, "2 of 3")
    page = page_with(folder, "against the baseline (1 seed)")
    assert "+0.001" in page


def test_failures_are_listed_and_confirmation_seeds_do_not_count_as_values(
    writer: PageWriter, folder: StudyFolder
) -> None:
    writer.study_started(study_start(folder))
    writer.run_ended(OTHER, run_result(None, OTHER, 0, "FAILED", "loss is <nan>"))
    writer.run_ended(OTHER, run_result(None, OTHER, 1000))
    page = page_with(folder, "loss is &lt;nan&gt;", "1 failed, 1 complete")
    assert "0 of 3" in page


def test_after_the_report_has_begun_its_page_stays(writer: PageWriter, folder: StudyFolder) -> None:
    writer.study_started(study_start(folder))
    page_with(folder, "running")
    writer.report_begins()
    result = study_result(folder)
    summary = write_report(folder, result, judgement())
    before = folder.report_html.read_bytes()
    writer.run_reported(OTHER, reported(OTHER, 0, 150, 0.75))
    writer.study_ended(result, summary)
    writer.close()
    assert folder.report_html.read_bytes() == before
    assert b"data-refresh" not in before


def test_no_page_is_written_twice_without_news(folder: StudyFolder) -> None:
    writer = PageWriter(0.01, share=1.0)
    writer.study_started(study_start(folder))
    page_with(folder, "running")
    time.sleep(0.3)  # the one that was begun before may still be under way
    before = folder.report_html.stat().st_mtime_ns
    time.sleep(0.3)
    assert folder.report_html.stat().st_mtime_ns == before
    writer.close()


def test_a_page_that_cannot_be_written_is_one_warning_and_no_more(folder: StudyFolder) -> None:
    said: list[str] = []
    told = threading.Event()

    def warn(text: str) -> None:
        said.append(text)
        told.set()

    folder.path.parent.mkdir(parents=True, exist_ok=True)
    folder.path.write_text("a file where the folder should be")
    writer = PageWriter(0.01, warn, share=1.0)
    writer.study_started(study_start(folder))
    assert told.wait(60)
    for step in range(50):
        writer.run_reported(OTHER, reported(OTHER, 0, step, 0.5))
    writer.close()
    assert len(said) == 1
    assert said[0].startswith("report.html is not kept up to date (")


def test_the_study_s_thread_waits_for_no_page(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that takes 2 s holds no event up: 3000 of them take a fraction of that."""
    under_way = threading.Event()

    def slow(*_: object) -> str:
        under_way.set()
        time.sleep(2)
        return "page"

    monkeypatch.setattr(module, "live_page", slow)
    writer = PageWriter(0.01, share=1.0)
    writer.study_started(study_start(folder))
    assert under_way.wait(60)
    began = time.thread_time()
    waited = time.monotonic()
    for step in range(1000):
        writer.run_started(OTHER, started(OTHER, 0), SLOTS[0])
        writer.run_reported(OTHER, reported(OTHER, 0, step, 0.5))
        writer.run_ended(OTHER, run_result(None, OTHER, 0))
    assert time.thread_time() - began < 1.5
    assert time.monotonic() - waited < 1.9
    writer.close()


def test_pages_take_a_small_share_of_the_time(folder: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of 50 ms with a share of a tenth: at most one in half a second, however much happens."""
    written: list[float] = []

    def busy(*_: object) -> str:
        written.append(time.monotonic())
        ends = time.thread_time() + 0.05
        while time.thread_time() < ends:
            pass
        return "page"

    monkeypatch.setattr(module, "live_page", busy)
    writer = PageWriter(0.001, share=0.1)
    writer.study_started(study_start(folder))
    ends = time.monotonic() + 2.5
    while time.monotonic() < ends:
        writer.run_reported(OTHER, reported(OTHER, 0, len(written), 0.5))
        time.sleep(0.005)
    writer.close()
    assert all(later - earlier > 0.45 for earlier, later in pairwise(written))


def test_a_curve_that_goes_back_to_a_checkpoint_is_drawn_once(
    writer: PageWriter, folder: StudyFolder
) -> None:
    noted = heard.Noted(OTHER)
    for step in (100, 200, 300, 200, 250):
        noted.report(0, step, step / 1000)
    assert noted.curves[0] == [(100, 0.1), (200, 0.2), (250, 0.25)]
    for step in range(300, 3000):
        noted.report(0, step, 0.5)
    assert len(noted.curves[0]) <= heard.MOST_POINTS + 1
    assert noted.curves[0][0][0] == 100
    assert noted.curves[0][-1][0] == 2999


def ended(folder: StudyFolder, spec: TrialSpec, seed: int) -> None:
    """A run that another session has settled."""
    run = run_result(folder, spec, seed)
    folder.run(spec, seed).overrides.write_text(f"- aux_focal.lambda={spec.number / 10}\n- seed={seed}\n")
    result = {key: value for key, value in asdict(run).items() if key in ("metrics", "seconds", "reason")}
    row = RunRow(spec.fingerprint, seed, spec.number, "COMPLETE", 1, result)
    keep_outcome(folder.run(spec, seed), Outcome(folder.path.name, "another", row))


def test_runs_of_other_sessions_are_known_by_their_files(folder: StudyFolder) -> None:
    ended(folder, trial_spec(0), 0)
    known = KnownRuns(folder, "ctcvr_auc", SEEDS)
    assert known.trials()[0].is_baseline
    ended(folder, trial_spec(2, 0.2), 0)
    ended(folder, trial_spec(2, 0.2), 1000)
    trial = known.trials()[2]
    assert (trial.name, trial.params) == ("lambda=0.2", {"aux_focal.lambda": 0.2})
    assert trial.values == {0: pytest.approx(0.742)}
    assert trial.states == {0: "COMPLETE", 1000: "COMPLETE"}
    assert list(trial.curves) == [0]
    assert trial.curves[0][-1][0] == 600
    assert trial.seconds == pytest.approx(7.0)


def test_runs_of_the_session_itself_are_not_read(folder: StudyFolder) -> None:
    for seed in (0, 1):
        ended(folder, trial_spec(2, 0.2), seed)
    known = KnownRuns(folder, "ctcvr_auc", SEEDS)
    assert known.trials({(2, 0), (2, 1)}) == {}
    assert known.trials({(2, 0)})[2].states == {1: "COMPLETE"}


def test_what_a_session_heard_itself_goes_before_what_it_read() -> None:
    read = LiveTrial(1, "slug", False, values={0: 0.1, 1: 0.2}, states={0: "COMPLETE", 1: "COMPLETE"})
    heard = LiveTrial(1, "its name", False, values={1: 0.3}, states={1: "RUNNING"})
    both = joined(read, heard)
    assert (both.name, both.values) == ("its name", {0: 0.1, 1: 0.3})
    assert both.states == {0: "COMPLETE", 1: "RUNNING"}


def test_a_page_of_a_thousand_trials_is_small(writer: PageWriter, folder: StudyFolder) -> None:
    writer.study_started(study_start(folder))
    for number in range(1, 1001):
        spec = trial_spec(number, number / 1000)
        for seed in (0, 1):
            for step in range(0, 600, 20):
                writer.run_reported(spec, reported(spec, seed, step, 0.5 + step / 1e4))
            writer.run_ended(spec, run_result(None, spec, seed))
    page = page_with(folder, "2000 of 2000 runs done")
    assert len(re.findall(r"<tr", page)) > 1000
    assert folder.report_html.stat().st_size < 5e6


def test_a_writer_that_never_began_closes() -> None:
    PageWriter(4.0).close()


def test_a_page_is_written_now_and_then_while_nothing_is_heard(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps between evaluations are not told as news, but they move the page on."""
    monkeypatch.setattr(module, "BEAT_S", 0.05)
    writer = PageWriter(0.01, share=1.0)
    writer.study_started(study_start(folder))
    page_with(folder, "running")
    before = folder.report_html.stat().st_mtime_ns
    ends = time.monotonic() + 60
    while folder.report_html.stat().st_mtime_ns == before:
        assert time.monotonic() < ends
        time.sleep(0.02)
    writer.close()


def test_a_seed_that_has_just_begun_does_not_cut_the_mean_of_the_others_short() -> None:
    trial = LiveTrial(
        1,
        "t",
        False,
        states={0: "COMPLETE", 1: "RUNNING"},
        curves={0: ((100, 0.5), (200, 0.6)), 1: ((100, 0.5),)},
    )
    study = LiveStudy("s", AUC, (0, 1), "", [trial], [], 2, 1, 0, 1.0, None, "")
    drawn: dict[str, Any] = {}
    page_live.curve_places(study, page_live.ranked(study.trials, study.objective.sign), drawn)
    assert drawn["curves-0"]["data"][0]["x"] == [100, 200, None]


def test_a_page_tells_the_most_runs_and_time_where_fewer_may_do() -> None:
    study = LiveStudy("s", AUC, (0, 1), "", [], [], 4, 2, 0, 60.0, 60.0, "", is_most=True)
    page = page_live.live_page(study, datetime(2026, 1, 1, tzinfo=UTC), 4.0)
    assert "2 of at most 4 runs done, 1 min 00 s so far, at most 1 min 00 s left." in page
    assert "Running: 2 of at most 4 runs done; there is no verdict yet." in page
