"""The stages of a plan against the trials of a sweep."""

import pytest

from tests.sweeper.toy_app import faults, read

STAGED = "plan=staged"


def test_plan_staged_stands_for_the_plan_of_the_task() -> None:
    sweep = read(STAGED)
    assert sweep.settings.plan.name == "toy_staged"
    assert [(stage.name, stage.trials) for stage in sweep.stages] == [
        ("first", ("light",)),
        ("last", ("heavy",)),
        ("mended", ()),
    ]
    assert [point.name for point in sweep.points or ()] == ["light", "heavy"]


def test_without_a_plan_all_points_are_tried_at_once() -> None:
    assert read().stages == ()


def test_one_run_has_no_stages_and_says_so() -> None:
    run = read(STAGED, multirun=False)
    assert run.stages == ()
    assert "'plan=staged': no effect on one run" in run.warnings[-1]
    assert read("plan=parallel", multirun=False).warnings == ()


def test_a_task_without_a_plan_says_so() -> None:
    assert faults(STAGED, "task.default_plan=null") == [
        "plan: got 'staged', but task 'toy' has no plan of its own (task.default_plan is null). "
        "Write one, conf/plan/<name>.yaml with its stages, and choose it: plan=<name>."
    ]


def test_a_named_trial_stands_for_all_its_points() -> None:
    sweep = read(STAGED, "optimizer.lr=0.1,0.2", "sweep=toy_grid")
    assert [stage.trials for stage in sweep.stages][:2] == [
        ("light lr=0.1", "light lr=0.2"),
        ("heavy lr=0.1", "heavy lr=0.2"),
    ]


def test_what_no_stage_names_is_not_tried_and_said() -> None:
    sweep = read(STAGED, "~plan.stages.last")
    assert [point.name for point in sweep.points or ()] == ["light"]
    assert sweep.warnings[-1] == "plan.stages: no stage names heavy; not tried"


def test_what_may_come_to_be_adjusted_is_checked_beforehand() -> None:
    sweep = read(STAGED)
    made = ("loss.weight=0.05", "trainer.eval_every=${data.preset.warmup_steps_short}", "optimizer.lr=0.002")
    assert made in sweep.checked


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["plan.stages.last.trials=[heavi]"],
            "plan.stages.last.trials: got 'heavi'; this sweep has no such trial; did you mean 'heavy'? "
            "It has light, heavy.",
        ),
        (
            ["plan.stages.first.then=[{go: lst}]"],
            "plan.stages.first.then.0.go: got 'lst'; there is no such stage; did you mean 'last'?",
        ),
        (
            ["+plan.stages.mended.adjust.of=hevy"],
            "plan.stages.mended.adjust.of: got 'hevy'; this sweep has no such trial; did you mean 'heavy'? "
            "It has light, heavy.",
        ),
        (
            ["+plan.stages.mended.adjust.change.loss.wait=1"],
            "plan.stages.mended.adjust.change.loss.wait: no such parameter of 'light'",
        ),
        (
            ["+plan.stages.mended.adjust.change.loss.kind='*2'"],
            "plan.stages.mended.adjust.change.loss.kind: got a relative number for what is none in 'light'; "
            "expected a value",
        ),
        (
            ["plan.stages.mended.adjust.change.optimizer.lr=-1.0"],
            "optimizer.lr: got -1.0 (from plan.stages.mended.adjust.change); expected a number > 0",
        ),
        (
            ["loss.weight=interval(0,1)", "study.n_trials=3"],
            "plan: got 'toy_staged', but a sampler decides what is tried; expected named trials. "
            "Name them (study.trials), enumerate them (sampler=grid), or use plan=parallel.",
        ),
    ],
)
def test_what_does_not_fit_the_sweep_is_said_with_its_place(words: list[str], expected: str) -> None:
    assert [fault[: len(expected)] for fault in faults(STAGED, *words)] == [expected]


def test_a_stage_is_not_called_as_a_rule_is() -> None:
    rule = "+monitor.rules.mended={when: 'val/loss > 3'}"
    assert faults(STAGED, rule) == [
        "plan.stages.mended: got 'mended', which is the name of a rule, too (monitor.rules.mended); "
        "expected another. Rename the stage."
    ]


def test_faults_of_the_plan_and_of_other_keys_come_together() -> None:
    wrong = faults(STAGED, "plan.stages.last.trials=[heavi]", "trainer.max_steps=0")
    assert [fault.partition(":")[0] for fault in wrong] == ["trainer.max_steps"]
    wrong = faults(STAGED, "plan.stages.last.trials=[heavi]", "+plan.stages.mended.adjust.change.loss.wait=1")
    assert [fault.partition(":")[0] for fault in wrong] == [
        "plan.stages.last.trials",
        "plan.stages.mended.adjust.change.loss.wait",
    ]
