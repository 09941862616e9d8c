"""Names as they are in somebody's files, where Hydra's grammar asks for quotes or knows no way."""

from typing import Any

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from sweeper.search.as_written import parsed_as_written
from sweeper.search.grammar import text_of


def parse(line: str) -> Override:
    return OverridesParser.create().parse_override(line)


READ = [
    ("data.label=größe", "größe"),
    ("data.label= Tuổi (năm) ", "Tuổi (năm)"),
    ("data.path=/home/me/my file (1).csv", "/home/me/my file (1).csv"),
    ("++data.drop=[price (net, USD), b]", ["price (net, USD)", "b"]),
    ("data.drop=[ü,]", ["ü"]),
    ("data.drop=[Hb [g/dl], Größe {a, b}, c]", ["Hb [g/dl]", "Größe {a, b}", "c"]),
    ("data.drop=[patient's id, ü, 'x, y']", ["patient's id", "ü", "x, y"]),
    ("data.drop=[a\\, b ü]", ["a, b ü"]),
    ("data.missing=[#N/A, (null), <1, 5, 0.5, :]", ["#N/A", "(null)", "<1", 5, 0.5, ":"]),
    ("data.types={größe: category, dose (mg): number, age: number}", None),
    ("data.types={'größe': category, \"dose (mg)\": number, age: number}", None),
    ("data.types={'größe':category,dose\\ \\(mg\\):number,age:number}", None),
    ("data.types={'a: b': category, it's ü: number}", {"a: b": "category", "it's ü": "number"}),
    ("data.words={positive: [tốt, hay], negative: []}", {"positive": ["tốt", "hay"], "negative": []}),
    ("data.colours=[[ü,1],[2,3]]", [["ü", 1], [2, 3]]),
]
TYPES = {"größe": "category", "dose (mg)": "number", "age": "number"}


@pytest.mark.parametrize(("line", "value"), READ)
def test_names_are_read_as_they_are_written(line: str, value: Any) -> None:
    override = parsed_as_written(line, parse)
    assert override is not None
    assert override.value() == (TYPES if value is None else value)
    assert override.input_line == line


@pytest.mark.parametrize(("line", "value"), READ)
def test_what_was_read_is_written_so_that_it_is_read_again(line: str, value: Any) -> None:
    once = parsed_as_written(line, parse)
    assert once is not None
    line = f"data.x={text_of(once._value)}"
    try:
        again = parse(line)
    except HydraException:
        again = parsed_as_written(line, parse) or pytest.fail(line)
    assert again.value() == once.value()


@pytest.mark.parametrize(
    "line",
    [
        "study.name=größe",
        "data.label=ü,b",
        "data.label=a=ü",
        "data.drop=[ü",
        "data.drop=[a,,ü]",
        "data.drop=[ü]]",
        "data.drop=['ü]",
        "data.drop=['ü' b]",
        "data.drop=[price (USD]",
        "data.drop=[price [USD)]",
        "data.types={ü}",
        "data.types={ü: category",
        "data.drop=[“ü”]",
        "data.drop=[ü\u200b]",
        "data.drop=[\\",
        "data.drop",
    ],
)
def test_what_may_be_a_slip_is_left_to_be_told(line: str) -> None:
    assert parsed_as_written(line, parse) is None
