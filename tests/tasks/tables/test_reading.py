"""Any bytes become a table or one line that says why not; what was decided is told."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import tarfile
import unicodedata
import uuid
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pydantic import ValidationError

from sweeper.errors import UserError
from sweeper_tasks.tables import formats
from sweeper_tasks.tables.keys import TableKeys
from sweeper_tasks.tables.reading import read_table

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("encoding", "separator", "comment", "header", "columns", "table", "decimal")),
    "missing": [],
    "types": {},
}
ROWS = {"name": ["Köln", "Huế", "Łódź"], "age": [31, 42, 53], "ill": [True, False, True]}
TEXT = "name,age,ill\nKöln,31,True\nHuế,42,False\nŁódź,53,True\n"
FRAME = pd.DataFrame(ROWS)
SEEN = {"name": ROWS["name"], "age": ["31", "42", "53"], "ill": ["True", "False", "True"]}


def keys(**changes: Any) -> TableKeys:
    return TableKeys.model_validate(NOTHING | changes)


def read(path: Path, **changes: Any) -> dict[str, list[Any]]:
    return {str(k): v for k, v in read_table(path, keys(**changes)).frame.to_dict("list").items()}


def told(path: Path, **changes: Any) -> str:
    with pytest.raises(UserError, match=r": got ") as caught:
        read_table(path, keys(**changes))
    return str(caught.value)


def written(tmp_path: Path, content: bytes | str, name: str = "t.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(**members: bytes) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return raw.getvalue()


def tarred(content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, data in (("._t.csv", b"\0\5"), ("folder/t.csv", content)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return raw.getvalue()


def to_bytes(write: Callable[[Any], object]) -> bytes:
    raw = io.BytesIO()
    write(raw)
    return raw.getvalue()


RAW = TEXT.encode()
READABLE = {
    "plain": RAW,
    "gzip": gzip.compress(RAW),
    "bzip2": bz2.compress(RAW),
    "xz": lzma.compress(RAW),
    "lzma": lzma.compress(RAW, lzma.FORMAT_ALONE),
    "zstd": pa.compress(RAW, codec="zstd", asbytes=True),
    "zip": zipped(**{"t.csv": RAW, "__MACOSX/._t.csv": b"\0\5\x16\7"}),
    "tar.gz": tarred(RAW),
    "gzip in zip": zipped(**{"t.csv.gz": gzip.compress(RAW)}),
    "parquet": to_bytes(FRAME.to_parquet),
    "parquet in gzip": gzip.compress(to_bytes(FRAME.to_parquet)),
    "feather": to_bytes(FRAME.to_feather),
    "utf-8 with mark": TEXT.encode("utf-8-sig"),
    "utf-16": TEXT.encode("utf-16"),
    "utf-16 without mark": TEXT.encode("utf-16-le"),
    "utf-32": TEXT.encode("utf-32"),
    "carriage returns": RAW.replace(b"\n", b"\r"),
    "windows": RAW.replace(b"\n", b"\r\n"),
    "semicolons": RAW.replace(b",", b";"),
    "tabs": RAW.replace(b",", b"\t"),
    "bars": RAW.replace(b",", b"|"),
    "sep line of Excel": b"sep=;\n" + RAW.replace(b",", b";"),
    "blanks": RAW.replace(b",", b" , "),
    "quoted": FRAME.to_csv(index=False, quoting=1).encode(),
    "json": FRAME.to_json(orient="records").encode(),
    "json by lines": FRAME.to_json(orient="records", lines=True).encode(),
    "json by columns": FRAME.to_json().encode(),
    "empty rows at the end": RAW + b",,\n,,\n",
    "a separator behind every line": RAW.replace(b"\n", b",\n"),
    "row numbers of pandas": FRAME.to_csv().encode(),
}


@pytest.mark.parametrize("kind", READABLE)
def test_a_table_is_known_by_its_bytes_whatever_its_name_says(kind: str, tmp_path: Path) -> None:
    for name in ("t.csv", "t.csv.gz", "T.PARQUET", "table"):
        assert read(written(tmp_path, READABLE[kind], name)) == SEEN


def test_a_database_is_read_and_its_tables_are_listed_where_there_are_several(tmp_path: Path) -> None:
    path = tmp_path / "base.csv"
    with closing(sqlite3.connect(path)) as base:
        FRAME.to_sql("people", base, index=False)
        assert read(path)["age"] == SEEN["age"]
        FRAME.to_sql("others", base, index=False)
    assert "got 2 tables (people, others); expected one. Name one: data.table=<name>" in told(path)
    assert read(path, table="others")["name"] == SEEN["name"]
    assert "data.table: got 'other'; expected one of the tables" in told(path, table="other")


UNREADABLE = {
    "an empty file": b"",
    "a file of zeros only": b"\0" * 4096,
    "a web page": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>",
    "a web page with a table": b"<html><table><tr><td>1</td></tr></table></html>",
    "XML": b"<?xml version='1.0'?><rows><row/></rows>",
    "a workbook of Excel": zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}),
    "a workbook of Excel 97": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600,
    "an OpenDocument sheet": zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet", content=b""),
    "a document of an office program": zipped(**{"[Content_Types].xml": b"", "word/document.xml": b""}),
    "a pickle": pickle.dumps(ROWS),
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + b"\0" * 64,
    "an array of NumPy": b"\x93NUMPY\x01\x00",
    "a gzip file that is cut short or damaged": gzip.compress(RAW * 50)[:60],
    "an xz file that is cut short or damaged": lzma.compress(RAW * 50)[:60],
    "a zstd file that is cut short or damaged": b"\x28\xb5\x2f\xfd" + RAW,
    "a parquet file that is cut short or damaged": READABLE["parquet"][:100],
    "a bzip2 file that is cut short or damaged": bz2.compress(RAW * 50)[:50],
    "2 files in the archive (a.csv, b.csv)": zipped(**{"a.csv": RAW, "b.csv": RAW}),
    "JSON that cannot be read": b'[{"a": 1}, {"a": ',
    "bytes that are no text": bytes(range(256)) * 9,
    "nothing but blank lines": b"\n \n",
    "a first line that looks like data": b"1,0,u26\n0,0,u3\n1,1,u4\n",
    "a row that breaks": b'a,b\n1,"2\n3,4\n',
    "column 'a' more than once": b"a,b, a\n1,2,3\n",
    "the header again": RAW + RAW,
    "a comma behind every row": RAW.replace(b"\n", b",\n").replace(b"ill,", b"ill"),
    "a comma behind the header": RAW.replace(b"ill", b"ill,"),
    "1 row with more or fewer values": RAW + b"x,1\n",
    "a comma behind 1 of 4 rows": RAW + b"x,1,True,\n",
    "more values in every row": RAW.replace(b"name,", b""),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_is_no_table_is_told_in_one_line(what: str, tmp_path: Path) -> None:
    said = told(written(tmp_path, UNREADABLE[what]))
    assert what in said
    assert "\n" not in said
    assert said.startswith("t.csv")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    class Mine:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.write_text, (tmp_path / "opened", "x"))

    for protocol in range(2, 6):
        told(written(tmp_path, pickle.dumps(Mine(), protocol)))
        told(written(tmp_path, gzip.compress(pickle.dumps(FRAME, protocol))))
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("encoding", "place", "text"), [("cp1252", 4, "Köln"), ("gbk", 3, "北京"), ("shift_jis", 3, "東京")]
)
def test_a_wrong_byte_is_told_with_its_place_and_the_key(
    encoding: str, place: int, text: str, tmp_path: Path
) -> None:
    path = written(tmp_path, f"id,city\nx,Rom\ny,{text}\n".encode(encoding))
    said = told(path)
    assert said.startswith("t.csv, line 3: got byte 0x")
    assert f"at character {place}, which is not UTF-8" in said
    assert "data.encoding=" in said
    assert read(path, encoding=encoding)["city"] == ["Rom", text]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"encoding": "klingon"}, "expected an encoding that Python knows"),
        ({"encoding": "base64"}, "expected an encoding that Python knows"),
        ({"separator": ",,"}, "expected one sign, or comma"),
        ({"columns": ["a"]}, "data.header=false"),
        ({"types": {"a": "int"}}, "'number', 'category' or 'boolean'"),
    ],
)
def test_keys_that_make_no_sense_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        keys(**wrong)


def test_words_may_be_numbers_and_one_needs_no_brackets() -> None:
    made = keys(missing=[-999, None, True, float("nan")], columns=1, header=False)
    assert made.missing == ("-999", "null", "true", "nan")
    assert made.columns == ("1",)
    assert keys(missing="NA").missing == ("NA",)


def test_a_table_without_a_header_keeps_its_first_row(tmp_path: Path) -> None:
    path = written(tmp_path, "1,0,u26\n0,0,u3\n")
    assert "data.header=false" in told(path)
    assert read(path, header=False) == {"col0": ["1", "0"], "col1": ["0", "0"], "col2": ["u26", "u3"]}
    assert list(read(path, header=False, columns=["click", "bought", "user"])) == ["click", "bought", "user"]
    assert "data.columns: got 2 names; expected 3" in told(path, header=False, columns=["a", "b"])
    assert list(read(path, header=True)) == ["1", "0", "u26"]


@pytest.mark.parametrize("header", ["click,121,122", "name,age,ill", "outcome,101,301"])
def test_names_may_be_numbers_where_one_is_a_word_above_numbers(header: str, tmp_path: Path) -> None:
    assert list(read(written(tmp_path, f"{header}\n1,7,8\n0,5,6\n"))) == header.split(",")


@pytest.mark.parametrize("first", ["ill,34,f", "healthy,51,m"])
def test_words_that_occur_below_are_no_names(first: str, tmp_path: Path) -> None:
    path = written(tmp_path, f"{first}\nill,40,m\nhealthy,52,f\n")
    assert f"got a first line that looks like data ({first.replace(',', ', ')})" in told(path)


def test_only_what_is_empty_is_missing_unless_words_are_declared(tmp_path: Path) -> None:
    path = written(tmp_path, 'id,x,y\n1,NA,-999\n2,,-999.0\n3,"",7\n4,null,NA\n')
    table = read(path)
    assert table["x"][0] == "NA"
    assert table["x"][3] == "null"
    assert pd.isna(table["x"][1])
    assert pd.isna(table["x"][2])
    declared = pd.DataFrame(read(path, missing=["NA", -999, None])).isna().sum().to_dict()
    assert declared == {"id": 0, "x": 4, "y": 3}


def test_comments_are_left_out_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path, "# made on Monday\na,b\n1,2\n# checked\n3,4\n")
    assert "data.comment" in told(path)
    table = read_table(path, keys(comment="#"))
    assert table.frame.to_dict("list") == {"a": ["1", "3"], "b": ["2", "4"]}
    assert table.notes == ("2 lines of comments left out (data.comment)",)


def test_line_breaks_and_separators_in_quotes_are_values(tmp_path: Path) -> None:
    path = written(tmp_path, 'a,b\n1,"x\ny, z"\n2,"say ""so"" now"\n')
    assert read(path) == {"a": ["1", "2"], "b": ["x\ny, z", 'say "so" now']}


def test_types_of_parquet_become_text_by_value(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "id": pd.Series([12, None, 7], dtype="Int64"),
            "float_id": [12.0, None, 7.0],
            "kind": pd.Categorical(["a", "b", "a"]),
            "when": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03"]),
            "tags": [["x"], ["y", "z"], []],
        }
    )
    table = read_table(written(tmp_path, to_bytes(frame.to_parquet)), keys())
    assert (
        table.frame["id"].fillna("").tolist()
        == table.frame["float_id"].fillna("").tolist()
        == ["12", "", "7"]
    )
    assert table.frame["kind"].tolist() == ["a", "b", "a"]
    assert sorted(table.unfit) == ["tags", "when"]


def test_empty_rows_say_nothing_wherever_they_stand_in_a_workbook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing, blank = [None, None], [" ", None]
    cells = [nothing, blank, ["age", "ill"], [31, 1], nothing, [42, 0], blank]
    monkeypatch.setattr(pd, "read_excel", lambda *_, **__: {"Sheet1": pd.DataFrame(cells, dtype=object)})
    monkeypatch.setattr(formats, "_is_there", lambda _: True)
    path = written(tmp_path, zipped(**{"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"}))
    table = read_table(path, keys())
    assert table.frame.to_dict("list") == {"age": ["31", "42"], "ill": ["1", "0"]}
    assert table.notes == ("4 rows without any value left out",)


@pytest.mark.parametrize("top", [",,\n", "\n,,\n , ,\n", "# c\n,,\n"])
def test_empty_rows_above_the_header_say_nothing(tmp_path: Path, top: str) -> None:
    comment = "#" if "#" in top else None
    assert read(written(tmp_path, (top + TEXT).encode()), comment=comment) == SEEN


@pytest.mark.parametrize("top", ["Export of the ward,,\n", "Export of the ward\n", "Export of the ward\n\n"])
def test_a_title_above_the_header_is_told(tmp_path: Path, top: str) -> None:
    assert "Is 'Export of the ward' a title above the header? Remove what is above" in told(
        written(tmp_path, (top + TEXT).encode())
    )


def test_quotation_marks_within_a_name_stay(tmp_path: Path) -> None:
    text = 'a,"x ""y""",\'b\',"""c"""\n1,2,3,4\n'
    assert list(read(written(tmp_path, text.encode()))) == ["a", 'x "y"', "b", "c"]


