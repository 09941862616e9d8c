"""Keys of a `data` section that say how a table is read; default values are in `conf/data/`."""

import codecs
import math
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from sweeper.task import StrictModel
from sweeper_tasks.tables.dialect import SEPARATORS

_DECIMALS = {"point": ".", "comma": ","}
ColumnType = Literal["number", "category", "boolean"]


def as_text(value: Any) -> Any:
    """A number or a truth value out of YAML as a table writes it: 1, true, null; other values as they are."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return str(value) if isinstance(value, int | float) else in_one_form(value)


def in_one_form(value: Any) -> Any:
    """A text with its accents as one sign with their letter: a Mac's names have two, and look the same."""
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple) else [value]


Word = Annotated[str, BeforeValidator(as_text)]
Name = Annotated[str, BeforeValidator(lambda value: value if value is None else as_text(value))]
"""A column's name; a number needs no quotation marks."""
Names = Annotated[tuple[Word, ...], BeforeValidator(_as_list), Field(strict=False)]
"""Names or words; one alone needs no brackets."""


class TextKeys(StrictModel):
    """How the file of a table is read, whatever its columns mean."""

    encoding: str | None
    separator: str | None
    comment: str | None
    header: bool | None
    columns: Names | None
    table: Name | None

    @field_validator("encoding")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is None:
            return None
        try:
            info = codecs.lookup(name)
        except (LookupError, ValueError):
            info = None
        if info is None or not getattr(info, "_is_text_encoding", True) or info.name in ("idna", "punycode"):
            raise ValueError(
                f"got {name!r}; expected an encoding that Python knows, such as cp1252, gbk or utf-16"
            )
        return info.name

    @field_validator("separator", mode="before")
    @classmethod
    def _one_sign(cls, mark: Any) -> Any:
        sign = {**SEPARATORS, "pipe": "|", "\\t": "\t"}.get(mark, mark) if isinstance(mark, str) else mark
        if sign is None or (isinstance(sign, str) and len(sign) == 1 and sign not in '"\n\r'):
            return sign
        raise ValueError(f"got {mark!r}; expected one sign, or {', '.join(SEPARATORS)}. null finds it out")

    @field_validator("comment")
    @classmethod
    def _not_empty(cls, sign: str | None) -> str | None:
        if sign == "":
            raise ValueError("got ''; expected the sign with which comments begin, or null")
        return sign

    @model_validator(mode="after")
    def _names_for_a_file_without(self) -> "TextKeys":
        if self.columns is not None and self.header is not False:
            raise ValueError(
                "data.columns: got names beside a header; expected them for a file without one only. "
                "Say so with data.header=false, or write data.columns=null."
            )
        return self


DEFAULTS = TextKeys(encoding=None, separator=None, comment=None, header=None, columns=None, table=None)
"""Everything is found out."""


class TableKeys(TextKeys):
    """How columns of numbers and categories are read."""

    decimal: Literal[".", ","] | None
    missing: Names
    types: Annotated[dict[Word, ColumnType], Field(strict=False)]

    @field_validator("decimal", mode="before")
    @classmethod
    def _point_or_comma(cls, sign: Any) -> Any:
        return _DECIMALS.get(sign, sign) if isinstance(sign, str) else sign
