"""What the script on budgets reads out of a run, and what it says of it."""

import re
from typing import Any

import pytest
import yaml

from benchmarks.budgets import ROOT, TASKS, Budget, budget_of, lines_of
from sweeper.layout import CONF
from sweeper.task import built_in_tasks

EMBEDDED = {
    "esmm": "synthetic",
    "diagnosis": "synthetic_cohort",
    "captcha": "generated",
    "sentiment": "synthetic_reviews",
    "segmentation": "synthetic_faces",
}
ROW = re.compile(r"^\| (\w+) \| (\d+) \| (\d+) \| (\d+) \| (\w+) \| ([\d. ]+) \|", re.MULTILINE)
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


def data_of(task: str) -> dict[str, Any]:
    """The embedded data set's section, unresolved."""
    found: dict[str, Any] = yaml.safe_load((CONF / "data" / task / f"{EMBEDDED[task]}.yaml").read_text())
    return found


def most_steps(data: dict[str, Any]) -> int:
    """Steps of the baseline where nothing ends it early."""
    preset = data["preset"]
    if "max_steps" in preset:
        return int(preset["max_steps"])
    return int(preset["epochs"]) * (int(data["n_train"]) // int(preset["batch_size"]))


@pytest.mark.parametrize("task", EMBEDDED)
def test_patience_can_end_a_run_before_its_budget(task: str) -> None:
    data = data_of(task)
    evaluations = most_steps(data) // data["preset"]["eval_every"]
    assert evaluations > 2 + (data["preset"].get("patience") or 0)


def test_the_published_table_is_of_the_presets_as_they_are() -> None:
    """Every evaluation of a row is one that its preset makes, and the kept step is the first of the best."""
    rows = ROW.findall((ROOT / "results" / "budgets.md").read_text())
    assert rows
    for task, seed, kept, last, verdict, values in rows:
        data, found = data_of(task), [float(value) for value in values.split()]
        every, most = data["preset"]["eval_every"], most_steps(data)
        steps = [*range(every, int(last), every), int(last)]
        assert len(found) == len(steps), (task, seed)
        assert int(last) <= most, (task, seed)
        assert found[steps.index(int(kept))] == max(found), (task, seed)
        assert verdict == Budget(task, int(seed), list(zip(steps, found, strict=True)), int(kept), 0).verdict
        stale = len(steps) - 1 - steps.index(int(kept))
        patience = data["preset"].get("patience")
        assert int(last) == most or stale == patience, (task, seed)
