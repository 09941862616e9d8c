"""The classes that the objective judges, and whether a split has patients enough of each. No scipy here."""

from collections.abc import Mapping, Sequence
from typing import Any

FEWEST = 30
"""Patients of a judged class; with fewer, each of them moves the class's AUPRC by percentage points."""
N_LISTED = 3
MANY_CLASSES = 20
"""With more classes, of which some are rare, a column is hardly that of a diagnosis."""


def judged_classes(n_classes: int) -> tuple[int, ...]:
    """The classes that are set against the rest: the rare one of two, else all."""
    return (1,) if n_classes == 2 else tuple(range(n_classes))


def class_warnings(facts: Mapping[str, Any], sizes: Sequence[str] = ()) -> list[str]:
    """One, of judged classes of which val or test has few patients; `sizes` are keys of a split's size."""
    classes, val, test = facts["classes"], facts["counts"]["val"], facts["counts"]["test"]
    few = [c for c in judged_classes(len(classes)) if min(val[c], test[c]) < FEWEST]
    if not few:
        return []
    told = [f"{val[c]} patients of class '{classes[c]}' on val and {test[c]} on test" for c in few[:N_LISTED]]
    more = [f"few of {len(few) - N_LISTED} more classes"] if len(few) > N_LISTED else []
    why = f"expected {FEWEST} or more on both, for AUPRC moves a lot with each of them"
    return [f"data: got {', '.join(told + more)}; {why}. {_advice(len(classes), sizes)}"]


def _advice(n_classes: int, sizes: Sequence[str]) -> str:
    if n_classes > MANY_CLASSES:
        return f"With {n_classes} classes: is data.label the right column?"
    larger = f" or a larger {' and '.join(sizes)}" if sizes else ""
    return f"Use more data{larger}; more seeds do not help"
