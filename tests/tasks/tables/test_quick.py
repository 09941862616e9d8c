"""Reading by blocks says what reading row by row says, or nothing."""

import csv
import io
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sweeper.errors import UserError
from sweeper_tasks.tables import quick
from sweeper_tasks.tables.keys import DEFAULTS, TextKeys
from sweeper_tasks.tables.quick import Body, quick_body
from sweeper_tasks.tables.text_sheet import body_by_rows

ODD = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = (
    "a",
    "1",
    ",",
    ",",
    '"',
    '""',
    '","',
    "\n",
    "\n",
    "\r\n",
    "\r",
    " ",
    "é",
    "#",
    "sep=;\n",
    "\ufeff",
    ";",
    "\t",
    "x,y\n",
)
LONG = 90000
CELLS = st.text(st.sampled_from('ab1 ,;"\n\t#é'), max_size=5)


def stream(text: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8", newline="")


def quickly(text: str, keys: TextKeys = DEFAULTS) -> Body | None:
    return quick_body(stream(text), "a.csv", keys)


def told(body: Body | None) -> Any:
    return body and (body.first[1], body.separator, body.n_empty, body.n_comments, cells(body))


def cells(body: Body) -> list[list[str]]:
    return [column.to_pylist() for column in body.columns]


def refuse_difference(text: str, keys: TextKeys) -> None:
    """Where reading by blocks gives a table, reading row by row gives the same one."""
    if (body := quickly(text, keys)) is not None:
        assert told(body) == told(body_by_rows(stream(text), "a.csv", keys))


@pytest.fixture(params=[7, 1 << 24])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few characters, and of all."""
    monkeypatch.setattr(quick, "BLOCK", request.param)


@ODD
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=25),
    header=st.sampled_from((None, False)),
    comment=st.sampled_from((None, "#")),
)
def test_any_text_is_read_alike(
    small: None, pieces: list[str], header: bool | None, comment: str | None
) -> None:
    keys = DEFAULTS.model_copy(update={"header": header, "comment": comment})
    refuse_difference("".join(pieces), keys)


@ODD
@given(
    rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8),
    mark=st.sampled_from(",;\t|"),
    quoting=st.sampled_from((csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC)),
    end=st.sampled_from(("\n", "\r\n")),
)
def test_what_a_program_writes_is_read_alike(
    small: None, rows: list[Any], mark: str, quoting: Any, end: str
) -> None:
    written = io.StringIO()
    csv.writer(written, delimiter=mark, quoting=quoting, lineterminator=end).writerows(
        [("x", "y", "z"), *rows]
    )
    keys = DEFAULTS.model_copy(update={"separator": mark})
    refuse_difference(written.getvalue(), keys)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ('a,b\n1,"x, y"\n2,"say ""hi"""\n', [["1", "2"], ["x, y", 'say "hi"']]),
        ('a,b\r\n1,"two\r\nlines"\r\n', [["1"], ["two\r\nlines"]]),
        ("a;b\n1, x\n\n ; \n   \n2;\n", None),  # one row is odd
        ("a;b\n1; x\n\n ; \n   \n2;\n", [["1", "2"], ["x", ""]]),
        ("sep=;\na;b\n1;2", [["1"], ["2"]]),
        ("\ufeffa\tb\n1\t2\n", [["1"], ["2"]]),
        ("a,b\n", [[], []]),
    ],
)
def test_regular_text_is_read_by_blocks(text: str, columns: list[list[str]] | None) -> None:
    body = quickly(text)
    assert columns == (body and cells(body))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",  # nothing is separated
        "a,b\n1,2,3\n",
        "a,b\n1\n",
        'a,b\n1,5" pipe\n',
        'a,b\n1,"open\n',
        'a,b\n1,"x" y\n',
        "a,b\n1,2\na,b\n",  # the header again
        "a,b\r1,2\r",
        "a,b\n1,\0\n",
        f"a,b\n1,{'x' * LONG}\n",
        "a b\n1 2\n",
    ],
)
def test_the_odd_is_left_to_a_look_at_each_row(text: str) -> None:
    assert quickly(text) is None


def test_a_mark_that_is_never_closed_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "BLOCK", 64)
    monkeypatch.setattr(quick, "HEAD", 64)
    read = stream('a,b\n1,"x\n' + "2,3\n" * 10000)
    assert quick_body(read, "a.csv", DEFAULTS) is None
    assert len(read.read()) > 30000


def test_bytes_of_another_encoding_are_left_to_the_other_reader() -> None:
    read = io.TextIOWrapper(io.BytesIO(b"a,b\n1,\xff\n"), encoding="utf-8", newline="")
    assert quick_body(read, "a.csv", DEFAULTS) is None


def test_columns_are_text() -> None:
    body = quickly("a,b\n1,NA\n")
    assert body is not None
    assert all(column.type == pa.string() for column in body.columns)


def test_row_by_row_refuses_what_is_odd() -> None:
    with pytest.raises(UserError, match="line 3: 3"):
        body_by_rows(stream("a,b\n1,2\n1,2,3\n"), "a.csv", DEFAULTS)
