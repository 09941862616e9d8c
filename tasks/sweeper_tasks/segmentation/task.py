"""The segmentation task: data on the device, loss, evaluation. See `sweeper.task.Task` for the contract."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sweeper.task import Coefficients, Evaluation, Prepared, mean_influence, stackable_values
from sweeper_tasks.augmentation import augment
from sweeper_tasks.precision import at_least_float32
from sweeper_tasks.segmentation.averaging import logits_of, probabilities_of
from sweeper_tasks.segmentation.batch import Batch
from sweeper_tasks.segmentation.class_facts import IGNORED
from sweeper_tasks.segmentation.class_weights import alpha_of, weights_of
from sweeper_tasks.segmentation.config import SegmentationConfig
from sweeper_tasks.segmentation.loss import segmentation_loss
from sweeper_tasks.segmentation.metrics import confusions, f_by_class, f_by_image, segmentation_metrics
from sweeper_tasks.segmentation.model import build_model
from sweeper_tasks.segmentation.pictures import SPLITS

MAX_READ = 8_000_000
"""Pixels of masks that a run keeps: 8 MB, for the pictures of a report."""
EVALUATION_CHUNK = 64
TRAIN_SUBSET = 128


class Predicted(NamedTuple):
    """A split as a model sees it: confusions [n, C, C] and cross-entropy [n] of its images; mean losses.

    `read`: the masks [n, S, S]; None where nobody asks for them.
    """

    counts: NDArray[np.int64]
    ce: NDArray[np.float64]
    losses: dict[str, float]
    read: NDArray[np.uint8] | None = None


class SegmentationTask:
    """Face parsing, judged by the F-score of the parts that a face has."""

    def __init__(self, config: SegmentationConfig, prepared: Prepared, device: torch.device) -> None:
        self._config, self._facts, self._device = config, prepared.facts, device
        self._splits = prepared.once(f"splits on {device}", lambda: _open_all(prepared, device))
        self._train_subset = prepared.once(
            f"subset on {device}", lambda: _fixed_subset(prepared.n_train).to(device)
        )

    @property
    def n_train(self) -> int:
        """Pictures of the training split."""
        return len(self._splits["train"].images)

    def build_model(self) -> nn.Module:
        """The configured model."""
        return build_model(self._config.model, self._config.data.n_classes).to(self._device)

    def coefficients(self) -> dict[str, Tensor]:
        """All stackable fields; what has a value for each class is `<path>.<class>` for every class.

        One number, a list and "auto" thus have one form, so that siblings may differ in it.
        """
        found: dict[str, Tensor] = {}
        for path, value in stackable_values(self._config).items():
            found |= {name: self._as_tensor(v) for name, v in self._expanded(path, value).items()}
        return found

    def _expanded(self, path: str, value: Any) -> dict[str, float]:
        pixels = self._facts["pixels"]
        match path:
            case "loss.focal_alpha":
                values = alpha_of(value, pixels, self._config.data.background_class)
            case "loss.class_weights":
                values = weights_of(value, pixels)
            case _:
                return {path: value}
        return {f"{path}.{c}": float(v) for c, v in enumerate(values)}

    def _as_tensor(self, value: float) -> Tensor:
        return torch.tensor(float(value), device=self._device)

    def train_batch(self, indices: Tensor) -> Batch:
        """Pictures of the training split, varied by chance where `data.augmentation` is enabled."""
        images, masks = _take(self._splits["train"], indices)
        images, varied = augment(images, masks, self._config.data.augmentation, self._config.data.swaps)
        assert varied is not None
        return _as_batch(images, varied)

    def loss(
        self, outputs: Tensor, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `sweeper_tasks.segmentation.loss`; at least in float32, whatever the model's precision."""
        has_ignored = bool(self._config.data.ignored)
        logits = at_least_float32(outputs)
        return segmentation_loss(self._config.loss, logits, batch.masks, coefficients, has_ignored)

    def probabilities(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """[B, C, H, W], those of each pixel's classes."""
        return (probabilities_of(outputs),)

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> Tensor:
        """Logits [B, C, H, W], in float32."""
        return logits_of(*probabilities)

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """All of `segmentation_metrics`, `ce` (nats, unweighted, over all pixels), `loss` and its terms.

        Metrics count every pixel, also those of `loss.ignore_index`, so that all variants are measured alike;
        those of `data.ignored` count nowhere.
        The loss is a mean over chunks of 64 pictures, since a Dice loss is one of a batch. Records of val and
        test: an image's `f_score`, its `influence_f_score` and `ce`, and `f_by_class` [n, C], -1 where it
        has no such part. On test also `read` [n, S, S], the masks, of up to `MAX_READ` pixels.
        """
        seen = self._predict(model.eval(), split, coefficients, step)
        measured = segmentation_metrics(seen.counts, self._config.data, self._facts["pixels"])
        metrics = measured | {"ce": float(seen.ce.mean())} | seen.losses
        return Evaluation(metrics, {} if split == "train" else _records(seen))

    @torch.no_grad()
    def _predict(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Predicted:
        data, counts, ce, losses = self._splits[split], [], [], []
        read: list[Tensor] = []
        is_kept = split == "test" and data.masks.numel() <= MAX_READ
        every = torch.arange(len(data.images), device=self._device)
        for rows in torch.split(self._train_subset if split == "train" else every, EVALUATION_CHUNK):
            batch = _as_batch(*_take(data, rows))
            logits = at_least_float32(model(batch))
            total, terms = self.loss(logits, batch, coefficients, step)
            seen = logits.argmax(dim=1)
            counts.append(confusions(batch.masks, seen, logits.shape[1]))
            read += [seen.to(torch.uint8).cpu()] if is_kept else []
            ce.append(_ce_by_image(logits, batch.masks))
            losses.append({name: v * len(rows) for name, v in {"loss": total, **terms}.items()})
        n = sum(len(part) for part in ce)
        means = {name: float(sum(part[name] for part in losses)) / n for name in losses[0]}
        masks = torch.cat(read).numpy() if is_kept else None
        return Predicted(torch.cat(counts).cpu().numpy(), torch.cat(ce).double().cpu().numpy(), means, masks)


def _records(seen: Predicted) -> dict[str, NDArray[Any]]:
    by_class = f_by_class(seen.counts)
    scores = f_by_image(by_class)
    columns = {
        "f_score": scores,
        "influence_f_score": mean_influence(scores),
        "ce": seen.ce,
        "f_by_class": by_class,
    }
    found: dict[str, NDArray[Any]] = {name: column.astype(np.float32) for name, column in columns.items()}
    return found if seen.read is None else found | {"read": seen.read}


def _ce_by_image(logits: Tensor, target: Tensor) -> Tensor:
    """[B] mean cross-entropy of an image's pixels that count, nats."""
    ce = nn.functional.cross_entropy(logits, target, reduction="none", ignore_index=IGNORED)
    return ce.sum(dim=(1, 2)) / (target != IGNORED).sum(dim=(1, 2))


def _open_all(prepared: Prepared, device: torch.device) -> dict[str, Batch]:
    return {split: _open(prepared, split, device) for split in SPLITS}


def _open(prepared: Prepared, split: str, device: torch.device) -> Batch:
    """The split as stored, in uint8, on the device."""
    with warnings.catch_warnings():
        # The arrays are mapped read-only and shared by all workers; nothing writes into a batch's source.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        images, masks = (torch.from_numpy(prepared.array(f"{split}_{name}")) for name in Batch._fields)
        return Batch(images.to(device), masks.to(device))


def _take(data: Batch, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Pictures in [0, 1] and masks, uint8."""
    return data.images.index_select(0, rows).float() / 255, data.masks.index_select(0, rows)


def _as_batch(images: Tensor, masks: Tensor) -> Batch:
    return Batch(2 * images - 1, masks.long())


def _fixed_subset(n: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:TRAIN_SUBSET]
