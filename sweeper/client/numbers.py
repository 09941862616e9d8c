"""Numbers as they come from an app: of Python, NumPy, torch or anybody else; none of them is imported."""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any


def number(value: Any) -> float:
    """A number, an array or a tensor of one element as a float. Raises TypeError or ValueError."""
    item = getattr(value, "item", None)
    plain = value if item is None else item()
    if isinstance(plain, str | bytes):
        raise TypeError(f"{plain!r} is a text")
    return float(plain)


def plain(value: Any) -> Any:
    """A number, a list of numbers, or None, as JSON has them. Raises TypeError or ValueError."""
    if value is None:
        return None
    listed = getattr(value, "tolist", None)
    value = value if listed is None else listed()
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [number(one) for one in value]
    return number(value)


def flattened(values: Mapping[Any, Any], before: str = "") -> tuple[dict[str, float], list[str]]:
    """The numbers in a mapping, those of inner ones as `outer/inner`, and the names of what is none."""
    found: dict[str, float] = {}
    others: list[str] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            inner, rest = flattened(value, f"{name}/")
            found |= inner
            others += rest
            continue
        try:
            found[name] = number(value)
        except (TypeError, ValueError, RuntimeError):
            others.append(name)
    return found, others


def packed(values: Any) -> str:
    """A flat list, array or tensor of numbers as text. Raises TypeError or ValueError."""
    listed = getattr(values, "tolist", None)
    return b64encode(array("d", values if listed is None else listed()).tobytes()).decode()


def unpacked(text: str) -> "array[float]":
    """The numbers that were packed. Raises ValueError."""
    numbers = array("d")
    numbers.frombytes(b64decode(text, validate=True))
    return numbers
