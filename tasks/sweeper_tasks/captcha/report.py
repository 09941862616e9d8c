"""What a report shows of captchas: what is read, which characters are confused, images and their readings.

No torch here.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sweeper.task import NOTHING, Arm, Comparison, Part, Table, mean_and_spread
from sweeper_tasks.captcha.alphabet import ANY_CASE, CHARACTERS, N_CLASSES, PADDING
from sweeper_tasks.captcha.contact_sheet import contact_sheet
from sweeper_tasks.captcha.metrics import confusions

N_PAIRS = 12
MEASURES = {
    "full_match": "whole text",
    "full_match_any_case": "whole text, whatever the case",
    "character_accuracy": "character",
}
Pair = tuple[str, str]
"""A true character and what was read in its place; "" is the end of the text."""


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """What is read as a table; the hardest pairs as another; a contact sheet of images that changed."""
    sheet = contact_sheet(comparison)
    return [
        _reading(comparison),
        _pairs(comparison, is_sheet_there=sheet is not None),
        *([sheet] if sheet else []),
    ]


def _reading(comparison: Comparison) -> Table:
    rows = [[words, *_compared(comparison, f"test/{name}")] for name, words in MEASURES.items()]
    caption = (
        f"Shares of test, mean ± standard deviation over {comparison.seeds}; differences are paired by seed."
    )
    head = ["read without a mistake", *_arm_names(comparison)]
    differences = ["difference"] if comparison.best else []
    return Table("What is read", [*head, *differences], rows, caption, left=head[:1])


def _compared(comparison: Comparison, key: str) -> list[str]:
    values = [mean_and_spread(list(arm.per_seed(key).values())) for arm in comparison.arms]
    differences = comparison.differences(key)
    return [*values, mean_and_spread(differences, signed=True)] if comparison.best else values


def _arm_names(comparison: Comparison) -> list[str]:
    return ["baseline", *([f"best: {comparison.best.name}"] if comparison.best else [])]


def _pairs(comparison: Comparison, *, is_sheet_there: bool) -> Table:
    """The commonest confusions of all arms together, and how often each arm makes them."""
    counts = [_confused(arm) for arm in comparison.arms]
    occurs = [_occurrences(arm) for arm in comparison.arms]
    commonest = sum(counts, Counter[Pair]()).most_common(N_PAIRS)
    rows = [
        [_words(pair), *(text for n, of in zip(counts, occurs, strict=True) for text in _count(n, of, pair))]
        for pair, _ in commonest
    ]
    columns = [text for name in _arm_names(comparison) for text in (name, "share")]
    caption = " ".join(
        [
            f"How often a character of test was read as another, over {comparison.seeds} together, and the",
            "share of that character's occurrences.",
            *_case_only(comparison, counts),
            *([] if is_sheet_there else ["No images are shown: their data are not at hand."]),
        ]
    )
    return Table("Hardest pairs", ["true -> read", *columns], rows, caption, left=("true -> read",))


def _confused(arm: Arm) -> Counter[Pair]:
    """All confusions of an arm, all seeds together; none without records."""
    read, true = arm.pooled("read"), arm.pooled("true")
    found = confusions(read, true, N_CLASSES**2) if len(read) else []
    return Counter({(pair.true, pair.read): pair.n for pair in found})


def _occurrences(arm: Arm) -> Counter[str]:
    """How often each character is in the true texts; padding stands for the end of a text."""
    codes, counts = np.unique(arm.pooled("true").astype(np.int64), return_counts=True)
    return Counter({_character(code): int(n) for code, n in zip(codes, counts, strict=True)})


def _character(code: int) -> str:
    return "" if code == PADDING else CHARACTERS[code]


def _words(pair: Pair) -> str:
    true, read = (character or "(end)" for character in pair)
    return f"{true} -> {read}"


def _count(counts: Counter[Pair], occurs: Counter[str], pair: Pair) -> tuple[str, str]:
    n = occurs[pair[0]]
    return str(counts[pair]), f"{counts[pair] / n:.1%}" if n else NOTHING


def _case_only(comparison: Comparison, counts: Sequence[Counter[Pair]]) -> list[str]:
    """Which share of all confusions is one of case; nothing where no text has letters."""
    shares = [
        f"{sum(n for pair, n in found.items() if _is_case_only(pair)) / found.total():.1%} ({name})"
        for name, found in zip(_arm_names(comparison), counts, strict=True)
        if found.total()
    ]
    has_letters = any(character.isalpha() for arm in comparison.arms for character in _occurrences(arm))
    return (
        [f"Of all misread characters {' and '.join(shares)} differ in case only."]
        if shares and has_letters
        else []
    )


def _is_case_only(pair: Pair) -> bool:
    codes = [CHARACTERS.index(character) if character else PADDING for character in pair]
    return bool(ANY_CASE[codes[0]] == ANY_CASE[codes[1]])
