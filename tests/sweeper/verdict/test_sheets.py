"""Tables of runs as people keep them."""

import gzip
import io
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import pytest

from sweeper.errors import UserError
from sweeper.verdict.sheet_numbers import has_decimal_comma, number_of, seed_of
from sweeper.verdict.sheets import sheet_of

ROWS = (("a", "0", "0.5"), ("b", "0", "0.6"))


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "runs.csv"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        b"trial,seed,val\na,0,0.5\nb,0,0.6\n",
        b"trial;seed;val\na;0;0.5\nb;0;0.6",
        b"trial\tseed\tval\r\na\t0\t0.5\r\nb\t0\t0.6\r\n",
        b"trial|seed|val\na|0|0.5\nb|0|0.6\n",
        b"\xef\xbb\xbftrial,seed,val\na,0,0.5\nb,0,0.6\n",
        "trial,seed,val\na,0,0.5\nb,0,0.6\n".encode("utf-16"),
        b"\n\ntrial,seed,val\n\na,0,0.5\n,,\n\nb,0,0.6\n\n",
        b'sep=;\n"trial";"seed";"val"\n"a";"0";"0.5"\n"b";"0";"0.6"\n',
        b"trial , seed, val\n a ,0 , 0.5\nb,0,0.6,,\n",
    ],
    ids=["commas", "semicolons", "tabs", "bars", "mark", "utf-16", "blank lines", "Excel", "blanks"],
)
def test_a_text_of_any_separator_is_a_table(tmp_path: Path, data: bytes) -> None:
    sheet = sheet_of(written(tmp_path, data))
    assert (sheet.names, sheet.rows) == (("trial", "seed", "val"), ROWS)


def test_a_frame_a_parquet_file_and_a_csv_of_it_are_the_same(tmp_path: Path) -> None:
    frame = pd.DataFrame({"trial": ["a", "b"], "seed": [0, 0], "val": [0.5, 0.6], "x": [None, 1.0]})
    frame.to_parquet(tmp_path / "runs.parquet")
    frame.to_csv(tmp_path / "runs.csv", index=False)
    found = [sheet_of(one) for one in (frame, tmp_path / "runs.parquet", str(tmp_path / "runs.csv"))]
    assert {one.rows for one in found} == {(("a", "0", "0.5", ""), ("b", "0", "0.6", "1.0"))}
    indexed = sheet_of(frame.set_index(["trial", "seed"]))
    assert indexed.names[:2] == ("trial", "seed")
    assert indexed.rows == found[0].rows


@pytest.mark.parametrize(
    "text",
    [
        '[{"trial": "a", "seed": 0, "val": 0.5}, {"trial": "b", "seed": 0, "val": 0.6}]',
        '{"trial": "a", "seed": 0, "val": 0.5}\n\n{"trial": "b", "seed": 0, "val": 0.6}\n',
        '{"trial": ["a", "b"], "seed": [0, 0], "val": [0.5, 0.6]}',
        '{"trial": {"0": "a", "1": "b"}, "seed": {"0": 0, "1": 0}, "val": {"0": 0.5, "1": 0.6}}',
    ],
    ids=["objects", "lines", "columns", "pandas"],
)
def test_json_is_a_table(tmp_path: Path, text: str) -> None:
    sheet = sheet_of(written(tmp_path, text.encode()))
    assert (sheet.names, sheet.rows) == (("trial", "seed", "val"), ROWS)


def test_inner_objects_of_json_are_columns(tmp_path: Path) -> None:
    lines = '{"config": {"lr": 0.1, "seed": 3}, "summary": {"val/acc": 0.5}}\n{"config": {"lr": 0.2}}'
    sheet = sheet_of(written(tmp_path, lines.encode()))
    assert sheet.names == ("config.lr", "config.seed", "summary.val/acc")
    assert sheet.rows == (("0.1", "3.0", "0.5"), ("0.2", "", ""))


