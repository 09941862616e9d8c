"""Optuna's calls on connections that are cut before or after their work is done: each does it once."""

from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState

from sweeper.storage.remembering import RememberingStorage
from sweeper.storage.repeating import MARK, RepeatingStorage
from sweeper.storage.waiting import ConnectionCut, Waiting

UNIT = FloatDistribution(0.0, 1.0)


class Cut:
    """A storage each of whose calls fails once: `before` it has done its work, or after."""

    def __init__(self, backend: BaseStorage, *, before: bool) -> None:
        self._backend, self._before = backend, before
        self._has_failed: set[str] = set()
        self.is_on = False

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            is_cut = self.is_on and name not in self._has_failed
            self._has_failed |= {name} if is_cut else set()
            if is_cut and self._before:
                raise ConnectionCut("cut")
            found = getattr(self._backend, name)(*arguments, **options)
            if is_cut:
                raise ConnectionCut("cut")
            return found

        return call


@pytest.fixture(params=["before", "after"])
def cut(request: pytest.FixtureRequest) -> Iterator[Cut]:
    backend = RDBStorage("sqlite://")
    yield Cut(backend, before=request.param == "before")
    backend.remove_session()
    backend.engine.dispose()


@pytest.fixture
def storage(cut: Cut) -> RepeatingStorage:
    return RepeatingStorage(cut, Waiting("server").repeated)  # type: ignore[arg-type]


def test_a_study_is_made_and_removed_once(cut: Cut, storage: RepeatingStorage) -> None:
    cut.is_on = True
    study = optuna.create_study(storage=storage, study_name="s", load_if_exists=True)
    assert study.study_name == "s"
    assert [found.study_name for found in storage.get_all_studies()] == ["s"]
    storage.delete_study(storage.get_study_id_from_name("s"))
    assert storage.get_all_studies() == []


def test_a_trial_is_created_written_and_ended_once(cut: Cut, storage: RepeatingStorage) -> None:
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "s")
    cut.is_on = True
    trial_id = storage.create_new_trial(study_id)
    storage.set_trial_param(trial_id, "x", 0.25, UNIT)
    storage.set_trial_user_attr(trial_id, "spec", "a")
    storage.set_trial_system_attr(trial_id, "rung", 1)
    storage.set_trial_intermediate_value(trial_id, 5, 0.5)
    assert storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.7])
    (trial,) = storage.get_all_trials(study_id)
    assert (trial.number, trial.state, trial.values, trial.params) == (
        0,
        TrialState.COMPLETE,
        [0.7],
        {"x": 0.25},
    )
    assert (trial.user_attrs, trial.intermediate_values) == ({"spec": "a"}, {5: 0.5})
    assert trial.system_attrs.keys() == {MARK, "rung"}
    assert trial.datetime_start is not None


def test_a_trial_that_another_session_ended_first_is_still_refused(
    cut: Cut, storage: RepeatingStorage
) -> None:
    study_id = storage.create_new_study([StudyDirection.MAXIMIZE], "s")
    trial_id = storage.create_new_trial(study_id)
    cut._backend.set_trial_state_values(trial_id, TrialState.FAIL)
    cut.is_on = cut._before
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.7])


def test_a_template_of_the_callers_stays_as_it_is(storage: RepeatingStorage) -> None:
    template = optuna.create_trial(state=TrialState.WAITING)
    storage.create_new_trial(storage.create_new_study([StudyDirection.MAXIMIZE], "s"), template)
    assert template.system_attrs == {}


def test_a_sampler_suggests_what_it_would_on_whole_connections(cut: Cut, storage: RepeatingStorage) -> None:
    def asked(of: BaseStorage) -> list[float]:
        sampler = optuna.samplers.TPESampler(seed=3, n_startup_trials=3)
        study = optuna.create_study(storage=RememberingStorage(of), sampler=sampler)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=6)
        return [trial.params["x"] for trial in study.trials]

    whole = asked(RDBStorage("sqlite://"))
    cut.is_on = True
    assert asked(storage) == whole
