"""The arithmetic of the benchmarks that run sweeps; the sweeps themselves take minutes."""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks import overhead, page
from benchmarks.noop_sweeps import Timing, timing_of
from benchmarks.overhead import MLFLOW, UNTRACKED
from benchmarks.page_thread import page_share
from benchmarks.peers import PEERS, folder_name
from sweeper.layout import ResultsFolder, StudyFolder
from sweeper.reports import write_report
from tests.sweeper.factories import judgement, study_result

asynchronous: Any = importlib.import_module(
    "benchmarks.async"
)  # a keyword, so no import statement can name it


def intervals(pairs: Sequence[tuple[float, float]]) -> list[Any]:
    return [asynchronous.Interval(*pair) for pair in pairs]


def test_time_between_starts_leaves_out_what_comes_before_the_first_and_after_the_last() -> None:
    """Begun at 10, starts at 13, 13.1, 13.4, ended at 15: 3 s, 0.4 s over three gaps, 1.6 s."""
    timing = timing_of(10, [13.4, 13.0, 13.1], 15)
    assert timing.n_runs == 3
    assert timing.startup_s == pytest.approx(3)
    assert timing.ms_per_run == pytest.approx(200)
    assert timing.tail_s == pytest.approx(1.6)


def test_the_ratio_is_to_the_better_peer_and_the_lag_of_logging_is_spread_over_the_runs() -> None:
    """30 / 120 = 0.25; MLflow ends 4 - 2 = 2 s later, over 100 gaps: 20 ms a run more."""
    timings = {
        UNTRACKED: Timing(101, 3, 30, 2),
        MLFLOW: Timing(101, 3, 50, 4),
        "one": Timing(100, 2, 150, 0.5),
        "other": Timing(100, 2, 120, 0.5),
    }
    found = overhead.figures(timings)
    assert found["ratio_to_peer"] == pytest.approx(0.25)
    assert found["ms_per_run_mlflow_logged"] == pytest.approx(70)


def test_the_ratio_of_pairs_has_an_interval_that_a_common_factor_does_not_widen() -> None:
    """Ratios 1.1 and 1.1 though the second pair was twice as slow: no width.

    1 and 1.21: exp of 0.0953 +- 12.706 x 0.1348 / sqrt(2).
    """
    steady = [
        (Timing(9, 1, 33, 1, 2.2), Timing(9, 1, 30, 1, 2)),
        (Timing(9, 1, 66, 1, 4), Timing(9, 1, 60, 1, 4)),
    ]
    found = page.figures_of(steady)
    assert [found[f"page_ratio{end}"] for end in ("_low", "", "_high")] == pytest.approx([1.1, 1.1, 1.1])
    assert found["ms_per_run_page"] == pytest.approx(49.5)
    apart = [
        (Timing(9, 1, 30, 1, 1), Timing(9, 1, 30, 1, 1)),
        (Timing(9, 1, 36.3, 1, 1), Timing(9, 1, 30, 1, 1)),
    ]
    found = page.figures_of(apart)
    reach = 12.706 * math.log(1.21) / math.sqrt(2) / math.sqrt(2)
    assert found["page_ratio"] == pytest.approx(1.1)
    assert found["page_ratio_low"] == pytest.approx(1.1 * math.exp(-reach), rel=1e-3)
    assert found["page_ratio_high"] == pytest.approx(1.1 * math.exp(reach), rel=1e-3)
    assert found["page_cpu_ratio"] == pytest.approx(1)


def test_the_share_of_the_pages_thread_is_measured_on_that_thread(tmp_path: Path) -> None:
    """Three runs in 0.6 s, in which the first page is begun, but no half of a core more."""
    assert 0 < page_share(3, 200, tmp_path) < 1


def test_the_sizes_of_a_page_are_those_of_the_study_in_the_results(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    write_report(folder, study_result(folder), judgement())
    before = folder.report_html.read_bytes()
    found = page.sizes_of(ResultsFolder(tmp_path))
    assert folder.report_html.read_bytes() == before
    assert found["page_mib"] == len(before) / 2**20
    assert 0 < found["page_live_mib"] < 5
    assert min(found["page_write_s"], found["page_live_write_s"]) > 0


def test_idle_share_counts_slots_without_a_run_up_to_the_last_start() -> None:
    """Batches of 4 and 1: of 2 x 4 s up to the start at 4 the short slot waits 3: 3 / 8."""
    batches = intervals([(0, 4), (0, 1), (4, 8), (4, 5)])
    assert asynchronous.idle_share(batches, 2) == pytest.approx(3 / 8)
    assert asynchronous.span(batches) == 8


def test_slots_that_are_refilled_at_once_are_never_idle_and_are_done_sooner() -> None:
    """The same four runs without a barrier: 0-4, 0-1, 1-5, 4-5."""
    refilled = intervals([(0, 4), (0, 1), (1, 5), (4, 5)])
    assert asynchronous.idle_share(refilled, 2) == pytest.approx(0)
    assert asynchronous.span(refilled) == 5


def test_budgets_alternate_four_to_one_and_are_twelve_distinct_trials() -> None:
    steps = asynchronous.budgets(100)
    assert len(set(steps)) == 12
    assert [long / short for long, short in zip(steps[::2], steps[1::2], strict=True)] == [4.0] * 6


def test_asking_and_telling_is_measured_at_each_size(tmp_path: Any) -> None:
    found = overhead.ask_tell_ms(tmp_path, (2, 12), overhead.random_sampler)
    assert set(found) == {2, 12}
    assert all(ms > 0 for ms in found.values())


def test_each_peer_has_a_folder_of_its_own() -> None:
    names = {folder_name(peer) for peer in PEERS}
    assert len(names) == len(PEERS)
    assert all("/" not in name and " " not in name for name in names)