def test_lines_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    data = b'\ntrial,seed,note\n\na,0,"two\nlines"\nb,0,x\n'
    assert sheet_of(written(tmp_path, data)).places[1] == "line 6"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "got an empty file"),
        (b"\n \n", "got an empty file"),
        (b"trial,seed,val\n", "got no rows"),
        (b"trial,seed,val\na,0,0,5\n", "line 2: got 4 cells; expected 3"),
        (
            b"PK\x03\x04rest",
            "got a ZIP file that is no workbook of Excel|got a workbook of Excel, which needs",
        ),
        (b"\xd0\xcf\x11\xe0rest", "got an Excel file of old; expected CSV, Parquet, JSON or xlsx"),
        (b"\x1f\x8brest", "got a gzip file that cannot be read"),
        (b'{"trial": ["a", "b"', "got JSON that is no table"),
        (b"[1, 2]", "got JSON that is no table"),
        (b'{"trial": ["a", "b"], "val": [1]}', "got JSON that is no table"),
        (b"PAR1 and no more", "got Parquet that cannot be read"),
        (b"trial,seed\na\xff,0\n", "got byte 0xff, which is not UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_in_a_line(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        sheet_of(written(tmp_path, data))
    assert "\n" not in str(caught.value)


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    text = b"trial,seed,val\na,0,0.5\nb,0,0.6\n"
    assert sheet_of(written(tmp_path, gzip.compress(text))).rows == ROWS


Cells = list[list[Any]]
NOTHING = [None, None, None]
CELLS: Cells = [NOTHING, ["trial", "seed", "val"], ["a", 0, 0.5], NOTHING, ["b", 0, 0.6]]


def given(monkeypatch: pytest.MonkeyPatch, **sheets: Cells) -> None:
    frames = {name: pd.DataFrame(cells, dtype=object) for name, cells in sheets.items()}
    monkeypatch.setattr(pd, "read_excel", lambda *_, **__: frames)


def test_a_workbook_is_a_table_where_one_sheet_has_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, b"PK\x03\x04")
    given(monkeypatch, one=CELLS, other=[], third=[NOTHING])
    sheet = sheet_of(path)
    assert (sheet.names, sheet.rows, sheet.places) == (("trial", "seed", "val"), ROWS, ("line 3", "line 5"))
    given(monkeypatch, one=CELLS, other=CELLS)
    with pytest.raises(UserError, match=r"got 2 sheets with cells; expected one, .* Save the one"):
        sheet_of(path)
    given(monkeypatch, one=[NOTHING])
    with pytest.raises(UserError, match=r"got 0 sheets with cells; expected one, with a row for each run$"):
        sheet_of(path)


def test_a_workbook_needs_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    said = (
        r"runs\.csv: got a workbook of Excel, which needs openpyxl\. Save it as .*, or: pip install openpyxl$"
    )
    with pytest.raises(UserError, match=said):
        sheet_of(written(tmp_path, zipped("xl/workbook.xml", "[Content_Types].xml")))


def zipped(*names: str) -> bytes:
    with ZipFile(data := io.BytesIO(), "w") as file:
        for name in names:
            file.writestr(name, "<x/>")
    return data.getvalue()


def test_a_workbook_is_read_where_the_package_is_there(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    pd.DataFrame(CELLS[2::2], columns=pd.Index(CELLS[1])).to_excel(tmp_path / "runs.xlsx", index=False)
    sheet = sheet_of(tmp_path / "runs.xlsx")
    assert (sheet.names, sheet.rows, sheet.places) == (("trial", "seed", "val"), ROWS, ("line 2", "line 3"))
    with pytest.raises(UserError, match="got a ZIP file that is no workbook of Excel"):
        sheet_of(written(tmp_path, zipped("runs.csv")))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no such file"):
        sheet_of(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("0.81", 0.81), (".5", 0.5), ("1e-3", 0.001), ("-2", -2.0), ("\u22122", -2.0), ("81.2%", 81.2)),
        *(("81 %", 81.0), ("1,234.5", 1234.5), ("1'234", 1234.0), ("12\u00a0345", 12345.0), ("+3.", 3.0)),
        *(("abc", None), ("1.2.3", None), ("0x10", None), ("12 mg", None)),
    ],
)
def test_numbers_are_read_in_the_notations_of_spreadsheets(text: str, value: float | None) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["", "nan", "NaN", "N/A", "#DIV/0!", "-", "failed", "inf", "OOM", "None"])
def test_a_failed_run_has_no_number(text: str) -> None:
    value = number_of(text)
    assert value is not None
    assert value != value


@pytest.mark.parametrize(
    ("cells", "separator", "has_comma"),
    [
        (["0,81", "0,8"], ",", True),
        (["1.234,5", "2"], ",", True),
        (["0.81", "1,234.5"], ",", False),
        (["1,234", "2,345"], ",", None),
        (["1,234", "2,345"], ";", True),
        (["81,2%"], ",", True),
        (["0.81", "nan"], ";", False),
    ],
)
def test_a_decimal_comma_is_seen_or_asked_for(
    cells: list[str], separator: str, has_comma: bool | None
) -> None:
    assert has_decimal_comma(cells, separator) is has_comma


def test_a_decimal_comma_is_read() -> None:
    assert [number_of(text, has_comma=True) for text in ("0,81", "1.234,5", "81,2%", "7")] == [
        *(0.81, 1234.5, 81.2, 7.0)
    ]


@pytest.mark.parametrize(
    ("text", "seed"),
    [
        ("3", 3),
        ("3.0", 3),
        ("seed3", 3),
        ("seed=3", 3),
        ("Seed 3", 3),
        ("rep_2", 2),
        ("3.5", None),
        ("x", None),
    ],
)
def test_seeds_are_whole_numbers_however_they_are_written(text: str, seed: int | None) -> None:
    assert seed_of(text) == seed
