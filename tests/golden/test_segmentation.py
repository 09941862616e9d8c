"""Losses of the first 20 steps: a change that should not alter arithmetic leaves them alone.

To make them anew after a change that should: `python -m tests.golden.test_segmentation`.
"""

import copy
import json
import tempfile
from pathlib import Path

import pytest
import torch

from tests.golden.first_losses import first_losses, step_loss, trainings

GOLDEN = Path(__file__).with_name("segmentation.json")
PRESET = {  # pinned: another preset is no other arithmetic
    "batch_size": 4,
    "batch_size_small": 3,
    "epochs": 5,
    "epochs_long": 6,
    "lr_warmup_steps": 16,
    "lr_warmup_steps_small": 21,
    "lr": 4e-3,
    "lr_focal": 2.5e-3,
    "lr_aggressive": 1.5e-3,
    "first_stride": 4,
}
SMALL = (
    *(f"data.preset.{name}={value}" for name, value in PRESET.items()),
    *("sweep=segmentation_focal", "data.n_train=24", "data.n_val=4", "data.n_test=4", "data.image_size=32"),
    *(
        "data.occlusion_rate=0.3",
        "data.noise=0.04",
        "data.augmentation.rotation_deg=20.0",
        "data.augmentation.scale=[0.85,1.15]",
    ),
    *(f"data.augmentation.{name}=0.2" for name in ("brightness", "contrast", "saturation")),
    *("model.widths=[8,8,16,16]", "model.decoder_width=16", "tracking=none"),
)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = first_losses(SMALL, tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():
        assert found[name] == pytest.approx(expected, rel=1e-4), name


def test_a_run_that_resumes_goes_on_bit_by_bit_with_the_same_pictures(tmp_path: Path) -> None:
    whole, resumed = (dict(trainings(SMALL, tmp_path))["lmsa_aggressive"] for _ in range(2))
    for _ in range(3):
        whole.advance()
    state = copy.deepcopy(whole.state_dict())
    expected = [step_loss(whole) for _ in range(3)]
    resumed.load_state_dict(state)
    assert [step_loss(resumed) for _ in range(3)] == expected
    for one, other in zip(whole.parameters, resumed.parameters, strict=True):
        assert torch.equal(one, other)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(first_losses(SMALL, Path(folder)), indent=1) + "\n")
