"""The sentiment task: tokens on the device, loss, evaluation. See `sweeper.task.Task` for the contract."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sweeper.task import Coefficients, Evaluation, Prepared, stackable_values
from sweeper_tasks.sentiment.alphas import alpha_of, training_counts
from sweeper_tasks.sentiment.batch import Batch, Sizes
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.loss import polarity_ce, sentiment_loss
from sweeper_tasks.sentiment.metrics import macro_f1_influence, sentiment_metrics
from sweeper_tasks.sentiment.model import build_model
from sweeper_tasks.sentiment.polarities import N_POLARITIES, NOT_NAMED, SPLITS, Labels

EVALUATION_CHUNK = 256
TRAIN_SUBSET = 1000


class SentimentTask:
    """Opinions read from reviews, judged by the mean F1 over aspects and polarities."""

    def __init__(self, config: SentimentConfig, prepared: Prepared, device: torch.device) -> None:
        self._config, self._facts, self._device = config, prepared.facts, device
        self._splits = prepared.once(
            f"splits on {device}", lambda: {split: _open(prepared, split, device) for split in SPLITS}
        )
        self._train_subset = _fixed_subset(prepared.n_train).to(device)

    @property
    def n_train(self) -> int:
        """Reviews of the training split."""
        return len(self._splits["train"].tokens)

    def build_model(self) -> nn.Module:
        """The configured model; its outputs are logits [B, A, K]."""
        sizes = Sizes(
            vocabulary_size=self._facts["vocabulary_size"],
            padding=self._facts["padding"],
            max_tokens=self._config.data.max_tokens,
            n_aspects=len(self._facts["aspects"]),
            n_classes=self._config.loss.n_classes,
        )
        return build_model(self._config.model, sizes).to(self._device)

    def coefficients(self) -> dict[str, Tensor]:
        """The stackable fields of the configured loss.

        Alpha has one form whatever is written, so that siblings may differ in it:
        `loss.focal_alpha.<aspect>.<class>`, both by number.
        """
        values = stackable_values(self._config)
        if "loss.focal_alpha" in values:
            counts = training_counts(self._facts, self._config.loss.n_classes)
            alpha = alpha_of(values.pop("loss.focal_alpha"), counts)
            values |= {f"loss.focal_alpha.{a}.{c}": float(value) for (a, c), value in np.ndenumerate(alpha)}
        return {path: torch.tensor(float(value), device=self._device) for path, value in values.items()}

    def train_batch(self, indices: Tensor) -> Batch:
        """Tokens and labels at `indices`."""
        return _take(self._splits["train"], indices)

    def loss(
        self, outputs: Tensor, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """One term, so that there are no components; see `sentiment_loss`."""
        return sentiment_loss(self._config.loss, outputs, batch.labels, coefficients), {}

    def probabilities(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """Of the classes of each aspect, [B, A, K]."""
        return (outputs.double().softmax(dim=-1),)

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> Tensor:
        """Logits [B, A, K] with these probabilities."""
        return probabilities[0].clamp(min=torch.finfo(torch.float64).tiny).log()

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """All of `sentiment_metrics`, plain `ce` of the named aspects and the configured `loss`, nats.

        Losses are means over the whole split. On val and test also a record a review: `true` and `predicted`
        [n, A], -1 where an aspect is not named or no polarity is predicted, and `influence_macro_f1`.
        Everything after the forward pass is float64 on the CPU.
        """
        model.eval()
        logits, labels = self._outputs(model, split)
        exact = {path: value.double().cpu() for path, value in coefficients.items()}
        true = labels.numpy().astype(np.int8)
        predicted = _predicted(logits, true)
        least = self._facts["min_support"]
        metrics = sentiment_metrics(true, predicted, tuple(self._facts["slugs"]), least) | {
            "ce": float(polarity_ce(logits, labels)),
            "loss": float(sentiment_loss(self._config.loss, logits, labels, exact)),
        }
        return Evaluation(metrics, {} if split == "train" else _records(true, predicted, least))

    def _outputs(self, model: nn.Module, split: str) -> tuple[Tensor, Tensor]:
        """Logits [n, A, K] float64 and labels [n, A] of a split (of train a fixed subset), on the CPU."""
        data = self._splits[split]
        rows = self._train_subset if split == "train" else torch.arange(len(data.tokens), device=self._device)
        with torch.no_grad():
            logits = [model(_take(data, some)) for some in torch.split(rows, EVALUATION_CHUNK)]
        return torch.cat(logits).double().cpu(), data.labels.index_select(0, rows).long().cpu()


def _predicted(logits: Tensor, true: Labels) -> Labels:
    """[n, A] the likeliest polarity.

    With three classes only named aspects are judged; with four, the fourth is no polarity, for all of them.
    """
    likeliest = logits.argmax(dim=-1).numpy()
    is_none = true == NOT_NAMED if logits.shape[-1] == N_POLARITIES else likeliest == N_POLARITIES
    return np.where(is_none, NOT_NAMED, likeliest).astype(np.int8)


def _records(true: Labels, predicted: Labels, min_support: int) -> dict[str, NDArray[Any]]:
    influence = macro_f1_influence(true, predicted, min_support)
    return {"true": true, "predicted": predicted, "influence_macro_f1": influence.astype(np.float32)}


def _open(prepared: Prepared, split: str, device: torch.device) -> Batch:
    """A split on the device; tokens fit into int32."""
    tokens, labels = (np.asarray(prepared.array(f"{split}_{name}")) for name in Batch._fields)
    return Batch(
        torch.from_numpy(tokens.astype(np.int32)).to(device), torch.from_numpy(labels.copy()).to(device)
    )


def _take(data: Batch, rows: Tensor) -> Batch:
    return Batch(*(column.index_select(0, rows).long() for column in data))


def _fixed_subset(n: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:TRAIN_SUBSET]
