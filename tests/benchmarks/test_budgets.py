"""What the script on budgets reads out of a run, and what it says of it."""

import pytest

from benchmarks.budgets import TASKS, Budget, budget_of, lines_of
from sweeper.layout import CONF
from sweeper.task import built_in_tasks

PRINTED = """esmm: 300 steps on cpu
step 100: val/ctcvr_auc 0.7561 (31.2 steps/s)
step 200: val/ctcvr_auc 0.8020 (30.9 steps/s)
step 300: val/ctcvr_auc 0.8010 (30.9 steps/s)
metric     train  val
best step 200, 9.7 s; results/solo/1a2b3c4d/seed0
"""


def test_the_kept_step_and_all_evaluations_are_read() -> None:
    run = budget_of("esmm", 0, PRINTED, 12.4)
    assert run == Budget("esmm", 0, [(100, 0.7561), (200, 0.802), (300, 0.801)], 200, 12.4)
    assert lines_of([run])[-1] == "| esmm | 0 | 200 | 300 | inside | 0.756 0.802 0.801 | 12 |"


@pytest.mark.parametrize(("kept", "verdict"), [(100, "first"), (200, "inside"), (300, "last")])
def test_a_kept_step_at_either_end_is_told(kept: int, verdict: str) -> None:
    assert budget_of("esmm", 0, PRINTED.replace("best step 200", f"best step {kept}")).verdict == verdict


def test_a_run_that_did_not_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="esmm, seed 1: the run did not end:\nwarning: no"):
        budget_of("esmm", 1, "warning: no")


def test_every_built_in_task_is_measured() -> None:
    assert set(TASKS) == set(built_in_tasks())
    assert all((CONF / "task" / f"{task}.yaml").exists() for task in TASKS)
