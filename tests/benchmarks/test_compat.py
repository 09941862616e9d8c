"""What `benchmarks/compat.py` installs, counts and writes down."""

import pytest

from benchmarks.compat import HEAD, Outcome, counted, declared, requirements_of, row_of, with_row

REPORT = """<testsuites><testsuite>
<testcase name="one"/>
<testcase name="two"><failure message="assert 1 == 2">trace</failure></testcase>
<testcase name="three"><skipped/></testcase>
</testsuite></testsuites>"""
OLD, NEW = ["1.3.8", "2.3.1", "5.0.0", "2.9", "3.11"], ["1.4.0", "2.4.1", "5.0.0", "2.9", "3.11"]
FINE = [Outcome("done in 9 s"), Outcome("150 passed")]


def test_named_versions_replace_what_the_project_declares() -> None:
    assert requirements_of({"optuna": "5.1"}, ["optuna>=4.9,<6", "torch>=2.6"], has_base=False) == [
        "optuna==5.1",
        "torch>=2.6",
    ]
    assert requirements_of({"optuna": "5.1"}, ["torch>=2.6"], has_base=True) == ["optuna==5.1"]


@pytest.mark.parametrize("name", ["hydra-core", "omegaconf", "optuna", "torch"])
def test_each_named_package_is_one_that_the_project_declares(name: str) -> None:
    assert len(requirements_of({name: "1"}, declared(), has_base=False)) == len(declared())


def test_failures_are_counted_and_the_first_is_told() -> None:
    assert counted(REPORT) == Outcome("2 passed, 1 failed", "two: assert 1 == 2")


def test_a_row_has_a_cell_for_each_head_and_a_short_error() -> None:
    row = row_of(NEW, [Outcome("exit code 1", "a | b\n" + 500 * "x"), FINE[1]])
    assert row.replace("\\|", "").count(" | ") == len(HEAD) - 1
    assert len(row) < 300


def test_a_row_replaces_that_of_the_same_versions_and_else_is_the_last() -> None:
    table = with_row("# Versions\n", row_of(OLD, [Outcome("exit code 1", "e"), FINE[1]]))
    table = with_row(with_row(table, row_of(NEW, FINE)), row_of(OLD, FINE))
    assert table.splitlines()[:2] == ["# Versions", ""]
    assert table.splitlines()[-2:] == [row_of(OLD, FINE), row_of(NEW, FINE)]
    assert with_row(table + "\nWhat it means.\n", row_of(NEW, FINE)).endswith("\n\nWhat it means.\n")
