"""Studies that grow by what they find, from commands to what they leave: attribution, follow-ups."""

import csv
from pathlib import Path

import optuna
import pytest

from sweeper.layout import StudyFolder
from sweeper.reports import Summary, read_summary
from sweeper.study.study import run_sweep
from tests.sweeper.small_esmm import small_sweep

SMALLER = (
    *(
        "data.n_train=1000",
        "data.n_val=500",
        "data.n_test=1000",
        "trainer.max_steps=20",
        "trainer.eval_every=5",
    ),
    *("executor=inline", "study.name=s", "study.n_seeds=2", "study.confirm_seeds=2"),
)
TWO_GROUPS = "study.trials={a: ['aux_focal.gamma=2','optimizer.lr=0.01']}"
RULES = (
    *("monitor=act", "~monitor.rules.not_learning"),
    "+monitor.rules.slow={when: 'val/ctcvr_auc < 2', phase: end, then: follow_up, as: faster, "
    "change: {optimizer.lr: '*4'}}",
    "+monitor.rules.hasty={when: 'val/ctcvr_auc < 2', phase: from step 10, then: stop, say: Be patient.}",
)
FIRST_ONLY = "study.max_follow_ups=1"


def run(results: Path, *words: str, code: int = 0) -> Summary:
    assert run_sweep(small_sweep(results, *SMALLER, *words)) == code
    return read_summary(StudyFolder.of(results, "s"))


@pytest.mark.slow  # its parts are tested without a study: test_division.py, verdict/test_attribution.py
def test_an_attribution_trains_what_a_finished_study_lacks_and_nothing_twice(tmp_path: Path) -> None:
    finished = run(tmp_path, TWO_GROUPS)
    assert finished.attribution is None
    found = run(tmp_path, TWO_GROUPS, "study.attribution=true")
    assert found.totals.jobs == 4  # two combinations, two confirmation seeds
    assert found.attribution is not None
    assert [group.name for group in found.attribution.groups] == ["aux_focal", "lr"]
    assert found.attribution.trials == {"00": 0, "01": 2, "10": 3, "11": 1}
    total = sum(group.improvement for group in found.attribution.groups)
    assert found.attribution.improvement == pytest.approx(total)
    assert (found.confirmation, found.verdict) == (finished.confirmation, finished.verdict)
    assert [trial.role for trial in found.trials] == ["baseline", "candidate", "attribution", "attribution"]
    assert run(tmp_path, TWO_GROUPS, "study.attribution=true").totals.jobs == 0
    _is_told_everywhere(StudyFolder.of(tmp_path, "s"), found)


def _is_told_everywhere(folder: StudyFolder, found: Summary) -> None:
    assert found.attribution is not None
    report = folder.report_md.read_text()
    assert "## Which difference made it" in report
    assert (folder.plots / "attribution.png").exists()
    with folder.trials_csv.open() as file:
        phases = [row["phase"] for row in csv.DictReader(file)]
    assert phases.count("attribution") == 4
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{folder.path.parent}/studies.db")
    states = [(trial.state.name, trial.user_attrs.get("role")) for trial in study.trials]
    assert states == [("COMPLETE", None), ("FAIL", "attribution"), ("FAIL", "attribution")]


@pytest.mark.slow  # its parts are tested without a study: test_growth.py, test_health.py
def test_rules_end_runs_and_follow_up_and_a_resumed_study_too(tmp_path: Path) -> None:
    """`hasty` ends both candidates at step 10; `slow` holds at the end, which the baseline reaches."""
    found = run(tmp_path, "optimizer.lr=0.001,0.002", *RULES, FIRST_ONLY, code=1)
    by_name = {trial.name: trial for trial in found.trials}
    assert {name: trial.state for name, trial in by_name.items()} == {
        "baseline": "COMPLETE",
        "lr=0.001": "PRUNED",
        "lr=0.002": "PRUNED",
        "baseline+faster": "PRUNED",
    }
    follow_up = by_name["baseline+faster"]
    assert (follow_up.parent, follow_up.rule, follow_up.params) == (0, "slow", {"optimizer.lr": 0.004})
    assert follow_up.runs[0].reason is not None
    assert follow_up.runs[0].reason.startswith("monitor: hasty: val/ctcvr_auc is ")
    assert follow_up.pruned_at == 10
    done = {alarm.rule: alarm.did for alarm in by_name["baseline"].alarms if alarm.did}
    assert done == {"slow": "follow-up: trial 3 baseline+faster"}
    again = run(tmp_path, "optimizer.lr=0.001,0.002", *RULES, FIRST_ONLY, code=1)
    assert again.totals.jobs == 0
    assert again.trials == found.trials
    folder = StudyFolder.of(tmp_path, "s")
    assert "## Health of the runs" in folder.report_md.read_text()
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{tmp_path}/studies.db")
    assert study.user_attrs["follow-ups of trial 0"] == [3]
    assert study.trials[2].user_attrs["parent"] == 0


@pytest.mark.slow
def test_without_the_rule_that_ended_them_runs_are_tried_again(tmp_path: Path) -> None:
    stopped = run(tmp_path, "optimizer.lr=choice(0.002)", *RULES, "study.max_follow_ups=0", code=1)
    assert [trial.state for trial in stopped.trials] == ["COMPLETE", "PRUNED"]
    found = run(tmp_path, "optimizer.lr=choice(0.002)", "monitor=none")
    assert [trial.state for trial in found.trials] == ["COMPLETE", "COMPLETE"]
    assert all(not trial.alarms for trial in found.trials)


STAGES = (
    "study.trials={a: ['optimizer.lr=0.002'], b: ['optimizer.lr=0.003'], c: ['optimizer.lr=0.004']}",
    "+plan.stages.first={trials: [a], then: [{when: 'best >= 2', go: stop}, {when: 'best < 2', go: mended}]}",
    "+plan.stages.second={trials: [b]}",
    "+plan.stages.mended={adjust: {change: {optimizer: {lr: '*0.5'}}}}",
)


@pytest.mark.slow  # its parts are tested without a study: test_growth.py, search/test_way.py
def test_a_staged_study_takes_the_way_that_its_results_show_and_tells_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(tmp_path, *STAGES, "+plan.stages.second.then=[{go: stop}]")
    assert [trial.name for trial in found.trials] == ["baseline", "a", "a+mended"]
    assert found.plan is not None
    decided = [(one.stage, one.trials, one.go) for one in found.plan.decisions]
    assert decided == [("first", (1,), "mended"), ("mended", (2,), "stop")]
    assert found.trials[2].params == {"optimizer.lr": 0.001}
    said = capsys.readouterr().out
    assert "no stage names c; not tried" in said
    assert "2 more runs: stage: a+mended" in said
    assert "## The way taken" in StudyFolder.of(tmp_path, "s").report_md.read_text()
    assert run(tmp_path, *STAGES, "+plan.stages.second.then=[{go: stop}]").totals.jobs == 0
