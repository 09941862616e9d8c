"""Losses of the first 20 steps of every captcha loss: a change that should not alter arithmetic leaves them.

To make them anew after a change that should: `python -m tests.golden.test_captcha`. The images are drawn by
`captcha` and Pillow: another version of these may alter them too.
"""

import json
import tempfile
from pathlib import Path

import pytest

from tests.golden.first_losses import first_losses

GOLDEN = Path(__file__).with_name("captcha.json")
SMALL = (
    *("task=captcha", "data.n_train=128", "data.n_val=8", "data.n_test=8", "data.height=16", "data.width=40"),
    *("trainer.max_steps=20", "trainer.batch_size=16", "trainer.schedule.lr_warmup_steps=5"),
    *("data.augmentation.enabled=true", "optimizer.lr=0.0012", "model.widths=[4,8]", "tracking=none"),
    "loss=captcha/weighted_bce,captcha/binary_focal,captcha/ce,captcha/focal_ce",
)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = first_losses(SMALL, tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():  # kinds of CPUs differ by up to 1e-4
        assert found[name] == pytest.approx(expected, rel=5e-4), name


def test_all_variants_see_the_same_first_batch_and_model() -> None:
    """An untrained model says about 1 / 63: bce is about H = 0.082, ce ln 63 = 4.14, focal losses less."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    bce, focal = golden["baseline"], golden["loss=captcha/binary_focal"]
    assert bce == pytest.approx(0.0816, rel=0.1)
    assert focal < 0.25 * bce
    assert golden["loss=captcha/focal_ce"] < golden["loss=captcha/ce"] == pytest.approx(4.14, rel=0.1)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(first_losses(SMALL, Path(folder)), indent=1) + "\n")
