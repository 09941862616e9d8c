"""Optuna's storage read from memory: what it knows, when, and that Optuna cannot tell the difference."""

from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.storage import optuna_adapter
from sweeper.storage.remembering import DRAFT, RememberingStorage, drafting, look_of

UNIT = FloatDistribution(0.0, 1.0)


def opened(backend: BaseStorage) -> tuple[RememberingStorage, int]:
    """A new study on `backend`, and its id there."""
    storage = RememberingStorage(backend)
    return storage, storage.create_new_study([StudyDirection.MAXIMIZE], "s")


def facts(trial: FrozenTrial) -> tuple[object, ...]:
    """All of a trial but its times."""
    return (
        *(trial._trial_id, trial.number, trial.state, trial.values, trial.params, trial.distributions),
        *(trial.intermediate_values, trial.user_attrs, trial.system_attrs),
    )


def known(storage: BaseStorage, study_id: int) -> list[tuple[object, ...]]:
    return [facts(trial) for trial in storage.get_all_trials(study_id)]


def write(storage: BaseStorage, trial_id: int, what: int, x: float) -> None:
    """One of the seven ways to write into a trial."""
    writings: list[Callable[[], object]] = [
        lambda: storage.set_trial_param(trial_id, "x", x, UNIT),
        lambda: storage.set_trial_intermediate_value(trial_id, round(10 * x), x),
        lambda: storage.set_trial_user_attr(trial_id, "mark", {"x": x}),
        lambda: storage.set_trial_system_attr(trial_id, "rung", x),
        lambda: storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [x]),
        lambda: storage.set_trial_state_values(trial_id, TrialState.FAIL),
        lambda: storage.set_trial_state_values(trial_id, TrialState.PRUNED, [x]),
    ]
    writings[what]()


writes = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6), st.floats(0, 1)), max_size=12)


def check_equal_after(backend: BaseStorage, order: Sequence[tuple[int, int, float]]) -> None:
    storage, study_id = opened(backend)
    ids = [storage.create_new_trial(study_id) for _ in range(3)]
    for index, what, x in order:
        trial = storage.get_trial(ids[index])
        if not trial.state.is_finished() and not (what == 0 and trial.params):  # Optuna asks a parameter once
            write(storage, ids[index], what, x)
    assert known(storage, study_id) == known(backend, study_id)
    before = known(storage, study_id)
    storage.look(study_id)
    assert known(storage, study_id) == before


@given(writes)
def test_what_was_written_here_is_known_as_the_database_holds_it(
    order: list[tuple[int, int, float]],
) -> None:
    check_equal_after(InMemoryStorage(), order)


@given(writes)
@settings(max_examples=8, deadline=None)
def test_a_real_database_holds_the_same(order: list[tuple[int, int, float]]) -> None:
    check_equal_after(optuna.storages.RDBStorage("sqlite://"), order)


def test_what_others_write_is_known_after_a_look_and_not_before() -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    trial_id = storage.create_new_trial(study_id)
    backend.set_trial_user_attr(trial_id, "mark", 1)
    backend.create_new_trial(study_id)
    assert [trial.user_attrs for trial in storage.get_all_trials(study_id)] == [{}]
    storage.look(study_id)
    assert [trial.user_attrs for trial in storage.get_all_trials(study_id)] == [{"mark": 1}, {}]


def test_who_is_second_to_begin_a_trial_learns_of_the_first() -> None:
    """Trials are found by number: the list without the other's trial 0 would have ours in its place."""
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    backend.create_new_trial(study_id)
    ours = storage.create_new_trial(study_id)
    assert storage.get_trial(ours).number == 1
    assert [trial.number for trial in storage.get_all_trials(study_id)] == [0, 1]


