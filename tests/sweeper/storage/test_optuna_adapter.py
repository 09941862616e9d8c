"""Each part of Optuna that it does not promise to keep is still there and does what we take it to do."""

import re
import sqlite3
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import optuna
import pytest
from optuna.pruners import BasePruner, NopPruner, ThresholdPruner
from optuna.storages import BaseStorage, InMemoryStorage, RDBStorage
from optuna.trial import TrialState

from sweeper.storage import optuna_adapter
from sweeper.storage.remembering import RememberingStorage
from tests.sweeper.foreign import part_of


def part(name: str) -> AbstractContextManager[None]:
    return part_of("optuna", name, "sweeper/storage/optuna_adapter.py")


class Third(optuna.Study):
    """A view of a study, as our pruners have one."""


@pytest.fixture
def study() -> optuna.Study:
    """The second study of its storage, with a finished trial and a running one: ids are not numbers."""
    storage = InMemoryStorage()
    optuna.create_study(study_name="other", storage=storage).add_trial(optuna.create_trial(value=0.0))
    study = optuna.create_study(study_name="s", storage=storage)
    study.add_trial(optuna.create_trial(value=1.0))
    study.ask()
    return study


def test_a_study_has_its_storage(study: optuna.Study) -> None:
    with part("Study._storage"):
        assert isinstance(optuna_adapter.storage_of(study), BaseStorage)


def test_a_study_has_its_key(study: optuna.Study) -> None:
    with part("Study._study_id"):
        storage = optuna_adapter.storage_of(study)
        assert optuna_adapter.study_id_of(study) == storage.get_study_id_from_name("s")


def test_a_trial_has_its_key(study: optuna.Study) -> None:
    with part("FrozenTrial._trial_id"):
        running = study.trials[1]
        kept = optuna_adapter.storage_of(study).get_trial(optuna_adapter.trial_id_of(running))
        assert kept.number == running.number == 1


def test_a_trial_that_runs_can_be_opened_again(study: optuna.Study) -> None:
    with part("Trial(study, trial_id)"):
        optuna_adapter.writable(study, study.trials[1]).set_user_attr("reason", "x")
        assert study.trials[1].user_attrs == {"reason": "x"}


def test_a_trial_is_found_by_its_number(study: optuna.Study) -> None:
    with part("BaseStorage.get_trial_id_from_study_id_trial_number"):
        assert optuna_adapter.trial_numbered(study, 1).state == TrialState.RUNNING
    with pytest.raises(KeyError, match="7"):
        optuna_adapter.trial_numbered(study, 7)


def test_a_trial_is_added_while_it_runs_with_all_that_describes_it(study: optuna.Study) -> None:
    with part("BaseStorage.create_new_trial(study_id, template_trial)"):
        template = optuna.create_trial(state=TrialState.RUNNING, user_attrs={"spec": "x"})
        trial = optuna_adapter.added(study, template)
        assert (trial.number, trial.state, trial.user_attrs) == (2, TrialState.RUNNING, {"spec": "x"})
        assert study.trials[2].user_attrs == {"spec": "x"}


@pytest.mark.parametrize(("pruner", "is_ended"), [(NopPruner(), False), (ThresholdPruner(upper=0.0), True)])
def test_a_study_can_be_seen_by_another_class_with_another_pruner(
    pruner: BasePruner, is_ended: bool, study: optuna.Study
) -> None:
    with part("Study(study_name, storage, sampler, pruner)"):
        view = optuna_adapter.study_seen_as(Third, study, pruner)
        trial = optuna_adapter.writable(view, study.trials[1])
        trial.report(1.0, step=1)
        assert isinstance(view, Third)
        assert trial.should_prune() is is_ended
        assert study.trials[1].intermediate_values == {1: 1.0}


def test_a_database_says_which_optuna_made_it(tmp_path: Path) -> None:
    with part("version_info.library_version"):
        storage = RDBStorage(f"sqlite:///{tmp_path}/studies.db")
        assert optuna_adapter.writer_of(storage) == optuna.__version__
    storage.engine.dispose()


def test_optuna_asks_nothing_of_a_storage_that_ours_lacks() -> None:
    with part_of("optuna", "the BaseStorage that we know", "sweeper/storage/remembering.py"):
        RememberingStorage(InMemoryStorage())  # a TypeError names what is missing


def test_a_failure_names_the_version_and_the_part() -> None:
    expected = rf"optuna {optuna.__version__} no longer has Study._gone: sweeper/storage/optuna_adapter.py"
    with pytest.raises(pytest.fail.Exception, match=expected), part("Study._gone"):
        raise AttributeError("'Study' object has no attribute '_gone'")


OPENED = """
import sys
from sweeper.storage import open_storage
with open_storage(sys.argv[1], "s", "o"):
    print("alembic" in sys.modules)
"""


def test_a_database_with_its_tables_is_opened_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    said = [
        subprocess.run([sys.executable, "-c", OPENED, url], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert said == ["True\n", "False\n"]


def test_the_revision_of_a_schema_is_what_optuna_says_by_alembic(tmp_path: Path) -> None:
    with part("storages._rdb.storage._VersionManager"):
        storage = RDBStorage(f"sqlite:///{tmp_path}/studies.db")
        with optuna_adapter.opened_without_alembic():
            again = RDBStorage(f"sqlite:///{tmp_path}/studies.db", skip_compatibility_check=True)
        assert optuna_adapter.own_schema(again) == storage.get_head_version()
        assert optuna_adapter.schema_of(again) == storage.get_current_version() == storage.get_head_version()


def test_tables_without_a_revision_are_given_one_by_optuna(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    head = RDBStorage(url).get_head_version()
    with sqlite3.connect(tmp_path / "studies.db") as database:
        database.execute("DELETE FROM alembic_version")
    with optuna_adapter.opened_without_alembic():
        assert optuna_adapter.schema_of(RDBStorage(url, skip_compatibility_check=True)) == head


def test_where_optuna_s_files_say_nothing_plain_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = RDBStorage(f"sqlite:///{tmp_path}/studies.db")
    monkeypatch.setattr(optuna_adapter, "REVISION", re.compile("(no) (such)"))
    assert optuna_adapter.own_schema(storage) == storage.get_head_version()
