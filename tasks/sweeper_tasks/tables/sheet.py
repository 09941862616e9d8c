"""A table as it is written: names, and cells as text, whatever types its file knows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

PANDAS_INDEX = "__index_level_0__"
"""What pandas calls the numbers of rows that it writes beside the columns."""
TIME = "times"
"""Kind of a column that its file calls a time: a category only where the user says so."""


@dataclass(frozen=True)
class Sheet:
    """Columns of text by position, null where nothing is written.

    `unfit` names, by position, what a column holds that is neither number nor text.
    """

    names: tuple[str, ...]
    columns: tuple[Any, ...]
    unfit: Mapping[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    separator: str = ","


def of_arrow(table: pa.Table) -> Sheet:
    """The columns of an Arrow table as text."""
    found = [_as_text(column) for column in table.columns]
    unfit = {i: kind for i, (_, kind) in enumerate(found) if kind}
    return Sheet(tuple(map(str, table.column_names)), tuple(text for text, _ in found), unfit)


def of_cells(names: Sequence[Any], rows: Iterable[Sequence[Any]]) -> Sheet:
    """The columns of rows of Python values as text."""
    texts: list[list[str | None]] = [[] for _ in names]
    unfit: dict[int, str] = {}
    for row in rows:
        for i, value in enumerate(row):
            text, kind = _cell(value)
            texts[i].append(text)
            if kind:
                unfit.setdefault(i, kind)
    header = tuple("" if (text := _cell(name)[0]) is None else text for name in names)
    return Sheet(header, tuple(pa.chunked_array([pa.array(t, pa.string())]) for t in texts), unfit)


def _as_text(column: Any) -> tuple[Any, str]:
    """The column as text, and what it holds where that is neither text, number nor truth value."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type))
    if pa.types.is_run_end_encoded(kind) or isinstance(kind, pa.BaseExtensionType):
        values = [str(value) if isinstance(value, UUID) else value for value in column.to_pylist()]
        return _as_text(pa.chunked_array([pa.array(values)]))
    if pa.types.is_boolean(kind):
        return pc.if_else(column, pa.scalar("True"), pa.scalar("False")), ""
    if pa.types.is_floating(kind):
        known = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        return known.cast(pa.float64() if pa.types.is_float16(kind) else kind).cast(pa.string()), ""
    if pa.types.is_decimal(kind):
        return pc.replace_substring_regex(column.cast(pa.string()), r"^([^.]*)\.0+$", r"\1"), ""
    if pa.types.is_temporal(kind):
        return column.cast(pa.string()), TIME
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return _bytes_as_text(column)
    if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind):
        return pa.chunked_array([pa.nulls(len(column), pa.string())]), f"values of the type {kind}"
    return column.cast(pa.string()), ""


def _bytes_as_text(column: Any) -> tuple[Any, str]:
    """Some programs write text without saying that it is."""
    try:
        return column.cast(pa.string()), ""
    except pa.ArrowInvalid:
        return pa.chunked_array([pa.nulls(len(column), pa.string())]), "raw bytes"


def _cell(value: Any) -> tuple[str | None, str]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None, ""
    if isinstance(value, str):
        return value, ""
    if isinstance(value, bool):
        return str(value), ""
    if isinstance(value, float):
        return (str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)), ""
    if isinstance(value, int | Decimal):
        return str(value), ""
    if isinstance(value, datetime | date | time | timedelta):
        return str(value), ("" if _is_missing_time(value) else TIME)
    if hasattr(value, "item"):
        return _cell(value.item())
    return None, f"values such as {str(value)[:30]}"


def _is_missing_time(value: Any) -> bool:
    return bool(value != value)
