"""Rules on a command line: chosen, changed, left out, added, and refused with all that is wrong."""

import re
from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.monitor import compiled
from sweeper.study.proposals import drafts_of
from sweeper.study.specs import TaskSpecs
from tests.sweeper.small_esmm import small_plan, small_sweep

GRID = "aux_focal.lambda=choice(0.1)"


def rules(path: Path, *overrides: str) -> dict[str, str]:
    sweep = small_sweep(path, GRID, *overrides)
    return {one.name: one.rule.then for one in compiled(sweep.settings.monitor)}


def test_a_study_has_the_rules_of_its_task_and_those_for_any_as_advice(tmp_path: Path) -> None:
    found = rules(tmp_path)
    assert {"plateau", "focal_dominates"} <= found.keys()
    assert "oscillation" not in found
    assert set(found.values()) == {"warn"}


def test_rules_are_changed_left_out_and_added_on_the_command_line(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        "monitor=act",
        "monitor.rules.plateau.then=stop",
        "~monitor.rules.overfitting",
        "+monitor.rules.mine={when: 'val/loss > 3', then: stop}",
    )
    assert (found["plateau"], found["mine"], found["focal_dominates"]) == ("stop", "stop", "follow_up")
    assert "overfitting" not in found
    assert rules(tmp_path, "monitor=none") == {}


def test_what_a_rule_says_is_checked_with_everything_else(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        small_sweep(
            tmp_path,
            GRID,
            "study.ensemble_top_k=1",
            "+monitor.rules.mine={when: 'val/loss >', phase: soon}",
        )
    assert [fault.where for fault in raised.value.faults] == [
        "study.ensemble_top_k",
        "monitor.rules.mine.when",
        "monitor.rules.mine.phase",
    ]


def test_a_key_that_no_trial_has_is_refused(tmp_path: Path) -> None:
    told = "mine.change.optimizer.lrr: no trial of this study has it; did you mean 'optimizer.lr'?"
    with pytest.raises(UserError, match=re.escape(told)):
        small_plan(
            tmp_path, GRID, "+monitor.rules.mine={when: 'val/loss > 3', change: {optimizer: {lrr: 1}}}"
        )


def test_a_change_out_of_the_range_of_its_key_is_refused(tmp_path: Path) -> None:
    rule = "{when: 'val/loss > 3', then: follow_up, change: {optimizer: {lr: '*0.5', weight_decay: -1.0}}}"
    told = "monitor.rules.mine.change: optimizer.weight_decay: got -1.0 .* expected a number >= 0"
    with pytest.raises(UserError, match=told):
        small_plan(tmp_path, GRID, "monitor=act", f"+monitor.rules.mine={rule}")


def test_what_a_rule_says_and_the_metrics_that_others_name_are_told_together(tmp_path: Path) -> None:
    unreadable = "+monitor.rules.one={when: 'val/loss > 3', phase: soon}"
    unknown = "+monitor.rules.other={when: 'f_score < 0.2'}"
    with pytest.raises(UserError) as raised:
        small_plan(tmp_path, GRID, unreadable, unknown, "study.guards=['f_score >= 0']")
    assert [fault.where for fault in raised.value.faults] == [
        "monitor.rules.one.phase",
        "study.guards",
        "monitor.rules.other.when",
    ]


def test_a_metric_that_the_task_lacks_is_refused_where_objectives_are(tmp_path: Path) -> None:
    sweep = small_sweep(tmp_path, GRID, "+monitor.rules.mine={when: 'f_score < 0.2'}")
    with pytest.raises(UserError, match=re.escape("monitor.rules.mine.when: got 'f_score < 0.2'; expected")):
        drafts_of(sweep, TaskSpecs(sweep))
