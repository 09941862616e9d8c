"""Losses of the first 20 steps of every strategy: a change that should not alter arithmetic leaves them.

To make them anew after a change that should: `python -m tests.golden.test_diagnosis`.
"""

import json
import tempfile
from pathlib import Path

import pytest

from tests.golden.first_losses import first_losses

GOLDEN = Path(__file__).with_name("diagnosis.json")
SMALL = (
    *("sweep=diagnosis_strategies", "data.n_train=1000", "data.n_val=400", "data.n_test=400"),
    *("trainer.max_steps=20", "trainer.batch_size=64", "model.width=16", "tracking=none"),
)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = first_losses(SMALL, tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():
        assert found[name] == pytest.approx(expected, rel=1e-4, abs=1e-6), name


def test_an_untrained_model_that_knows_the_prevalence_has_next_to_no_focal_loss() -> None:
    """At p = 0.98 for the 98 % healthy F is 0.8 x 0.02^2.5 x 0.02, and the few ill have nearly all of it."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    assert golden["baseline"] < 0.05
    assert golden["baseline"] < golden["balanced"] < golden["focal_smooth"] < 0.3
    assert golden["focal_smooth"] != golden["focal_smooth-common"]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(first_losses(SMALL, Path(folder)), indent=1) + "\n")
