"""The GPU script where there is no GPU: its rehearsal, its table, and the arithmetic behind a row."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import gpu
from benchmarks.on_gpu import confined
from benchmarks.on_gpu.rig import ON_GPU, REHEARSAL, CheckError, Rig, Story, steps_together
from benchmarks.on_gpu.rows import Row
from benchmarks.on_gpu.weights import largest_difference, weights
from sweeper.agent.gpus import NONE
from sweeper.messages import Finished, Lost, Reported, Started
from sweeper.trial import Slot
from sweeper.worker.checkpoint import write_checkpoint

FACTS: dict[str, Any] = {"job_id": "a-1", "trial": 1, "seed": 0, "attempt": 1}
ENDED: dict[str, Any] = {"best_step": 0, "steps_inherited": 0, "seconds": 1.0, "ended_by": "max_steps"}


class Nowhere:
    """An executor without slots."""

    slots: tuple[Slot, ...] = ()

    def close(self) -> None:
        """Nothing to close."""


def story(started: float, ended: float, n_steps: int) -> Story:
    first = Started(**FACTS, resumed_step=0, total_steps=n_steps, device="cpu")
    reports = [Reported(**FACTS, step=n, metrics={}, steps_per_s=10.0 * n) for n in (1, 2, 7)]
    last = Finished(**FACTS, **ENDED, metrics={}, steps_trained=n_steps)
    job: Any = None
    return Story(job, 0.0, [(started, first), *((started, report) for report in reports), (ended, last)])


def raw(values: list[float]) -> bytes:
    """The bits of float32 numbers."""
    return np.array(values, np.float32).tobytes()


def rehearse(*sections: str) -> subprocess.CompletedProcess[str]:
    """The script as a user calls it: in a process of its own, which may not import torch."""
    words = [sys.executable, gpu.__file__, "--device", "cpu", "--only", ",".join(sections)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120)


@pytest.mark.slow  # a rehearsal on the CPU
def test_a_rehearsal_gives_a_row_for_each_check_and_one_line_of_numbers() -> None:
    done = rehearse("equality")
    *rows, last = done.stdout.splitlines()
    found = json.loads(last)
    assert done.returncode == 0, done.stdout + done.stderr
    assert found["failed"] == []
    assert found["repeated_is_bitwise"]
    assert found["resumed_is_bitwise"]
    assert any(row.startswith("resumed at 23, and in one go") and "ok" in row for row in rows)


@pytest.mark.slow  # quick: kills in tests/sweeper/executors/test_local.py
def test_a_rehearsal_of_kills_and_of_a_parent_without_torch() -> None:
    done = rehearse("killed", "parent")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["failed"] == []
    found = re.search(r"killed at step 50, resumed at (\d+), 200 steps in all", done.stdout)
    assert found is not None
    assert int(found[1]) in range(10, 51, 10)


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu, "gpus_here", lambda: NONE)
    assert gpu.main([]) == 2
    assert "expected an NVIDIA GPU, and there is none. Use --device cpu." in capsys.readouterr().err


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        gpu.main(["--device", "cpu", "--only", "sped"])
    assert "--only: got sped; expected some of imports, starts" in capsys.readouterr().err


def test_a_section_that_breaks_off_is_a_failed_check_and_the_rest_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(rig: Rig) -> Iterator[Row]:
        yield Row("before", "1", facts={"before": 1})
        raise CheckError("too late")

    def sound(rig: Rig) -> Iterator[Row]:
        yield Row("after", "2", facts={"after": 2})

    executor: Any = Nowhere()
    monkeypatch.setattr(gpu, "rig_on", lambda device, folder: Rig(folder, None, REHEARSAL, executor))
    monkeypatch.setattr(gpu, "SECTIONS", {"breaks": breaks, "sound": sound})
    assert gpu.main(["--device", "cpu", "--only", "breaks,sound"]) == 1
    printed = capsys.readouterr().out
    found = json.loads(printed.splitlines()[-1])
    assert (found["before"], found["after"]) == (1, 2)
    assert found["failed"] == ["breaks broke off"]
    assert "FAIL  CheckError: too late" in printed


def test_rows_stand_in_columns() -> None:
    assert gpu.line_of(Row("a", "1 s")).index("1 s") == gpu.line_of(Row("b" * 42, "1 s", False)).index("1 s")
    assert gpu.line_of(Row("a", "1 s")).split() == ["a", "ok", "1", "s"]


def test_speed_together_is_over_the_time_from_the_first_start_to_the_last_end() -> None:
    """100 steps from 2 to 6 s and 200 from 3 to 8 s: 300 in 6 s."""
    assert steps_together([story(2, 6, 100), story(3, 8, 200)]) == pytest.approx(50)
    assert story(2, 6, 100).steps_per_s == 20  # the median of 10, 20 and 70


def test_a_story_with_another_end_says_which() -> None:
    lost = story(0, 1, 1)
    lost.job = type("Job", (), {"job_id": "a-1"})()
    lost.heard[-1] = (1.0, Lost(**FACTS, reason="worker killed by SIGKILL"))
    with pytest.raises(CheckError, match="a-1: Lost instead of Finished: worker killed by SIGKILL"):
        lost.finished()


def test_weights_are_read_without_torch(tmp_path: Path) -> None:
    tensor = torch.tensor([1.5, -2.0, 0.25])
    write_checkpoint(tmp_path / "best.pt", {"model": {"a": tensor, "b": torch.tensor([3.0])}})
    found = sorted(weights(tmp_path / "best.pt").values(), key=len)
    assert found == [raw([3.0]), raw([1.5, -2.0, 0.25])]


def test_the_largest_difference_is_zero_only_for_equal_bits() -> None:
    """|1 - 1.5| = 0.5; -0.0 and 0.0 are equal numbers of different bits."""
    tensors = {"a": raw([1.0, 2.0]), "b": raw([0.0])}
    assert largest_difference(tensors, dict(tensors)) == 0
    assert largest_difference(tensors, {**tensors, "a": raw([1.5, 2.0])}) == 0.5
    assert 0 < largest_difference(tensors, {**tensors, "b": raw([-0.0])}) < 1e-37
    assert largest_difference(tensors, {"a": tensors["a"]}) == float("inf")


def test_a_hidden_module_looks_as_if_it_were_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wave", None)  # restores what was there
    confined.hide(["wave"])
    with pytest.raises(ModuleNotFoundError, match="wave"):
        __import__("wave")


def test_more_is_asked_for_than_there_is() -> None:
    """9 pieces of an eighth each."""
    assert ON_GPU.n_pieces / (ON_GPU.n_pieces - 1) > 1
