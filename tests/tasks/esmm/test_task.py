"""The esmm task: its loss is the documented formula, off means off bit by bit, and records add up."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.config import EsmmConfig
from sweeper_tasks.esmm.model import Batch, EsmmOutput
from sweeper_tasks.esmm.task import EsmmTask
from sweeper_tasks.losses.esmm import ctcvr_logits
from tests.tasks.esmm.tiny import FixedLogits, step_of, tiny_batch, tiny_config, tiny_prepared, tiny_task

N_STEPS = 20
POS_WEIGHTS = {"ctr": torch.tensor(1.5), "ctcvr": torch.tensor(5.3)}  # the facts of tiny_prepared


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return tiny_prepared(tmp_path_factory.mktemp("prepared"))


def plain_loss(out: EsmmOutput, batch: Batch) -> Tensor:
    """What anybody would write who has never heard of a focal term.

    The joint logits come first, as in the task: the order in which gradients are added decides the last bit.
    """
    joint = ctcvr_logits(out.ctr_logits, out.cvr_logits)
    ctr = bce(out.ctr_logits, batch.click, pos_weight=POS_WEIGHTS["ctr"])
    return ctr + bce(joint, batch.conversion, pos_weight=POS_WEIGHTS["ctcvr"])


def trained(task: EsmmTask, n_steps: int = N_STEPS, plain: bool = False) -> list[Tensor]:
    """All parameters after some steps with the task's loss, or with the plain one."""
    torch.manual_seed(0)
    model, coefficients = task.build_model(), task.coefficients()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    draw = torch.Generator().manual_seed(1)
    for step in range(n_steps):
        batch = task.train_batch(torch.randint(0, task.n_train, (33,), generator=draw))
        out = model(batch)
        loss = plain_loss(out, batch) if plain else task.loss(out, batch, coefficients, step_of(step))[0]
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return list(model.parameters())


