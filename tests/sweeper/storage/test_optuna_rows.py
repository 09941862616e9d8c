"""Optuna's rows written in one go: what Optuna itself would write and read, at a cost that does not grow."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import optuna
import pytest
from hypothesis import given, settings, strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.storage.optuna_rows import OptunaRows
from sweeper.storage.remembering import RememberingStorage
from tests.sweeper.storage.test_remembering import facts, known

UNIT = FloatDistribution(0.0, 1.0)
KIND = CategoricalDistribution(("a", "b", 3, None, True))
MINIMIZE = [StudyDirection.MINIMIZE]


def template(state: TrialState = TrialState.RUNNING, **params: object) -> FrozenTrial:
    """A trial as ours are added; `kind` is a choice, other parameters are numbers from 0 to 1."""
    distributions: dict[str, BaseDistribution] = {name: KIND if name == "kind" else UNIT for name in params}
    trial = optuna.create_trial(state=TrialState.RUNNING, params=params, distributions=distributions)
    trial.user_attrs, trial.system_attrs = {"spec": "ü" * 9, "list": [1, None]}, {"rung": 0.5}
    if state.is_finished():
        trial.state, trial.datetime_complete = state, datetime.now()
    return trial


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[RDBStorage]:
    """With a study of another name, so that keys of trials are not their numbers."""
    found = RDBStorage(f"sqlite:///{tmp_path / 'studies.db'}")
    other = found.create_new_study(MINIMIZE, "other")
    found.create_new_trial(other)
    yield found
    found.engine.dispose()


params = st.fixed_dictionaries(
    {}, optional={"x": st.floats(0, 1), "kind": st.sampled_from(KIND.choices), "y": st.floats(0, 1)}
)
ends = st.sampled_from([TrialState.RUNNING, TrialState.FAIL])


@given(st.lists(st.tuples(ends, params), min_size=1, max_size=4))
@settings(max_examples=20, deadline=None)
def test_a_trial_is_in_the_database_as_optuna_would_have_put_it_there(
    trials: list[tuple[TrialState, dict[str, object]]],
) -> None:
    """The one that is given back is the one that is read."""
    storage = RDBStorage("sqlite://")
    ours, theirs = (storage.create_new_study(MINIMIZE, name) for name in ("ours", "theirs"))
    rows = OptunaRows(storage)
    for state, point in trials:
        trial = template(state, **point)
        given_back = rows.add(ours, trial)
        storage.create_new_trial(theirs, trial)
        read = storage.get_trial(given_back._trial_id)
        assert facts(given_back) == facts(read)
        assert (given_back.datetime_start, given_back.datetime_complete) == (
            read.datetime_start,
            read.datetime_complete,
        )
    found, expected = (storage.get_all_trials(study) for study in (ours, theirs))
    assert [facts(trial)[1:] for trial in found] == [facts(trial)[1:] for trial in expected]
    assert [trial.datetime_start for trial in found] == [trial.datetime_start for trial in expected]
    storage.engine.dispose()


numbers = st.one_of(st.floats(allow_nan=False), st.just(float("inf")), st.just(float("-inf")))
reports = st.lists(st.tuples(st.integers(0, 3), st.one_of(numbers, st.just(float("nan")))), max_size=5)
ended = st.one_of(
    st.tuples(st.just(TrialState.COMPLETE), st.lists(numbers, min_size=2, max_size=2)),
    st.tuples(st.sampled_from([TrialState.FAIL, TrialState.PRUNED]), st.none()),
)


@given(reports, ended)
@settings(max_examples=40, deadline=None)
def test_what_a_trial_reports_and_how_it_ends_is_as_optuna_would_have_written_it(
    told: list[tuple[int, float]], end: tuple[TrialState, list[float] | None]
) -> None:
    storage = RDBStorage("sqlite://")
    two = [StudyDirection.MINIMIZE, StudyDirection.MAXIMIZE]
    ours, theirs = (storage.create_new_trial(storage.create_new_study(two, name)) for name in "ab")
    rows = OptunaRows(storage)
    for step, value in told:
        rows.report(ours, step, value)
        storage.set_trial_intermediate_value(theirs, step, value)
    rows.end(ours, *end)
    storage.set_trial_state_values(theirs, *end)
    found, expected = storage.get_trial(ours), storage.get_trial(theirs)
    assert repr(found.intermediate_values) == repr(expected.intermediate_values)
    assert (found.state, found.values) == (expected.state, expected.values)
    assert found.datetime_complete is not None
    storage.engine.dispose()


def test_a_trial_that_has_ended_is_not_written_again(storage: RDBStorage) -> None:
    """By another process, for example; nothing of the attempt stays."""
    trial = storage.create_new_trial(storage.create_new_study(MINIMIZE, "s"))
    rows = OptunaRows(storage)
    rows.end(trial, TrialState.COMPLETE, [0.5])
    before = storage.get_trial(trial)
    with pytest.raises(UpdateFinishedTrialError):
        rows.report(trial, 1, 0.25)
    with pytest.raises(UpdateFinishedTrialError):
        rows.end(trial, TrialState.COMPLETE, [0.75])
    assert storage.get_trial(trial) == before
    with pytest.raises(KeyError):
        rows.report(trial + 1, 1, 0.25)
    assert len(storage.get_all_trials(storage.get_study_id_from_name("s"))) == 1


def test_numbers_go_on_where_optuna_and_other_sessions_have_left_them(storage: RDBStorage) -> None:
    study = storage.create_new_study(MINIMIZE, "s")
    first, second = OptunaRows(storage), OptunaRows(storage)
    numbers = [first.add(study, template()).number]
    storage.create_new_trial(study)
    numbers += [rows.add(study, template()).number for rows in (second, first, first)]
    assert numbers == [0, 2, 3, 4]
    assert [trial.number for trial in storage.get_all_trials(study)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_parameter_of_another_kind_is_refused_and_spends_no_number(
    storage: RDBStorage, is_known: bool
) -> None:
    study = storage.create_new_study(MINIMIZE, "s")
    rows = OptunaRows(storage)
    rows.add(study, template(x=0.5))
    if is_known:
        rows.add(study, template(x=0.25))
    trial = optuna.create_trial(
        state=TrialState.RUNNING, params={"x": "a"}, distributions={"x": CategoricalDistribution(("a",))}
    )
    with pytest.raises(ValueError, match="different distribution kind"):
        rows.add(study, trial)
    assert rows.add(study, template(x=0.75)).number == 1 + is_known


def test_another_study_may_have_a_parameter_of_the_same_name_and_another_kind(storage: RDBStorage) -> None:
    rows = OptunaRows(storage)
    for name, point in (("one", {"kind": "a"}), ("two", {"x": 0.5})):
        rows.add(storage.create_new_study(MINIMIZE, name), template(**point))
    three = storage.create_new_study(MINIMIZE, "three")
    trial = optuna.create_trial(
        state=TrialState.RUNNING, params={"x": "a"}, distributions={"x": CategoricalDistribution(("a",))}
    )
    assert rows.add(three, trial).params == {"x": "a"}


def statements_of_sqlite(storage: RDBStorage, rows: OptunaRows, study: int) -> int:
    """The steps of SQLite's machine for one trial more."""
    with storage.engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw is not None
        counted = 0

        def count() -> int:
            nonlocal counted
            counted += 1
            return 0

        raw.set_progress_handler(count, 1)
    rows.add(study, template(x=0.5))
    raw.set_progress_handler(None, 1)
    return counted


