"""Which strategy `auto` chooses, and what one alpha says of several classes."""

from typing import Any

import pytest

from sweeper_tasks.diagnosis.loss_config import Auto
from sweeper_tasks.diagnosis.strategy import Needs, alpha_of, chosen, faults_of_alpha
from tests.tasks.diagnosis.tiny import tiny_config

HONEST, NOISY = {"requires_calibration": True}, {"has_noise": True}


def facts(*counts: int) -> dict[str, Any]:
    """Of these patients in training, and half as many in val and in test."""
    half = tuple(n // 2 for n in counts)
    splits = {"train": counts, "val": half, "test": half}
    return {"counts": splits, "classes": [f"c{i}" for i in range(len(counts))], "dropped": {}}


@pytest.mark.parametrize(
    ("counts", "needs", "name", "reason"),
    [
        ((1000, 99), HONEST | NOISY, "focal_smooth", "is 0.099, below 0.1"),
        ((1000, 100), HONEST | NOISY, "confidence_aware", "not below 0.1; data.requires_calibration=true"),
        ((1000, 100), NOISY, "adversarial", "data.has_noise=true"),
        ((1000, 900), {}, "balanced", "neither calibration nor noise is stated"),
        ((1000, 900, 50), {}, "focal_smooth", "is 0.05, below 0.1"),
    ],
)
def test_auto_follows_its_rules_in_order(
    counts: tuple[int, ...], needs: dict[str, bool], name: str, reason: str
) -> None:
    config = tiny_config("auto", data=needs)
    choice = config.choice(facts(*counts))
    assert isinstance(config.loss, Auto)
    assert choice.strategy == getattr(config.loss, name)
    assert choice.path == f"loss.{name}"
    assert reason in choice.reason
    told = config.announce(facts(*counts))
    assert told[0] == f"loss: auto chose {name}: {choice.reason}"


def test_a_named_strategy_is_taken_whatever_the_data() -> None:
    config = tiny_config("balanced", data=HONEST)
    choice = chosen(config.loss, Needs(True, True), facts(1000, 1))
    assert (choice.strategy, choice.path, choice.reason) == (config.loss, "loss", "")
    assert config.announce(facts(1000, 1)) == []


def test_one_alpha_is_that_of_the_rare_class_and_of_all_but_the_commonest() -> None:
    assert alpha_of(0.2, (980, 20)) == (0.8, 0.2)
    assert alpha_of(0.2, (900, 70, 30)) == (0.8, 0.2, 0.2)
    assert alpha_of((1.0, 2.0, 3.0), (900, 70, 30)) == (1.0, 2.0, 3.0)


def test_auto_alpha_gives_every_class_the_same_weight() -> None:
    """1000 / (2 x 980) = 0.5102 and 1000 / (2 x 20) = 25; times their numbers 500 each."""
    alpha = alpha_of("auto", (980, 20))
    assert alpha == pytest.approx((0.510204, 25))
    assert [a * n for a, n in zip(alpha, (980, 20), strict=True)] == pytest.approx([500, 500])


def test_a_list_of_the_wrong_length_is_told_with_the_classes() -> None:
    choice = tiny_config("auto", focal_smooth=tiny_config("focal_smooth").loss.model_dump()).choice(
        facts(9, 1)
    )
    assert faults_of_alpha(choice, facts(9, 1)) == []
    config = tiny_config(alpha=[0.1, 0.2, 0.3])
    told = [str(fault) for fault in config.faults(facts(9, 1))]
    assert told == ["loss.alpha: got a list of 3; expected 2 numbers. Give one for each of c0, c1"]


def test_what_is_left_out_and_an_auto_alpha_are_announced() -> None:
    known = facts(980, 20) | {"dropped": {"room": "constant in training"}}
    expected = [
        "data: column 'room' is left out, constant in training",
    ]
    assert tiny_config().announce(known) == expected
    told = tiny_config(alpha="auto").announce(known)
    assert told == [*expected, "loss.alpha: auto is c0 0.510204, c1 25"]


def test_what_one_alpha_means_of_several_classes_is_announced() -> None:
    assert (
        tiny_config(alpha=0.2).announce(facts(900, 70, 30))[-1] == "loss.alpha: 0.2 is c0 0.8, c1 0.2, c2 0.2"
    )
    assert len(tiny_config(alpha=[0.1, 0.2, 0.3]).announce(facts(900, 70, 30))) == 0
    assert len(tiny_config(alpha=0.2).announce(facts(980, 20))) == 0


def counted(val: tuple[int, ...], test: tuple[int, ...]) -> dict[str, Any]:
    known = facts(*val)
    return known | {"counts": known["counts"] | {"val": val, "test": test}}


def test_many_classes_some_of_them_rare_are_hardly_those_of_a_diagnosis() -> None:
    assert tiny_config().warnings(counted((9,) * 5, (9,) * 5)) == []
    assert tiny_config().warnings(counted((30,) * 21, (30,) * 21)) == []
    (told,) = tiny_config().warnings(counted((9,) * 21, (9,) * 21))
    assert told.startswith(
        "data.label: got 21 classes, 21 of them with fewer than 30 patients on val or test"
    )
