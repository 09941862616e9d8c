"""The section `plan`: what stages are, and what is wrong with them."""

from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.schema import StudyPlan
from sweeper.search.stages import STOP, Turn, named_in, origins_of, stages_of, with_points

FIRST = {"trials": ["focal"]}
MENDED = {"adjust": {"change": {"optimizer.lr": "*0.6"}}}


NAMED = {"adjust": {"of": "focal", "change": {"a": 1}, "as": "calmer"}}


def plan(**stages: Any) -> StudyPlan:
    return StudyPlan(name="test", stages=stages)


def faults(**stages: Any) -> list[str]:
    with pytest.raises(UserError, match=r"^plan\.stages\.") as caught:
        stages_of(plan(**stages))
    return [str(fault) for fault in caught.value.faults]


def test_a_stage_without_decisions_goes_on_to_the_next_and_the_last_one_stops() -> None:
    first, second = stages_of(plan(one=FIRST, two={"trials": ["other"]}))
    assert (first.turns, second.turns) == ((Turn("two"),), (Turn(STOP),))


def test_a_stage_goes_on_to_the_next_where_no_decision_holds() -> None:
    first, _ = stages_of(plan(one=FIRST | {"then": [{"when": "best > 0.7", "go": "stop"}]}, two=FIRST))
    assert [(turn.go, turn.figure) for turn in first.turns] == [("stop", "best"), ("two", "")]


def test_an_adjusted_trial_is_called_after_its_stage_unless_the_plan_says_how() -> None:
    stages = stages_of(plan(one=FIRST, mended=MENDED, again=NAMED))
    assert [stage.adjusted and stage.adjusted.word for stage in stages] == [None, "mended", "calmer"]


def test_an_adjusted_trial_may_come_from_any_stage_that_leads_to_it() -> None:
    to_mended = {"then": [{"go": "mended"}]}
    stages = stages_of(plan(one=FIRST, two={"trials": ["a", "b"]} | to_mended, mended=MENDED, more=MENDED))
    assert [origins_of(stage, stages) for stage in stages] == [(), (), ("a", "b"), ("a", "b")]


def test_names_stand_for_the_points_of_a_sweep() -> None:
    stages = stages_of(plan(one={"trials": ["focal", "hard"]}, two=FIRST))
    points = {"focal": ("focal lr=1", "focal lr=2"), "hard": ("hard",)}
    assert [stage.trials for stage in with_points(stages, points)] == [
        ("focal lr=1", "focal lr=2", "hard"),
        ("focal lr=1", "focal lr=2"),
    ]
    assert named_in(stages) == ("focal", "hard")


def test_a_plan_without_stages_has_none() -> None:
    assert stages_of(plan()) == ()


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({"trial": ["focal"]}, "plan.stages.s.trial: no such parameter; did you mean 'trials'?"),
        ({}, "plan.stages.s: got neither of trials and adjust; expected one of them"),
        (FIRST | NAMED, "plan.stages.s: got both of trials and adjust; expected one of them"),
        ({"trials": "focal"}, "plan.stages.s.trials: got 'focal'; expected a list"),
        ({"trials": [1]}, "plan.stages.s.trials.0: got 1; expected text"),
        (MENDED, "plan.stages.s.adjust.of: got 'best' in the first stage, before which there is none"),
        ({"adjust": {"of": "focal"}}, "plan.stages.s.adjust.change: missing"),
        (
            {"adjust": {"of": "focal", "change": {"optimizer.lr": "*x"}}},
            "plan.stages.s.adjust.change.optimizer.lr: got '*x'; expected a value, or a relative number",
        ),
        (
            {"adjust": {"of": "focal", "change": {"a": 1}, "as": "a b"}},
            "plan.stages.s.adjust.as: got 'a b'; expected one word",
        ),
        (
            {"adjust": {"off": "focal", "change": {"a": 1}}},
            "plan.stages.s.adjust.off: no such parameter; did you mean 'of'?",
        ),
        (FIRST | {"then": [{"go": "sotp"}]}, "plan.stages.s.then.0.go: got 'sotp'; there is no such stage"),
        (
            FIRST | {"then": [{"wen": "best > 1", "go": "stop"}]},
            "plan.stages.s.then.0.wen: no such parameter",
        ),
        (FIRST | {"then": [{"when": "best > 1"}]}, "plan.stages.s.then.0.go: missing"),
        (FIRST | {"then": [{"when": "val > 1", "go": "stop"}]}, "plan.stages.s.then.0.when: got 'val > 1'; "),
        (FIRST | {"then": [{"when": "best = 1", "go": "stop"}]}, "plan.stages.s.then.0.when: got 'best = 1'"),
        (
            FIRST | {"then": [{"when": "best > a", "go": "stop"}]},
            "plan.stages.s.then.0.when: got 'best > a'; expected 'best <op> <number>'",
        ),
        (FIRST | {"then": [{"go": "stop"}, {"go": "stop"}]}, "plan.stages.s.then.1: never read"),
        (FIRST | {"then": [{"go": "s"}]}, "plan.stages.s.then: leads back to itself (s > s)"),
    ],
)
def test_what_is_wrong_with_a_stage_is_said_with_its_place(stage: Any, expected: str) -> None:
    assert [fault[: len(expected)] for fault in faults(s=stage)] == [expected]


def test_all_faults_are_said_together() -> None:
    wrong = faults(one={"trials": [], "then": [{"go": "tow"}]}, two={"trails": []}, stop=FIRST)
    assert [fault.partition(": ")[0] for fault in wrong] == [
        *("plan.stages.two.trails", "plan.stages.one", "plan.stages.one.then.0.go", "plan.stages.stop"),
    ]


def test_stages_that_lead_back_or_never_begin_are_refused() -> None:
    back = {"then": [{"when": "best < 0.7", "go": "one"}, {"go": "stop"}]}
    assert faults(one=FIRST, two={"trials": ["b"]} | back, three={"trials": ["c"]}) == [
        "plan.stages.one.then: leads back to itself (one > two > one); expected stages that run once. "
        "Let one of them stop, or go elsewhere.",
        "plan.stages.three: never begins: no decision goes there. Name it in a 'go', or remove it.",
    ]