def test_the_index_of_a_data_frame_is_no_column_unless_it_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, FRAME.to_csv())
    assert read_table(path, keys()).notes == (
        "column 'Unnamed: 0' is left out: it has no name and numbers the rows",
    )
    assert "Unnamed: 0" in read_table(path, keys(), {"Unnamed: 0"}).frame


CONTENTS = st.one_of(
    st.binary(max_size=400),
    st.text(alphabet=st.sampled_from("ab1,;\t|\"'\n\r .#{}[]<>é\0"), max_size=200).map(str.encode),
    st.sampled_from(sorted(READABLE.values())),
    st.sampled_from(sorted(UNREADABLE.values())),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    content=CONTENTS,
    cut=st.integers(0, 400),
    more=st.binary(max_size=20),
    pack=st.sampled_from([bytes, gzip.compress, lzma.compress]),
    encoding=st.sampled_from([None, "cp1252", "utf-16", "shift_jis", "utf-7"]),
    header=st.sampled_from([None, True, False]),
)
def test_any_bytes_are_a_table_or_faults(
    tmp_path: Path,
    content: bytes,
    cut: int,
    more: bytes,
    pack: Callable[[bytes], bytes],
    encoding: str | None,
    header: bool | None,
) -> None:
    path = written(tmp_path, pack(content[: cut or None] + more))
    for outcome in outcome_of(path, keys(encoding=encoding, header=header, missing=["a", 1])):
        assert outcome
        assert "\n" not in outcome


