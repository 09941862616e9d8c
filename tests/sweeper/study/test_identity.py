"""Whether a study that is opened again is still the one that it was."""

import json
from pathlib import Path

import optuna
import pytest

from sweeper.agent import code_hash
from sweeper.errors import UserError
from sweeper.search.trial_book import TrialBook
from sweeper.study.provenance import changed_code, refuse_another_study
from sweeper.study.specs import TaskSpecs
from tests.sweeper.small_esmm import small_sweep

GRID = "aux_focal.lambda=0.1,0.2"
CHANGED = [
    "the code of the task or of the trainer has changed since this study was begun; its old results "
    "stand beside new ones as if it had not. Give the study another study.name to start afresh"
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def book() -> TrialBook:
    return TrialBook(optuna.create_study())


def said(book: TrialBook, results: Path, *overrides: str, target: str | None = None) -> list[str]:
    """What is said when a session opens the study of `book` with this command line."""
    refuse_another_study(book, TaskSpecs(small_sweep(results, *overrides)), "mine")
    return changed_code(book, code_hash(target))


def test_a_study_that_is_opened_again_as_it_was_is_the_same(book: TrialBook, results: Path) -> None:
    assert said(book, results, GRID) == []
    assert said(book, results, GRID) == []


def test_more_points_seeds_and_another_place_leave_it_the_same(book: TrialBook, results: Path) -> None:
    said(book, results, GRID)
    assert said(book, results, "aux_focal.lambda=0.1,0.2,0.3", "study.n_seeds=7") == []
    assert said(book, results, GRID, "executor.n_threads=2", f"data.cache_dir={results}/elsewhere") == []


def test_what_a_winner_is_judged_by_is_no_part_of_study_or_trials(book: TrialBook, results: Path) -> None:
    judged_by = ("study.min_effect=0.01", "study.guards='ctr_auc >= -0.002'")
    one, other = (TaskSpecs(small_sweep(results, GRID, *words)) for words in ((), judged_by))
    assert one.study_name() == other.study_name()
    assert one.baseline(0) == other.baseline(0)
    assert said(book, results, GRID) == said(book, results, GRID, *judged_by) == []


def test_another_fixed_configuration_is_refused_with_all_differences(book: TrialBook, results: Path) -> None:
    said(book, results, GRID)
    with pytest.raises(UserError) as refused:
        said(book, results, GRID, "optimizer.lr=0.5", "trainer.max_steps=21")
    before = small_sweep(results, GRID).settings.optimizer.lr
    assert str(refused.value) == (
        "study.name: got 'mine', which was begun with another fixed configuration "
        f"(optimizer.lr: {before} -> 0.5; trainer.max_steps: 20 -> 21). "
        "Choose another name, or null to have one made"
    )


def test_another_swept_key_is_refused(book: TrialBook, results: Path) -> None:
    """What is swept is no part of what is fixed: lambda becomes fixed, gamma is not fixed any more."""
    said(book, results, GRID)
    with pytest.raises(UserError, match=r"study\.swept: \['aux_focal\.lambda'\] -> \['aux_focal\.gamma'\]"):
        said(book, results, "aux_focal.gamma=1,2")


def test_a_command_that_is_refused_leaves_the_study_as_it_was(book: TrialBook, results: Path) -> None:
    said(book, results, GRID)
    with pytest.raises(UserError, match=r"optimizer\.lr"):
        said(book, results, GRID, "optimizer.lr=0.5")
    assert said(book, results, GRID) == []


def test_code_that_has_changed_is_told_each_time(book: TrialBook, results: Path) -> None:
    """The hash of the beginning stays: the old results stay beside the new ones."""
    book.remember("code_hash", "of some earlier code")
    assert said(book, results, GRID) == CHANGED
    assert said(book, results, GRID) == CHANGED


def test_the_code_of_the_task_that_is_trained_counts(book: TrialBook, results: Path) -> None:
    """The package that `task.target` names is hashed too."""
    assert code_hash("json:loads") != code_hash()
    assert said(book, results, GRID, target="json:loads") == []
    assert said(book, results, GRID, target="json:loads") == []
    assert said(book, results, GRID) == CHANGED


@pytest.mark.parametrize(
    ("begun", "again"),
    [
        (["study.metrics=[ctcvr_auc:max]"], ["study.metrics=[ctcvr_auc:maximize]"]),
        (["study.metrics=[ctcvr_auc]"], ["study.metrics=['ctcvr_auc: MAX']"]),
        ([], ["study.metrics=[ctcvr_auc:max]"]),
        (["optimizer.lr=1e-3"], ["optimizer.lr=0.001"]),
        (["optimizer.betas=[0.9,0.99]"], ["optimizer.betas=[9e-1,0.990]"]),
        (["optimizer.weight_decay=1"], ["optimizer.weight_decay=1.0"]),
        (["study.baseline=['aux_focal.lambda=1e-1']"], ["study.baseline=['++aux_focal.lambda=0.10']"]),
        (
            ["study.baseline=['aux_focal.lambda=1','optimizer.lr=0.01']"],
            ["study.baseline=['optimizer.lr=1e-2','aux_focal.lambda=1.0']"],
        ),
    ],
)
def test_what_is_equal_by_value_is_the_same_study(
    book: TrialBook, results: Path, begun: list[str], again: list[str]
) -> None:
    assert said(book, results, GRID, *begun) == []
    assert said(book, results, GRID, *again) == []


def test_equal_objectives_make_one_name(results: Path) -> None:
    names = {
        TaskSpecs(small_sweep(results, GRID, f"study.metrics=[{text}]")).study_name()
        for text in ("ctcvr_auc", "ctcvr_auc:max", "ctcvr_auc:maximize", "'ctcvr_auc:MAX'")
    }
    assert names == {TaskSpecs(small_sweep(results, GRID)).study_name()}


def test_what_an_earlier_version_wrote_otherwise_is_the_same(book: TrialBook, results: Path) -> None:
    fixed = TaskSpecs(small_sweep(results, GRID)).fixed()
    fixed["study"]["objectives"] = ["ctcvr_auc"]
    book.remember("fixed", json.dumps(fixed))
    assert said(book, results, GRID) == []


def test_another_objective_is_refused_with_both_and_the_way_back(book: TrialBook, results: Path) -> None:
    said(book, results, GRID)
    with pytest.raises(UserError) as refused:
        said(book, results, GRID, "study.metrics=[ctr_auc:max]")
    assert str(refused.value) == (
        "study.name: got 'mine', which was begun with objective ctcvr_auc:maximize; this command has "
        "ctr_auc:maximize. Choose another name, or null to have one made; to go on with that study: "
        "study.metrics=[ctcvr_auc:maximize]"
    )
    said(book, results, GRID, "study.metrics=[ctcvr_auc:maximize]")


def test_another_task_is_refused_with_both(book: TrialBook, results: Path) -> None:
    fixed = TaskSpecs(small_sweep(results, GRID)).fixed()
    book.remember("fixed", json.dumps({**fixed, "task": ["diagnosis", None], "loss": {"weight": 1.0}}))
    expected = r"begun for task diagnosis; this command is for task esmm\. .*task=diagnosis"
    with pytest.raises(UserError, match=expected):
        said(book, results, GRID)


def test_a_study_of_a_program_is_none_to_go_on_with_by_choosing_a_task(
    book: TrialBook, results: Path
) -> None:
    fixed = TaskSpecs(small_sweep(results, GRID)).fixed()
    book.remember("fixed", json.dumps({"task": ["train", None], "config": {}, "study": fixed["study"]}))
    with pytest.raises(UserError, match="begun for task train; this command is for task esmm") as caught:
        said(book, results, GRID)
    assert "task=train" not in str(caught.value)


def test_of_many_differences_the_first_are_told(book: TrialBook, results: Path) -> None:
    said(book, results, GRID)
    many = ["lr=0.5", "weight_decay=0.5", "eps=0.5", "betas=[0.5,0.5]"]
    with pytest.raises(UserError, match=r"; and \d+ more\)\. Choose"):
        said(book, results, GRID, *(f"optimizer.{word}" for word in many), *SEVERAL)


SEVERAL = ("trainer.max_steps=21", "trainer.batch_size=9", "trainer.eval_every=3", "trainer.min_delta=0.5")


def test_a_study_that_an_earlier_version_trained_for_another_metric_is_not_continued(
    book: TrialBook, results: Path
) -> None:
    """It remembered objectives as they were written, and trained for the task's own metric all the same."""
    fixed = TaskSpecs(small_sweep(results, GRID, "study.metrics=[bce:min]")).fixed()
    del fixed["objective"]
    fixed["study"]["objectives"] = ["bce:min"]
    book.remember("fixed", json.dumps(fixed))
    with pytest.raises(
        UserError, match="an earlier version trained for the task's metric, not for bce:minim"
    ):
        said(book, results, GRID, "study.metrics=[bce:min]")


def test_a_study_of_the_tasks_own_metric_from_an_earlier_version_goes_on(
    book: TrialBook, results: Path
) -> None:
    fixed = TaskSpecs(small_sweep(results, GRID)).fixed()
    fixed["study"]["objectives"] = ["ctcvr_auc:max"]
    book.remember("fixed", json.dumps(fixed))
    assert said(book, results, GRID) == []
