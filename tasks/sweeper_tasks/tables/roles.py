"""Columns by name, by pattern, or all that are left: `[user, feat_*]`, `rest`, `auto`."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from sweeper.task import Fault, did_you_mean

REST = ("rest", "...")
"""All columns that have no other role."""
AUTO = "auto"
"""All columns that have no other role, categories or numbers by their values."""
N_SHOWN = 5


def is_pattern(entry: str, columns: Sequence[str]) -> bool:
    """Whether the entry stands for columns that it does not name."""
    return entry not in columns and (entry in REST or entry == AUTO or any(sign in entry for sign in "*?["))


def chosen(
    wanted: Mapping[str, Sequence[str]], columns: Sequence[str], where: str
) -> tuple[dict[str, tuple[str, ...]], list[Fault]]:
    """The columns of each key in the order of the table, for patterns; names stay as they are.

    A name outweighs a pattern, a pattern `rest`. A name that is no column stays, for others to refuse.
    """
    named = {entry for entries in wanted.values() for entry in entries if not is_pattern(entry, columns)}
    by_pattern: dict[str, str] = {}
    faults: list[Fault] = []
    found: dict[str, list[str]] = {key: [] for key in wanted}
    for key, entry in _entries(wanted, columns, rest=False):
        hits = [name for name in columns if name not in named and fnmatchcase(name, entry)]
        faults += _faults_of_hits(key, entry, hits, by_pattern, columns, where)
        by_pattern |= dict.fromkeys(hits, key)
    takers = [key for key, _ in _entries(wanted, columns, rest=True)]
    if len(set(takers)) > 1:
        problem = "got the columns that are left twice; expected one key that takes them"
        faults.append(Fault(", ".join(takers), problem))
    for key, entries in wanted.items():
        left = [name for name in columns if name not in named and name not in by_pattern]
        matched = [name for name in columns if by_pattern.get(name) == key]
        found[key] = [entry for entry in entries if not is_pattern(entry, columns)] + matched
        found[key] += left if takers[:1] == [key] else []
    return {
        key: tuple(dict.fromkeys(names)) if key in takers else tuple(names) for key, names in found.items()
    }, faults


def _entries(
    wanted: Mapping[str, Sequence[str]], columns: Sequence[str], rest: bool
) -> Iterator[tuple[str, str]]:
    """(key, pattern): either those that take what is left, or those that match names."""
    for key, entries in wanted.items():
        for entry in entries:
            if is_pattern(entry, columns) and entry != AUTO and (entry in REST) == rest:
                yield key, entry


def _faults_of_hits(
    key: str, entry: str, hits: Sequence[str], taken: Mapping[str, str], columns: Sequence[str], where: str
) -> Iterator[Fault]:
    if not any(fnmatchcase(name, entry) for name in columns):
        shown = ", ".join(columns[:N_SHOWN]) + (", ..." if len(columns) > N_SHOWN else "")
        problem = f"got '{entry}', which no column of {where} matches; expected one that does"
        yield Fault(key, problem, f"It has {shown}{did_you_mean(entry, columns)}")
    if both := [name for name in hits if taken.get(name, key) != key]:
        problem = f"got '{entry}', which takes {', '.join(both[:N_SHOWN])} as {taken[both[0]]} does"
        yield Fault(key, f"{problem}; expected each column in one role", "Name them in one of both")
