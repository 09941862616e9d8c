"""What the monitor finds in runs: the same from their reports as from their files."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sweeper.errors import NonFiniteLossError
from sweeper.layout import StudyFolder
from sweeper.messages import Reported, Started
from sweeper.monitor import compiled
from sweeper.results import Objective, RunResult
from sweeper.schema import Monitor
from sweeper.study.health import Health, stopped_by
from sweeper.study.specs import TaskSpecs
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial

RULES: dict[str, Any] = {
    "low": {"when": "val/auc < 0.5", "for": 2, "then": "stop", "say": "Mind it."},
    "broken": {"when": "diverged", "then": "follow_up", "change": {"optimizer.lr": 1}},
    "unmeasured": {"when": "val/f_score < 1", "if_known": True},
}
VALUES = [0.4, 0.6, 0.4, 0.3]
COMMON: dict[str, Any] = {"job_id": "j", "trial": 1, "seed": 0, "attempt": 1}
TRIAL = plain_trial(1).model_copy(update={"max_steps": 40, "config": {"trainer": {"batch_size": 2}}})


class Watched:
    """A `Health` with what it warned of."""

    def __init__(self, folder: Path, mode: str = "act") -> None:
        names = {split: frozenset({"auc"}) for split in ("train", "val", "test")}
        factory = SimpleNamespace(metric_names=lambda trial: names, n_train=lambda trial: 20)
        self.warned: list[str] = []
        self.health = Health(
            compiled(Monitor.model_validate({"name": mode, "rules": RULES})),
            Objective("auc", "maximize"),
            cast(TaskSpecs, factory),
            (0, 1),
            StudyFolder(folder),
            self.warned.append,
        )

    def report(self, upto: int, since: int = 0, trial: TrialSpec = TRIAL, seed: int = 0) -> list[str | None]:
        started = {**COMMON, "trial": trial.number, "seed": seed}
        self.health.run_started(trial, Started(**started, resumed_step=since, total_steps=40, device="cpu"))
        steps = [step for step in (10, 20, 30, 40) if since < step <= upto]
        return [self.health.after_report(trial, reported(started, step)) for step in steps]


def reported(common: dict[str, Any], step: int) -> Reported:
    metrics = {"val/auc": VALUES[step // 10 - 1], "train/auc": 0.9}
    return Reported(**common, step=step, metrics=metrics, steps_per_s=1.0)


def write(folder: Path, upto: int) -> Path:
    run = StudyFolder(folder).run(TRIAL, 0).path
    run.mkdir(parents=True, exist_ok=True)
    rows = [
        {"split": "val", "global_step": 10 * (n + 1), "auc": value, "lr": 1} for n, value in enumerate(VALUES)
    ]
    lines = [json.dumps(row) for row in rows[: upto // 10]]
    (run / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return run


def test_a_run_is_ended_at_the_evaluation_at_which_its_rule_holds(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    *before, last = watched.report(40)
    assert before == [None, None, None]
    assert last is not None
    assert stopped_by(last) == "low"
    assert last.startswith("monitor: low: val/auc is 0.3000 < 0.5 at step 40")
    assert watched.warned == [f"trial 1 t1 seed 0: {last.removeprefix('monitor: ')}. Mind it."]


def test_a_resumed_run_goes_on_with_what_it_had_reported(tmp_path: Path) -> None:
    write(tmp_path, upto=30)
    assert Watched(tmp_path).report(40, since=30)[-1] == Watched(tmp_path).report(40)[-1]


def test_files_say_the_same_as_reports(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.report(40)
    run = RunResult(1, 0, "PRUNED", folder=write(tmp_path, upto=40))
    (alarm,) = watched.health.of_run(TRIAL, run)
    assert (alarm.rule, alarm.step, alarm.then) == ("low", 40, "stop")


@pytest.mark.parametrize(
    ("trial", "seed", "mode"),
    [(TRIAL.model_copy(update={"prunable": False}), 0, "act"), (TRIAL, 1000, "act"), (TRIAL, 0, "advice")],
)
def test_a_baseline_a_confirmation_and_advice_are_never_ended(
    trial: TrialSpec, seed: int, mode: str, tmp_path: Path
) -> None:
    watched = Watched(tmp_path, mode)
    assert watched.report(40, trial=trial, seed=seed) == [None] * 4
    assert len(watched.warned) == 1


def test_a_run_that_diverged_says_so_when_it_ends(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.report(20)
    error = NonFiniteLossError.__name__
    failed = RunResult(1, 0, "FAILED", error=error, folder=write(tmp_path, upto=20), steps_trained=25)
    watched.health.run_ended(TRIAL, failed)
    (alarm,) = watched.health.of_run(TRIAL, failed)
    assert (alarm.rule, alarm.step, alarm.then) == ("broken", 25, "follow_up")
    assert len(watched.warned) == 1
