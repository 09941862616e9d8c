"""The way through a plan: results in, decisions out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sweeper.findings import Decision
from sweeper.schema import StudyPlan
from sweeper.search.stages import NamedStage, stages_of
from sweeper.search.way import Known, TrialSeen, is_over, wanted, way

SUCCESS = {"when": "best >= 0.73", "go": "stop", "say": "good enough"}
FLOOR = {"when": "best < 0.71", "go": "adjust"}
ADJUST = {"of": "best", "change": {"optimizer.lr": "*0.6"}, "as": "adjusted"}
DOCUMENTED: dict[str, dict[str, Any]] = {
    "focal": {"trials": ["focal"], "then": [SUCCESS, FLOOR, {"go": "hard"}]},
    "adjust": {"adjust": ADJUST, "then": [SUCCESS, {"go": "hard"}]},
    "hard": {"trials": ["hard", "harder"]},
}


def stages(**sections: Any) -> tuple[NamedStage, ...]:
    return stages_of(StudyPlan(name="test", stages=sections or DOCUMENTED))


def trial(number: int, name: str, value: float | None = None, **facts: Any) -> TrialSeen:
    """Complete with a value, else failed."""
    return TrialSeen(number, name, **{"state": "COMPLETE" if value else "FAILED", "value": value, **facts})


def adjusted(number: int, value: float) -> TrialSeen:
    return trial(number, "focal+adjusted", value, parent=1, rule="adjust")


def decided(*trials: TrialSeen, plan: Sequence[NamedStage] = stages(), **known: Any) -> tuple[Decision, ...]:
    return way(plan, Known(trials, **{"direction": "maximize", **known}))


def steps(decisions: Sequence[Decision]) -> list[tuple[str, str | None]]:
    return [(decision.stage, decision.go) for decision in decisions]


@pytest.mark.parametrize(
    ("value", "go", "because"),
    [
        (0.74, "stop", "best is 0.7400 (focal), best >= 0.73: good enough"),
        (0.73, "stop", "best is 0.7300 (focal), best >= 0.73: good enough"),
        (0.72999999, "hard", "best is 0.72999999 (focal), neither best >= 0.73 nor best < 0.71"),
        (0.71, "hard", "best is 0.7100 (focal), neither best >= 0.73 nor best < 0.71"),
        (0.70, "adjust", "best is 0.7000 (focal), best < 0.71"),
        (None, "hard", "no trial of this stage has a value"),
    ],
)
def test_the_first_decision_that_holds_says_where_to_go(value: float | None, go: str, because: str) -> None:
    first = decided(trial(1, "focal", value))[0]
    best = None if value is None else 1
    assert (first.go, first.because, first.best, first.value) == (go, because, best, value)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([], [("focal", None)]),
        ([trial(1, "focal", state="RUNNING")], [("focal", None)]),
        ([trial(1, "focal", 0.74)], [("focal", "stop")]),
        ([trial(1, "focal", 0.72)], [("focal", "hard"), ("hard", None)]),
        ([trial(1, "focal", 0.7)], [("focal", "adjust"), ("adjust", None)]),
        ([trial(1, "focal", 0.7), adjusted(2, 0.75)], [("focal", "adjust"), ("adjust", "stop")]),
        (
            [trial(1, "focal", 0.7), adjusted(2, 0.7), trial(3, "hard", 0.9), trial(4, "harder", 0.6)],
            [("focal", "adjust"), ("adjust", "hard"), ("hard", "stop")],
        ),
        ([trial(1, "focal", 0.72), trial(2, "hard", 0.9)], [("focal", "hard"), ("hard", None)]),
        # a follow-up belongs to its parent's stage, and may be the one that is good enough
        (
            [trial(1, "focal", 0.7), trial(2, "focal+steadier", parent=1, rule="r", state="RUNNING")],
            [("focal", None)],
        ),
        ([trial(1, "focal", 0.7), trial(2, "focal+steadier", 0.74, parent=1, rule="r")], [("focal", "stop")]),
        # a trial of another command that has the name by chance is not the adjusted one
        (
            [trial(1, "focal", 0.7), trial(2, "focal+adjusted", 0.69, parent=1, rule="r")],
            [("focal", "adjust"), ("adjust", None)],
        ),
    ],
)
def test_the_way_follows_from_the_results(trials: list[TrialSeen], expected: list[Any]) -> None:
    assert steps(decided(*trials)) == expected
    assert is_over(decided(*trials)) == (expected[-1][1] == "stop")


def test_a_stage_is_judged_by_its_best_trial_in_the_objectives_direction() -> None:
    both = stages(one={"trials": ["a", "b"], "then": [{"when": "best < 0.3", "go": "stop"}, {"go": "two"}]},
                  two={"trials": ["c"]})  # fmt: skip
    trials = (trial(1, "a", 0.25), trial(2, "b", 0.35))
    assert decided(*trials, plan=both, direction="minimize")[0].best == 1
    assert decided(*trials, plan=both)[0].go == "two"


def test_a_gain_is_signed_by_the_direction_and_waits_for_the_baseline() -> None:
    plan = stages(one={"trials": ["a"], "then": [{"when": "gain >= 0.1", "go": "stop"}, {"go": "two"}]},
                  two={"trials": ["c"]})  # fmt: skip
    assert decided(trial(1, "a", 0.2), plan=plan)[0].go is None
    lower = decided(trial(1, "a", 0.2), plan=plan, direction="minimize", baseline=0.4)[0]
    assert (lower.go, lower.because) == ("stop", "gain is 0.2000 (a), gain >= 0.1")
    assert decided(trial(1, "a", 0.2), plan=plan, baseline=0.4)[0].go == "two"


def test_a_stage_without_a_value_takes_the_way_that_always_holds() -> None:
    plan = stages(one={"trials": ["a"], "then": [{"when": "best < 9", "go": "stop"}, {"go": "two"}]},
                  two={"adjust": {"change": {"optimizer.lr": "*0.1"}}})  # fmt: skip
    found = decided(trial(1, "a", state="PRUNED"), plan=plan)
    assert steps(found) == [("one", "two"), ("two", None)]
    asked = wanted(plan, found, [trial(1, "a", state="PRUNED")])[-1]
    assert (asked.name, asked.parent and asked.parent.number) == ("a+two", 1)  # a change may mend it


def test_the_trials_wanted_are_those_of_the_stages_that_have_begun() -> None:
    poor = trial(1, "focal", 0.7)
    assert [one.name for one in wanted(stages(), decided(), [])] == ["focal"]
    first, second = wanted(stages(), decided(poor), [poor])
    assert (first.name, second.name, second.stage, second.parent) == (
        *("focal", "focal+adjusted", "adjust"),
        poor,
    )
    assert second.change == {"optimizer.lr": "*0.6"}
    all_asked = wanted(stages(), decided(poor, adjusted(2, 0.7)), [poor, adjusted(2, 0.7)])
    assert [one.name for one in all_asked] == ["focal", "focal+adjusted", "hard", "harder"]


def test_what_follows_up_on_an_adjusted_trial_is_of_its_stage() -> None:
    follow_up = trial(3, "focal+adjusted+steadier", 0.8, parent=2, rule="r")
    found = decided(trial(1, "focal", 0.7), adjusted(2, 0.7), follow_up)
    assert [decision.trials for decision in found] == [(1,), (2, 3)]
    assert found[1].go == "stop"


VALUES = st.one_of(st.none(), st.sampled_from([0.69, 0.7, 0.71, 0.72, 0.73, 0.8]))


@given(values=st.lists(VALUES, min_size=8, max_size=8), follow_ups=st.sets(st.integers(0, 7)))
def test_the_way_of_a_part_of_the_results_is_the_beginning_of_the_way(
    values: list[float | None], follow_ups: set[int]
) -> None:
    """A study that begins what is wanted, one run at a time, never takes a decision back."""
    known: list[TrialSeen] = []
    before: tuple[Decision, ...] = ()
    for number, value in enumerate(values, 1):
        names = {one.name for one in known}
        new = next((one for one in wanted(stages(), before, known) if one.name not in names), None)
        if new is None:
            break
        rule, parent = (new.stage, new.parent.number) if new.parent else ("", None)
        known.append(trial(number, new.name, value, rule=rule, parent=parent))
        if number in follow_ups:
            known.append(trial(number + 100, f"{new.name}+steadier", 0.72, parent=number, rule="r"))
        for state in (replace(known[-1], state="RUNNING", value=None), known[-1]):
            now = decided(*known[:-1], state)
            settled = tuple(decision for decision in before if decision.go is not None)
            assert now[: len(settled)] == settled
            before = now
