"""What each split holds, in one form for all tasks: rows, classes and positives, copies between splits.

A task puts `Contents(...).facts()` among the facts of its prepared data. It is shown in every plan and at the
start of every study and run, lies in `summary.json`, and is what `content_warnings` looks at.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Any, Literal

from pydantic import Field

from sweeper.criteria import SPLITS
from sweeper.models import LenientModel

KEY = "contents"
"""Among the facts of prepared data."""
BySplit = dict[str, int]
"""A number for each of train, val and test."""

ENOUGH = 30
"""Of what an objective rests on; with fewer, each of them moves it by percentage points."""
ENOUGH_TO_TELL = 6
"""Of what a figure of a report rests on."""
MANY = 0.01
"""Of a split's rows; where more of them stand in another split, its metrics are flattered."""
N_LISTED = 3
N_LINES = 12
NAME_WIDTH = 34
EXPECTED_AUC = 0.75


class Count(LenientModel):
    """How many rows of each split are one thing: `kind` and `name` say what (`class`, `ill`).

    Without a kind the name is a noun (`clicks`). `role`: an objective may rest on it ("judged"), a figure of
    the report does ("told"), or it must be learned only ("known"). `scale` is that of the metric: the area
    under a ROC curve, or a share such as recall, precision or accuracy.
    """

    name: str
    n: BySplit
    kind: str = ""
    role: Literal["judged", "told", "known"] = "judged"
    scale: Literal["auc", "share"] = "share"

    @property
    def label(self) -> str:
        """What a table calls it."""
        return f"{self.kind} {self.name}" if self.kind else self.name


class Contents(LenientModel):
    """`noun`: what a row is (`patients`). `copies` and `shared_groups`: see the functions of these names.

    `rows_judged`: the objective is a mean over rows, so that there should not be few of them.
    """

    noun: str
    rows: BySplit
    counts: tuple[Count, ...] = ()
    copies: dict[str, BySplit] = Field(default_factory=dict)
    shared_groups: BySplit = Field(default_factory=dict)
    rows_judged: bool = False

    def facts(self) -> dict[str, Any]:
        """The entry among the facts of prepared data."""
        return {KEY: self.model_dump(mode="json")}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> "Contents | None":
        """The entry of prepared data; None where a task, or an earlier version, gave none."""
        return cls.model_validate(facts[KEY]) if KEY in facts else None


def content_lines(facts: Mapping[str, Any]) -> list[str]:
    """Rows, classes and positives by split, as a table of fixed width; none without `contents`."""
    contents = Contents.of(facts)
    if contents is None:
        return []
    rows = list(_table_rows(contents))
    width = min(max(len(label) for label, _ in rows), NAME_WIDTH)
    return [
        " ".join([_fitted(label, width), *(f"{cell:>11}" for cell in cells)]).rstrip()
        for label, cells in rows
    ]


def _fitted(label: str, width: int) -> str:
    plain = " ".join(label.split())
    return (plain if len(plain) <= width else f"{plain[: width - 3]}...").ljust(width)


def _table_rows(contents: Contents) -> Iterator[tuple[str, Sequence[str]]]:
    yield "data", SPLITS
    yield contents.noun, _cells(contents.rows)
    shown = [count for count in contents.counts if count.role != "known"]
    for count in shown[: N_LINES if len(shown) <= N_LINES else N_LINES - 1]:
        yield count.label, _cells(count.n)
    if len(shown) > N_LINES:
        left = shown[N_LINES - 1 :]
        fewest = {split: min(count.n.get(split, 0) for count in left) for split in SPLITS}
        yield f"the fewest of {len(left)} more", _cells(fewest)
    for kind in dict.fromkeys(count.kind for count in contents.counts if count.role == "known"):
        known = [count.n for count in contents.counts if count.kind == kind and count.role == "known"]
        yield f"different {kind}s", _cells({s: sum(n.get(s, 0) > 0 for n in known) for s in SPLITS})
    for earlier in SPLITS[:-1]:
        found = {split: seen[earlier] for split, seen in contents.copies.items() if seen.get(earlier)}
        if found:
            yield f"of these in {earlier}, too", [f"{found[s]:,}" if s in found else "" for s in SPLITS]


def _cells(n: Mapping[str, int]) -> list[str]:
    return [f"{n.get(split, 0):,}" for split in SPLITS]


def content_warnings(facts: Mapping[str, Any], sizes: Sequence[str] = ()) -> list[str]:
    """What makes a result on these data say less than it seems to; none without `contents`.

    Too few of what an objective or a figure rests on, what no training example shows, rows and groups that
    several splits share. `sizes` are the keys that make a split larger.
    """
    contents = Contents.of(facts)
    if contents is None:
        return []
    return [
        *_few(contents, sizes),
        *_few_told(contents),
        *_never_trained(contents),
        *_copied(contents),
        *_shared(contents),
    ]


