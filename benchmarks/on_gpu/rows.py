"""What a check gives: the rows of the table."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True)
class Row:
    """One line of the table; `facts` are its numbers for the JSON line."""

    name: str
    value: str
    is_ok: bool = True
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


Rows = Iterator[Row]
