"""A study whose database was lost: what its folder still knows is not trained again."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.findings import Look
from sweeper.layout import StudyFolder
from sweeper.reports.report import write_report
from sweeper.results import StudyResult
from sweeper.search.trial_book import TrialBook
from sweeper.storage.run_book import RunBook
from sweeper.storage.storage import Storage, open_storage
from sweeper.study.recovery import recovered
from tests.sweeper.factories import judgement, study_result


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    return StudyFolder.of(tmp_path, "esmm-3f2a91c0")


@pytest.fixture
def result(folder: StudyFolder) -> StudyResult:
    """A finished study of 4 trials on 3 seeds, 2 confirmed on 3 more, and a failed run: 19 runs."""
    result = study_result(folder, with_failure=True)
    write_report(folder, result, judgement())
    return result


def recover(storage: Storage, folder: StudyFolder) -> tuple[list[str], TrialBook]:
    trials = TrialBook(storage.optuna_study(["maximize"]))
    return recovered(storage, folder, trials), trials


def test_results_are_known_again_under_whatever_number_a_trial_gets(
    folder: StudyFolder, result: StudyResult, tmp_path: Path
) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        (said,), trials = recover(storage, folder)
        assert "19 results are taken over" in said
        assert trials.remember("code_hash", "new") == result.provenance["code_hash"]
        spec = result.trials[1].spec
        known = RunBook(storage, folder, lambda _: "w").known([spec.model_copy(update={"number": 7})])
    before = result.trials[1].runs
    assert {key: run.metrics for key, run in known.items()} == {(7, s): r.metrics for s, r in before.items()}
    assert {run.folder for run in known.values()} == {run.folder for run in before.values()}


def test_a_run_without_its_records_is_trained_again(
    folder: StudyFolder, result: StudyResult, tmp_path: Path
) -> None:
    spec = result.trials[1].spec
    folder.run(spec, 0).records.unlink()
    shutil.rmtree(folder.run(spec, 1).path)
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        recover(storage, folder)
        known = RunBook(storage, folder, lambda _: "w").known([spec])
    assert list(known) == [(spec.number, 2)]


@pytest.mark.usefixtures("result")
def test_a_database_that_knows_the_study_is_left_alone(folder: StudyFolder, tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        storage.claim("f", 0, 1, "w")
        assert recover(storage, folder)[0] == []
        assert len(storage.runs()) == 1


def test_a_new_study_has_nothing_to_say(folder: StudyFolder, tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        assert recover(storage, folder)[0] == []


def test_a_killed_study_without_tables_is_told_of_all_the_same(
    folder: StudyFolder, result: StudyResult, tmp_path: Path
) -> None:
    folder.summary.unlink()
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        (said,), _ = recover(storage, folder)
        assert storage.runs() == {}
    assert "19 runs (was it deleted?); 0 results" in said
    assert len(result.trials) == 5


def test_a_study_whose_database_was_lost_still_knows_how_often_it_was_judged(
    folder: StudyFolder, result: StudyResult, tmp_path: Path
) -> None:
    look = Look(best="b", baseline="a", seeds=(0,), confirm_seeds=(1000,))
    write_report(folder, result, replace(judgement(), look=look))
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        recover(storage, folder)
        assert storage.looks("sha256:abc") == (look,)