def equal_bitwise(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


OFF: dict[str, EsmmConfig] = {
    "section absent": tiny_config(absent=True),
    "enabled=false": tiny_config(aux_focal={"enabled": False}),
    "before the warm-up ends": tiny_config(aux_focal={"warmup_steps": N_STEPS}),
    "before the warm-up ends, not detached": tiny_config(
        aux_focal={"warmup_steps": N_STEPS, "detach_p_for_weight": False}
    ),
    "lambda=0": tiny_config(aux_focal={"lambda": 0.0, "warmup_steps": 0}),
}


@pytest.mark.parametrize("config", OFF.values(), ids=OFF.keys())
def test_without_the_focal_term_training_is_bitwise_the_plain_loop(
    prepared: Prepared, config: EsmmConfig
) -> None:
    assert equal_bitwise(trained(tiny_task(prepared, config)), trained(tiny_task(prepared), plain=True))


def test_the_first_step_after_the_warm_up_is_the_first_that_differs(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    assert equal_bitwise(trained(task, n_steps=10), trained(task, n_steps=10, plain=True))
    assert not equal_bitwise(trained(task, n_steps=11), trained(task, n_steps=11, plain=True))


@pytest.mark.parametrize("use_alpha", [False, True])
@pytest.mark.parametrize("detach", [False, True])
def test_the_loss_is_the_documented_formula(prepared: Prepared, use_alpha: bool, detach: bool) -> None:
    aux = {"lambda": 0.2, "gamma": 2.0, "use_alpha": use_alpha, "detach_p_for_weight": detach}
    task = tiny_task(
        prepared,
        tiny_config(
            aux_focal=aux,
            w_ctr=0.7,
            w_ctcvr=1.3,
            w_cvr_aux=0.4,
            static_pos_weight={"ctr": 2.0, "ctcvr": 6.0},
        ),
    )
    coefficients = {path: value.double() for path, value in task.coefficients().items()}
    batch = tiny_batch(64, dtype=torch.float64)
    draw = torch.Generator().manual_seed(3)
    a, b = (torch.randn(64, generator=draw, dtype=torch.float64, requires_grad=True) for _ in range(2))
    got, _ = task.loss(EsmmOutput(a, b), batch, coefficients, step_of(10))

    p, y = a.sigmoid() * b.sigmoid(), batch.conversion
    p_t = p * y + (1 - p) * (1 - y)
    factors = (1 - p_t) ** 2 * ((0.25 * y + 0.75 * (1 - y)) if use_alpha else 1)
    focal = ((factors.detach() if detach else factors) * -p_t.log()).mean()
    weighted = -((1 + 5 * y) * p_t.log()).mean()
    clicked = batch.click.bool()
    expected = (
        0.7 * bce(a, batch.click, pos_weight=torch.tensor(2.0))
        + 1.3 * (weighted + 0.2 * focal)
        + 0.4 * bce(b[clicked], y[clicked])
    )
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=0)
    torch.testing.assert_close(
        torch.autograd.grad(got, (a, b)), torch.autograd.grad(expected, (a, b)), rtol=1e-5, atol=1e-9
    )


def test_the_ctr_term_never_has_a_focal_part(prepared: Prepared) -> None:
    task, batch = tiny_task(prepared, tiny_config(w_ctcvr=0.0)), tiny_batch(64)
    out = EsmmOutput(*torch.randn(2, 64))
    expected = bce(out.ctr_logits, batch.click, pos_weight=POS_WEIGHTS["ctr"])
    assert torch.equal(task.loss(out, batch, task.coefficients(), step_of(99))[0], expected)


def test_compute_fp32_spares_the_focal_term_the_precision_of_the_model(prepared: Prepared) -> None:
    """Of bfloat16's 8 bits the focal term may take harm, the cross-entropies never."""
    batch = tiny_batch(256)
    out = EsmmOutput(*(3 * torch.randn(2, 256, generator=torch.Generator().manual_seed(0))).bfloat16())

    def loss_ctcvr(outputs: EsmmOutput, **aux: Any) -> Tensor:
        task = tiny_task(prepared, tiny_config(aux_focal={"lambda": 1.0, "gamma": 2.0, **aux}))
        return task.loss(outputs, batch, task.coefficients(), step_of(10))[1]["loss_ctcvr"]

    exact = loss_ctcvr(EsmmOutput(*(logits.float() for logits in out)))
    assert torch.equal(loss_ctcvr(out, compute_fp32=True), exact)
    for detach in (True, False):
        low = loss_ctcvr(out, compute_fp32=False, detach_p_for_weight=detach)
        assert not torch.equal(low, exact)
        torch.testing.assert_close(low.float(), exact, rtol=1e-2, atol=0)


VARIANTS: dict[str, EsmmConfig] = {
    **OFF,
    "on": tiny_config(),
    "on, alpha": tiny_config(aux_focal={"use_alpha": True, "gamma": 2.0}),
    "on, not detached": tiny_config(aux_focal={"detach_p_for_weight": False, "lambda": 0.3}),
}


@pytest.mark.parametrize("step", [0, 9, 10, 25])
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS.keys())
def test_every_record_adds_up(prepared: Prepared, config: EsmmConfig, step: int) -> None:
    task = tiny_task(prepared, config)
    for split in ("train", "val", "test"):
        r = task.evaluate(task.build_model(), split, task.coefficients(), step_of(step)).metrics
        parts = r["loss_ctcvr_bce"] + r["aux_focal_on"] * r["aux_focal_lambda"] * r["loss_ctcvr_focal"]
        assert r["loss_ctcvr"] == pytest.approx(parts, rel=1e-12)
        assert r["loss"] == pytest.approx(r["loss_ctr"] + r["loss_ctcvr"], rel=1e-12)


def test_the_documented_record(tmp_path: Path) -> None:
    """One conversion with p = 0.36353: nll = 1.01190, focal = (1 - p) nll = 0.6440; 0.86352 nll = 0.8738.

    0.8738 + 0.1 x 0.6440 = 0.9382. With p_ctr = 1 to seven digits, p is p_cvr.
    """
    one = np.ones(1)
    prepared = tiny_prepared(tmp_path, val_click=one, val_conversion=one)
    task = tiny_task(prepared, tiny_config(static_pos_weight={"ctr": 1.0, "ctcvr": 0.86352}))
    model = FixedLogits(ctr=20.0, cvr=float(np.log(0.36353 / (1 - 0.36353))))
    record = task.evaluate(model, "val", task.coefficients(), step_of(10)).metrics
    shown = {name: round(record[name], 4) for name in ("loss_ctcvr_bce", "loss_ctcvr_focal", "loss_ctcvr")}
    assert shown == {"loss_ctcvr_bce": 0.8738, "loss_ctcvr_focal": 0.6440, "loss_ctcvr": 0.9382}
    assert record["aux_focal_lambda"] == 0.1