def expected_error(scale: Literal["auc", "share"], n: int, n_others: int) -> float:
    """The standard error to expect of a metric that rests on `n` examples against `n_others`.

    "auc": Hanley & McNeil 1982 at an area of 0.75. "share": binomial at one half, the largest that it can be;
    average precision, recall and F1 behave like it (Boyd, Eng & Page 2013).
    """
    if scale == "share":
        return 0.5 / sqrt(n)
    a, m = EXPECTED_AUC, max(n_others, 1)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    return sqrt((a * (1 - a) + (n - 1) * (q1 - a * a) + (m - 1) * (q2 - a * a)) / (n * m))


def _few(contents: Contents, sizes: Sequence[str]) -> Iterator[str]:
    """Judged counts of which val or test has few."""
    rows = [Count(name=contents.noun, n=contents.rows)] if contents.rows_judged else []
    judged = [c for c in (*rows, *contents.counts) if c.role == "judged"]
    few = [c for c in judged if _least(c) < ENOUGH]
    if not few:
        return
    told = [f"{_words(contents, c, 'val')} on val and {c.n['test']:,} on test" for c in few[:N_LISTED]]
    more = [f"few of {len(few) - N_LISTED} more"] if len(few) > N_LISTED else []
    larger = f" or a larger {' and '.join(sizes)}" if sizes else ""
    yield (
        f"data: got {', '.join(told + more)}; expected {ENOUGH} or more on both, for "
        f"{_error(contents, few)}. Use more data{larger}; more seeds do not help"
    )


def _error(contents: Contents, few: Sequence[Count]) -> str:
    worst = min(few, key=_least)
    n = _least(worst)
    if n == 0:
        return "without one a metric is not defined there"
    split = min(("val", "test"), key=lambda split: worst.n[split])
    error = expected_error(worst.scale, n, contents.rows[split] - n)
    return f"a metric that rests on {n} has a standard error of about {error:.2f} by this alone"


def _few_told(contents: Contents) -> Iterator[str]:
    few = [c for c in contents.counts if c.role == "told" and c.n["train"] and _least(c) < ENOUGH_TO_TELL]
    if few:
        told = [f"{c.label} ({c.n['val']} on val, {c.n['test']} on test)" for c in few[:N_LISTED]]
        more = f" and {len(few) - N_LISTED} more" if len(few) > N_LISTED else ""
        yield (
            f"data: got few {contents.noun} of {', '.join(told)}{more}; expected {ENOUGH_TO_TELL} or more on "
            f"both. Their own figures say little: the standard error of a share is about "
            f"{expected_error('share', max(min(map(_least, few)), 1), 0):.2f}"
        )


def _never_trained(contents: Contents) -> Iterator[str]:
    never = [
        c
        for c in contents.counts
        if c.n["train"] == 0 and (c.role == "judged" or any(c.n[split] for split in SPLITS))
    ]
    if never:
        told = [f"{c.label} ({c.n['val']} on val, {c.n['test']} on test)" for c in never[:N_LISTED]]
        more = f" and {len(never) - N_LISTED} more" if len(never) > N_LISTED else ""
        yield (
            f"data: got no training example of {', '.join(told)}{more}; expected some of each, for nothing "
            "is learned of it. Is it written as the others are? Split differently, or leave it out"
        )


def _copied(contents: Contents) -> Iterator[str]:
    """Where many rows of a split stand in an earlier one."""
    many = [
        f"{n:,} of {contents.rows[later]:,} {contents.noun} of {later} ({n / contents.rows[later]:.1%}) that "
        f"stand in {earlier}, too"
        for later, seen in contents.copies.items()
        for earlier, n in seen.items()
        if n > MANY * contents.rows[later]
    ]
    if many:
        yield (
            f"data: got {' and '.join(many)}; expected {contents.noun} of its own in each split. What is "
            f"known by heart looks like skill, unless {contents.noun} are alike by chance, of few values. "
            "Remove copies, or keep them together when splits are drawn"
        )


def _shared(contents: Contents) -> Iterator[str]:
    if told := [f"{n:,} groups of {split}" for split, n in contents.shared_groups.items() if n]:
        yield (
            f"data.group: got {' and '.join(told)} that are in train, too; expected each in one split. Split "
            "the files by whole groups, or let the splits be drawn"
        )


def _least(count: Count) -> int:
    return min(count.n["val"], count.n["test"])


def _words(contents: Contents, count: Count, split: str) -> str:
    n = count.n[split]
    if count.kind:
        return f"{n:,} {contents.noun} of {count.kind} '{count.name}'"
    return f"{n:,} {count.name.removesuffix('s') if n == 1 else count.name}"
