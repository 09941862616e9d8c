"""What a follow-up changes, by hand."""

from typing import Any

import pytest

from sweeper.monitor import Changes, changed, unknown_keys
from tests.sweeper.monitor.histories import rules_of

CONFIG: dict[str, Any] = {
    "optimizer": {"lr": 0.006, "weight_decay": 1e-4},
    "trainer": {"epochs": 30, "grad_clip_norm": None, "schedule": {"lr_warmup_steps": 90}},
    "loss": {"name": "segmentation/focal_dice", "focal_gamma": 2.0, "focal_alpha": "auto"},
    "model": {"name": "microseg", "dropout": 0.15},
    "data": {"augmentation": {"scale": [0.85, 1.15]}},
    "aux_focal": None,
}
OVERRIDES = ("loss=segmentation/focal_dice", "+loss.focal_gamma=2.0", "optimizer.lr=0.006")


def apply(**change: Any) -> Changes:
    keys = {key.replace("__", "."): value for key, value in change.items()}
    (rule,) = rules_of(one={"when": "loss > 1", "then": "follow_up", "change": keys})
    return changed(rule.rule.change, CONFIG, OVERRIDES)


@pytest.mark.parametrize(
    ("key", "change", "line"),
    [
        ("optimizer.lr", "*0.6", "optimizer.lr=0.0036"),
        ("model.dropout", "+0.1", "model.dropout=0.25"),
        ("model.dropout", -0.1, "model.dropout=-0.1"),
        ("trainer.epochs", "*1.4", "trainer.epochs=42"),
        ("trainer.schedule.lr_warmup_steps", "-10", "trainer.schedule.lr_warmup_steps=80"),
        ("trainer.grad_clip_norm", 1.0, "trainer.grad_clip_norm=1.0"),
        ("data.augmentation.scale", [0.8, 1.2], "data.augmentation.scale=[0.8,1.2]"),
        ("loss.focal_alpha", None, "loss.focal_alpha=null"),
        ("model", "captcha/cnn", "model=captcha/cnn"),
    ],
)
def test_a_change_becomes_an_override(key: str, change: Any, line: str) -> None:
    changes = apply(**{key: change})
    assert line in changes.overrides
    assert list(changes.params) == [key]
    assert changes.left_out == ()


def test_the_override_of_a_key_is_replaced_where_it_stands_others_stay() -> None:
    changes = apply(loss__focal_gamma=1.5, optimizer__weight_decay="*2")
    assert changes.overrides == (
        "loss=segmentation/focal_dice",
        "loss.focal_gamma=1.5",
        "optimizer.lr=0.006",
        "optimizer.weight_decay=0.0002",
    )
    assert changes.params == {"loss.focal_gamma": 1.5, "optimizer.weight_decay": 2e-4}


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("loss.gamma", 1.5),
        ("aux_focal.lambda", "*0.5"),
        ("loss.focal_alpha", "*0.8"),
        ("trainer.grad_clip_norm", "*2"),
    ],
)
def test_a_key_that_the_trial_lacks_or_that_is_no_number_is_left_out(key: str, change: Any) -> None:
    assert apply(**{key: change}) == Changes(OVERRIDES, (key,), {})


def test_equal_values_change_nothing() -> None:
    assert apply(loss__focal_gamma=2, model="microseg", optimizer__lr="*1") == Changes(OVERRIDES, (), {})


def test_a_section_may_be_written_as_one() -> None:
    assert apply(optimizer={"lr": 0.1}).params == {"optimizer.lr": 0.1}


def test_a_key_that_no_trial_has_is_a_fault_but_for_rules_that_need_not_know_it() -> None:
    change = {"optimizer.lr": 1, "optimizer.lrr": 2}
    rules = rules_of(
        mine={"when": "loss > 1", "change": change},
        shipped={"when": "loss > 1", "change": change, "if_known": True},
    )
    (fault,) = unknown_keys(rules, [CONFIG])
    assert str(fault) == (
        "monitor.rules.mine.change.optimizer.lrr: no trial of this study has it; did you mean 'optimizer.lr'?"
    )
