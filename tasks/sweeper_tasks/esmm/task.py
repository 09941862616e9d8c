"""The esmm task: data on the device, loss, evaluation. See `sweeper.task.Task` for the contract."""

import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce_with_logits

from sweeper.task import Coefficients, Evaluation, Prepared, stackable_values
from sweeper_tasks.esmm.averaging import outputs_of, probabilities_of
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.metrics import Floats, Logits, Rankings, esmm_metrics, rankings_of
from sweeper_tasks.esmm.model import Batch, EsmmOutput, build_model, unchanging
from sweeper_tasks.esmm.recorded import CTCVR_PARTS, FOCAL_STATE, FOCAL_VALUES, HEAD_LOSSES
from sweeper_tasks.losses.esmm import clicked_bce, ctcvr_logits
from sweeper_tasks.losses.focal import (
    bce_plus_factors,
    binary_focal_factors,
    focal_bce_with_logits,
    from_step,
)
from sweeper_tasks.precision import at_least_float32

CHUNKS = {"cpu": 2048}
"""Rows of a forward pass in evaluations, by kind of device: on a CPU what its cache holds."""
CHUNK = 8192
"""The same on other devices, where a pass takes the time of its launches."""
TRAIN_SUBSET = 8192


class EsmmTask:
    """Clicks and conversions, with an optional auxiliary focal term on CTCVR."""

    def __init__(self, config: EsmmConfig, prepared: Prepared, device: torch.device) -> None:
        self._config, self._facts, self._device = config, prepared.facts, device
        self._once = prepared.once
        self._splits = prepared.once(f"splits on {device}", lambda: _open_all(prepared, device))
        self._train_subset = prepared.once(
            f"subset on {device}", lambda: _fixed_subset(prepared.n_train).to(device)
        )

    @property
    def n_train(self) -> int:
        """Rows of the training split."""
        return len(self._splits["train"].click)

    def build_model(self) -> nn.Module:
        """The configured model."""
        vocabularies = [field["vocabulary"] for field in self._facts["sparse_fields"]]
        model = build_model(self._config.model, vocabularies, n_dense=len(self._facts["dense_fields"]))
        return model.to(self._device)

    def coefficients(self) -> dict[str, Tensor]:
        """All stackable fields; an "auto" weight comes from the training split."""
        values = stackable_values(self._config)
        automatic = {f"loss.static_pos_weight.{head}": w for head, w in self._facts["pos_weight"].items()}
        return {
            path: torch.tensor(float(automatic[path] if value == "auto" else value), device=self._device)
            for path, value in values.items()
        }

    def train_batch(self, indices: Tensor) -> Batch:
        """Rows of the training split, labels as float32."""
        return _take(self._splits["train"], indices)

    def loss(
        self, outputs: EsmmOutput, batch: Batch, coefficients: Coefficients, step: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """`w_ctr BCE_ctr + w_ctcvr [BCE_ctcvr + lambda 1{step >= warmup} Focal] + w_cvr_aux BCE_cvr`, nats.

        BCE_ctr and BCE_ctcvr are means over impressions with a pos_weight each, Focal is one without,
        BCE_cvr is a mean over clicks, without.
        """
        c = coefficients
        ctr_logits, cvr_logits = (at_least_float32(logits) for logits in outputs)
        logits = ctcvr_logits(ctr_logits, cvr_logits)
        losses = (
            bce_with_logits(ctr_logits, batch.click, pos_weight=c["loss.static_pos_weight.ctr"]),
            self._loss_ctcvr(logits, outputs.ctr_logits.dtype, batch.conversion, c, step),
            clicked_bce(cvr_logits, batch.conversion, batch.click),
        )
        loss_ctr, loss_ctcvr, loss_cvr_aux = losses
        total = (
            c["loss.w_ctr"] * loss_ctr + c["loss.w_ctcvr"] * loss_ctcvr + c["loss.w_cvr_aux"] * loss_cvr_aux
        )
        return total, {name: value.detach() for name, value in zip(HEAD_LOSSES, losses, strict=True)}

    def _loss_ctcvr(
        self, logits: Tensor, model_dtype: torch.dtype, conversion: Tensor, c: Coefficients, step: Tensor
    ) -> Tensor:
        aux, pos_weight = self._config.active_focal, c["loss.static_pos_weight.ctcvr"]
        if aux is None:
            return bce_with_logits(logits, conversion, pos_weight=pos_weight)
        weight = from_step(c["aux_focal.lambda"], step, c["aux_focal.warmup_steps"])
        gamma, alpha = c["aux_focal.gamma"], c["aux_focal.alpha"] if aux.use_alpha else None
        seen, labels = logits, conversion
        if not aux.compute_fp32:
            seen, labels = logits.to(model_dtype), conversion.to(model_dtype)
        if aux.detach_p_for_weight:
            factors = binary_focal_factors(seen.detach(), labels, gamma, alpha)
            return bce_plus_factors(logits, conversion, pos_weight, weight, factors)
        bce = bce_with_logits(logits, conversion, pos_weight=pos_weight)
        return bce + weight * focal_bce_with_logits(seen, labels, gamma, alpha)

    def probabilities(self, outputs: EsmmOutput) -> tuple[Tensor, ...]:
        """Of the three things that may become of an impression, [B] each; see `sweeper_tasks.esmm.averaging`.

        As the models state them: members trained with different pos_weights state different odds.
        """
        return probabilities_of(outputs)

    def outputs_of(self, probabilities: tuple[Tensor, ...]) -> EsmmOutput:
        """Logits of both heads, in float64."""
        return outputs_of(*probabilities)

    def evaluate(self, model: nn.Module, split: str, coefficients: Coefficients, step: Tensor) -> Evaluation:
        """Metrics and loss terms; on val and test also `score` and `label`.

        On test also influence values of both heads' AUC: what a winner costs the other head is known with
        its error.

        The score is the CTCVR logit: unlike p_ctcvr it has no ties where p rounds to 1.
        Everything after the forward pass is float64 on the CPU, over the whole split at once.
        """
        model.eval()
        plain = {path: _as_written(value) for path, value in coefficients.items()}
        batch, outputs = self._predict(model, split)
        logits = Logits(*(z.numpy() for z in (*outputs, ctcvr_logits(*outputs))))
        click, conversion = batch.click.numpy(), batch.conversion.numpy()
        rankings = rankings_of(logits, click, conversion)
        pos_weight = plain["loss.static_pos_weight.ctcvr"]
        metrics = esmm_metrics(logits, click, conversion, pos_weight, rankings)
        records = {} if split == "train" else _records(logits.ctcvr, conversion)
        if split == "test":
            records |= _influences(rankings)
        return Evaluation(metrics | self._loss_record(outputs, batch, plain, step.cpu()), records)

    def _predict(self, model: nn.Module, split: str) -> tuple[Batch, EsmmOutput]:
        """Labels and logits of a split, in float64 on the CPU; the features stay where they are."""
        chunks, labels = self._once(f"{split} to evaluate on {self._device}", lambda: self._evaluated(split))
        with torch.no_grad(), unchanging(model, len(labels.click)):
            outputs = [model(chunk) for chunk in chunks]
        ctr, cvr = (torch.cat(column).cpu().double() for column in zip(*outputs, strict=True))
        return labels, EsmmOutput(ctr, cvr)

    def _evaluated(self, split: str) -> tuple[list[Batch], Batch]:
        """The split in order, or the fixed subset of train: chunks on the device, and the labels alone."""
        data, size = self._splits[split], CHUNKS.get(self._device.type, CHUNK)
        whole = _take(data, self._train_subset) if split == "train" else _with_float_labels(*data)
        chunks = [Batch(*columns) for columns in zip(*(torch.split(c, size) for c in whole), strict=True)]
        click, conversion = (column.cpu().double() for column in (whole.click, whole.conversion))
        return chunks, Batch(torch.empty(0), torch.empty(0), click, conversion)

    def _loss_record(
        self, outputs: EsmmOutput, batch: Batch, plain: dict[str, float], step: Tensor
    ) -> dict[str, float]:
        """The loss, its terms, and the state of the focal term: loss_ctcvr = bce + on * lambda * focal."""
        exact = {path: torch.tensor(value, dtype=torch.float64) for path, value in plain.items()}
        total, losses = self.loss(outputs, batch, exact, step)
        parts = self._parts(ctcvr_logits(*outputs), batch.conversion, exact)
        terms = {name: float(value) for name, value in {"loss": total, **losses, **parts}.items()}
        return terms | self._focal_state(plain, int(step))

    def _parts(self, logits: Tensor, conversion: Tensor, c: Coefficients) -> dict[str, Tensor]:
        """The two parts of `loss_ctcvr`; training computes only their sum, which is cheaper."""
        if not self._config.has_ctcvr_parts:
            return {}
        bce = bce_with_logits(logits, conversion, pos_weight=c["loss.static_pos_weight.ctcvr"])
        aux = self._config.active_focal
        if aux is None:
            return dict(zip(CTCVR_PARTS, (bce, torch.zeros_like(bce)), strict=True))
        alpha = c["aux_focal.alpha"] if aux.use_alpha else None
        focal = focal_bce_with_logits(logits, conversion, c["aux_focal.gamma"], alpha)
        return dict(zip(CTCVR_PARTS, (bce, focal), strict=True))

    def _focal_state(self, plain: dict[str, float], step: int) -> dict[str, float]:
        """What is on, and with which values; all 0 where the feature is off."""
        enabled = self._config.active_focal is not None
        values = {key: plain[f"aux_focal.{key}"] if enabled else 0.0 for key in FOCAL_VALUES}
        state = (enabled, enabled and step >= values["warmup_steps"], *values.values())
        return {name: float(value) for name, value in zip(FOCAL_STATE, state, strict=True)}


def _records(scores: Floats, labels: Floats) -> dict[str, NDArray[Any]]:
    return {"score": scores.astype(np.float32), "label": labels.astype(np.uint8)}


def _influences(rankings: Rankings) -> dict[str, NDArray[Any]]:
    """Only where both classes are there: without an AUC nothing can move it."""
    heads = {"ctcvr": rankings.ctcvr, "ctr": rankings.ctr}
    return {
        f"influence_{head}_auc": ranking.auc_influence().astype(np.float32)
        for head, ranking in heads.items()
        if ranking.has_both
    }


def _open_all(prepared: Prepared, device: torch.device) -> dict[str, Batch]:
    return {split: _open(prepared, split, device) for split in ("train", "val", "test")}


def _open(prepared: Prepared, split: str, device: torch.device) -> Batch:
    with warnings.catch_warnings():
        # The arrays are mapped read-only and shared by all workers; nothing writes into a batch's source.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        names = ("sparse", "dense", "click", "conversion")
        columns = (torch.from_numpy(prepared.array(f"{split}_{name}")) for name in names)
        return Batch(*(column.to(device) for column in columns))


def _take(data: Batch, rows: Tensor) -> Batch:
    return _with_float_labels(*(column.index_select(0, rows) for column in data))


def _with_float_labels(sparse: Tensor, dense: Tensor, click: Tensor, conversion: Tensor) -> Batch:
    return Batch(sparse, dense, click.float(), conversion.float())


def _fixed_subset(n: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(0))[:TRAIN_SUBSET]


def _as_written(coefficient: Tensor) -> float:
    """0.1 for the float32 nearest to 0.1, which would otherwise be logged as 0.10000000149."""
    return float(str(np.float32(coefficient.item())))
