"""What the words of a file mean, as `data.words` says, and what is said of those that it does not list.

Words are compared by value: blanks around them and capitals do not matter, and `1`, `1.0` and `+1` are one.
No number has a meaning unless the user gives it one: whether 0 is neutral, negative or "not named" differs
from file to file. No torch here.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from sweeper.task import Fault, UserError, plural
from sweeper_tasks.sentiment.polarities import POLARITIES

A_FEW = 5
"""Cells with other words that are mistakes in writing; more of them are another way to write polarities."""
N_LISTED = 6
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")

Meanings = Mapping[str, int | None]
"""The polarity of each word, as `plain` writes it; None where the aspect has none."""


def plain(word: str) -> str:
    """The word as it is compared."""
    word = word.strip().casefold().replace("\N{MINUS SIGN}", "-")
    return f"{float(word):g}" if NUMBER.fullmatch(word) else word


def meanings_of(words: Mapping[str, Sequence[str]]) -> Meanings:
    """What each word of the section `data.words` means."""
    polarities = {plain(word): c for c, name in enumerate(POLARITIES) for word in words[name]}
    return {plain(word): None for word in words["not_named"]} | polarities


def refuse_unknown(unknown: Counter[str], source: str, more: str = "") -> None:
    """Raises UserError where more than a few opinions are in words that nobody gave a meaning.

    With `data.skip_bad`, too: leaving out all that is written so would leave out one kind of opinion.
    """
    if fault := fault_of_unknown(unknown, source, more):
        raise UserError(fault)


def fault_of_unknown(unknown: Counter[str], source: str, more: str = "") -> Fault | None:
    """The fault, for words by the number of times that they stand in `source`; `more` is other advice."""
    if (n := unknown.total()) <= A_FEW:
        return None
    problem = (
        f"got {plural(n, 'opinion')} of {source} in other words: {by_count(unknown)}; expected at most "
        f"{A_FEW}, whatever data.skip_bad"
    )
    return Fault("data.words", problem, f"{_advice(unknown)}{more}")


def by_count(words: Counter[str]) -> str:
    """`'good' (12), '2' (3) and 4 more`, the most frequent first."""
    listed = ", ".join(f"'{word}' ({n})" for word, n in words.most_common(N_LISTED))
    return listed + (f" and {len(words) - N_LISTED} more" if len(words) > N_LISTED else "")


def _advice(unknown: Counter[str]) -> str:
    advice = "Add each to its polarity, or to data.words.not_named where it gives no opinion"
    if not any(NUMBER.fullmatch(plain(word)) for word in unknown):
        return advice
    return (
        f"{advice}. What a number means is yours to say, such as data.words.positive=[1] "
        "data.words.negative=[-1] data.words.neutral=[0]"
    )
