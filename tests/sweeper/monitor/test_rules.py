"""What a rule may say: faults name the place, all of them together; modes; metrics that a task has."""

import re
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.monitor import measurable, unknown_metrics
from sweeper.monitor.grammar import condition_of
from tests.sweeper.monitor.histories import rules_of

WRONG: list[tuple[str, str]] = [
    ("", "expected a metric or a number, not the end"),
    ("f_score <", "expected a metric or a number after 'f_score <', not the end"),
    ("f_score < 0.2 0.3", "expected the end, a comparison"),
    ("f_score", "expected a condition, not the number 'val/f_score'"),
    ("(loss > 1) > 2", "expected a number or a metric, not the condition 'val/loss > 1'"),
    ("loss and f_score < 1", "expected a condition, not the number 'val/loss'"),
    ("spread(f_score) > 1", "expected ',' after 'spread ( f_score', not ')'"),
    ("spread(f_score, 1) > 1", "expected a whole number of evaluations, 2 or more, not 1"),
    ("no_gain(f_score, 2.5)", "expected a whole number of evaluations, 1 or more, not 2.5"),
    ("no_gain(f_score, 120 %)", "expected a length above 0, and of at most 100 %, not 120 %"),
    (
        "no_gain(f_score, 5 minutes)",
        "a unit (evaluations, epochs, steps, %) or ')' after 'no_gain ( f_score , 5', not 'minutes'",
    ),
    ("no_gain(f_score, soon)", "expected how long, as in 5, 50 epochs, 500 steps, 20 %"),
    ("f_score < 0.2 and", "expected a metric or a number after 'f_score < 0.2 and', not the end"),
    ("(f_score < 0.2", "expected ')' after '( f_score < 0.2', not the end"),
    ("f_score == 0.2", "cannot read '== 0.2'"),
    ("val/", "cannot read"),
    ("(" * 201 + "a", "expected a condition of at most 200 words and signs, not 202"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_a_condition_that_cannot_be_read_says_where(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told) if text != "val/" else "expected a metric"):
        condition_of(text)


@pytest.mark.parametrize(
    "text",
    ["val/a - (val/b - val/c) > 1", "(val/a + 1) * val/b < -0.5", "val/a < 1 or (val/b < 1 and val/c < 1)"],
)
def test_a_condition_is_written_as_it_was_read(text: str) -> None:
    assert str(condition_of(text)) == text
    assert condition_of(str(condition_of(text))) == condition_of(text)


def test_and_binds_closer_than_or() -> None:
    assert condition_of("a < 1 or b < 1 and c < 1") == condition_of("a < 1 or (b < 1 and c < 1)")


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"then": "stop"}, "monitor.rules.one.when: missing; expected a condition"),
    (
        {"when": "f < 1", "than": "stop"},
        "rules.one.than: no such field of a rule; did you mean 'then'?",
    ),
    ({"when": "f < 1", "then": "halt"}, "monitor.rules.one.then: got 'halt'; expected 'warn', 'stop' or"),
    ({"when": "f < 1", "for": 0}, "monitor.rules.one.for: got 0; expected a number >= 1"),
    ({"when": "f <"}, "monitor.rules.one.when: got 'f <'; expected a metric or a number"),
    ({"when": "f < 1", "phase": "soon"}, "monitor.rules.one.phase: got 'soon'; expected always, early"),
    ({"when": "f < 1", "phase": "20 % to 10 %"}, "expected an end that is not before the start"),
    ({"when": "f < 1", "phase": "from 110 %"}, "expected at most 100 %"),
    ({"when": "f < 1", "then": "follow_up"}, "monitor.rules.one.change: missing"),
    ({"when": "test/f < 1"}, "test is measured when a run is over, not 'test/f'"),
    ({"when": "diverged", "for": 2}, "monitor.rules.one.for: got '2'; expected 1"),
    ({"when": "f < 1", "change": {"a": [[1]]}}, "monitor.rules.one.change: got"),
    ({"when": "f < 1", "of_epochs": -1.0}, "monitor.rules.one.of_epochs: got -1.0; expected a number > 0"),
]


@pytest.mark.parametrize(("rule", "told"), FAULTS)
def test_a_fault_names_the_rule_the_field_and_what_was_expected(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        rules_of(one=rule)


def test_all_faults_of_all_rules_are_told_together_whatever_the_mode() -> None:
    with pytest.raises(UserError) as raised:
        rules_of("none", one={"when": "f <", "phase": "soon"}, other={"when": 3})
    assert [fault.where.removeprefix("monitor.rules.") for fault in raised.value.faults] == [
        "one.when",
        "one.phase",
        "other.when",
    ]


@pytest.mark.parametrize(("mode", "then"), [("act", ["stop"]), ("advice", ["warn"]), ("none", [])])
def test_the_mode_decides_what_follows(mode: str, then: list[str]) -> None:
    rules = rules_of(mode, one={"when": "f < 1", "then": "stop"})
    assert [one.rule.then for one in rules] == then


def test_a_metric_that_the_task_lacks_is_a_fault_or_leaves_the_rule_out() -> None:
    rules = rules_of(
        mine={"when": "val/f_scor < 0.2"},
        shipped={"when": "train/full_match > 0.9", "if_known": True},
        good={"when": "f_score < 0.2"},
    )
    known = {split: frozenset({"f_score", "loss"}) for split in ("train", "val", "test")}
    (fault,) = unknown_metrics(rules, known)
    assert str(fault) == (
        "monitor.rules.mine.when: got 'val/f_scor < 0.2'; expected metrics that the task has, not 'f_scor' "
        "on val. It has f_score, loss; did you mean 'f_score'?"
    )
    assert [one.name for one in measurable(rules, known)] == ["good"]
    assert measurable(rules, None) == rules
    assert unknown_metrics(rules, None) == []
