"""Two of Optuna's transactions on SQLite, which cost the same however many trials there are.

Optuna counts all trials of a study for the number of a new one, asks the database between any two attributes,
and reads a whole study again to learn what a few of its trials have become.
"""

import json
from collections.abc import Collection
from copy import deepcopy

import sqlalchemy as sa
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy import orm

from sweeper.storage.optuna_adapter import read_trials, tables_of, with_trial_id


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
        with orm.Session(self._storage.engine, expire_on_commit=False) as session, session.begin():
            row = tables.TrialModel(
                study_id=study_id,
                state=template.state,
                datetime_start=template.datetime_start,
                datetime_complete=template.datetime_complete,
            )
            session.add(row)
            session.flush()  # from here on nobody else writes
            row.number = self._next_number(session, study_id, row.trial_id)
            for name, value in template.params.items():
                self._refuse_other_kind(session, study_id, name, template.distributions[name])
                session.add(
                    tables.TrialParamModel(
                        trial_id=row.trial_id,
                        param_name=name,
                        param_value=template.distributions[name].to_internal_repr(value),
                        distribution_json=distribution_to_json(template.distributions[name]),
                    )
                )
            for kind, attributes in (
                (tables.TrialUserAttributeModel, template.user_attrs),
                (tables.TrialSystemAttributeModel, template.system_attrs),
            ):
                session.add_all(
                    kind(trial_id=row.trial_id, key=key, value_json=json.dumps(value))
                    for key, value in attributes.items()
                )
        trial = with_trial_id(deepcopy(template), row.trial_id)
        trial.number = row.number
        return trial

    def changed(self, study_id: int, open_ids: Collection[int], after: int) -> list[FrozenTrial]:
        """The trials with these keys, and those that have come after the one with the key `after`."""
        return read_trials(self._storage, study_id, set(open_ids), after)

    def _next_number(self, session: orm.Session, study_id: int, trial_id: int) -> int:
        """One more than the last trial's: the index of a study's trials ends with it."""
        trials = tables_of(self._storage).TrialModel
        of_study = (trials.study_id == study_id, trials.trial_id < trial_id)
        last = sa.select(trials.number).where(*of_study).order_by(trials.trial_id.desc()).limit(1)
        number = session.scalar(last)
        return 0 if number is None else int(number) + 1

    def _refuse_other_kind(
        self, session: orm.Session, study_id: int, name: str, distribution: BaseDistribution
    ) -> None:
        if (study_id, name) not in self._distributions:
            known = self._first_distribution(session, study_id, name)
            if known is None:
                return  # it may be undone yet
            self._distributions[study_id, name] = known
        check_distribution_compatibility(self._distributions[study_id, name], distribution)

    def _first_distribution(self, session: orm.Session, study_id: int, name: str) -> BaseDistribution | None:
        tables = tables_of(self._storage)
        query = (
            sa.select(tables.TrialParamModel.distribution_json)
            .join(tables.TrialModel, tables.TrialModel.trial_id == tables.TrialParamModel.trial_id)
            .where(tables.TrialModel.study_id == study_id, tables.TrialParamModel.param_name == name)
        )
        text = session.scalar(query.limit(1))
        return None if text is None else json_to_distribution(text)
