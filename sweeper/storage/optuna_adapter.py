"""What we use of Optuna that it does not promise to keep, in one place: a new version breaks here or nowhere.

`tests/sweeper/storage/test_optuna_adapter.py` tests each part, and names the version that broke it.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import optuna
import sqlalchemy as sa
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _VersionManager
from optuna.trial import FrozenTrial, Trial

REVISION = re.compile(r"^(down_)?revision = \"([^\"]+)\"", re.MULTILINE)
"""What a step from one schema to the next says of itself, and of the step before."""


def storage_of(study: optuna.Study) -> BaseStorage:
    """Where the study's trials are."""
    storage: BaseStorage = study._storage
    return storage


def study_id_of(study: optuna.Study) -> int:
    """The study's key in its storage."""
    return int(study._study_id)


def trial_id_of(trial: FrozenTrial) -> int:
    """The trial's key in its storage; its number counts within its study only."""
    return int(trial._trial_id)


def with_trial_id(trial: FrozenTrial, trial_id: int) -> FrozenTrial:
    """The trial itself, under this key."""
    trial._trial_id = trial_id
    return trial


def writable(study: optuna.Study, trial: FrozenTrial) -> Trial:
    """The trial as Optuna gives it to whoever runs it: it can be written to, and asks the study's pruner."""
    return Trial(study, trial_id_of(trial))


def added(study: optuna.Study, template: FrozenTrial) -> FrozenTrial:
    """A new trial with all that `template` holds but its number, written in one transaction."""
    storage = storage_of(study)
    return storage.get_trial(storage.create_new_trial(study_id_of(study), template_trial=template))


def trial_numbered(study: optuna.Study, number: int) -> FrozenTrial:
    """The study's trial of this number, without reading all others. Raises KeyError where there is none."""
    storage = storage_of(study)
    return storage.get_trial(storage.get_trial_id_from_study_id_trial_number(study_id_of(study), number))


def study_seen_as(view: type[optuna.Study], study: optuna.Study, pruner: BasePruner) -> optuna.Study:
    """The same study in the same storage, as an object of the class `view` with a pruner of its own."""
    sampler = optuna.samplers.RandomSampler()  # never asked for a point
    return view(study.study_name, storage_of(study), sampler, pruner)


def tables_of(storage: RDBStorage) -> ModuleType:
    """The classes of the rows in the tables of Optuna's storage."""
    assert isinstance(storage, RDBStorage)
    return models


def read_trials(storage: RDBStorage, study_id: int, trial_ids: set[int], after: int) -> list[FrozenTrial]:
    """Of a study the trials with these keys, none of them above `after`, and all with keys above it."""
    found: list[FrozenTrial] = storage._get_trials(
        study_id, states=None, included_trial_ids=trial_ids, trial_id_greater_than=after
    )
    return found


def writer_of(storage: RDBStorage) -> str:
    """The version of Optuna that made the tables of a database."""
    with storage.engine.connect() as connection:
        return str(connection.execute(sa.text("SELECT library_version FROM version_info")).scalar())


@contextmanager
def opened_without_alembic() -> Iterator[None]:
    """Within, a storage imports alembic only to make its tables, not to ask whether they are there.

    Optuna asks alembic for the revision of the schema, at each opening, and takes any for an answer.
    """
    managers: Any = _VersionManager
    ask = managers._init_alembic

    def look(manager: _VersionManager) -> None:
        if _revision(manager.engine) is None:
            ask(manager)

    managers._init_alembic = look
    try:
        yield
    finally:
        managers._init_alembic = ask


def schema_of(storage: RDBStorage) -> str:
    """The revision of the schema in a database."""
    return _revision(storage.engine) or storage.get_current_version()


def own_schema(storage: RDBStorage) -> str:
    """The revision of the schema that this Optuna writes."""
    return _last_revision() or storage.get_head_version()


def _revision(engine: sa.Engine) -> str | None:
    """None where there is none, or it cannot be said at once."""
    with suppress(sa.exc.SQLAlchemyError), engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT version_num FROM alembic_version")).all()
        return str(rows[0][0]) if len(rows) == 1 else None
    return None


def _last_revision() -> str | None:
    """By the files that alembic would import: what no other comes after; None where that is not plain."""
    files = (Path(models.__file__).parent / "alembic" / "versions").glob("*.py")
    said = [match for file in files for match in REVISION.finditer(file.read_text())]
    earlier = {match[2] for match in said if match[1]}
    last = {match[2] for match in said if not match[1]} - earlier
    return last.pop() if len(last) == 1 else None
