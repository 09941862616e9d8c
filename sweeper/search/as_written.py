"""Names of somebody's columns, classes and files in overrides, as they are written.

Hydra's grammar reads no `data.drop=[price (USD)]` and no `data.label=größe` without quotes within, and the
key of a mapping (`data.types={größe: category}`) it reads in no way at all.
"""

import re
from collections.abc import Callable
from typing import Any

from sweeper.search.grammar import text_of

OF_DATA = re.compile(r"(?P<key>\+{0,2}data\.[\w.]+)=(?P<value>.+)", re.DOTALL)
PLAIN = re.compile(r"[A-Za-z0-9_.+/%@*?|\-]+( +[A-Za-z0-9_.+/%@*?|\-]+)*")
"""What the grammar reads as it is: text, a number, null, true."""
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
ESCAPED = re.compile(r"\\([\\()\[\]{}:=, \t])")
LIKE_DOUBLE_QUOTES = "\u201c\u201d\u201e\u201f\u00ab\u00bb\uff02\u2033"
LIKE_SINGLE_QUOTES = "\u2018\u2019\u201a\u201b\uff07\u2032`\u00b4"
UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"
"""Characters of no width."""
LISTS = {"[": "]", "{": "}"}
BRACKETS = {**LISTS, "(": ")"}
STAND_IN = "sweeper-key-"

Parse = Callable[[str], Any]
"""The grammar: a text becomes Hydra's override."""


class _UnreadableError(Exception):
    """The text is no list, no mapping and no name, however it is read."""


def parsed_as_written(line: str, parse: Parse) -> Any:
    """The override of a key of `data` that the grammar refuses; None where it cannot be meant.

    `parse` is the grammar's; what it raises is raised.
    """
    found = OF_DATA.fullmatch(line)
    if found is None:
        return None
    text = found["value"].strip()
    reader = _Reader(text)
    try:
        quoted = reader.whole() if text[:1] in LISTS else _alone(text)
    except _UnreadableError:
        return None
    override = parse(f"{found['key']}={quoted}")
    override._value = _with_keys(override._value, reader.keys)
    override.input_line = line
    return override


class _Reader:
    """Goes through a list or a mapping; `keys` are those that the grammar cannot read, by their stand-ins."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0
        self.keys: dict[str, str] = {}

    def whole(self) -> str:
        """The value with quotes where the grammar asks for them."""
        said = self._element()
        if self._next():
            raise _UnreadableError
        return said

    def _next(self) -> str:
        """The next character that is no blank; nothing at the end."""
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _element(self) -> str:
        opening = self._next()
        if opening not in LISTS:
            return _within(self._words(",]}"))
        read = self._element if opening == "[" else self._pair
        self._at += 1
        parts: list[str] = []
        while self._next() != LISTS[opening]:
            parts.append(read())
            if self._next() == ",":
                self._at += 1
            elif self._next() != LISTS[opening]:
                raise _UnreadableError
        self._at += 1
        return f"{opening}{','.join(parts)}{LISTS[opening]}"

    def _pair(self) -> str:
        key = self._words(":")
        self._at += 1
        if not PLAIN.fullmatch(key):
            stand_in = f"{STAND_IN}{len(self.keys)}"
            self.keys[stand_in] = _unquoted(key) if QUOTED.fullmatch(key) else _said(key)
            key = stand_in
        return f"{key}:{self._element()}"

    def _words(self, ends: str) -> str:
        """Up to one of these, but for those in brackets within: `price (net, USD)`, `Hb [g/dl]`."""
        self._next()
        start, open_ones = self._at, ""
        if quoted := QUOTED.match(self._text, self._at):
            self._at = quoted.end()
            if self._next() not in tuple(ends):
                raise _UnreadableError
            return quoted[0]
        while (char := self._text[self._at : self._at + 1]) and (open_ones or char not in ends):
            if char in BRACKETS:
                open_ones += BRACKETS[char]
            elif char in BRACKETS.values():
                if not open_ones.endswith(char):
                    raise _UnreadableError
                open_ones = open_ones[:-1]
            self._at += 2 if char == "\\" else 1
        words = self._text[start : self._at].strip()
        if open_ones or not words or not char or words[0] in "[{'\"":
            raise _UnreadableError
        return words


def _within(words: str) -> str:
    """A name within a list."""
    return words if PLAIN.fullmatch(words) or QUOTED.fullmatch(words) else text_of(_said(words))


def _alone(words: str) -> str:
    """A name that is the whole value: with a comma it may be a sweep, with an = something forgotten."""
    if any(char in words for char in ",=[]{}'\""):
        raise _UnreadableError
    return text_of(_said(words))


def _unquoted(words: str) -> str:
    return re.sub(r"\\(['\"])", r"\1", words[1:-1])


def _said(words: str) -> str:
    if words[0] in LIKE_DOUBLE_QUOTES + LIKE_SINGLE_QUOTES or any(char in words for char in UNSEEN):
        raise _UnreadableError
    return ESCAPED.sub(r"\1", words)


def _with_keys(value: Any, keys: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_keys(one, keys) for one in value]
    if isinstance(value, dict):
        return {keys.get(key, key): _with_keys(one, keys) for key, one in value.items()}
    return value
