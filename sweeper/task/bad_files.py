"""Files that cannot be used: told all at once, by rule, each rule with its count and its first five files."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.errors import Fault
from sweeper.wording import plural

N_LISTED = 5


@dataclass(frozen=True)
class BadFile:
    """One file (named below the data's folder), what it is, and the rule that it breaks."""

    file: str
    got: str
    rule: str


def fault_of(found: Iterable[BadFile], folder: str, noun: str = "file") -> Fault:
    """One fault for all of them: how many, which rules, the first five of each; `noun` says what they are."""
    by_rule = _by_rule(found)
    n = sum(len(files) for files in by_rule.values())
    parts = "; ".join(f"{rule}: {_with_what(files)}" for rule, files in by_rule.items())
    problem = f"got {plural(n, noun)} that cannot be used; {parts}"
    return Fault(folder, problem, "Repair or remove them, or leave them out with data.skip_bad=true")


def facts_of_skipped(found: Iterable[BadFile]) -> dict[str, Any]:
    """By rule, how many files were left out, the first five, and what they were: the five commonest."""
    return {
        rule: {
            "n": len(files),
            "first": [bad.file for bad in files[:N_LISTED]],
            "got": dict(Counter(bad.got for bad in files).most_common(N_LISTED)),
        }
        for rule, files in _by_rule(found).items()
    }


def lines_of_skipped(skipped: Mapping[str, Any]) -> list[str]:
    """`facts_of_skipped` in words, a line a rule; none where nothing was left out."""
    return [
        f"left out {found['n']} (data.skip_bad): {_listed(found['first'], found['n'])}; {rule}"
        + _by_value(found.get("got", {}), found["n"])
        for rule, found in skipped.items()
    ]


def _by_value(got: Mapping[str, int], n: int) -> str:
    """`; got 'meh' (12), '7' (3) and 2 others`; nothing where none of many stands there twice."""
    rest = n - sum(got.values())
    if not got or (rest and max(got.values()) == 1):
        return ""
    listed = ", ".join(f"{value} ({times})" for value, times in got.items())
    return f"; got {listed}" + (f" and {rest} others" if rest else "")


def _by_rule(found: Iterable[BadFile]) -> dict[str, list[BadFile]]:
    by_rule: dict[str, list[BadFile]] = defaultdict(list)
    for bad in found:
        by_rule[bad.rule].append(bad)
    return dict(by_rule)


def _with_what(files: list[BadFile]) -> str:
    return _listed([f"{bad.file} ({bad.got})" for bad in files[:N_LISTED]], len(files))


def _listed(names: list[str], n: int) -> str:
    more = n - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
