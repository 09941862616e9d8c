"""Influence values in the folders of a study's runs, read when a verdict asks for them."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sweeper.results import Objective, RunResult, TrialResult
from sweeper.verdict import study_arms
from sweeper.verdict.paired import examples_part
from sweeper.verdict.selection import Arm
from sweeper.verdict.study_arms import arm_of
from tests.sweeper.plain_trials import plain_trial

N = 50_000
SEEDS = (0, 1, 2, 3, 4, 5)
AUC = Objective("auc", "maximize")


def arm(folder: Path, number: int) -> Arm:
    """One run a seed, each with influence values of its own."""
    runs = {}
    for seed in SEEDS:
        place = folder / f"{number}-{seed}"
        place.mkdir()
        values = np.random.default_rng([number, seed]).standard_normal(N).astype(np.float32)
        np.savez(place / "records.npz", influence_auc=values, label=np.zeros(N, dtype=np.uint8))
        runs[seed] = RunResult(number, seed, "COMPLETE", metrics={"test/auc": 0.5}, folder=place)
    trial = TrialResult(plain_trial(number), "COMPLETE", None, runs)
    return arm_of(trial, AUC, SEEDS, (), with_records=True)


def test_a_verdict_holds_the_influence_values_of_few_runs_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve runs; all of them together would take twelve arrays of float64."""
    monkeypatch.setattr(study_arms, "KEPT_BYTES", 0)
    one, other = arm(tmp_path, 1), arm(tmp_path, 0)
    tracemalloc.start()
    part = examples_part(one.influence or {}, other.influence or {})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * N * np.dtype(np.float64).itemsize
    in_memory = [{seed: np.array((of.influence or {})[seed]) for seed in SEEDS} for of in (one, other)]
    assert part == examples_part(*in_memory)


def test_what_was_read_last_is_kept(tmp_path: Path) -> None:
    influence = arm(tmp_path, 1).influence or {}
    assert influence[0] is influence[0]
    assert not influence[0].flags.writeable


def test_a_run_whose_records_are_gone_or_damaged_is_left_out(tmp_path: Path) -> None:
    one, other = arm(tmp_path, 1), arm(tmp_path, 0)
    (tmp_path / "1-0" / "records.npz").unlink()
    whole = (tmp_path / "0-1" / "records.npz").read_bytes()
    (tmp_path / "0-1" / "records.npz").write_bytes(whole[:1000] + bytes(5000) + whole[6000:])
    influence = [{s: np.array((of.influence or {})[s]) for s in SEEDS[2:]} for of in (one, other)]
    assert examples_part(one.influence or {}, other.influence or {}) == examples_part(*influence)
    assert sorted(arm_again(tmp_path, 1)) == [1, 2, 3, 4, 5]


def arm_again(folder: Path, number: int) -> list[int]:
    """The seeds of which the folder's runs have influence values now."""
    runs = [RunResult(number, seed, "COMPLETE", folder=folder / f"{number}-{seed}") for seed in SEEDS]
    return list(study_arms.InfluenceOnDisk(runs, "auc"))
