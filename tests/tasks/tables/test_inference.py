"""What a column is: numbers in one notation, truth values, categories; never a category in silence."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from sweeper.task import typed_list
from sweeper_tasks.tables.inference import Column, understood
from sweeper_tasks.tables.labels import as_binary, as_classes
from sweeper_tasks.tables.leaks import tells
from sweeper_tasks.tables.numbers import as_numbers
from sweeper_tasks.tables.roles import chosen


def column(*values: str | None) -> "pd.Series[Any]":
    return pd.Series(list(values), dtype="str", name="x")


def kind(
    *values: str | None, declared: str | None = None, decimal: str | None = None, mark: str = ","
) -> Column:
    return understood(column(*values), declared, decimal, mark)


@pytest.mark.parametrize(
    ("text", "point", "comma"),
    [
        ("12", 12, 12),
        ("-.5", -0.5, None),
        ("5.", 5, None),
        ("1e5", 1e5, 1e5),
        ("12,5", None, 12.5),
        ("0,512", None, 0.512),
        ("1,234", 1234, 1.234),
        ("1,234.5", 1234.5, None),
        ("1.234,5", None, 1234.5),
        ("1.234.567", None, 1234567),
        ("1 234 567", 1234567, 1234567),
        ("1\u00a0234,5", None, 1234.5),
        ("1\u2009234", 1234, 1234),
        ("1'234.5", 1234.5, None),
        ("1_000", None, None),
        ("0x10", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1e999", None, None),
        ("\u0661\u0662", None, None),
        ("<600", None, None),
    ],
)
def test_numbers_in_both_notations(text: str, point: float | None, comma: float | None) -> None:
    for decimal, expected in ((".", point), (",", comma)):
        (found,) = as_numbers(column(text), decimal)
        assert np.isnan(found) if expected is None else found == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    assert as_numbers(column(repr(value)))[0] == value


@pytest.mark.parametrize("odd", ["<600", "12 mg", "45%", "1.234,5", "3.5 mg/dl", ">= 5", "high", "#DIV/0!"])
def test_a_few_odd_values_among_numbers_are_a_mistake_with_a_place(odd: str) -> None:
    found = kind(*map(str, range(40)), odd)
    assert found.mistake is not None
    assert found.mistake.bad.nonzero()[0].tolist() == [40]


@pytest.mark.parametrize("odd", ["<600", "12 mg", "45%"])
def test_numbers_with_units_are_no_category_however_many(odd: str) -> None:
    assert kind("1", "2", odd, odd, odd).mistake is not None
    (doubt,) = kind(odd, "u", odd, odd).doubts
    assert f"'{odd}' (3)" in doubt
    assert "data.types={x: category}" in doubt
    assert kind(odd, odd, declared="category").doubts == ()


def test_words_among_numbers_in_part_are_a_category_that_is_told() -> None:
    found = kind("1", "2", "3", "low", "high")
    assert (found.kind, found.mistake) == ("category", None)
    assert "'low' (1), 'high' (1)" in found.doubts[0]


@pytest.mark.parametrize("word", ["?", "N/A", "NaN", "null", "None", "-", "#N/A"])
def test_words_that_can_be_no_number_are_missing_among_numbers_and_told(word: str) -> None:
    found = kind("1", word, "2.5", word)
    assert found.kind == "number"
    assert found.numbers is not None
    assert found.numbers.isna().tolist() == [False, True, False, True]
    assert found.notes == (f"column 'x': '{word}' (2) among numbers counted as missing",)
    assert kind("a", word).text.tolist() == ["a", word]


def test_decimal_commas_are_refused_by_name_or_read_as_declared() -> None:
    for values in (("1,5", "2,25"), ("1,5", "2"), ("1.234,5", "2"), ("0,512", "0,7")):
        found = kind(*values)
        assert found.mistake is not None
        assert "data.decimal=comma" in found.mistake.advice
        assert kind(*values, decimal=",").mistake is None
    assert kind("1,234", "12").mistake is None
    ambiguous = kind("1,234", "12", mark=";").mistake
    assert ambiguous is not None
    assert "either a decimal one or between thousands" in ambiguous.expected
    assert kind("1,234", "12", mark=";", decimal=".").mistake is None


@pytest.mark.parametrize("value", ["-999", "9999", "-99"])
def test_a_number_that_stands_for_a_missing_one_is_told(value: str) -> None:
    (doubt,) = kind(*map(str, range(30)), value, value).doubts
    assert f"the number {value} (2 times)" in doubt
    assert f"data.missing=[{value}]" in doubt
    assert kind(*map(str, range(95, 105))).doubts == ()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("12", "12.0", "7."), ["12", "12", "7"]),
        (("012", "12"), ["012", "12"]),
        (("1.0", "1", "1.0.1"), ["1.0", "1", "1.0.1"]),
        (("1.10", "1.1"), ["1.10", "1.1"]),
        (("True", "true", "FALSE"), ["true", "true", "false"]),
        (("True", "yes"), ["True", "yes"]),
    ],
)
def test_categories_have_one_spelling_for_each_value(values: tuple[str, ...], text: list[str]) -> None:
    assert kind(*values, declared="category").text.tolist() == text


def test_truth_is_a_number_where_it_is_declared_one() -> None:
    found = kind("True", "false", None, declared="number")
    assert found.mistake is None
    assert found.numbers is not None
    assert found.numbers.fillna(-1).tolist() == [1, 0, -1]
    assert kind("yes", "N", "t", "0", declared="boolean").mistake is None
    assert kind("yes", "perhaps", declared="boolean").mistake is not None


def test_labels_are_known_by_value() -> None:
    assert as_binary(column("1", "1.0", "True", "yes", "Y")).tolist() == [1] * 5
    assert as_binary(column("0", "0.0", "False", "no", "f")).tolist() == [0] * 5
    assert as_binary(column("2", "-1", "maybe", None, "nan")).isna().all()
    assert as_classes(column("1", "1.0", "2")).tolist() == ["1", "1", "2"]
    assert as_classes(column("True", "true", "0")).tolist() == ["True", "True", "0"]
    assert as_classes(column("ill", "1.0")).tolist() == ["ill", "1.0"]


def test_a_column_that_decides_a_label_is_found_with_few_positives_and_not_by_chance() -> None:
    """Five of 60 rows are one of C(60, 5) = 5,461,512 arrangements; three of them one of 34,220."""
    five = np.arange(60) % 12 == 0
    for leak in (np.where(five, "x", "y"), np.where(five, 7.5, 0), np.where(five, "", "0")):
        values = pd.Series(leak.astype(str)).replace("", None).astype("str")
        assert tells(values, five)
    ten = np.arange(60) % 6 == 0
    assert tells(pd.Series((np.arange(60) + 100 * ten).astype(str)), ten)  # above a threshold
    assert not tells(pd.Series(np.arange(60).astype(str)), ten)  # each row has a value of its own
    assert not tells(pd.Series((np.arange(60) % 5).astype(str)), five)
    three = np.arange(60) % 20 == 0
    assert not tells(pd.Series(np.where(three, "x", "y")), three)
    states = np.where(np.arange(300) % 6, np.where(np.arange(300) % 2, "seen", "left"), "paid")
    assert tells(pd.Series(states), np.arange(300) % 6 == 0)


COLUMNS = ("click", "user", "feat_a", "feat_b", "other")


def test_names_outweigh_patterns_and_patterns_the_rest() -> None:
    wanted = {"click": ("click",), "sparse": ("feat_*", "user"), "dense": ("feat_b",), "drop": ("rest",)}
    found, faults = chosen(wanted, COLUMNS, "t.csv")
    assert faults == []
    assert found == {
        "click": ("click",),
        "sparse": ("user", "feat_a"),
        "dense": ("feat_b",),
        "drop": ("other",),
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"sparse": ("feet_*",)}, "sparse: got 'feet_*', which no column of t.csv matches"),
        ({"sparse": ("feat_*",), "dense": ("*_b",)}, "which takes feat_b as sparse does"),
        ({"sparse": ("rest",), "drop": ("...",)}, "sparse, drop: got the columns that are left twice"),
    ],
)
def test_patterns_that_are_not_clear_are_refused(wanted: dict[str, tuple[str, ...]], message: str) -> None:
    assert message in "\n".join(map(str, chosen(wanted, COLUMNS, "t.csv")[1]))


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (["2021-03-01", "2021-03-02", "2020-12-31", ""], "days or times"),
        (["2021-03-01T12:30:00Z", "2021-03-02 08:00:00+01:00"], "days or times"),
        (["3/12/2021", "31/12/99", "1-2-2020"], "days or times"),
        (["12:30", "8:05", "23:59:59", "7:00 PM"], "days or times"),
        (["25.02.1986", "20.07.1954", "1.2.2003"], "days or times"),
        (["15-Jan-2014", "1-feb-14", "Mar 3, 2014", "2014-Dec-24"], "days or times"),
        (["15. März 2014", "3 Dez 13", "Mai 2014", "05-Oct-2013 12:30"], "days or times"),
        ([f"{90 + i}/{60 + i}" for i in range(30)], "several numbers each"),
    ],
)
def test_values_whose_order_categories_do_not_have_are_a_doubt(values: list[str], what: str) -> None:
    found = kind(*(value or None for value in values))
    assert found.kind == "category"
    assert found.mistake is None
    assert any(what in doubt and "data.types={x: category}" in doubt for doubt in found.doubts)
    assert not kind(*(value or None for value in values), declared="category").doubts


@pytest.mark.parametrize(
    "values",
    [["10-14", "15-19", "20-24"] * 9, ["a/b", "T2", "x-1"], ["1", "0"], ["decile 10", "Marge 12", "may"]],
)
def test_classes_of_numbers_are_categories_without_a_doubt(values: list[str]) -> None:
    assert not kind(*values).doubts


def test_a_number_in_brackets_is_a_mistake_among_numbers() -> None:
    assert kind("(0.5)", "0.25", "(1.5)", "2").mistake is not None


def test_zeros_in_front_of_numbers_are_a_doubt_unless_the_type_is_said() -> None:
    (doubt,) = kind("02116", "10001", "00501", None).doubts
    assert "'02116' (1)" in doubt
    assert "data.types={x: category}" in doubt
    assert not kind("0.5", "0", "10", "-0.1").doubts
    assert not kind("02116", "10001", declared="number").doubts


@pytest.mark.parametrize("declared", [None, "category"])
def test_categories_that_differ_in_capitals_or_blanks_only_are_a_doubt(declared: str | None) -> None:
    (doubt,) = kind("Male", "male", "male", "old  age", "Old age", "F", None, declared=declared).doubts
    assert "'Male' (1) and 'male' (2); 'old  age' (1) and 'Old age' (1). Each counts on its own" in doubt
    assert not kind("Male", "Female", "Male", None, declared=declared).doubts


def test_truth_values_in_any_capitals_are_one() -> None:
    assert kind("True", "true", "FALSE").doubts == kind("TRUE", "True", declared="category").doubts == ()


def test_numbers_that_are_days_are_a_doubt() -> None:
    (doubt,) = kind("20140131", "20131224", "20150228", None).doubts
    assert "look like days, such as '20140131' (1)" in doubt
    assert not kind("20140131", "20131224", "20151328").doubts  # no thirteenth month
    assert not kind("20140131", "20131224", "20150228", declared="number").doubts


SHUFFLED = [str(7 * (i * 11 % 31) + 100) for i in range(31)]


def doubts(name: str, numbers: list[str], declared: str | None = None) -> tuple[str, ...]:
    return understood(pd.Series(numbers, name=name, dtype="str"), declared, None).doubts


@pytest.mark.parametrize(
    "name", ["patient_id", "PatientID", "Lfd. Nr", "MRN", "caseno", "Unnamed: 3", "index"]
)
def test_whole_numbers_that_all_differ_are_a_doubt_in_a_column_called_an_identifier(name: str) -> None:
    (doubt,) = doubts(name, SHUFFLED)
    assert "whole numbers that all differ" in doubt
    assert typed_list("data.drop", [name]) in doubt
    assert doubts(name, [f"{number}.0" for number in SHUFFLED])
    assert not doubts("paid", SHUFFLED)
    assert not doubts(name, [*SHUFFLED, "100"])
    assert not doubts(name, [f"{number}.5" for number in SHUFFLED])
    assert not doubts(name, SHUFFLED, "number")


def test_whole_numbers_that_rise_or_are_times_are_a_doubt_whatever_their_column_is_called() -> None:
    assert "rise from each row to the next" in doubts("x", sorted(SHUFFLED, key=int))[0]
    assert "seconds since 1970" in doubts("x", [str(1_400_000_000 + int(n) ** 2) for n in SHUFFLED])[0]
    assert not doubts("x", [str(i // 2) for i in range(60)])


def test_points_that_may_stand_between_thousands_are_a_doubt_beside_semicolons() -> None:
    (doubt,) = kind("1.234", "12.500", "950", "2.000", mark=";").doubts
    assert "data.decimal=comma or data.decimal=point" in doubt
    for values in (("1.234", "12.5", "2.000", "3.125"), ("1.234", "0.5", "2.000", "3.000")):
        assert not kind(*values, mark=";").doubts
    assert not kind("1.234", "1234", "2.000", "3.000", mark=";").doubts
    assert not kind("1.234", "12.500", "2.000", mark=",").doubts
    assert not kind("1.234", "12.500", "2.000", mark=";", decimal=".").doubts