def test_trial_400_costs_the_database_what_trial_20_does() -> None:
    """In steps of SQLite's machine, which nothing disturbs; Optuna's count of trials takes steps for each."""
    storage = RDBStorage("sqlite://")
    study, rows = storage.create_new_study(MINIMIZE, "s"), OptunaRows(storage)
    for _ in range(20):
        rows.add(study, template(x=0.5))
    few = statements_of_sqlite(storage, rows, study)
    for _ in range(400):
        rows.add(study, template(x=0.5))
    many = statements_of_sqlite(storage, rows, study)
    assert few > 50
    assert many < few + 100
    storage.engine.dispose()


def test_a_look_reads_what_may_have_changed_and_nothing_else(
    storage: RDBStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two have ended here, one is open and written to by another session, which has begun one, too."""
    study = storage.create_new_study(MINIMIZE, "s")
    ours = RememberingStorage(storage, OptunaRows(storage))
    ids = [ours.create_new_trial(study, template(x=0.5)) for _ in range(3)]
    for trial_id in ids[:2]:
        ours.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.5])
    storage.set_trial_user_attr(ids[2], "mark", 1)
    theirs = storage.create_new_trial(study)
    read: list[int] = []
    changed = OptunaRows.changed

    def noting(self: OptunaRows, *arguments: object, **named: object) -> list[FrozenTrial]:
        found = changed(self, *arguments, **named)  # type: ignore[arg-type]
        read.extend(trial._trial_id for trial in found)
        return found

    monkeypatch.setattr(OptunaRows, "changed", noting)
    ours.look(study)
    assert read == [ids[2], theirs]
    assert known(ours, study) == known(storage, study)


def test_who_is_second_to_begin_a_trial_learns_of_the_first(storage: RDBStorage) -> None:
    study = storage.create_new_study(MINIMIZE, "s")
    ours = RememberingStorage(storage, OptunaRows(storage))
    ours.create_new_trial(study, template())
    storage.create_new_trial(study)
    last = ours.create_new_trial(study, template(x=0.5))
    assert ours.get_trial(last).number == 2
    assert known(ours, study) == known(storage, study)
