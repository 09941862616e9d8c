"""Counts in words, and overrides as they are typed."""

import shlex

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from sweeper.search.as_written import parsed_as_written
from sweeper.wording import plural, typed_list, typed_mapping


@pytest.mark.parametrize(
    ("n", "noun", "words"),
    [(0, "run", "0 runs"), (1, "more run", "1 more run"), (2, "fresh seed", "2 fresh seeds")],
)
def test_only_one_is_no_plural(n: int, noun: str, words: str) -> None:
    assert plural(n, noun) == words


NAMES = (
    *(
        "dose",
        "dose (mg)",
        "price [USD]",
        "größe",
        "Tuổi (năm)",
        "a, b",
        "a: b",
        "x=1",
        "it's",
        'the "old" one',
    ),
    *(
        "#N/A",
        "(null)",
        "null",
        "NULL",
        "True",
        "<1",
        ":)",
        "a ",
        "",
        "$HOME",
        "`ls`",
        "C:\\d",
        "wow!",
        "\u201cold\u201d",
        "a\u200bb",
    ),
)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_advised_is_read_as_it_is_meant_behind_a_shell(name: str) -> None:
    [word] = shlex.split(typed_list("data.drop", ["other", name]))
    assert value_of(word) == ["other", name]
    [word] = shlex.split(typed_mapping("data.types", {name: "category"}))
    assert value_of(word) == {name: "category"}


def value_of(word: str) -> object:
    parser = OverridesParser.create()
    try:
        return parser.parse_override(word).value()
    except HydraException:
        return (parsed_as_written(word, parser.parse_override) or pytest.fail(word)).value()
