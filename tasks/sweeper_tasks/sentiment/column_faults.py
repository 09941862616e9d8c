"""Columns of a table of reviews that cannot have the role they were given: told by column, not by row."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from sweeper.task import Fault
from sweeper_tasks.sentiment.data_config import AbsaCsv
from sweeper_tasks.sentiment.polarities import SPLITS

Cells = Mapping[str, str]
N_LISTED = 4


def faults_of_columns(
    data: AbsaCsv, aspects: Sequence[str], words: Collection[str], rows: Sequence[Cells], file: str
) -> list[Fault]:
    """One for each column of which more than half of the cells cannot be used, `words` being known.

    Where there is none, one for words that are unknown in more than half of the rows.
    """
    unknown = {name: [row[name] for row in rows if _plain(row[name]) not in words] for name in aspects}
    faults = [*_faults_of_roles(data, rows, file)]
    for name, cells in unknown.items():
        if 2 * len(cells) > len(rows):
            got = f"got {len(cells)} of {len(rows)} cells that are none of data.words, such as '{cells[0]}'"
            faults.append(Fault(f"{file}, column '{name}'", f"{got}; expected an aspect", _leave(data, name)))
    n_rows = sum(any(_plain(row[name]) not in words for name in aspects) for row in rows)
    if not faults and 2 * n_rows > len(rows):
        counts = Counter(cell for cells in unknown.values() for cell in cells).most_common(N_LISTED)
        listed = ", ".join(f"'{word}' ({n})" for word, n in counts)
        problem = (
            f"got {n_rows} of {len(rows)} rows of {file} with other words: {listed}; expected few or none"
        )
        faults.append(Fault("data.words", problem, "Add them to their polarity, or to data.words.not_named"))
    return faults


def _faults_of_roles(data: AbsaCsv, rows: Sequence[Cells], file: str) -> Iterator[Fault]:
    empty = [row for row in rows if not row[data.text].strip()]
    if 2 * len(empty) > len(rows):
        problem = f"got nothing in {len(empty)} of {len(rows)} cells; expected the text of a review"
        yield Fault(f"{file}, column '{data.text}'", problem, "Is data.text the right column?")
    if data.split is None:
        return
    others = [row[data.split] for row in rows if row[data.split].strip() not in SPLITS]
    if 2 * len(others) > len(rows):
        got = f"got {len(others)} of {len(rows)} cells such as '{others[0]}'"
        problem = f"{got}; expected {', '.join(SPLITS[:-1])} or {SPLITS[-1]}"
        yield Fault(f"{file}, column '{data.split}'", problem, "Is data.split the right column?")


def _leave(data: AbsaCsv, name: str) -> str:
    if data.aspects is not None:
        return "It looks like none: take it out of data.aspects, or are data.words right?"
    return f"It looks like none: data.drop=[{','.join([*data.drop, name])}], or are data.words right?"


def _plain(cell: str) -> str:
    return cell.strip().lower()
