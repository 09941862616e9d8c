"""What a file is, told by its first bytes: a name says what it was meant to be."""

import re
from typing import NamedTuple

HEAD_BYTES = 1 << 16
"""What is looked at of a file, to know what it is."""
TAR_AT, TAR = 257, b"ustar"
_NO_NAME = rb"(?![,;\t|\r\n\"'\w])"
"""A column may be called PAR1, or ORCID."""
PACKED = {
    "gzip": rb"\x1f\x8b",
    "bzip2": rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)",
    "xz": rb"\xfd7zXZ\x00",
    "lzma": rb"\x5d\x00\x00",
    "zstd": rb"\x28\xb5\x2f\xfd",
    "lz4": rb"\x04\x22\x4d\x18",
    "zip": rb"PK\x03\x04",
    "an empty zip": rb"PK\x05\x06",
}
"""Compressions and archives, which hold another file."""
BINARY = {
    "parquet": rb"PAR1" + _NO_NAME,
    "arrow": rb"ARROW1\x00",
    "feather": rb"FEA1" + _NO_NAME,
    "sqlite": rb"SQLite format 3\x00",
    "excel 97": rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}
"""Tables in a form of their own."""
AS_TABLE = "Save it as CSV or Parquet"
DOWNLOAD = "Download the file itself, and look into it before its name is trusted"


class Foreign(NamedTuple):
    """What is no table for us, and what to do about it."""

    what: str
    advice: str


_FOREIGN = (
    (
        rb"\x80[\x02-\x05](?:[\x95}\](cN(])",
        Foreign(
            "a pickle",
            "It could run any code when it is opened, so it is not: save it with to_parquet or to_csv",
        ),
    ),
    (
        rb"version https://git-lfs",
        Foreign("a pointer of Git LFS, not the file", "Get the file itself with: git lfs pull"),
    ),
    (rb"\x89HDF\r\n", Foreign("an HDF5 file", AS_TABLE)),
    (rb"\x93NUMPY", Foreign("an array of NumPy", AS_TABLE)),
    (rb"ORC[^\x20-\x7e\t\r\n]", Foreign("an ORC file", AS_TABLE)),
    (rb"Obj\x01", Foreign("an Avro file", AS_TABLE)),
    (rb"PARE", Foreign("an encrypted Parquet file", "Save it without encryption")),
    (rb"%PDF", Foreign("a PDF document", AS_TABLE)),
    (rb"\{\\rtf", Foreign("a document in rich text", AS_TABLE)),
    (rb"7z\xbc\xaf\x27\x1c", Foreign("a 7z archive", "Unpack it")),
    (rb"Rar!\x1a\x07", Foreign("a RAR archive", "Unpack it")),
    (rb"\x1f\x9d", Foreign("a file packed by compress (.Z)", "Unpack it")),
    (rb"\x78[\x01\x5e\x9c\xda][^\x20-\x7e\t\r\n]", Foreign("a zlib stream", "Unpack it")),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a", Foreign("a picture", DOWNLOAD)),
    (
        rb"\$FL[23]|<stata_dta>|HEADER RECORD\*{7}|MATLAB 5\.0|RD[AX]\d\n",
        Foreign("a file of a statistics program", AS_TABLE),
    ),
    (rb"\x7fELF|MZ[^\x20-\x7e]", Foreign("a program", DOWNLOAD)),
    (rb"\xff\xff\xff\xff", Foreign("a stream of Arrow", "Save it as Parquet, or as an Arrow file")),
    (rb"<<<<<<< ", Foreign("a file with an unresolved merge of Git", "Resolve it")),
)
_PAGE = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|script|meta|title)\b", re.I)
_JSON = re.compile(rb"\[\s*(?:[\[{]|\])|\{\s*[\"}]")
_EXCEL_PARTS, _WORD_PARTS = ("xl/",), ("word/", "ppt/")
ODS = b"application/vnd.oasis.opendocument.spreadsheet"


def kind_of(head: bytes) -> str | Foreign:
    """The key of `PACKED` or `BINARY`, "tar", "json", "empty" or "text"; else what it is instead."""
    if not head:
        return "empty"
    if not head.strip(b"\0"):
        return Foreign("a file of zeros only", "Its copy or download broke off: get it again")
    for name, magic in (PACKED | BINARY).items():
        if re.match(magic, head):
            return name
    if head[TAR_AT:].startswith(TAR):
        return "tar"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for pattern, foreign in _FOREIGN:
        if re.match(pattern, head) or re.match(pattern, start):
            return foreign
    return _kind_of_text(start)


def _kind_of_text(start: bytes) -> str | Foreign:
    if _JSON.match(start):
        return "json"
    if start.startswith(b"<?xml") or re.match(rb"<[a-zA-Z!]", start):
        if b"urn:schemas-microsoft-com:office:spreadsheet" in start[:4096]:
            return Foreign("a workbook of Excel in XML", AS_TABLE)
        if re.search(rb"<table\b", start, re.I):
            return Foreign("a web page with a table (some programs call that .xls)", AS_TABLE)
        if _PAGE.match(start) or re.search(rb"<html\b", start[:4096], re.I):
            return Foreign("a web page, perhaps a message or a form to sign in", DOWNLOAD)
        return Foreign("XML", AS_TABLE)
    return "text"


def kind_of_members(names: list[str], mimetype: bytes) -> str | Foreign | None:
    """What a zip archive with these members is, where it is no plain archive."""
    if mimetype.startswith(ODS):
        return "ods"
    if "[Content_Types].xml" in names or any(name.startswith(_EXCEL_PARTS) for name in names):
        is_other = any(name.startswith(_WORD_PARTS) for name in names)
        return Foreign("a document of an office program", AS_TABLE) if is_other else "excel"
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("an archive of NumPy arrays", AS_TABLE)
    if any(name.endswith("data.pkl") for name in names):
        return Foreign("a file of PyTorch", AS_TABLE)
    return None