def test_trials_are_read_once_a_look_however_often_they_are_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    trial_id = storage.create_new_trial(study_id)
    storage.look(study_id)
    for name in ("get_trial", "get_all_trials"):
        monkeypatch.setattr(backend, name, None)  # would fail if it were called
    storage.set_trial_param(trial_id, "x", 0.5, UNIT)
    assert storage.get_trial(trial_id).params == {"x": 0.5}
    assert [trial.params for trial in storage.get_all_trials(study_id)] == [{"x": 0.5}]


def test_who_was_given_trials_goes_on_seeing_what_he_asked_for() -> None:
    storage, study_id = opened(InMemoryStorage())
    trial_id = storage.create_new_trial(study_id)
    before = storage.get_all_trials(study_id, deepcopy=False)
    for what in (0, 1, 2, 3, 4):
        write(storage, trial_id, what, 0.5)
    assert facts(before[0]) == (trial_id, 0, TrialState.RUNNING, None, {}, {}, {}, {}, {})


@pytest.mark.parametrize("deepcopy", [True, False])
def test_writing_into_what_was_handed_out_changes_nothing_here(deepcopy: bool) -> None:
    """Without a copy the one object is everybody's, as Optuna has it: only its own copies are free."""
    storage, study_id = opened(InMemoryStorage())
    trial_id = storage.create_new_trial(study_id)
    storage.get_trial(trial_id).user_attrs["mark"] = 1
    storage.get_all_trials(study_id, deepcopy=True)[0].user_attrs["mark"] = 1
    assert storage.get_all_trials(study_id, deepcopy=deepcopy)[0].user_attrs == {}


def test_trials_can_be_asked_for_by_their_states() -> None:
    storage, study_id = opened(InMemoryStorage())
    ids = [storage.create_new_trial(study_id) for _ in range(3)]
    storage.set_trial_state_values(ids[1], TrialState.COMPLETE, [0.5])
    for deepcopy in (True, False):
        found = storage.get_all_trials(study_id, deepcopy, states=(TrialState.COMPLETE,))
        assert [trial.number for trial in found] == [1]
        found = storage.get_all_trials(study_id, deepcopy, states=(TrialState.RUNNING,))
        assert [trial.number for trial in found] == [0, 2]


def test_an_ended_trial_has_the_time_of_its_end_and_a_running_one_has_none() -> None:
    storage, study_id = opened(InMemoryStorage())
    ids = [storage.create_new_trial(study_id) for _ in range(2)]
    storage.set_trial_state_values(ids[0], TrialState.FAIL)
    ended, running = storage.get_all_trials(study_id)
    assert ended.datetime_complete is not None
    assert ended.datetime_start is not None
    assert ended.datetime_complete >= ended.datetime_start
    assert running.datetime_complete is None


def test_a_state_that_another_process_was_first_to_set_is_not_taken_for_ours() -> None:
    """A waiting trial is for whoever sets it running first."""
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    trial_id = storage.create_new_trial(study_id, optuna.create_trial(state=TrialState.WAITING))
    assert backend.set_trial_state_values(trial_id, TrialState.RUNNING)
    backend.set_trial_user_attr(trial_id, "owner", "another")
    assert not storage.set_trial_state_values(trial_id, TrialState.RUNNING)
    assert storage.get_trial(trial_id).state is TrialState.WAITING  # as it was when we looked


def test_a_write_that_the_database_refuses_is_not_remembered() -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    trial_id = storage.create_new_trial(study_id)
    backend.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
    for what in range(7):
        with pytest.raises(optuna.exceptions.UpdateFinishedTrialError, match="has already finished"):
            write(storage, trial_id, what, 0.1)
    assert facts(storage.get_trial(trial_id)) == (trial_id, 0, TrialState.RUNNING, None, {}, {}, {}, {}, {})


