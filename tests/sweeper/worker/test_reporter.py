"""metrics.jsonl after a crash."""

from pathlib import Path

import pytest

from sweeper.worker.reporter import MetricsFile


def steps_in(file: MetricsFile) -> list[str]:
    return file.path.read_text().splitlines()


def test_evaluations_after_the_checkpoint_and_half_lines_are_dropped(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.append({"global_step": step, "split": "val"} for step in (5, 10, 15))
    with file.path.open("a") as raw:
        raw.write('{"global_step": 20, "spl')
    file.drop_after(10)
    assert steps_in(file) == ['{"global_step": 5, "split": "val"}', '{"global_step": 10, "split": "val"}']


def test_a_fresh_start_leaves_an_empty_file(tmp_path: Path) -> None:
    file = MetricsFile(tmp_path / "metrics.jsonl")
    file.drop_after(0)
    assert steps_in(file) == []


def test_a_number_that_json_lacks_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        MetricsFile(tmp_path / "metrics.jsonl").append([{"global_step": 1, "x": float("nan")}])
