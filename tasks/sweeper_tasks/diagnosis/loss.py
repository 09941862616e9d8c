"""The loss of each `loss=diagnosis/...`, out of the same few terms.

Shapes: B patients, C classes; m and a are the logits [B, C] of the main and of the auxiliary head.
"""

import torch
from torch import Tensor

from sweeper.task import Coefficients
from sweeper_tasks.diagnosis.loss_config import (
    Adversarial,
    Balanced,
    ConfidenceAware,
    DualFocal,
    FocalSmooth,
    Strategy,
)
from sweeper_tasks.losses.dual_head import (
    confidence,
    is_right,
    jensen_shannon,
    kullback_leibler,
    mean_where,
    smoothed_cross_entropies,
)
from sweeper_tasks.losses.softmax_focal import log_p_true, softmax_cross_entropy, softmax_focal
from sweeper_tasks.precision import at_least_float32

Terms = dict[str, Tensor]


def diagnosis_loss(
    strategy: Strategy, m: Tensor, a: Tensor, labels: Tensor, values: Coefficients
) -> tuple[Tensor, Terms]:
    """The strategy's loss, in nats, and its terms without their weights, detached.

        dual_focal        w_m F(m) + w_a F(a)
        balanced          w_m F(m) + w_a CE(a; smoothing s) + w_k KL(softmax(m) || softmax(a))
        focal_smooth      w_m F(m) + w_a CE(a / t; smoothing s) - w_d mean[D]
        confidence_aware  (w_m + u_m c) F(m) + (w_a - u_a c) mean[(1 - conf) CE_i(a)] + w_c MSE(conf, correct)
        adversarial       w_m F(m) + w_a CE(a) - w_d mean[D over patients that both heads get right]

    F is softmax focal loss with `gamma` and an `alpha` for each class, CE mean cross-entropy, conf the main
    head's largest probability and c its mean over the batch. D is how far the heads are apart: at most ln 2
    ("js"), or the divergence KL(m || a) of each patient, at most `kl_cap` ("kl"), so that no reward is
    without end. The last mean is 0 where no patient counts. The main head is a constant in KL and D, and
    conf is one in c and in 1 - conf; only the squared error teaches it.

    Takes:
        strategy: which; its numbers are not read, but for the choice of D.
        m, a: [B, C], any float; float16 and bfloat16 are computed in float32.
        labels: [B], int64.
        values: 0-d, by the names of the strategy's fields; `alpha.<class>` for each class.

    Gives: 0-d, and `loss_main`, `loss_aux` and the further terms of the strategy, 0-d.

    Numerics: all from logits; see `softmax_focal` and `dual_head`. Never below -w_d ln 2, or -w_d kl_cap.
    Stackable: yes, in all values.
    Source: the documented strategies for diversified heads. Differs: D is bounded.
    """
    m, a = at_least_float32(m), at_least_float32(a)
    main = _focal(m, labels, values)
    match strategy:
        case DualFocal():
            aux, more = _focal(a, labels, values), {}
        case Balanced():
            aux = smoothed_cross_entropies(a, labels, values["smoothing"]).mean()
            more = {"consistency": kullback_leibler(m, a).mean()}
        case FocalSmooth():
            aux = smoothed_cross_entropies(a / values["aux_temperature"], labels, values["smoothing"]).mean()
            more = {"diversity": _divergences(strategy, m, a, values).mean()}
        case ConfidenceAware():
            return _confidence_aware(main, m, a, labels, values)
        case Adversarial():
            aux = softmax_cross_entropy(log_p_true(a, labels), labels)
            both_right = is_right(m, labels) & is_right(a, labels)
            more = {"diversity": mean_where(_divergences(strategy, m, a, values), both_right)}
    total = values["main_weight"] * main + values["aux_weight"] * aux
    if "consistency" in more:
        total = total + values["consistency_weight"] * more["consistency"]
    if "diversity" in more:
        total = total - values["diversity_weight"] * more["diversity"]
    return total, _detached(main=main, aux=aux, **more)


def _confidence_aware(
    main: Tensor, m: Tensor, a: Tensor, labels: Tensor, values: Coefficients
) -> tuple[Tensor, Terms]:
    conf, error = confidence(m, labels)
    doubt, mean_conf = 1 - conf.detach(), conf.detach().mean()
    aux = -(doubt * log_p_true(a, labels)).mean()
    total = (
        (values["main_weight"] + values["main_confidence_weight"] * mean_conf) * main
        + (values["aux_weight"] - values["aux_confidence_weight"] * mean_conf) * aux
        + values["calibration_weight"] * error
    )
    return total, _detached(main=main, aux=aux, calibration=error)


def _focal(logits: Tensor, labels: Tensor, values: Coefficients) -> Tensor:
    alpha = torch.stack([values[f"alpha.{c}"] for c in range(logits.shape[1])])
    return softmax_focal(log_p_true(logits, labels), labels, values["gamma"], alpha)


def _divergences(strategy: FocalSmooth | Adversarial, m: Tensor, a: Tensor, values: Coefficients) -> Tensor:
    """[B] D of each patient."""
    if strategy.divergence == "js":
        return jensen_shannon(m, a)
    return torch.minimum(kullback_leibler(m, a), values["kl_cap"])


def _detached(**terms: Tensor) -> Terms:
    return {f"loss_{name}": value.detach() for name, value in terms.items()}
