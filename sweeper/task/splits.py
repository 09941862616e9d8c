"""How data are split, described once for all tasks: by files, by a column, or drawn by rates and a seed.

A data section has the keys `files`, `split` (a column), `group` (a column), `val_rate`, `test_rate` and
`split_seed`, as far as its source knows them, and gives them as `Splits`. Nothing here imports torch.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.criteria import SPLITS
from sweeper.errors import Fault, UserError
from sweeper.models import StrictModel

TRAIN, VAL, TEST = range(len(SPLITS))
SPLIT_WORDS = {
    **dict.fromkeys(("train", "training"), TRAIN),
    **dict.fromkeys(("val", "valid", "validation", "dev"), VAL),
    **dict.fromkeys(("test", "testing"), TEST),
}
"""What may stand in a column that says the split; capitals do not matter."""

WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")

Codes = NDArray[np.uint8]
"""[n] the split of each row: TRAIN, VAL or TEST."""


class SplitFiles(StrictModel):
    """Ready-made splits, a file each; what is left out or null is drawn out of `train`."""

    train: str
    val: str | None = None
    test: str | None = None

    @property
    def given(self) -> dict[str, str]:
        """The files that are named, by their split."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {split: name for split, name in named.items() if name is not None}


class Splits(StrictModel):
    """Where the splits of a data set come from: files, or a column; what these lack is drawn out of train.

    `group`: a column whose rows stay together where splits are drawn (a search, a patient, a user).
    """

    files: SplitFiles | None = None
    column: str | None = None
    group: str | None = None
    val_rate: float = 0.0
    test_rate: float = 0.0
    seed: int = 0

    @property
    def draws_val(self) -> bool:
        """Whether validation is drawn: no file is it, and no column says splits (it may lack this one)."""
        return self.column is None and (self.files is None or self.files.val is None)

    @property
    def draws_test(self) -> bool:
        """Whether the test split is drawn, likewise."""
        return self.column is None and (self.files is None or self.files.test is None)

    def check(self) -> None:
        """Raises ValueError where files and a column are named, or nothing is left to train on."""
        if self.files is not None and self.column is not None:
            raise ValueError(
                f"data.split: got '{self.column}' beside data.files; expected one of them. "
                "Write the other as null."
            )
        if self.val_rate + self.test_rate >= 1:
            raise ValueError(
                f"data.val_rate + data.test_rate: got {self.val_rate} + {self.test_rate}; expected a sum "
                "below 1. The rest is the training split."
            )

    def assign(
        self, roles: Sequence[str] | NDArray[Any], labels: Any, groups: Any = None, column: Any = None
    ) -> Codes:
        """[n] the split of each row: as its file or its column says, else drawn within each label.

        `roles` [n]: which file a row is from, "table" for the only one; `labels` [n]: what is shared out
        evenly; `groups` and `column` [n]: the values of those columns. Raises UserError.
        """
        if column is not None:
            codes = codes_of(column, self.column or "")
        else:
            role = np.asarray(roles)
            codes = np.select([role == "val", role == "test"], [VAL, TEST], TRAIN).astype(np.uint8)
        ours = codes == TRAIN
        val_rate, test_rate = (
            0.0 if (codes == code).any() else rate
            for code, rate in ((VAL, self.val_rate), (TEST, self.test_rate))
        )
        if val_rate or test_rate:
            some = None if groups is None else group_codes(groups)[ours]
            codes[ours] = drawn(np.asarray(labels)[ours], val_rate, test_rate, self.seed, some)
        return codes

    def way_out(self) -> str:
        """What to do where two splits are the same rows."""
        if self.files is None:
            return "Give each split rows of its own, or let them be drawn"
        given = [f"data.files.{split}" for split in self.files.given if split != "train"]
        if not given:
            return "Give each split rows of its own"
        return (
            f"Name another file, or leave {' or '.join(given)} out (null): what has no file is drawn from "
            "the training file"
        )


def drawn(
    labels: Any, val_rate: float, test_rate: float, seed: int, groups: NDArray[Any] | None = None
) -> Codes:
    """[n] drawn splits: within each of `labels` [n], so that rare ones are shared out evenly.

    With `groups` [n] (integers, see `group_codes`) whole groups are drawn, among those with the same rarest
    label, and shares of rows are met as nearly as the sizes of groups allow. Raises UserError where groups
    are too few or too large for that.
    """
    if groups is None:
        return _drawn_rows(np.asarray(labels), val_rate, test_rate, seed)
    codes = _drawn_groups(np.asarray(labels), val_rate, test_rate, seed, groups)
    wanted = {"train": TRAIN, "val": VAL if val_rate else TRAIN, "test": TEST if test_rate else TRAIN}
    if len(codes) and (empty := [split for split, code in wanted.items() if not (codes == code).any()]):
        n = len(np.unique(groups))
        problem = f"got {n} groups, none for {' and '.join(empty)}; expected enough to draw splits from"
        raise UserError(Fault("data.group", problem, "Name a column of smaller groups, or larger rates"))
    return codes


