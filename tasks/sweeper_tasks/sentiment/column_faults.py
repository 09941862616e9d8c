"""Columns of a table of reviews that cannot have the role they were given: told by column, not by row."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sweeper.task import Fault, typed_list
from sweeper_tasks.sentiment.data_config import AbsaCsv
from sweeper_tasks.sentiment.words import Meanings, fault_of_unknown, plain

Cells = Mapping[str, str]
N_LISTED = 4
MOST_WORDS = 10
"""A column with more different values that are no words holds numbers or texts, not opinions."""


def faults_of_columns(
    data: AbsaCsv, aspects: Sequence[str], meanings: Meanings, rows: Sequence[Cells], file: str
) -> list[Fault]:
    """What is wrong with whole columns, `meanings` being the words that are known.

    One fault for each column of which more than half of the cells cannot be used in its role, and one for
    all words that stand in more than a few cells of the other columns. A column of many different values
    that are no words is no aspect; one of few is an aspect that is written otherwise.
    """
    unknown = {
        name: Counter(word for row in rows if (word := plain(row[name])) not in meanings) for name in aspects
    }
    foreign = [name for name, words in unknown.items() if _is_foreign(words, len(rows))]
    words = sum((words for name, words in unknown.items() if name not in foreign), Counter[str]())
    columns = [name for name in aspects if unknown[name] and name not in foreign]
    of_words = fault_of_unknown(words, file, _or_no_aspect(data, columns)) if words else None
    return [
        *_faults_of_roles(data, rows, file),
        *(_fault_of_foreign(data, name, unknown[name], len(rows), file) for name in foreign),
        *([of_words] if of_words else []),
    ]


def _is_foreign(words: Counter[str], n_rows: int) -> bool:
    return 2 * words.total() > n_rows and len(words) > MOST_WORDS


def _fault_of_foreign(data: AbsaCsv, name: str, words: Counter[str], n_rows: int, file: str) -> Fault:
    first = next(iter(words))
    got = f"got {words.total()} of {n_rows} cells that are none of data.words, such as '{first}'"
    return Fault(f"{file}, column '{name}'", f"{got}; expected an aspect", _leave(data, name))


def _or_no_aspect(data: AbsaCsv, columns: Sequence[str]) -> str:
    """In which columns they stand, and what to do where one of them is no aspect."""
    listed = ", ".join(f"'{name}'" for name in columns[:N_LISTED])
    more = f" and {len(columns) - N_LISTED} more" if len(columns) > N_LISTED else ""
    leave = "take it out of data.aspects" if data.aspects is not None else "name it in data.drop"
    return f". They stand in {listed}{more}: where one is no aspect, {leave}"


def _faults_of_roles(data: AbsaCsv, rows: Sequence[Cells], file: str) -> Iterator[Fault]:
    empty = [row for row in rows if not row[data.text].strip()]
    if 2 * len(empty) > len(rows):
        problem = f"got nothing in {len(empty)} of {len(rows)} cells; expected the text of a review"
        yield Fault(f"{file}, column '{data.text}'", problem, "Is data.text the right column?")


def _leave(data: AbsaCsv, name: str) -> str:
    if data.aspects is not None:
        return "It looks like none: take it out of data.aspects, or are data.words right?"
    return f"It looks like none: {typed_list('data.drop', [*data.drop, name])}, or are data.words right?"
