"""The ensemble of a study's best runs: who is in it, what is said of it, and what its failure costs."""

import io
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from sweeper.ensemble_spec import EnsembleSpec, read_spec
from sweeper.errors import UserError
from sweeper.layout import EnsembleFolder, RunFolder, StudyFolder
from sweeper.reports.leaderboard_table import leaderboard_of
from sweeper.reports.replay import read_rows
from sweeper.reports.report import write_report
from sweeper.reports.report_text import report_markdown
from sweeper.reports.standing import status_of
from sweeper.reports.summary import read_summary, summary_of
from sweeper.reports.summary_model import as_json, from_json
from sweeper.reports.tidying import cleanable
from sweeper.results import StudyResult, TrialResult
from sweeper.study import ensemble_place
from sweeper.study.conclusion import tidy_checkpoints
from sweeper.study.ensemble import EnsembleContext, Outcome, best_runs, ensemble_of, paired_interval
from sweeper.study.ensemble_place import apart
from sweeper.study.specs import TaskSpecs
from sweeper.trial import Slot
from sweeper.watch import tracked
from sweeper_tasks.esmm.config import EsmmConfig
from tests.sweeper.factories import CONFIRM_SEEDS, SEEDS, judgement, study_result
from tests.sweeper.small_esmm import small_sweep

WRITER = """
import json, pathlib, sys
import numpy as np
request = pathlib.Path(sys.argv[1])
print("spoke", flush=True)
np.savez(request.with_name("records.npz"), influence_ctcvr_auc=np.zeros(400))
metrics = {"val/ctcvr_auc": 0.75, "test/ctcvr_auc": 0.76}
result = {"metrics": metrics, "device": "cpu", "seconds": 1.0}
request.with_name("result.json").write_text(json.dumps(result))
"""


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "s")


