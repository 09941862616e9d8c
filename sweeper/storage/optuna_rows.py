"""Optuna's transactions on SQLite, which cost the same however many trials there are, and little.

Optuna counts all trials of a study for the number of a new one, asks the database between any two attributes,
and reads a whole study again to learn what a few of its trials have become. All that it writes goes through
mapped objects, which takes longer than the statements do.
"""

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.dialects import sqlite

from sweeper.storage.optuna_adapter import read_trials, tables_of, trial_id_of, with_trial_id


class OptunaRows:
    """Writes and reads the rows of Optuna's tables, by Optuna's own classes.

    A server's transactions are Optuna's alone: it locks more there, and may have to repeat them.
    """

    def __init__(self, storage: RDBStorage) -> None:
        self._storage = storage
        self._distributions: dict[tuple[int, str], BaseDistribution] = {}

    def add(self, study_id: int, template: FrozenTrial) -> FrozenTrial:
        """A new trial with all that `template` holds but its number; a running one without values.

        Raises ValueError where a parameter has been of another kind in this study.
        """
        tables = tables_of(self._storage)
        with self._storage.engine.begin() as connection:
            begun = sa.insert(tables.TrialModel.__table__).values(
                study_id=study_id,
                state=template.state,
                datetime_start=template.datetime_start,
                datetime_complete=template.datetime_complete,
            )
            key = connection.execute(begun).inserted_primary_key  # from here on nobody else writes
            assert key is not None
            trial = with_trial_id(deepcopy(template), int(key[0]))
            trial.number = self._next_number(connection, study_id, int(key[0]))
            of_trial = tables.TrialModel.trial_id == key[0]
            connection.execute(
                sa.update(tables.TrialModel.__table__).where(of_trial).values(number=trial.number)
            )
            self._add_params(connection, study_id, trial)
            for kind, attributes in (
                (tables.TrialUserAttributeModel, template.user_attrs),
                (tables.TrialSystemAttributeModel, template.system_attrs),
            ):
                rows = [
                    {"trial_id": key[0], "key": name, "value_json": json.dumps(value)}
                    for name, value in attributes.items()
                ]
                _add(connection, kind, rows)
        return trial

    def _add_params(self, connection: sa.Connection, study_id: int, trial: FrozenTrial) -> None:
        rows = []
        for name, value in trial.params.items():
            distribution = trial.distributions[name]
            self._refuse_other_kind(connection, study_id, name, distribution)
            rows.append(
                {
                    "trial_id": trial_id_of(trial),
                    "param_name": name,
                    "param_value": distribution.to_internal_repr(value),
                    "distribution_json": distribution_to_json(distribution),
                }
            )
        _add(connection, tables_of(self._storage).TrialParamModel, rows)

    def report(self, trial_id: int, step: int, value: float) -> None:
        """An intermediate value, in place of one of the same step.

        Raises optuna.exceptions.UpdateFinishedTrialError, and KeyError where there is no such trial.
        """
        values = tables_of(self._storage).TrialIntermediateValueModel
        stored, kind = values.intermediate_value_to_stored_repr(value)
        with self._storage.engine.begin() as connection:
            put = {"intermediate_value": stored, "intermediate_value_type": kind}
            connection.execute(_put(values, {"trial_id": trial_id, "step": step}, put))
            self._refuse_finished(connection, trial_id)

    def end(self, trial_id: int, state: TrialState, values: Sequence[float] | None) -> None:
        """The trial is finished in this state. Raises as `report` does, having changed nothing."""
        tables = tables_of(self._storage)
        trials, now = tables.TrialModel, datetime.now()
        with self._storage.engine.begin() as connection:
            for objective, value in enumerate(values or ()):
                stored, kind = tables.TrialValueModel.value_to_stored_repr(value)
                at = {"trial_id": trial_id, "objective": objective}
                put = {"value": stored, "value_type": kind}
                connection.execute(_put(tables.TrialValueModel, at, put))
            self._refuse_finished(connection, trial_id)
            ended = sa.update(trials.__table__).where(trials.trial_id == trial_id)
            connection.execute(ended.values(state=state, datetime_complete=now))

    def _refuse_finished(self, connection: sa.Connection, trial_id: int) -> None:
        trials = tables_of(self._storage).TrialModel
        state = connection.scalar(sa.select(trials.state).where(trials.trial_id == trial_id))
        if state is None:
            raise KeyError(trial_id)
        self._storage.check_trial_is_updatable(trial_id, state)

    def changed(self, study_id: int, open_ids: Collection[int], after: int) -> list[FrozenTrial]:
        """The trials with these keys, and those that have come after the one with the key `after`."""
        return read_trials(self._storage, study_id, set(open_ids), after)

    def _next_number(self, connection: sa.Connection, study_id: int, trial_id: int) -> int:
        """One more than the last trial's: the index of a study's trials ends with it."""
        trials = tables_of(self._storage).TrialModel
        of_study = (trials.study_id == study_id, trials.trial_id < trial_id)
        last = sa.select(trials.number).where(*of_study).order_by(trials.trial_id.desc()).limit(1)
        number = connection.scalar(last)
        return 0 if number is None else int(number) + 1

    def _refuse_other_kind(
        self, connection: sa.Connection, study_id: int, name: str, distribution: BaseDistribution
    ) -> None:
        if (study_id, name) not in self._distributions:
            known = self._first_distribution(connection, study_id, name)
            if known is None:
                return  # it may be undone yet
            self._distributions[study_id, name] = known
        check_distribution_compatibility(self._distributions[study_id, name], distribution)

    def _first_distribution(
        self, connection: sa.Connection, study_id: int, name: str
    ) -> BaseDistribution | None:
        tables = tables_of(self._storage)
        query = (
            sa.select(tables.TrialParamModel.distribution_json)
            .join(tables.TrialModel, tables.TrialModel.trial_id == tables.TrialParamModel.trial_id)
            .where(tables.TrialModel.study_id == study_id, tables.TrialParamModel.param_name == name)
        )
        text = connection.scalar(query.limit(1))
        return None if text is None else json_to_distribution(text)


def _add(connection: sa.Connection, kind: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(kind.__table__), rows)


def _put(rows: Any, at: dict[str, int], values: dict[str, Any]) -> sa.Insert:
    """The statement that writes these columns of the row at a unique place, whether or not it is there."""
    return sqlite.insert(rows.__table__).values(**at, **values).on_conflict_do_update(list(at), set_=values)
