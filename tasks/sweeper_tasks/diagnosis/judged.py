"""The classes that the objective judges, and whether they look like those of a diagnosis. No scipy here."""

from collections.abc import Mapping
from typing import Any

FEWEST = 30
"""Patients of a class that is not rare."""
MANY_CLASSES = 20
"""With more classes, of which some are rare, a column is hardly that of a diagnosis."""


def judged_classes(n_classes: int) -> tuple[int, ...]:
    """The classes that are set against the rest: the rare one of two, else all."""
    return (1,) if n_classes == 2 else tuple(range(n_classes))


def column_warnings(facts: Mapping[str, Any]) -> list[str]:
    """One, where there are many classes and some are rare; few of each are warned of for all tasks."""
    classes, val, test = facts["classes"], facts["counts"]["val"], facts["counts"]["test"]
    few = [c for c in judged_classes(len(classes)) if min(val[c], test[c]) < FEWEST]
    if len(classes) <= MANY_CLASSES or not few:
        return []
    problem = (
        f"got {len(classes)} classes, {len(few)} of them with fewer than {FEWEST} patients on val or test"
    )
    return [f"data.label: {problem}; expected a diagnosis. Is it the right column?"]
