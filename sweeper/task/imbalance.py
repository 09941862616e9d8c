"""How unevenly the classes of the training split are filled, and what the documents advise for it."""

from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.task.contents import Contents

Counts = Mapping[str, int]
"""How many there are of each class."""
DOCUMENTED = ((10, 1), (100, 2), (1000, 3))
"""A ratio and the focal gamma that the documents advise there."""
BEYOND = 5
"""The focal gamma that they advise beyond the last one."""


def class_counts(facts: Mapping[str, Any]) -> dict[str, Counts]:
    """The classes of the training split, under what they are the classes of; none without `contents`.

    Classes are counts of one kind that an objective rests on, or into which the rows fall, and each count
    without a kind against the rows that are not of it.
    """
    contents = Contents.of(facts)
    if contents is None:
        return {}
    rows = contents.rows.get("train", 0)
    found: dict[str, Counts] = {}
    seen = [count for count in contents.counts if count.role != "known"]
    for kind in dict.fromkeys(count.kind for count in seen if count.kind):
        own = [count for count in seen if count.kind == kind]
        counts = {count.name: count.n.get("train", 0) for count in own}
        if sum(counts.values()) == rows or all(count.role == "judged" for count in own):
            found[kind] = counts
    for count in seen:
        if not count.kind:
            n = count.n.get("train", 0)
            found[count.name] = {f"no {count.name}": rows - n, count.name: n}
    return found


def imbalance_lines(counted: Mapping[str, Counts]) -> list[str]:
    """A line for each kind of class of which the commonest is ten times the rarest, or more."""
    return list(_lines(counted))


def _lines(counted: Mapping[str, Counts]) -> Iterator[str]:
    for kind, counts in counted.items():
        held = {name: n for name, n in counts.items() if n > 0}
        if len(held) < 2:
            continue
        common, rare = max(held, key=held.__getitem__), min(held, key=held.__getitem__)
        ratio = held[common] / held[rare]
        if advice := _advice(ratio):
            told = f"{common} {held[common]:,}, {rare} {held[rare]:,}"
            where = f"imbalance {ratio:,.0f} : 1 on train ({kind}: {told})"
            yield f"{where}: the documents advise a focal gamma of {advice}"


def _advice(ratio: float) -> str:
    """`1 (10 : 1) to 2 (100 : 1)`; nothing below the least documented ratio."""
    reached = [pair for pair in DOCUMENTED if ratio >= pair[0]]
    if not reached:
        return ""
    at, gamma = reached[-1]
    if len(reached) == len(DOCUMENTED):
        return f"{gamma} ({at:,} : 1) to {BEYOND} (beyond)"
    above, more = DOCUMENTED[len(reached)]
    return f"{gamma} ({at:,} : 1) to {more} ({above:,} : 1)"
