"""A tiny segmentation problem, for tests of everything behind the data."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from torch import Tensor, nn

from sweeper.task.prepared import Prepared
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.class_facts import ClassFacts
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.facts import prepared_facts
from sweeper_tasks.segmentation.task import SegmentationTask

OPTION = Path(__file__).parents[3] / "conf" / "data" / "segmentation" / "celebamask.yaml"
FACES = {
    key: value for key, value in yaml.safe_load(OPTION.read_text()).items() if key in ClassFacts.model_fields
}
"""The class facts of the option for faces."""
CLASSES: tuple[str, ...] = tuple(FACES["classes"])
N_CLASSES = len(CLASSES)
LARGE = tuple(CLASSES.index(name) for name in FACES["large"])
SMALL = tuple(c for c in range(N_CLASSES) if c not in LARGE)
SIZE = 16
PICTURES = {"train": 20, "val": 7, "test": 6}
MODELS: dict[str, dict[str, Any]] = {
    "microseg": {
        "name": "segmentation/microseg",
        "lmsa": True,
        "first_stride": 2,
        "widths": [4, 8, 8, 8],
        "depths": [1, 1, 1, 1],
        "heads": [1, 2, 2, 4],
        "reductions": [4, 2, 1, 1],
        "mlp_ratio": 2,
        "decoder_width": 8,
        "dropout": 0.0,
    },
    "unet": {"name": "segmentation/unet_small", "widths": [4, 6, 8], "dropout": 0.0},
}
WITH_DICE = {"ce_weight": 1.0, "dice_weight": 0.7}
FOCAL = {"focal_gamma": 1.5, "focal_alpha": 0.25}
LOSSES: dict[str, dict[str, Any]] = {
    "ce": {},
    "ce_weighted": {"class_weights": "effective_number"},
    "ce_dice": WITH_DICE,
    "focal": FOCAL,
    "focal_dice": FOCAL | WITH_DICE,
    "focal_dice_weighted": FOCAL | WITH_DICE | {"class_weights": "inverse_frequency"},
}
AUGMENTATION: dict[str, Any] = {
    "enabled": False,
    "flip_rate": 0.5,
    "rotation_deg": 20.0,
    "scale": [0.85, 1.15],
    "brightness": 0.2,
    "contrast": 0.2,
    "saturation": 0.2,
    "noise": 0.02,
}
PRESET: dict[str, Any] = {
    "batch_size": 4,
    "batch_size_small": 3,
    "epochs": 2,
    "epochs_long": 3,
    "eval_every": 5,
    "patience": None,
    "lr_warmup_steps": 1,
    "lr_warmup_steps_small": 1,
    "lr": 1e-3,
    "lr_focal": 1e-3,
    "lr_aggressive": 1e-3,
    "depths": [1, 1, 1, 1],
    "mlp_ratio": 2,
    "first_stride": 2,
}
DATA: dict[str, Any] = {
    "name": "segmentation/synthetic_faces",
    "cache_dir": "unused",
    "preset": PRESET,
    "image_size": SIZE,
    **FACES,
    "augmentation": AUGMENTATION,
    "generator_seed": 0,
    "n_train": PICTURES["train"],
    "n_val": PICTURES["val"],
    "n_test": PICTURES["test"],
    "occlusion_rate": 0.3,
    "noise": 0.04,
}


def class_facts(**changes: Any) -> ClassFacts:
    """The classes of faces, with changes."""
    return ClassFacts.model_validate(FACES | changes)


def tiny_config(
    model: str = "microseg", loss: str = "ce_dice", augment: bool = False, **changes: Any
) -> SegmentationConfig:
    """A valid configuration; `changes` are single keys of the loss."""
    data = DATA | {"augmentation": AUGMENTATION | {"enabled": augment}}
    own = {"name": f"segmentation/{loss}", "ignore_index": None, **LOSSES[loss], **changes}
    return SegmentationConfig.model_validate({"data": data, "model": MODELS[model], "loss": own})


def tiny_prepared(folder: Path) -> Prepared:
    """Random pictures in `folder`, of as many colours as classes; rare classes are rare."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    shares = np.linspace(3, 0.1, N_CLASSES) ** 2
    for split, n in PICTURES.items():
        masks = rng.choice(N_CLASSES, (n, SIZE // 4, SIZE // 4), p=shares / shares.sum()).astype(np.uint8)
        masks = masks.repeat(4, axis=1).repeat(4, axis=2)
        np.save(folder / f"{split}_masks.npy", masks)
        colours = rng.integers(0, 256, (n, 3, SIZE, SIZE)) // 8 + 11 * masks[:, None]
        np.save(folder / f"{split}_images.npy", colours.astype(np.uint8))
    facts = prepared_facts(folder, class_facts())
    return Prepared(folder, "sha256:tiny", PICTURES["train"], real=False, facts=facts)


def tiny_task(prepared: Prepared, config: SegmentationConfig | None = None) -> SegmentationTask:
    """The task on the CPU."""
    return SegmentationTask(config or tiny_config(), prepared, torch.device("cpu"))


class Painter(nn.Module):
    """A model that answers with the truth, or with one class everywhere; logits of 8 against 0."""

    def __init__(self, only: int | None = None) -> None:
        super().__init__()
        self.only = only

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, C, H, W]."""
        said = batch.masks if self.only is None else torch.full_like(batch.masks, self.only)
        return 8 * nn.functional.one_hot(said, N_CLASSES).movedim(-1, 1).float()
