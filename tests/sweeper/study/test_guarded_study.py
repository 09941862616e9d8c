"""A study whose winner breaks a guard, from its command to what it leaves."""

from pathlib import Path

import pytest

from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.reports import choose, read_summary
from sweeper.study.study import run_sweep
from tests.sweeper.small_esmm import small_sweep

ANY_TRAINING_WINS = (
    *("study.metrics=[ctr_auc]", "study.baseline=['optimizer.lr=1e-6']"),
    *("study.n_seeds=4", "study.confirm_seeds=4"),
)
SMALLER = ("data.n_train=1000", "data.n_val=500", "data.n_test=6000", "trainer.max_steps=20")
GUARDS = "study.guards=['ctcvr_auc >= -0.9','bce <= -5']"


@pytest.mark.slow  # its parts are tested without a study: verdict/test_guarding.py, test_predict.py
def test_a_winner_that_breaks_a_guard_is_a_result_without_a_champion(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("optimizer.lr=choice(0.02)", *ANY_TRAINING_WINS, GUARDS, "study.name=s")
    assert run_sweep(small_sweep(tmp_path, *SMALLER, *words, "executor=inline", "trainer.eval_every=10")) == 0
    folder = StudyFolder.of(tmp_path, "s")
    summary = read_summary(folder)
    assert summary.verdict == "better, but costs bce"
    assert [(one.guard, one.state) for one in summary.guards] == [
        ("ctcvr_auc >= -0.9", "held"),
        ("bce <= -5", "broken"),
    ]
    assert {run.path.parent.name for run in folder.runs if run.best.exists()} == {"0000-baseline"}
    assert "breaks bce <= -5, so that there is no champion" in folder.best_yaml.read_text().splitlines()[0]
    with pytest.raises(UserError, match=r"^model: got 'champion', but the study has none: lr=0.02"):
        choose(folder, "champion")
    said = capsys.readouterr().out
    assert "guards, of the best candidate minus the baseline on test: ctcvr_auc >= -0.9, bce <= -5" in said
    assert "\nguards: ctcvr_auc >= -0.9 held, " in said