def does(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """In place of the evaluating process, another one."""
    monkeypatch.setattr(ensemble_place, "COMMAND", (sys.executable, "-c", program))


def asked(
    result: StudyResult, folder: StudyFolder, k: int = 3, timeout_s: float = 60.0, stopped: bool = False
) -> Outcome:
    def evaluate(spec: EnsembleSpec, place: EnsembleFolder) -> str | None:
        return apart(place, {"SLOT": "first"}, timeout_s, lambda: stopped)

    return ensemble_of(result, k, EnsembleContext(folder, Path("data"), Slot(0, "cpu", 1), evaluate))


def names(result: StudyResult, k: int) -> list[tuple[int, int]]:
    return [(run.trial, run.seed) for _, run in best_runs(result, k)]


def test_the_best_runs_are_those_of_screening_that_are_best_on_validation() -> None:
    """A run's value is 0.74 + trial / 1000 + seed / 10000: trial 3 first, its highest seed first."""
    assert names(study_result(), 4) == [(3, 2), (3, 1), (3, 0), (2, 2)]
    assert len(names(study_result(), 99)) == 4 * len(SEEDS)


def test_the_baseline_takes_part_and_less_may_be_better() -> None:
    result = study_result()
    down = replace(result, objectives=(replace(result.objectives[0], direction="minimize"),))
    assert names(down, 3) == [(0, 0), (0, 1), (0, 2)]


def test_of_equals_the_lower_trial_then_seed_comes_first_and_a_shared_run_counts_once() -> None:
    result = study_result()
    runs = {s: replace(run, metrics={"val/ctcvr_auc": 0.5}) for s, run in result.trials[1].runs.items()}
    first = replace(result.trials[1], runs=runs)
    shared = {seed: replace(run, trial=2, reused=True) for seed, run in runs.items()}
    alike = result.trials[2].spec.model_copy(update={"fingerprint": first.spec.fingerprint})
    second = replace(result.trials[2], spec=alike, runs=shared)
    assert names(replace(result, trials=(first, second)), 5) == [(1, 0), (1, 1), (1, 2)]


def test_failed_runs_take_no_part_and_complete_ones_of_a_failed_trial_do() -> None:
    result = study_result()
    runs = {**result.trials[3].runs, 1: replace(result.trials[3].runs[1], state="FAILED")}
    lame = TrialResult(result.trials[3].spec, "FAILED", "seed 1", runs)
    assert names(replace(result, trials=(*result.trials[:3], lame)), 3) == [(3, 2), (3, 0), (2, 2)]


def test_the_interval_is_that_of_paired_influences() -> None:
    """Differences of +-0.1 on four examples: variance 4 x 0.01 / 16, error 0.05; t of 3 degrees is 3.182."""
    one, other = np.array([0.3, 0.2, 0.1, 0.0]), np.array([0.2, 0.3, 0.0, 0.1])
    interval = paired_interval(0.01, one, other, 0.95)
    assert interval.low == pytest.approx(0.01 - 3.182 * 0.05, abs=1e-4)
    assert interval.high == pytest.approx(0.01 + 3.182 * 0.05, abs=1e-4)
    assert paired_interval(0.01, one, None, 0.95).low is None
    assert paired_interval(0.01, one, other[:3], 0.95).low is None


def test_an_ensemble_is_told_beside_the_best_run_everywhere(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The best run, trial 3 on seed 2, has 0.7432 on test; the average 0.76: better by 0.0168."""
    does(monkeypatch, WRITER)
    result = study_result(folder)
    outcome = asked(result, folder)
    assert outcome.entry is not None
    assert outcome.warnings == ()
    assert [(one.trial, one.seed) for one in outcome.entry.members] == [(3, 2), (3, 1), (3, 0)]
    assert outcome.entry.difference == pytest.approx(0.0168)
    assert outcome.entry.best_run.test == pytest.approx(0.7432)
    assert outcome.entry.ci_low is not None
    assert outcome.entry.ci_high is not None
    assert outcome.entry.ci_low < 0.0168 < outcome.entry.ci_high
    said = judgement(ensemble=outcome.entry)
    facts = summary_of(result, said)
    sentence = outcome.entry.sentence
    assert "trial 3 lambda=0.2 seed 2) 0.7432: improvement +0.017" in sentence
    assert "no variance of seeds is in it" in sentence
    report = report_markdown(result, said, facts, [])
    assert f"## Ensemble\n\n{sentence}\n\n| model " in report
    assert "trial 3 lambda=0.2 seed 1 (val 0.7431)" in report
    assert tracked.summary_numbers(facts)["ensemble/test"] == 0.76
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(leaderboard_of(facts))
    assert f"ensemble: {sentence}" in console.export_text()
    assert facts.ensemble == outcome.entry
    assert json.loads(json.dumps(as_json(facts)))["ensemble"]["k"] == 3


def test_a_summary_without_an_ensemble_stays_readable(folder: StudyFolder) -> None:
    result = study_result(folder)
    write_report(folder, result, judgement())
    facts = read_summary(folder)
    assert facts.ensemble is None
    assert "Ensemble" not in folder.report_md.read_text()
    document = as_json(facts)
    del document["ensemble"]
    assert from_json(document) == facts
    assert "## Ensemble" not in report_markdown(result, judgement(), facts, [])
    assert "ensemble/test" not in tracked.summary_numbers(facts)


def test_an_ensemble_that_is_known_is_not_evaluated_again(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, WRITER)
    result = study_result(folder)
    first = asked(result, folder).entry
    does(monkeypatch, "raise SystemExit('must not run')")
    assert asked(result, folder).entry == first
    assert "must not run" in asked(result, folder, k=2).warnings[0]  # other members, another ensemble
    assert not folder.ensemble.result.exists()
    does(monkeypatch, WRITER)
    run = folder.run(result.trials[3].spec, 2)
    assert asked(result, folder).entry == first
    run.best.write_bytes(b"another model, trained again, of more than 32 bytes")
    does(monkeypatch, "raise SystemExit('another model')")
    assert "another model" in asked(result, folder).warnings[0]


def test_fewer_complete_runs_than_asked_for_are_averaged_and_told(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, WRITER)
    outcome = asked(study_result(folder), folder, k=40)
    assert outcome.entry is not None
    assert outcome.warnings == (
        "study.ensemble_top_k: got 40, but only 12 different runs are complete; they are averaged",
    )


def test_one_complete_run_is_no_ensemble(folder: StudyFolder) -> None:
    result = study_result(folder)
    only = replace(result.trials[0], runs={0: result.trials[0].runs[0]})
    outcome = asked(replace(result, trials=(only,)), folder)
    assert outcome.entry is None
    assert "no ensemble, since only 1 run is complete" in outcome.warnings[0]


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os; os.kill(os.getpid(), 9)", "worker killed by SIGKILL"),
        ("import sys; sys.exit('out of memory: 3 GiB did not fit')", "out of memory: 3 GiB did not fit"),
        ("pass", "worker exited with code 0"),
    ],
)
def test_a_process_that_fails_is_a_warning_with_its_reason(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch, program: str, reason: str
) -> None:
    does(monkeypatch, program)
    outcome = asked(study_result(folder), folder)
    assert outcome.entry is None
    assert reason in outcome.warnings[0]
    assert str(folder.ensemble.log) in outcome.warnings[0]
    assert len(outcome.members) == 3


def test_it_waits_neither_for_ever_nor_after_ctrl_c(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, "import time; time.sleep(60)")
    began = time.monotonic()
    assert "not done after 0.3 s" in asked(study_result(folder), folder, timeout_s=0.3).warnings[0]
    assert "it was stopped" in asked(study_result(folder), folder, stopped=True).warnings[0]
    assert time.monotonic() - began < 20


def test_the_process_has_the_environment_of_its_slot_and_no_setting_as_an_argument(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, "import os, sys; print(os.environ['SLOT'], len(sys.argv))" + WRITER)
    asked(study_result(folder), folder)
    assert folder.ensemble.log.read_text() == "first 3\nspoke\n"


def test_models_that_were_tidied_away_are_named_with_the_command_that_brings_them_back(
    folder: StudyFolder,
) -> None:
    result = study_result(folder)
    tidy_checkpoints(folder, result, judgement(best=1), "champion")
    outcome = asked(result, folder, k=4)
    assert outcome.entry is None
    (warning,) = outcome.warnings
    assert "the models of 4 of the best runs are gone" in warning
    assert f"python -m sweeper.worker {folder.path}/trials/0003-lambda=0.2/seed2/job.json" in warning


def left(folder: StudyFolder) -> set[str]:
    return {str(run.path.relative_to(folder.path / "trials")) for run in folder.runs if run.best.exists()}


def test_members_keep_their_models_when_a_study_is_tidied_or_cleaned(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The champion is trial 1; the ensemble is of trial 3's runs, which stay in later sessions too."""
    does(monkeypatch, WRITER)
    result = study_result(folder)
    outcome = asked(result, folder)
    champions = {f"0001-lambda=0.05/seed{seed}" for seed in SEEDS}
    members = {f"0003-lambda=0.2/seed{seed}" for seed in SEEDS}
    write_report(folder, result, judgement(best=1))
    cleaned, _ = cleanable(status_of(folder, None), "champion")
    assert not {str(run.path.relative_to(folder.path / "trials")) for run in cleaned} & (members | champions)
    assert len(cleaned) == len(read_rows(folder)) - 6
    tidy_checkpoints(folder, result, judgement(best=1), "champion", outcome.members)
    assert left(folder) == champions | members
    tidy_checkpoints(folder, result, judgement(best=1), "champion")
    assert left(folder) == champions | members
    assert not any(RunFolder(folder.run(result.trials[3].spec, s).path).best.exists() for s in CONFIRM_SEEDS)


def test_members_keep_their_models_where_the_evaluation_failed(
    folder: StudyFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    does(monkeypatch, "raise SystemExit('no')")
    result = study_result(folder)
    outcome = asked(result, folder)
    folder.ensemble.request.unlink()
    assert read_spec(folder.ensemble.request) is None
    tidy_checkpoints(folder, result, judgement(best=1), "champion", outcome.members)
    assert {f"0003-lambda=0.2/seed{seed}" for seed in SEEDS} <= left(folder)


@pytest.mark.parametrize("value", ["1", "0", "-3", "2.5", "many"])
def test_fewer_than_two_or_no_whole_number_is_refused(tmp_path: Path, value: str) -> None:
    expected = rf"study.ensemble_top_k: got .*{value.lstrip('-')}.*; expected a (whole )?number"
    with pytest.raises(UserError, match=expected):
        small_sweep(tmp_path, "aux_focal.lambda=0.1,0.2", f"study.ensemble_top_k={value}")


def test_what_cannot_be_averaged_is_told_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("aux_focal.lambda=0.1,0.2", "study.ensemble_top_k=2")
    with pytest.raises(UserError, match=r"got 2 with 2 objectives .* several have no best runs"):
        small_sweep(tmp_path, *words, "study.metrics=[ctcvr_auc:max,bce:min]")
    monkeypatch.setattr(EsmmConfig, "is_averageable", False)
    with pytest.raises(UserError, match="got 2, but task 'esmm' states no probabilities"):
        small_sweep(tmp_path, *words)


def test_it_is_still_the_same_study_with_the_same_runs(tmp_path: Path) -> None:
    grid = "aux_focal.lambda=0.1,0.2"
    plain, more = (small_sweep(tmp_path, grid, *words) for words in ((), ("study.ensemble_top_k=2",)))
    one, other = TaskSpecs(plain), TaskSpecs(more)
    assert one.study_name() == other.study_name()
    assert one.baseline(0).fingerprint == other.baseline(0).fingerprint
