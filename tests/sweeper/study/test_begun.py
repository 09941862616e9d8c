"""How a study confirms where its command does not say: as it was begun, by whatever version."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.layout import StudyFolder
from sweeper.reports.report import write_report
from sweeper.search.trial_book import TrialBook
from sweeper.storage.storage import open_storage
from sweeper.study.begun import as_begun, opened
from sweeper.study.study import run_sweep
from tests.sweeper.factories import judgement, study_result
from tests.sweeper.small_esmm import small_plan, small_sweep

GRID = ("optimizer.lr=0.001,0.002", "study.name=s")
OF_EARLIER_VERSION = {"fixed": "{}"}
FEW = (*GRID, "executor=inline", "trainer.max_steps=5", "study.n_seeds=2")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


def pairs_of(results: Path, attributes: Mapping[str, Any], *words: str) -> tuple[int, bool]:
    """The most confirmation seeds of a command on a study that remembers this; whether it may stop before."""
    policy = as_begun(small_plan(results, *GRID, *words), attributes).policy
    return len(policy.confirm_seeds), policy.is_sequential


@pytest.mark.parametrize(
    ("attributes", "words", "pairs"),
    [
        ({}, (), (10, True)),
        ({"confirm_seeds": "auto", "fixed": "{}"}, (), (10, True)),
        (OF_EARLIER_VERSION, (), (3, False)),
        (OF_EARLIER_VERSION, ("study.n_seeds=5",), (5, False)),  # as that version went on
        (OF_EARLIER_VERSION, ("study.confirm_seeds=auto",), (10, True)),
        (OF_EARLIER_VERSION, ("study.confirm_seeds=4",), (4, False)),
        ({"confirm_seeds": 5}, ("study.n_seeds=2",), (5, False)),
        ({"confirm_seeds": [70, 71]}, (), (2, False)),
        ({"confirm_seeds": "auto"}, ("study.confirm_seeds=4",), (4, False)),
        ({"confirm_seeds": "auto"}, ("study.max_confirm_seeds=20",), (20, True)),
    ],
)
def test_a_command_that_does_not_say_goes_on_as_the_study_was_begun(
    results: Path, attributes: Mapping[str, Any], words: tuple[str, ...], pairs: tuple[int, bool]
) -> None:
    assert pairs_of(results, attributes, *words) == pairs


def test_that_a_study_keeps_its_number_is_said(results: Path) -> None:
    kept = as_begun(small_plan(results, *GRID), OF_EARLIER_VERSION)
    assert kept.announced[-1] == (
        "confirmation on 3 fresh seeds, as this study was begun; "
        "study.confirm_seeds=auto: as many as it takes"
    )
    new = small_plan(results, *GRID)
    assert as_begun(new, {}) == new


@pytest.mark.parametrize(
    ("words", "begun"),
    [
        ((), "auto"),
        (("study.confirm_seeds=5",), 5),
        (("study.confirm_seeds=[7,8]",), [7, 8]),
        (("study.confirm_seeds=0",), "auto"),  # nothing was confirmed: there is nothing to keep
    ],
)
def test_a_new_study_remembers_how_it_was_begun(
    results: Path, tmp_path: Path, words: tuple[str, ...], begun: Any
) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        trials = TrialBook(storage.optuna_study(["maximize"]))
        opened(small_plan(results, *GRID, *words), trials)
        later = opened(small_plan(results, *GRID, "study.confirm_seeds=9"), trials)
        assert len(later.policy.confirm_seeds) == 9
        assert trials.attributes == {"confirm_seeds": begun, "screened": [0, 1, 2]}


def test_a_study_of_an_earlier_version_is_not_marked(results: Path, tmp_path: Path) -> None:
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        trials = TrialBook(storage.optuna_study(["maximize"]))
        trials.remember("fixed", "{}")
        plan = small_plan(results, *GRID, "study.confirm_seeds=auto")
        assert opened(plan, trials).policy.is_sequential
        assert trials.attributes.keys() == {"fixed", "screened"}


def test_seeds_that_a_study_was_screened_on_before_are_not_fresh(results: Path, tmp_path: Path) -> None:
    """A study with fewer screening seeds confirmed on what everybody had seen: "better", of noise."""
    with open_storage(f"sqlite:///{tmp_path}/studies.db", "s", "me") as storage:
        trials = TrialBook(storage.optuna_study(["maximize"]))
        opened(small_plan(results, *GRID, "study.n_seeds=4", "study.confirm_seeds=0"), trials)
        seen = small_plan(results, *GRID, "study.n_seeds=1", "study.confirm_seeds=[1,2,7]")
        said = r"confirm_seeds: got \[1, 2, 7\], of which \[1, 2\] were screening seeds of this study before"
        with pytest.raises(UserError, match=said):
            opened(seen, trials)
        with pytest.raises(UserError, match=said):
            as_begun(seen, trials.attributes)  # a dry run says so, too
        fresh = small_plan(results, *GRID, "study.n_seeds=1", "study.confirm_seeds=[7,8]")
        assert opened(fresh, trials).policy.confirm_seeds == (7, 8)
        again = small_plan(results, *GRID, "study.seeds=[9]", "study.confirm_seeds=[7,8]")
        assert opened(again, trials).policy.confirm_seeds == (7, 8)
        assert trials.attributes["screened"] == [0, 1, 2, 3, 9]


def test_a_study_whose_database_was_lost_goes_on_as_its_summary_says(tmp_path: Path) -> None:
    folder = StudyFolder.of(tmp_path, "s")
    result = study_result(folder)
    write_report(folder, result, judgement())
    policy = as_begun(small_plan(tmp_path, *GRID), {}).policy
    assert (policy.confirm_seeds, policy.is_sequential) == (result.confirm_seeds, False)


def test_an_attribution_of_a_study_that_was_begun_on_too_few_seeds_is_refused(results: Path) -> None:
    wanted = small_plan(results, *GRID, "study.attribution=true")
    with pytest.raises(UserError, match=r"study\.attribution: got true with 1 confirmation seed"):
        as_begun(wanted, {"confirm_seeds": 1})


def test_the_same_command_trains_nothing_more_whatever_began_the_study(tmp_path: Path) -> None:
    def ran(*words: str) -> tuple[int, int, list[int], float]:
        """Runs that were trained now, all runs, the confirmation seeds, and what they show."""
        assert run_sweep(small_sweep(tmp_path, *FEW, *words)) == 0
        found = json.loads((tmp_path / "s" / "summary.json").read_text())
        totals, difference = found["totals"], found["confirmation"]["difference"]
        return totals["jobs"], totals["runs"], found["confirm_seeds"], difference

    n_trained, n_runs, seeds, difference = ran("study.confirm_seeds=2")
    assert (n_trained, n_runs, seeds) == (10, 10, [1000, 1001])
    with closing(sqlite3.connect(tmp_path / "studies.db")) as database:  # as an earlier version left it
        gone = database.execute("delete from study_user_attributes where key = 'confirm_seeds'").rowcount
        database.commit()
    assert gone == 1
    assert ran() == (0, 10, seeds, difference)
    n_more, n_grown, more, _ = ran("study.confirm_seeds=auto")
    assert n_more == n_grown - 10 == 2 * len(more) - 4 > 0
    assert ran() == (0, n_grown, seeds, difference)


def test_a_new_study_adds_pairs_and_the_same_command_again_adds_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dry run knows it; of another candidate it foresees that it may need pairs of its own."""
    small = small_sweep(tmp_path, *FEW, "study.max_confirm_seeds=3")
    assert run_sweep(small) == 0
    first = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert first["pairs"]["is_sequential"]
    assert run_sweep(small) == 0
    again = json.loads((tmp_path / "s" / "summary.json").read_text())
    assert again["totals"]["jobs"] == 0
    assert (again["pairs"], again["confirmation"]) == (first["pairs"], first["confirmation"])
    assert "study.max_confirm_seeds" not in capsys.readouterr().out
    assert run_sweep(small_sweep(tmp_path, *FEW, "study.max_confirm_seeds=2")) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "warning: study.max_confirm_seeds: got 2, but the best candidate keeps the 3 pairs of seeds" in said
    )
    n_pairs = len(first["confirm_seeds"])
    for word, foreseen in (
        (GRID[0], "0 runs to train, then 0 to confirm"),
        (f"{GRID[0]},0.003", f"2 runs to train, then at most {6 - n_pairs}, about "),
    ):
        words = (*FEW[1:], word, "study.max_confirm_seeds=3", "study.dry_run=true")
        capsys.readouterr()
        assert run_sweep(small_sweep(tmp_path, *words)) == 0
        assert foreseen in " ".join(capsys.readouterr().out.split())
