"""Which cells, an aspect with a polarity each, macro_f1 averages over on val and on test. No torch here.

A cell counts on a split that has `data.min_support` examples of it. Validation selects and test judges, so
that both should average over much the same cells, and over most of those that training has.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweeper_tasks.sentiment.polarities import POLARITIES, SPLITS

N_LISTED = 8
FEWEST = 2
"""macro_f1 rests on so many cells, and on more than a third of those that training has, or says little."""


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


def cell_warnings(facts: Mapping[str, Any], more: str = "more data") -> list[str]:
    """Where few cells count on val or test, where others do on each, where a polarity has none on a split.

    With as many cells on one split only as on both, what selects and what judges have less in common than
    not. A smaller difference is no warning: a cell near `data.min_support` may fall on either side, and each
    weighs as much as any other. `more` says how these data get more examples on a split.
    """
    cells = counted_cells(facts)
    problems = [*_few_or_apart(cells), *_without_polarity(facts, cells)]
    got = f"data.min_support: got {facts['min_support']}"
    return [f"{got}, with which {problem}. Use a smaller data.min_support, or {more}" for problem in problems]


def _few_or_apart(cells: Counted) -> Iterator[str]:
    n_one, n_both = (cells.val ^ cells.test).sum(), (cells.val & cells.test).sum()
    if min(cells.val.sum(), cells.test.sum()) < (fewest := _fewest(int(cells.trained.sum()))):
        yield (
            f"macro_f1 rests on {_of(cells.val, cells)} cells (aspect x polarity) on val and "
            f"{_of(cells.test, cells)} on test; expected {fewest} or more on both"
        )
    elif n_one >= n_both:
        yield (
            f"{n_one} cells (aspect x polarity) count in macro_f1 on one of val and test, and {n_both} on "
            "both; expected more on both, for val selects and test judges"
        )


def _without_polarity(facts: Mapping[str, Any], cells: Counted) -> Iterator[str]:
    """A polarity that training has, and that no cell of val or of test judges."""
    counts = {split: _counts(facts, split) for split in SPLITS}
    for c in np.flatnonzero(counts["train"].any(axis=0)):
        missing = [
            f"{split} ({_at_most(counts[split][:, c])})"
            for split, counted in (("val", cells.val), ("test", cells.test))
            if not counted[:, c].any()
        ]
        if missing:
            expected = (
                f"expected one or more on both, for training has {counts['train'][:, c].sum()} examples"
            )
            yield f"{POLARITIES[c]} is judged by no cell on {' and none on '.join(missing)}; {expected}"


def _at_most(counts: NDArray[np.int64]) -> str:
    """The largest of a polarity's cells."""
    return f"at most {counts.max()} of an aspect" if counts.any() else "not a single example"


def _fewest(n_trained: int) -> int:
    return min(max(n_trained // 3 + 1, FEWEST), n_trained)


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