def test_the_state_of_the_focal_term_is_in_every_record(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    for step, on in ((9, 0.0), (10, 1.0)):
        metrics = task.evaluate(task.build_model(), "val", task.coefficients(), step_of(step)).metrics
        state = {key: value for key, value in metrics.items() if key.startswith("aux_focal")}
        assert state == {
            "aux_focal_enabled": 1.0,
            "aux_focal_on": on,
            "aux_focal_warmup_steps": 10.0,
            "aux_focal_lambda": 0.1,
            "aux_focal_gamma": 1.0,
        }


def test_a_disabled_section_is_logged_like_an_absent_one(prepared: Prepared) -> None:
    disabled, absent = (tiny_task(prepared, OFF[name]) for name in ("enabled=false", "section absent"))
    model = absent.build_model()
    one, other = (
        task.evaluate(model, "val", task.coefficients(), step_of(30)).metrics for task in (disabled, absent)
    )
    assert one == other
    assert {value for key, value in one.items() if key.startswith("aux_focal")} == {0.0}


def test_log_components_leaves_out_the_two_parts_and_nothing_else(prepared: Prepared) -> None:
    def keys(log_components: bool) -> set[str]:
        task = tiny_task(prepared, tiny_config(aux_focal={"log_components": log_components}))
        return set(task.evaluate(task.build_model(), "val", task.coefficients(), step_of(0)).metrics)

    assert keys(True) - keys(False) == {"loss_ctcvr_bce", "loss_ctcvr_focal"}
    assert keys(False) < keys(True)


def test_records_let_the_auc_and_its_variance_be_recomputed(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    evaluation = task.evaluate(task.build_model(), "test", task.coefficients(), step_of(0))
    score, label, influence = (evaluation.records[name] for name in ("score", "label", "influence_ctcvr_auc"))
    assert (score.dtype, label.dtype, influence.dtype) == (np.float32, np.uint8, np.float32)
    assert evaluation.metrics["ctcvr_auc"] == pytest.approx(roc_auc_score(label, score), abs=1e-6)
    assert delong_variance(score, label) == pytest.approx(
        float(np.sum(influence**2)) / len(label) ** 2, rel=1e-4
    )


def test_the_other_head_has_its_variance_on_test_too(prepared: Prepared) -> None:
    task = tiny_task(prepared)
    model, at = task.build_model(), step_of(0)
    found = task.evaluate(model, "test", task.coefficients(), at)
    assert len(found.records["influence_ctr_auc"]) == len(found.records["label"])
    assert float(found.records["influence_ctr_auc"].mean()) == pytest.approx(0, abs=1e-6)
    assert set(task.evaluate(model, "val", task.coefficients(), at).records) == {"score", "label"}


def delong_variance(score: NDArray[Any], label: NDArray[Any]) -> float:
    """Pair by pair, from the textbook."""
    positives, negatives = score[label == 1], score[label == 0]
    wins = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    by_positive, by_negative = wins.mean(axis=1), wins.mean(axis=0)
    return float(by_positive.var(ddof=1) / len(positives) + by_negative.var(ddof=1) / len(negatives))


def test_a_split_with_one_class_has_no_influence_and_no_nan(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path, test_click=np.ones(4), test_conversion=np.zeros(4)))
    evaluation = task.evaluate(task.build_model(), "test", task.coefficients(), step_of(0))
    assert set(evaluation.records) == {"score", "label"}
    assert np.isfinite(list(evaluation.metrics.values())).all()


def test_coefficients_are_the_stackable_fields_with_automatic_weights_from_the_training_split(
    prepared: Prepared,
) -> None:
    config = tiny_config(static_pos_weight={"ctr": 24.7, "ctcvr": "auto"})
    got = {path: round(value.item(), 5) for path, value in tiny_task(prepared, config).coefficients().items()}
    assert got == {
        "loss.w_ctr": 1.0,
        "loss.w_ctcvr": 1.0,
        "loss.w_cvr_aux": 0.0,
        "loss.static_pos_weight.ctr": 24.7,
        "loss.static_pos_weight.ctcvr": 5.3,
        "aux_focal.warmup_steps": 10.0,
        "aux_focal.lambda": 0.1,
        "aux_focal.gamma": 1.0,
        "aux_focal.alpha": 0.25,
    }


def test_a_split_longer_than_a_chunk_is_evaluated_whole_and_in_order(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = tiny_task(prepared)
    model = task.build_model()
    whole = task.evaluate(model, "val", task.coefficients(), step_of(0))
    monkeypatch.setattr("sweeper_tasks.esmm.task.CHUNKS", {"cpu": 50})
    in_parts = task.evaluate(model, "val", task.coefficients(), step_of(0))
    np.testing.assert_allclose(in_parts.records["score"], whole.records["score"], rtol=1e-5)
    np.testing.assert_array_equal(in_parts.records["label"], prepared.array("val_conversion"))
