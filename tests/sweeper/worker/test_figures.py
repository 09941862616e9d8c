"""What an evaluation leaves in files."""

import zipfile
from pathlib import Path

import numpy as np

from sweeper.records import Records
from sweeper.task import Evaluation
from sweeper.worker.figures import write_records


def test_records_are_packed_where_that_makes_them_smaller(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records: Records = {
        "score": rng.normal(size=20_000).astype(np.float32),
        "label": (rng.random(20_000) < 0.1).astype(np.uint8),
        "influence_auc": rng.integers(0, 50, 20_000).astype(np.float32),
        "none": np.empty((0, 3)),
    }
    path = tmp_path / "records.npz"
    write_records(path, Evaluation({}, records))
    with np.load(path, allow_pickle=False) as loaded:
        assert loaded.files == list(records)
        assert all(np.array_equal(loaded[name], values) for name, values in records.items())
        assert loaded["none"].shape == (0, 3)
    with zipfile.ZipFile(path) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}  # equal records are equal files
        size = {info.filename: info.compress_size / info.file_size for info in archive.infolist()}
    assert size["score.npy"] == 1.0
    assert size["label.npy"] < 0.2
    assert size["influence_auc.npy"] < 0.4
