"""Whatever a study or a trial is called, its files stay within the results folder, and are its own."""

from pathlib import Path

import pytest
from hypothesis import example, given, strategies as st

from sweeper.errors import UserError
from sweeper.layout import RESERVED, ResultsFolder, StudyFolder, at_home, check_study_name, folder_name
from sweeper.storage.storage import open_storage
from sweeper.wording import slugify
from tests.sweeper.plain_trials import plain_trial

names = st.text(min_size=1, max_size=300)


@given(names)
@example("../../x")
@example("a/b")
@example(".")
@example("..")
@example("\ud800")
@example("é" * 300)
def test_a_studys_folder_is_a_plain_name_below_the_results(name: str) -> None:
    folder = folder_name(name)
    assert folder == Path(folder).name
    assert folder.isascii()
    assert 0 < len(folder) <= 80
    assert not folder.startswith((".", "-"))
    assert folder.lower() not in RESERVED


@given(names, names)
@example("a/b", "a-b")
@example("../../x", "x")
@example("../../x", folder_name("../../x"))
@example(".", "..")
@example("a" * 100, "a" * 101)
def test_two_studies_never_share_a_folder(one: str, other: str) -> None:
    assert (folder_name(one) == folder_name(other)) == (one == other)


def test_a_plain_name_is_its_own_folder() -> None:
    assert folder_name("esmm-3f2a91c0") == "esmm-3f2a91c0"
    assert folder_name("my.study_2=final") == "my.study_2=final"


def test_what_else_a_results_folder_holds_is_no_studys() -> None:
    results = ResultsFolder(Path("results"))
    shared = (
        results.mlflow_db,
        results.mlflow_artifacts,
        results.studies_db,
        results.published,
        results.solo,
    )
    assert not {path.name for path in shared} - RESERVED
    for name in (*RESERVED, "Solo", "studies.db-wal"):
        assert folder_name(name) != name
        assert StudyFolder.of("results", name).path.parent == Path("results")


@given(names)
def test_a_trials_folder_is_a_plain_name_that_begins_with_its_number(name: str) -> None:
    slug = plain_trial(7).model_copy(update={"name": name}).slug
    assert slug == Path(slug).name
    assert slug.startswith("0007-")
    assert slugify(slug) == slug


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "tab\t", "\x1b[31m", "a" * 201])
def test_a_name_that_cannot_be_shown_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"study\.name: got .*; expected 1 to 200 characters"):
        check_study_name(name)
    with (
        open_storage(f"sqlite:///{tmp_path}/studies.db", name, "o") as storage,
        pytest.raises(UserError, match=r"study\.name"),
    ):
        storage.optuna_study(["maximize"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~/data/a b.csv", "/home/me/data/a b.csv"),
        ("~", "/home/me"),
        ("sqlite:///~/studies.db", "sqlite:////home/me/studies.db"),
        ("~nobody-of-this-name/x", "~nobody-of-this-name/x"),
        ("~approx", "~approx"),
        ("a~/b", "a~/b"),
        ("postgresql://host/~x", "postgresql://host/~x"),
        ("~5 %, 1/2 of all", "~5 %, 1/2 of all"),
    ],
)
def test_a_home_is_meant_at_the_beginning_of_a_path_only(
    text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert at_home(text) == expected
