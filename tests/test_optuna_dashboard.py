"""What Optuna's tools, and so its dashboard, read in a study's database: by `optuna.load_study` alone."""

from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.commands import INLINE, sweeper

SMALL = (
    *("data.n_train=3000", "data.n_val=1500", "data.n_test=1500", "data.n_users=100", "data.n_items=100"),
    *("trainer.max_steps=20", "trainer.eval_every=10", "trainer.batch_size=256", "tracking=none", INLINE),
    *("aux_focal.warmup_steps=4", "study.n_seeds=1", "study.confirm_seeds=0", "study.name=shown"),
)


def study_of(folder: Path, *words: str, code: int = 0) -> optuna.Study:
    sweeper(folder, "-m", *SMALL, *words, code=code)
    return optuna.load_study(study_name="shown", storage=f"sqlite:///{folder}/results/studies.db")


def names(trials: list[FrozenTrial]) -> list[str]:
    return [trial.user_attrs["name"] for trial in trials]


def test_a_grid_has_true_values_states_curves_and_reasons(tmp_path: Path) -> None:
    study = study_of(
        tmp_path, "model=esmm/esmm,esmm/mmoe", "optimizer.lr=1e-3,1e30", "study.max_failure_rate=1"
    )
    assert study.metric_names == ["ctcvr_auc"]
    assert study.direction.name == "MAXIMIZE"
    assert [trial.params for trial in study.trials] == [
        {"model": model, "optimizer.lr": lr} for model in ("esmm/esmm", "esmm/mmoe") for lr in (1e-3, 1e30)
    ]
    assert names(study.trials)[0] == "model=esmm/esmm lr=0.001"
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL] * 2
    for trial in study.get_trials(states=(TrialState.COMPLETE,)):
        assert list(trial.intermediate_values) == [10, 20]
        assert trial.value == pytest.approx(max(trial.intermediate_values.values()))
    assert "loss is nan" in study.trials[1].user_attrs["reason"]
    assert study.user_attrs["baseline result"]["state"] == "COMPLETE"


def test_a_choice_that_was_added_later_is_in_an_attribute_with_its_value(tmp_path: Path) -> None:
    study_of(tmp_path, "trainer.schedule.name=constant,cosine")
    (*_, added) = study_of(tmp_path, "trainer.schedule.name=constant,cosine,plateau").trials
    assert added.params == {}
    assert added.user_attrs["params.trainer.schedule.name"] == "plateau"
    assert added.user_attrs["name"] == "name=plateau"


def test_a_pruned_search_has_pruned_trials_with_their_curves_so_far_and_why(tmp_path: Path) -> None:
    search = ("optimizer.lr=tag(log,interval(1e-4,1e-1))", "study.n_trials=3")
    study = study_of(tmp_path, *search, "pruner=threshold", "pruner.lower=1.5", code=1)
    assert [trial.state for trial in study.trials] == [TrialState.PRUNED] * 3
    for trial in study.trials:
        assert 1e-4 <= trial.params["optimizer.lr"] <= 1e-1
        assert trial.distributions["optimizer.lr"] == optuna.distributions.FloatDistribution(
            1e-4, 1e-1, log=True
        )
        assert list(trial.intermediate_values) == [10]
        assert trial.user_attrs["reason"].startswith("seed 0: threshold: val/ctcvr_auc ")


def test_several_objectives_have_their_names_values_and_front(tmp_path: Path) -> None:
    study = study_of(tmp_path, "aux_focal.lambda=0.1,0.2", "study.metrics=[ctcvr_auc:max,bce:min]")
    assert study.metric_names == ["ctcvr_auc", "bce"]
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert [trial.params for trial in study.trials] == [{"aux_focal.lambda": 0.1}, {"aux_focal.lambda": 0.2}]
    assert all(len(trial.values) == 2 for trial in study.trials)
    assert study.best_trials
