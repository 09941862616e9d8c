"""The command line as a user types it, on data small enough for a few seconds.

The study that most tests look at runs in real processes; what asks nothing of these runs in this one.
"""

import json
import sqlite3
from pathlib import Path

import pytest

from sweeper.layout import StudyFolder
from sweeper.reports.summary import read_sentence
from tests.commands import INLINE, summary, sweeper, sweeper_process

SMALL = (
    *("data.n_train=6000", "data.n_val=3000", "data.n_test=3000", "data.n_users=200", "data.n_items=200"),
    *("trainer.max_steps=20", "trainer.eval_every=10", "trainer.batch_size=256", "tracking=none"),
    *("aux_focal.warmup_steps=4", "executor.n_threads=1"),
    *("study.n_seeds=2", "study.confirm_seeds=2"),
)
GRID = "aux_focal.lambda=0.1,0.2"


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder in which the small study has run, and what was printed."""
    folder = tmp_path_factory.mktemp("studied")
    return folder, sweeper_process(folder, "-m", GRID, *SMALL)


def test_a_grid_ends_with_a_confirmed_verdict_in_one_sentence(studied: tuple[Path, str]) -> None:
    folder, printed = studied
    facts = summary(folder)
    low, high = facts["confirmation"]["ci_low"], facts["confirmation"]["ci_high"]
    expected = "better" if low > 0 else "worse" if high < 0 else "not distinguishable"
    assert facts["verdict"] == expected
    assert [trial["name"] for trial in facts["trials"]] == ["baseline", "lambda=0.1", "lambda=0.2"]
    assert facts["confirmation"]["baseline_per_seed"].keys() == {"1000", "1001"}
    assert facts["totals"]["runs"] == 3 * 2 + 2 * 2
    relation = "not distinguishable from" if expected == "not distinguishable" else f"{expected} than"
    (study,) = (StudyFolder(path.parent) for path in folder.glob("results/*/summary.json"))
    sentence = read_sentence(study)
    assert sentence.startswith(
        f"{facts['best']['name']} is {relation} the baseline: {facts['metric']} improvement "
    )
    assert sentence.endswith(" (test split, 2 confirmation seeds).")
    assert "".join(sentence.split()) in "".join(printed.split())  # wherever a line ends


def test_every_candidate_differs_from_the_baseline_and_from_the_others(studied: tuple[Path, str]) -> None:
    facts = summary(studied[0])
    assert len({trial["value"] for trial in facts["trials"]}) == 3
    assert len({trial["fingerprint"] for trial in facts["trials"]}) == 3


def test_a_study_leaves_all_its_files_and_nothing_outside_results(studied: tuple[Path, str]) -> None:
    folder, _ = studied
    assert [path.name for path in folder.iterdir()] == ["results"]
    (study,) = (path.parent for path in folder.glob("results/*/summary.json"))
    assert {"summary.json", "report.md", "report.html", "trials.csv", "best.yaml", "plots", "trials"} <= {
        path.name for path in study.iterdir()
    }
    run = study / "trials" / "0001-lambda=0.1" / "seed0"
    names = {path.name for path in run.iterdir()}
    assert {"config.yaml", "overrides.yaml", "job.json", "metrics.jsonl", "records.npz", "log.txt"} <= names


def test_the_checkpoints_of_champion_and_baseline_stay(studied: tuple[Path, str]) -> None:
    folder, _ = studied
    champion = summary(folder)["best"]["trial"]
    owners = {path.parts[-3][:4] for path in folder.glob("results/*/trials/*/*/*.pt")}
    assert owners == {"0000", f"{champion:04d}"}


def test_losses_satisfy_the_documented_identity_in_every_record(studied: tuple[Path, str]) -> None:
    records = [
        json.loads(line)
        for path in studied[0].glob("results/*/trials/*/*/metrics.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert len(records) > 20
    for record in records:
        focal = record["aux_focal_on"] * record["aux_focal_lambda"] * record["loss_ctcvr_focal"]
        assert record["loss_ctcvr"] == pytest.approx(record["loss_ctcvr_bce"] + focal, rel=1e-5)


def test_the_same_command_runs_nothing_and_more_choices_run_only_those(studied: tuple[Path, str]) -> None:
    folder, _ = studied
    before = summary(folder)
    sweeper(folder, "-m", GRID, *SMALL)
    again = summary(folder)
    assert again["totals"]["jobs"] == 0
    assert again["verdict"] == before["verdict"]
    sweeper(folder, "-m", GRID + ",0.3", *SMALL, INLINE)
    more = summary(folder)
    fresh = [trial for trial in more["trials"] if trial["name"] == "lambda=0.3"]
    assert len(more["trials"]) == 4
    assert len(fresh) == 1
    assert more["totals"]["jobs"] in (2, 4)  # the new candidate's two seeds, and its confirmation if it won


def test_optuna_knows_the_trials_and_their_values(studied: tuple[Path, str]) -> None:
    folder, _ = studied
    with sqlite3.connect(folder / "results" / "studies.db") as database:
        states = database.execute("select state from trials order by number").fetchall()
    assert {state for (state,) in states} == {"COMPLETE"}


def test_two_objectives_end_in_a_front_with_each_point_against_the_baseline(tmp_path: Path) -> None:
    words = ("task=diagnosis", "loss.gamma=1,3", "study.metrics=[auprc:max,ece:min]", "tracking=none")
    small = ("data.n_train=2000", "data.n_val=1500", "data.n_test=1500", "trainer.max_steps=30")
    printed = sweeper(tmp_path, "-m", *words, *small, "trainer.eval_every=10", "study.n_seeds=2", INLINE)
    facts = summary(tmp_path)
    assert (facts["metric"], facts["direction"]) == (["auprc", "ece"], ["maximize", "minimize"])
    assert (facts["verdict"], facts["confirmation"]) == ("front", None)
    assert (facts["totals"]["runs"], facts["totals"]["runs_planned"]) == (3 * 2, 3 * 2)
    assert facts["confirm_seeds"] == []
    values = {trial["trial"]: trial["value"] for trial in facts["trials"]}
    front = [entry["trial"] for entry in facts["best"]]
    assert front
    for number, (auprc, ece) in values.items():
        others = [value for other, value in values.items() if other != number]
        is_beaten = any(a >= auprc and e <= ece and (a, e) != (auprc, ece) for a, e in others)
        assert is_beaten == (number not in front)
    candidates = [trial for trial in facts["trials"] if trial["role"] == "candidate"]
    assert [len(trial["improvement"]) for trial in candidates] == [2, 2]
    assert f"{len(front)} of 3 trials are not dominated in auprc and ece" in printed
    (study,) = (path.parent for path in tmp_path.glob("results/*/summary.json"))
    assert "## Front" in (study / "report.md").read_text()
    assert (study / "plots" / "pareto.png").exists()


def test_all_faults_of_a_command_line_are_told_at_once_with_exit_code_2(tmp_path: Path) -> None:
    words = ("aux_focal.lamda=0.1,0.2", "trainer.max_steps=0", "optimizer.lr=nan", "model=esmm/mmoee")
    printed = sweeper(tmp_path, "-m", *words, code=2)
    assert "did you mean 'aux_focal.lambda'?" in printed
    assert "trainer.max_steps: got 0" in printed
    assert "optimizer.lr: got nan" in printed
    assert "esmm/mmoe'?" in printed
    assert len(printed.strip().splitlines()) == 4
    assert not list(tmp_path.iterdir())


def test_a_dry_run_prints_the_plan_and_trains_nothing(tmp_path: Path) -> None:
    printed = sweeper(tmp_path, "-m", GRID, *SMALL, "study.dry_run=true")
    assert "lambda=0.2" in printed
    assert "6 runs to train" in printed
    assert not list(tmp_path.glob("results/*/trials"))


def test_a_diverging_candidate_is_a_result_and_the_sweep_goes_on(tmp_path: Path) -> None:
    """A learning rate of 1e9 makes the loss infinite or NaN within a few steps; 1e-3 stays sound."""
    words = ("optimizer.lr=1e-3,1e9", "study.baseline=[]", "study.confirm_seeds=0", "optimizer=sgd")
    printed = sweeper(tmp_path, "-m", *SMALL, *words, INLINE)
    facts = summary(tmp_path)
    states = {trial["name"]: trial["state"] for trial in facts["trials"]}
    assert states["lr=1e+09"] == "FAILED"
    assert states["lr=0.001"] == "COMPLETE"
    assert facts["verdict"] == "not confirmed"
    assert "lr=0.001 is the best candidate on validation; not confirmed: study.confirm_seeds=0." in printed
    assert "aux_focal.compute_fp32=true" in printed or "optimizer.lr" in printed