def outcome_of(path: Path, how: TableKeys) -> list[str]:
    """The faults, or the table as JSON."""
    try:
        frame = read_table(path, how).frame
    except UserError as error:
        return [str(fault) for fault in error.faults]
    return [json.dumps(frame.astype(object).where(frame.notna(), None).to_dict("list"))]


def test_numbers_as_spreadsheets_write_them_are_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, 'x,y\n\u22125,="012"\n\u2212.5,"=""7"""\na\u2212b,=A1\n')
    assert read(path) == {"x": ["-5", "-.5", "a\u2212b"], "y": ["012", "7", "=A1"]}


def test_names_whose_accents_are_written_in_two_ways_are_one(tmp_path: Path) -> None:
    path = written(tmp_path, "cafe\u0301,b\n1,2\n")
    assert list(read(path)) == ["caf\u00e9", "b"]
    assert keys(header=False, columns=["cafe\u0301", "b"]).columns == ("caf\u00e9", "b")


def test_a_value_may_be_longer_than_pythons_limit(tmp_path: Path) -> None:
    long = "x" * 200_000
    assert read(written(tmp_path, f"a,b\n{long},1\n"))["a"] == [long]


def test_accents_of_a_mac_are_those_of_others(tmp_path: Path) -> None:
    two_signs = unicodedata.normalize("NFD", "Köln")
    path = written(tmp_path, f"city,y\nKöln,1\n{two_signs},0\n,1\n")
    assert read(path)["city"][:2] == ["Köln", "Köln"]


def test_a_line_of_json_may_hold_what_else_ends_lines(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": "x\u2028y\u0085z", "b": 1}\r\n{"a": "w", "b": 2}\n')
    assert read(path) == {"a": ["x\u2028y\u0085z", "w"], "b": ["1", "2"]}


def test_ids_of_a_database_are_text(tmp_path: Path) -> None:
    known = uuid.UUID(int=1)
    table = pa.table({"id": pa.array([known.bytes, None], pa.uuid()), "age": [3, 4]})
    pq.write_table(table, tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet")["id"][0] == str(known)
