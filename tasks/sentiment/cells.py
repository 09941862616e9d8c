"""Which cells, an aspect with a polarity each, macro_f1 averages over on val and on test. No torch here.

A cell counts on a split that has `data.min_support` examples of it. Validation selects and test judges, so
that both should average over much the same cells, and over most of those that training has.
"""

from collections.abc import Mapping
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.sentiment.polarities import POLARITIES

N_LISTED = 8
FEWEST = 1 / 3, 2
"""This share of the cells that training has, and so many; on fewer, macro_f1 says little of the rest."""


class Counted(NamedTuple):
    """[A, 3] each: the cells that training has, and which of them count on val and on test."""

    trained: NDArray[np.bool_]
    val: NDArray[np.bool_]
    test: NDArray[np.bool_]


def counted_cells(facts: Mapping[str, Any]) -> Counted:
    """The cells, from the facts of prepared data."""
    trained = _counts(facts, "train") > 0
    val, test = (trained & (_counts(facts, split) >= facts["min_support"]) for split in ("val", "test"))
    return Counted(trained, val, test)


def cell_lines(facts: Mapping[str, Any]) -> list[str]:
    """What is left out of macro_f1 on each split, and what counts on one of them only; lines."""
    cells, least = counted_cells(facts), facts["min_support"]
    few_val, few_test = cells.trained & ~cells.val, cells.trained & ~cells.test
    on_val = f"val: macro_f1 averages over {_of(cells.val, cells)} cells; fewer than {least} examples: "
    on_test = f"test: macro_f1 averages over {_of(cells.test, cells)} cells; fewer than {least} examples: "
    lines = (
        (~cells.trained, "train: without an example, so that nothing is learned of them: ", ""),
        (few_val, on_val, "val"),
        (few_test, on_test, "test"),
        (cells.val & ~cells.test, "in macro_f1 on val but not on test: ", ""),
        (cells.test & ~cells.val, "in macro_f1 on test but not on val: ", ""),
    )
    return [words + _listed(facts, some, split) for some, words, split in lines if some.any()]


def cell_warnings(facts: Mapping[str, Any]) -> list[str]:
    """One where few cells count on val or test, or where more of them count on one of both than on both.

    In the second case what selects and what judges have less in common than not. A smaller difference is no
    warning: a cell near `data.min_support` may fall on either side, and each weighs as much as any other.
    """
    cells = counted_cells(facts)
    n_one, n_both = (cells.val ^ cells.test).sum(), (cells.val & cells.test).sum()
    if min(cells.val.sum(), cells.test.sum()) < (fewest := _fewest(int(cells.trained.sum()))):
        problem = (
            f"macro_f1 rests on {_of(cells.val, cells)} cells (aspect x polarity) on val and "
            f"{_of(cells.test, cells)} on test; expected {fewest} or more on both"
        )
    elif n_one > n_both:
        problem = (
            f"{n_one} cells (aspect x polarity) count in macro_f1 on one of val and test, and {n_both} on "
            "both; expected more on both, for val selects and test judges"
        )
    else:
        return []
    advice = "Use a smaller data.min_support, or more data"
    return [f"data.min_support: got {facts['min_support']}, with which {problem}. {advice}"]


def _fewest(n_trained: int) -> int:
    share, number = FEWEST
    return min(max(ceil(share * n_trained), number), n_trained)


def _counts(facts: Mapping[str, Any], split: str) -> NDArray[np.int64]:
    return np.asarray(facts["counts"][split], dtype=np.int64)


def _of(some: NDArray[np.bool_], cells: Counted) -> str:
    return f"{some.sum()} of {cells.trained.sum()}"


def _listed(facts: Mapping[str, Any], some: NDArray[np.bool_], split: str) -> str:
    """Names of the first cells, with their numbers of examples in `split`, where it is not empty."""
    names = [f"{facts['aspects'][a]} {POLARITIES[c]}" for a, c in np.argwhere(some)]
    if split:
        names = [f"{name} ({n})" for name, n in zip(names, _counts(facts, split)[some], strict=True)]
    more = f" and {len(names) - N_LISTED} more" if len(names) > N_LISTED else ""
    return ", ".join(names[:N_LISTED]) + more
