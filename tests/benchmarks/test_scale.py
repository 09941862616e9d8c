"""The simulation of a study on many slots, at a size for tests."""

from pathlib import Path

import pytest

from benchmarks.scale import Size, simulated


@pytest.mark.parametrize("has_database", [False, True])
def test_a_simulated_study_ends_and_its_slots_have_work_while_there_is_any(
    tmp_path: Path, has_database: bool
) -> None:
    found = simulated(Size(50, 2, 20), tmp_path, has_database=has_database)
    assert found.n_runs == 100
    assert found.n_events >= 300  # started, reported, finished
    assert found.idle_share < 0.03
    assert found.hours > 0.5


def test_an_event_costs_the_same_in_a_study_ten_times_as_large(tmp_path: Path) -> None:
    """Of an earlier version, which went through all trials, it was seven times as much."""
    small, large = (
        simulated(Size(n, 2, n // 5), tmp_path / str(n), has_database=False).ms_per_event for n in (60, 600)
    )
    assert large < 4 * small
