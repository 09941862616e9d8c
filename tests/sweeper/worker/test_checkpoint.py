"""Checkpoints are whole, checked, and each run's own."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeper.errors import CheckpointError
from sweeper.layout import RunFolder
from sweeper.worker.checkpoint import Checkpoints, read_checkpoint, write_checkpoint
from sweeper.worker.randomness import random_state, restore_random_state, seed_everything

CPU = torch.device("cpu")


def draw() -> list[float]:
    return [random.random(), float(np.random.random()), float(torch.rand(()))]


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(RunFolder(tmp_path), "me")


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"weights": torch.zeros(3)})
    good = path.read_bytes()
    for position in range(0, len(good), 7):
        bad = bytearray(good)
        bad[position] ^= 1 << (position % 8)
        path.write_bytes(bad)
        with pytest.raises(CheckpointError, match=r"checkpoint\.pt: is damaged"):
            read_checkpoint(path)


@pytest.mark.parametrize("n_bytes", [0, 10, 32, 500])
def test_a_cut_off_file_is_damaged(tmp_path: Path, n_bytes: int) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"weights": torch.zeros(3)})
    path.write_bytes(path.read_bytes()[:n_bytes])
    with pytest.raises(CheckpointError, match="is damaged"):
        read_checkpoint(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.pt: cannot be read \(No such file"):
        read_checkpoint(tmp_path / "gone.pt")


def test_torch_reads_the_file_as_it_is(tmp_path: Path) -> None:
    content = {"weights": torch.arange(3.0), "step": 7, "random": random_state(CPU)}
    write_checkpoint(tmp_path / "checkpoint.pt", content)
    loaded = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert loaded["step"] == 7
    assert torch.equal(loaded["weights"], torch.arange(3.0))


def test_the_last_two_are_kept(checkpoints: Checkpoints) -> None:
    for step in (1, 2, 3):
        checkpoints.write({"step": step})
    assert read_checkpoint(checkpoints.folder.checkpoint)["step"] == 3
    assert read_checkpoint(checkpoints.folder.previous_checkpoint)["step"] == 2
    checkpoints.remove()
    assert list(checkpoints.folder.path.iterdir()) == []


def test_the_newest_good_one_is_used_and_the_bad_one_never_replaces_it(checkpoints: Checkpoints) -> None:
    for step in (1, 2):
        checkpoints.write({"step": step})
    checkpoints.folder.checkpoint.write_bytes(b"half")
    content, skipped = checkpoints.newest()
    assert content is not None
    assert content["step"] == 1
    assert len(skipped) == 1
    checkpoints.write({"step": 2})
    assert read_checkpoint(checkpoints.folder.previous_checkpoint)["step"] == 1


def test_a_crash_between_the_two_renames_leaves_the_previous_one(checkpoints: Checkpoints) -> None:
    checkpoints.write({"step": 1})
    checkpoints.folder.checkpoint.replace(checkpoints.folder.previous_checkpoint)
    content, skipped = checkpoints.newest()
    assert content is not None
    assert (content["step"], skipped) == (1, ())


def test_without_a_usable_checkpoint_the_run_starts_anew(checkpoints: Checkpoints) -> None:
    for step in (1, 2):
        checkpoints.write({"step": step})
    stranger = Checkpoints(checkpoints.folder, "somebody else")
    content, skipped = stranger.newest()
    assert content is None
    assert [text.endswith("belongs to another configuration, seed or data") for text in skipped] == [
        True,
        True,
    ]


def test_all_generators_go_on_where_they_were(tmp_path: Path) -> None:
    seed_everything(5)
    draw()
    write_checkpoint(tmp_path / "checkpoint.pt", {"random": random_state(CPU)})
    expected = [draw() for _ in range(3)]
    seed_everything(6)
    state: dict[str, Any] = read_checkpoint(tmp_path / "checkpoint.pt")["random"]
    restore_random_state(state, CPU)
    assert [draw() for _ in range(3)] == expected