def test_all_that_is_about_studies_is_the_databases_own() -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    storage.set_study_user_attr(study_id, "fixed", "a")
    storage.set_study_system_attr(study_id, "b", 2)
    assert backend.get_study_user_attrs(study_id) == storage.get_study_user_attrs(study_id) == {"fixed": "a"}
    assert backend.get_study_system_attrs(study_id) == storage.get_study_system_attrs(study_id) == {"b": 2}
    assert storage.get_study_id_from_name("s") == study_id
    assert storage.get_study_name_from_id(study_id) == "s"
    assert storage.get_study_directions(study_id) == [StudyDirection.MAXIMIZE]
    assert [study.study_name for study in storage.get_all_studies()] == ["s"]
    storage.delete_study(study_id)
    assert backend.get_all_studies() == []


def searched(storage: BaseStorage) -> list[tuple[float | None, float, TrialState]]:
    """14 trials of TPE, which starts after 4, with a pruner that looks at what went before."""

    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", -1, 1)
        trial.report(x * x, step=1)
        if trial.should_prune():
            raise optuna.TrialPruned
        return x * x

    sampler = optuna.samplers.TPESampler(seed=3, n_startup_trials=4)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4)
    study = optuna.create_study(storage=storage, sampler=sampler, pruner=pruner)
    look_of(study)()
    study.optimize(objective, n_trials=14)
    return [(trial.value, trial.params["x"], trial.state) for trial in study.trials]


def test_optuna_suggests_and_prunes_as_it_does_without_memory(tmp_path: Path) -> None:
    plain = searched(optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/a.db"))
    remembered = searched(RememberingStorage(optuna.storages.RDBStorage(f"sqlite:///{tmp_path}/b.db")))
    assert remembered == plain
    assert {state for _, _, state in plain} == {TrialState.COMPLETE, TrialState.PRUNED}


def test_a_study_looks_at_what_others_wrote_into_its_own_trials_alone() -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    other = backend.create_new_study([StudyDirection.MAXIMIZE], "other")
    study = optuna.load_study(study_name="s", storage=storage)
    backend.create_new_trial(other)
    backend.create_new_trial(study_id)
    assert study.trials == []
    look_of(study)()
    assert [trial.number for trial in study.trials] == [0]


def test_a_storage_that_always_knows_need_not_look() -> None:
    study = optuna.create_study()
    study.add_trial(optuna.create_trial(value=0.5))
    look_of(study)()
    assert [trial.value for trial in study.trials] == [0.5]


def test_a_draft_is_in_memory_alone_and_gone_afterwards() -> None:
    """Its number, parameters and attributes are seen while it is drafted, and by nobody else."""
    backend = InMemoryStorage()
    study = optuna.create_study(storage=RememberingStorage(backend), study_name="s")
    study_id = backend.get_study_id_from_name("s")
    study.ask({"x": FloatDistribution(0.0, 1.0)})
    with drafting(study):
        draft = study.ask({"x": FloatDistribution(0.0, 1.0)})
        draft.set_user_attr("role", "candidate")
        optuna_adapter.storage_of(study).set_trial_system_attr(DRAFT, "generation", 1)
        seen = study.trials[1]
        assert (seen.number, list(seen.params), seen.user_attrs) == (1, ["x"], {"role": "candidate"})
        assert seen.system_attrs == {"generation": 1}
        assert len(backend.get_all_trials(study_id)) == 1
    assert [trial.number for trial in study.trials] == [0]
    assert study.ask().number == 1
    assert len(backend.get_all_trials(study_id)) == 2


def test_a_storage_that_keeps_no_drafts_is_named() -> None:
    with pytest.raises(TypeError, match="InMemoryStorage keeps no drafts"):
        drafting(optuna.create_study())


def test_a_study_is_found_by_its_name_once_and_not_after_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = InMemoryStorage()
    storage, study_id = opened(backend)
    assert storage.get_study_id_from_name("s") == study_id
    with monkeypatch.context() as patched:
        patched.setattr(backend, "get_study_id_from_name", None)  # would fail if it were called
        assert storage.get_study_id_from_name("s") == study_id
    storage.delete_study(study_id)
    with pytest.raises(KeyError, match="s"):
        storage.get_study_id_from_name("s")
