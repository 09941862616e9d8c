"""The classes that the objective judges, and whether they look like those of a diagnosis. No scipy here."""

from collections.abc import Mapping
from typing import Any

FEWEST = 30
"""Patients of a class that is not rare."""
MANY_CLASSES = 20
"""With more classes, of which some are rare, a column is hardly that of a diagnosis."""
RARE = 0.5
"""Share of the patients from which values that occur hardly ever are not meant as categories."""


def judged_classes(n_classes: int) -> tuple[int, ...]:
    """The classes that are set against the rest: the rare one of two, else all."""
    return (1,) if n_classes == 2 else tuple(range(n_classes))


def column_warnings(facts: Mapping[str, Any]) -> list[str]:
    """Where there are many classes and some are rare, and of each category that most patients have alone."""
    return [*_many_classes(facts), *_rare_values(facts)]


def _rare_values(facts: Mapping[str, Any]) -> list[str]:
    rare = facts.get("rare", {})
    n = facts["rows"]["train"] if rare else 0
    return [
        f"data, column '{name}': got {found['values']} different values in {found['rows']} of {n} patients "
        "of train, each fewer than data.min_count times, which counts as unknown; expected most to occur "
        "again. Is it an identifier, a date or a text? Leave it out: name it in data.drop"
        for name, found in rare.items()
        if found["rows"] > RARE * n
    ]


def _many_classes(facts: Mapping[str, Any]) -> list[str]:
    classes, val, test = facts["classes"], facts["counts"]["val"], facts["counts"]["test"]
    few = [c for c in judged_classes(len(classes)) if min(val[c], test[c]) < FEWEST]
    if len(classes) <= MANY_CLASSES or not few:
        return []
    problem = (
        f"got {len(classes)} classes, {len(few)} of them with fewer than {FEWEST} patients on val or test"
    )
    return [f"data.label: {problem}; expected a diagnosis. Is it the right column?"]
