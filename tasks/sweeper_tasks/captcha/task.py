"""The captcha task: images on the device, loss, evaluation. See `sweeper.task.Task` for the contract."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sweeper.task import Coefficients, Evaluation, Prepared, mean_influence, stackable_values
from sweeper_tasks.augmentation import augment
from sweeper_tasks.captcha.alphabet import Codes, ended
from sweeper_tasks.captcha.averaging import logits_of, probabilities_of
from sweeper_tasks.captcha.config import CaptchaConfig
from sweeper_tasks.captcha.loss import captcha_loss
from sweeper_tasks.captcha.loss_config import OneChoice
from sweeper_tasks.captcha.metrics import (
    Floats,
    cross_entropies,
    is_match,
    one_against_rest,
    output_metrics,
    reading_metrics,
)
from sweeper_tasks.captcha.model import Batch, CaptchaCnn

EVALUATION_CHUNK = 256
TRAIN_SUBSET = 1000
SPLITS = ("train", "val", "test")
WHITE = 255.0


class CaptchaTask:
    """Texts read from images, judged by the share of texts that are read without a mistake."""

    def __init__(self, config: CaptchaConfig, prepared: Prepared, device: torch.device) -> None:
        self._config, self._device = config, device
        self._splits = prepared.once(
            f"splits on {device}", lambda: {split: _open(prepared, split, device) for split in SPLITS}
        )
        self._train_subset = _fixed_subset(prepared.n_train).to(device)

    @property
    def n_train(self) -> int:
        """Images of the training split."""
        return len(self._splits["train"].codes)

    def build_model(self) -> nn.Module:
        """The configured model; its outputs are logits [B, L, K]."""
        data = self._config.data
        shape = data.n_channels, data.height, data.width
        return CaptchaCnn(self._config.model, *shape, data.n_positions).to(self._device)

    def coefficients(self) -> dict[str, Tensor]:
        """All stackable fields of the configured loss."""
        values = stackable_values(self._config)
        return {path: torch.tensor(float(value), device=self._device) for path, value in values.items()}

    def train_batch(self, indices: Tensor) -> Batch:
        """Images and codes at `indices`; images are augmented, by torch's global generator of the device."""
        batch = _take(self._splits["train"], indices)
        images, _ = augment(batch.images, None, self._config.data.augmentation)
        return Batch(images, batch.codes)

    def loss(
        self, outputs: Tensor, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One term, so that there are no components; see `captcha_loss`."""
        return captcha_loss(self._config.loss, outputs, batch.codes, coefficients), {}

    def probabilities(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """[B, L, K] twice, of each output and of its opposite; see `sweeper_tasks.captcha.averaging`."""
        return probabilities_of(outputs, one_choice=isinstance(self._config.loss, OneChoice))

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> Tensor:
        """Logits [B, L, K], in float64, all finite."""
        p, q = probabilities
        return logits_of(p, q, one_choice=isinstance(self._config.loss, OneChoice))

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """Metrics of reading and of single outputs, plain `bce` and `ce`, and the configured `loss`, nats.

        On val and test also a record an image: `read` and `true` [n, L] codes, `ce` (how hard it was, nats)
        and `influence_full_match`. Everything after the forward pass is float64 on the CPU.
        """
        model.eval()
        outputs, codes = self._outputs(model, split)
        exact = {
            path: torch.tensor(_as_written(value), dtype=torch.float64)
            for path, value in coefficients.items()
        }
        loss = captcha_loss(self._config.loss, outputs, codes, exact)
        logits, true = outputs.numpy(), codes.numpy().astype(np.uint8)
        read, ce = ended(logits.argmax(axis=-1)), cross_entropies(logits, true)
        metrics = {
            **reading_metrics(read, true),
            **output_metrics(self._yes_or_no(logits), true),
            "ce": float(ce.mean()),
            "loss": float(loss),
        }
        return Evaluation(metrics, {} if split == "train" else _records(read, true, ce))

    def _yes_or_no(self, logits: Floats) -> Floats:
        """Logits of each output's own probability."""
        return one_against_rest(logits) if isinstance(self._config.loss, OneChoice) else logits

    def _outputs(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """Logits [n, L, K] float64 and codes [n, L] of a split (of train a fixed subset), on the CPU."""
        data = self._splits[split]
        rows = self._train_subset if split == "train" else torch.arange(len(data.codes), device=self._device)
        with torch.no_grad():
            logits = [model(_take(data, some)) for some in torch.split(rows, EVALUATION_CHUNK)]
        return torch.cat(logits).double().cpu(), data.codes.index_select(0, rows).cpu()


def _records(read: Codes, true: Codes, ce: Floats) -> dict[str, NDArray[Any]]:
    influence = mean_influence(is_match(read, true))
    return {
        "read": read,
        "true": true,
        "ce": ce.astype(np.float32),
        "influence_full_match": influence.astype(np.float32),
    }


def _open(prepared: Prepared, split: str, device: torch.device) -> Batch:
    """A split on the device, images still in bytes."""
    with warnings.catch_warnings():
        # The arrays are mapped read-only and shared by all workers; nothing writes into a batch's source.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        images, codes = (torch.from_numpy(prepared.array(f"{split}_{name}")) for name in ("images", "codes"))
        return Batch(images.to(device), codes.to(device, torch.int64))


def _take(data: Batch, rows: Tensor) -> Batch:
    images, codes = (column.index_select(0, rows) for column in data)
    return Batch(images / WHITE, codes)


def _fixed_subset(n: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:TRAIN_SUBSET]


def _as_written(coefficient: Tensor) -> float:
    """0.1 for the float32 nearest to 0.1, which would otherwise be computed with as 0.10000000149."""
    return float(str(np.float32(coefficient.item())))
