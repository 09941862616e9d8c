"""The diagnosis task: patients on the device, loss, evaluation. See `sweeper.task.Task` for the contract."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sweeper.task import Coefficients, Evaluation, Prepared, UserError, stackable_values
from sweeper_tasks.diagnosis.calibration import fitted_temperature
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from sweeper_tasks.diagnosis.influence import influences
from sweeper_tasks.diagnosis.loss import diagnosis_loss
from sweeper_tasks.diagnosis.metrics import Floats, diagnosis_metrics, one_vs_rest, probability_metrics
from sweeper_tasks.diagnosis.model import Batch, Heads, TwoHeads
from sweeper_tasks.diagnosis.names import calibrated
from sweeper_tasks.diagnosis.strategy import alpha_of

EVALUATION_CHUNK = 16384
TRAIN_SUBSET = 16384
SPLITS = ("train", "val", "test")


class Seen(NamedTuple):
    """A split as a model sees it: logits [n, C] of both heads in float64, and the classes [n], on the CPU."""

    main: Tensor
    aux: Tensor
    labels: Tensor


class DiagnosisTask:
    """A rare disease, judged by how well its patients are ranked before the others."""

    def __init__(self, config: DiagnosisConfig, prepared: Prepared, device: torch.device) -> None:
        self._config, self._facts, self._device = config, prepared.facts, device
        self._choice = config.choice(prepared.facts)
        if faults := config.faults(prepared.facts):  # a sampler may draw what nobody has looked at
            raise UserError(faults)
        self._splits = prepared.once(
            f"splits on {device}", lambda: {split: _open(prepared, split, device) for split in SPLITS}
        )
        self._train_subset = prepared.once(
            f"subset on {device}", lambda: _fixed_subset(prepared.array("train_labels")).to(device)
        )

    @property
    def n_train(self) -> int:
        """Patients of the training split."""
        return len(self._splits["train"].labels)

    def build_model(self) -> nn.Module:
        """The configured model; its outputs are `Heads`."""
        counts = self._facts["counts"]["train"]
        n_numbers = len(self._facts["numbers"]) + len(self._facts["indicators"])
        vocabularies = [column["vocabulary"] for column in self._facts["categories"]]
        shares = [count / sum(counts) for count in counts]
        return TwoHeads(self._config.model, n_numbers, vocabularies, shares).to(self._device)

    def coefficients(self) -> dict[str, Tensor]:
        """All stackable fields of the strategy that trains; alpha is `<path>.alpha.<class>` for every class.

        One number, a list and "auto" thus have one form, so that siblings may differ in it.
        """
        path, values = self._choice.path, stackable_values(self._choice.strategy)
        alpha = alpha_of(values.pop("alpha"), self._facts["counts"]["train"])
        plain = values | {f"alpha.{c}": weight for c, weight in enumerate(alpha)}
        return {f"{path}.{name}": self._as_tensor(value) for name, value in plain.items()}

    def _as_tensor(self, value: float) -> Tensor:
        return torch.tensor(float(value), device=self._device)

    def train_batch(self, indices: Tensor) -> Batch:
        """Patients of the training split."""
        return _take(self._splits["train"], indices)

    def loss(
        self, outputs: Heads, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """See `diagnosis_loss`; the same at every step."""
        prefix = f"{self._choice.path}."
        values = {path.removeprefix(prefix): value for path, value in coefficients.items()}
        return diagnosis_loss(self._choice.strategy, outputs[0], outputs[1], batch.labels, values)

    def probabilities(self, outputs: Heads) -> tuple[Tensor, ...]:
        """Those of the main and of the auxiliary head, each [B, C] float64."""
        return tuple(logits.double().softmax(dim=1) for logits in outputs)

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> Heads:
        """Their logarithms, which are logits; what is 0 becomes the smallest normal number."""
        main, aux = (p.clamp(min=torch.finfo(p.dtype).tiny).log() for p in probabilities)
        return Heads(main, aux)

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """All of `diagnosis_metrics`, those of the main head, `head_agreement`, `loss` and its terms.

        `head_agreement` is the share of patients for whom both heads have the same likeliest class. With
        `calibration.temperature` also `temperature`, fitted to this model on validation, and
        `brier_calibrated`, `ece_calibrated` and `ce_calibrated`. Records of val and test, one a patient:
        `score` [n, C], the logit of each class against the rest, `label`, and the
        influence values on auprc, auroc and brier. Everything after the forward pass is float64 on the CPU.
        """
        seen = self._see(model.eval(), split)
        main, labels = seen.main.numpy(), seen.labels.numpy()
        metrics = {
            **diagnosis_metrics(main, labels),
            "head_agreement": float((seen.main.argmax(dim=1) == seen.aux.argmax(dim=1)).double().mean()),
            **self._calibrated(model, seen, split),
            **self._losses(seen, coefficients, step),
        }
        return Evaluation(metrics, {} if split == "train" else _records(main, labels))

    @torch.no_grad()
    def _see(self, model: nn.Module, split: str) -> Seen:
        data = self._splits[split]
        rows = self._train_subset if split == "train" else torch.arange(len(data.labels), device=self._device)
        outputs = [model(_take(data, some)) for some in torch.split(rows, EVALUATION_CHUNK)]
        main, aux = (torch.cat(logits).double().cpu() for logits in zip(*outputs, strict=True))
        return Seen(main, aux, data.labels.index_select(0, rows).cpu())

    def _calibrated(self, model: nn.Module, seen: Seen, split: str) -> dict[str, float]:
        if not self._config.calibration.temperature:
            return {}
        val = seen if split == "val" else self._see(model, "val")
        temperature = fitted_temperature(val.main.numpy(), val.labels.numpy())
        after = probability_metrics(seen.main.numpy() / temperature, seen.labels.numpy())
        return {"temperature": temperature, **{calibrated(name): value for name, value in after.items()}}

    def _losses(self, seen: Seen, coefficients: Coefficients, step: Tensor) -> dict[str, float]:
        exact = {path: torch.tensor(_as_written(value)) for path, value in coefficients.items()}
        nothing = torch.empty(0)
        batch = Batch(nothing, nothing, seen.labels)
        total, terms = self.loss(Heads(seen.main, seen.aux), batch, exact, step)
        return {name: float(value) for name, value in {"loss": total, **terms}.items()}


def _records(logits: Floats, labels: NDArray[Any]) -> dict[str, NDArray[Any]]:
    scores = one_vs_rest(logits)
    return {
        "score": scores.astype(np.float32),
        "label": labels.astype(np.uint8),
        **{f"influence_{name}": x.astype(np.float32) for name, x in influences(scores, labels).items()},
    }


def _open(prepared: Prepared, split: str, device: torch.device) -> Batch:
    with warnings.catch_warnings():
        # The arrays are mapped read-only and shared by all workers; nothing writes into a batch's source.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        numbers, categories, labels = (
            torch.from_numpy(prepared.array(f"{split}_{name}")) for name in Batch._fields
        )
        return Batch(numbers.to(device), categories.to(device), labels.to(device, torch.int64))


def _take(data: Batch, rows: Tensor) -> Batch:
    return Batch(*(column.index_select(0, rows) for column in data))


def _fixed_subset(labels: NDArray[Any]) -> Tensor:
    """The same share of every class, so that the prevalence is that of the whole split."""
    rng, share = np.random.default_rng(0), min(1.0, TRAIN_SUBSET / len(labels))
    of_classes = (rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels))
    chosen = np.concatenate([rows[: max(1, round(share * len(rows)))] for rows in of_classes])
    return torch.from_numpy(np.sort(chosen))


def _as_written(coefficient: Tensor) -> np.float64:
    """0.1 for the float32 nearest to 0.1, which would otherwise be computed with as 0.10000000149."""
    return np.float64(str(np.float32(coefficient.item())))