def _drawn_rows(labels: NDArray[Any], val_rate: float, test_rate: float, seed: int) -> Codes:
    rng, codes = np.random.default_rng(seed), np.zeros(len(labels), dtype=np.uint8)
    for value in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == value))
        n_val, n_test = round(val_rate * len(rows)), round(test_rate * len(rows))
        codes[rows[:n_val]] = VAL
        codes[rows[n_val : n_val + n_test]] = TEST
    return codes


def _drawn_groups(
    labels: NDArray[Any], val_rate: float, test_rate: float, seed: int, groups: NDArray[Any]
) -> Codes:
    _, group = np.unique(groups, return_inverse=True)
    _, label, times = np.unique(labels, return_inverse=True, return_counts=True)
    rarity = np.argsort(np.argsort(-times, kind="stable"), kind="stable")[label]
    sizes = np.bincount(group)
    rarest = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(rarest, group, rarity)
    rng, codes = np.random.default_rng(seed), np.zeros(len(sizes), dtype=np.uint8)
    for stratum in np.unique(rarest):
        order = rng.permutation(np.flatnonzero(rarest == stratum))
        middle = np.cumsum(sizes[order]) - sizes[order] / 2
        share = middle / sizes[order].sum()
        codes[order[share < val_rate + test_rate]] = TEST
        codes[order[share < val_rate]] = VAL
    return codes[group]


def group_codes(values: Iterable[Any]) -> NDArray[np.int64]:
    """[n] an integer for each group; a row without one (None, NaN, nothing) is a group of its own.

    Where all are whole numbers in text, 12.0 is 12: a program that met a missing one writes them so.
    """
    values = list(values)
    texts = [value for value in values if isinstance(value, str) and value]
    if texts and all(map(WHOLE.fullmatch, texts)):
        values = [value.partition(".")[0] if isinstance(value, str) else value for value in values]
    known: dict[Any, int] = {}

    def code(i: int, value: Any) -> int:
        is_missing = value is None or value != value or value == ""
        return known.setdefault(("row", i) if is_missing else ("group", value), len(known))

    return np.array([code(i, value) for i, value in enumerate(values)], dtype=np.int64)


def lacks_a_split(column: Iterable[Any]) -> bool:
    """Whether no row of a column says validation, or none says test, so that it is drawn."""
    said = {SPLIT_WORDS.get(str(value).strip().casefold()) for value in column}
    return not {VAL, TEST} <= said


def codes_of(column: Iterable[Any], name: str) -> Codes:
    """[n] the splits that a column says. Raises UserError where it says something else, or lacks train."""
    said = [SPLIT_WORDS.get(str(value).strip().casefold()) for value in column]
    found = {code for code in said if code is not None}
    if unknown := [i for i, code in enumerate(said) if code is None]:
        problem = f"got another word in {len(unknown)} rows (first: {unknown[0] + 1})"
        raise UserError(Fault(f"column '{name}'", f"{problem}; expected train, val or test in every row"))
    if TRAIN not in found:
        problem = "got no row of train; expected some to learn from"
        raise UserError(Fault(f"data.split, column '{name}'", problem))
    return np.array(said, dtype=np.uint8)


def shared_groups(codes: Codes, groups: Iterable[Any]) -> dict[str, int]:
    """How many groups of val and of test are in train, too: by split."""
    group = group_codes(groups)
    ours = np.unique(group[codes == TRAIN])
    return {
        split: int(np.isin(np.unique(group[codes == code]), ours).sum())
        for code, split in enumerate(SPLITS)
        if code != TRAIN
    }


def placed(folder: str | None, name: str = "") -> Path:
    """The file `name` in `folder`, or `folder` itself; a pattern (`part-*.csv`) is the only file it means.

    A name that says where it lies (`/data/a.csv`, `~/a.csv`) needs no folder.
    """
    whole = Path(folder or "").expanduser() / Path(name).expanduser()
    if not whole.exists() and has_magic(str(whole)) and len(found := glob(str(whole))) == 1:
        return Path(found[0])
    return whole


def names_below(folder: Path, files: Iterable[Path]) -> list[str]:
    """What each file is called below `folder`; one that lies elsewhere is called by its name alone."""
    return [
        file.relative_to(folder).as_posix()
        if file.is_relative_to(folder) and ".." not in file.relative_to(folder).parts
        else file.name
        for file in files
    ]


def refuse_same_files(digests: Mapping[str, str], advice: str) -> None:
    """Raises UserError where two splits are files with the same content; `digests` by the split."""
    by_digest: dict[str, list[str]] = {}
    for split, digest in digests.items():
        by_digest.setdefault(digest, []).append(split)
    if same := [splits for splits in by_digest.values() if len(splits) > 1]:
        raise UserError(
            Fault(
                "data.files",
                f"got the same content for {' and '.join(splits)}; expected rows of its own in each split: a "
                "model is chosen and judged on what it has not seen",
                advice,
            )
            for splits in same
        )
