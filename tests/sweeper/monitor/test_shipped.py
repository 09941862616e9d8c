"""Every rule of conf/monitor/rules fires on a made-up run that has its symptom, and not on a healthy one."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
import yaml

from sweeper.monitor import Clock, Compiled, History, alarms, compiled
from sweeper.results import Objective
from sweeper.schema import Monitor

CONF = Path(__file__).parents[3] / "conf"
CLOCK = Clock(max_steps=2000, steps_per_epoch=8)
"""250 epochs in 2,000 steps, so that documented epochs are not scaled; 20 evaluations."""
N = 20
OBJECTIVES = {
    "any": Objective("f_score", "maximize"),
    "segmentation": Objective("f_score", "maximize"),
    "captcha": Objective("full_match", "maximize"),
    "esmm": Objective("ctcvr_auc", "maximize"),
    "sentiment": Objective("macro_f1", "maximize"),
    "diagnosis": Objective("auprc", "maximize"),
}
Series = dict[str, Sequence[float]]


def rising(start: float, end: float) -> list[float]:
    return [end - (end - start) * 0.7**n for n in range(N)]


def swinging(around: float, by: float) -> list[float]:
    return [around + (by if n % 2 else -by) for n in range(N)]


HEALTHY: Series = {
    **{f"val/{name}": rising(0.35, 0.78) for name in ("f_score", "macro_f1", "auprc")},
    **{f"train/{name}": rising(0.36, 0.81) for name in ("f_score", "macro_f1", "auprc")},
    "val/full_match": rising(0.2, 0.85),
    "val/ctcvr_auc": rising(0.6, 0.83),
    "train/loss": rising(1.0, 0.2),
    "val/loss": rising(1.1, 0.3),
    "val/aux_focal_lambda": [0.1] * N,
    "val/loss_ctcvr_focal": rising(0.5, 0.1),
    "val/loss_ctcvr_bce": rising(1.0, 0.2),
}
DIVERGED: Series = {}
SYMPTOMS: dict[str, Series] = {
    "any diverged": DIVERGED,
    "any not_learning": {"train/loss": rising(1.0, 1.4)},
    "any overfitting": {"val/loss": rising(0.3, 1.2)},
    "any wide_gap": {"val/loss": rising(0.5, 3.0)},
    "any plateau": {"val/f_score": [0.5] * N},
    "segmentation weak_start": {"val/f_score": rising(0.25, 0.8)},
    "segmentation failed_start": {"val/f_score": rising(0.1, 0.8)},
    "segmentation lost": {"val/f_score": rising(0.2, 0.39)},
    "segmentation slow": {"val/f_score": rising(0.35, 0.6)},
    "segmentation oscillation": {"val/f_score": swinging(0.6, 0.06)},
    "segmentation overfitting_begins": {"train/f_score": rising(0.4, 0.9)},
    "segmentation memorising": {"train/f_score": rising(0.4, 0.95)},
    "segmentation stagnation": {"val/f_score": rising(0.35, 0.64)},
    "segmentation short_of_success": {"val/f_score": rising(0.35, 0.72)},
    "segmentation redesign": {"val/f_score": rising(0.35, 0.69)},
    "captcha unstable": {"val/loss": swinging(0.5, 0.1)},
    **{
        f"captcha {name}": {"val/full_match": swinging(0.76, 0.005)}
        for name in ("stuck", "still_stuck", "stuck_for_good")
    },
    "esmm focal_dominates": {"val/loss_ctcvr_focal": [12.0] * N},
    "esmm nan_focal": DIVERGED,
    "sentiment memorising": {"val/macro_f1": [0.4] * N},
    "diagnosis memorising": {"val/auprc": [0.4] * N},
}


@cache
def shipped(file: str) -> tuple[Compiled, ...]:
    rules = yaml.safe_load((CONF / "monitor" / "rules" / f"{file}.yaml").read_text())
    return compiled(Monitor(name="act", rules=rules))


ALL = [
    f"{path.stem} {one.name}"
    for path in sorted((CONF / "monitor" / "rules").glob("*.yaml"))
    for one in shipped(path.stem)
]


def fired(file: str, series: Series, error: str = "") -> list[str]:
    found = {**HEALTHY, **series}
    evaluations = tuple((100 * n + 100, {key: values[n] for key, values in found.items()}) for n in range(N))
    history = History(evaluations, error, is_over=True)
    return [alarm.rule for alarm in alarms(shipped(file), history, CLOCK, OBJECTIVES[file])]


@pytest.mark.parametrize("rule", ALL)
def test_a_shipped_rule_fires_on_its_symptom(rule: str) -> None:
    file, name = rule.split()
    assert name in fired(file, SYMPTOMS[rule], "NonFiniteLossError" if SYMPTOMS[rule] is DIVERGED else "")


@pytest.mark.parametrize("file", OBJECTIVES)
def test_no_shipped_rule_fires_on_a_healthy_run(file: str) -> None:
    assert fired(file, {}) == []


def test_symptoms_are_those_of_shipped_rules() -> None:
    assert set(SYMPTOMS) == set(ALL)


def test_no_task_brings_a_rule_by_the_name_of_one_for_all() -> None:
    names = [one.name for one in shipped("any")]
    assert [rule for rule in ALL if rule.split()[0] != "any" and rule.split()[1] in names] == []


def test_every_shipped_rule_advises_and_leaves_out_what_a_task_lacks() -> None:
    rules = [one for rule in ALL for one in shipped(rule.split()[0])]
    assert [one.name for one in rules if not one.rule.say or not one.rule.if_known] == []


@pytest.mark.parametrize("path", sorted((CONF / "task").glob("*.yaml")), ids=lambda path: str(path.stem))
def test_each_task_brings_rules_of_its_own(path: Path) -> None:
    assert {"/monitor/rules": path.stem} in yaml.safe_load(path.read_text())["defaults"]
