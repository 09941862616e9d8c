"""How much of the texts a model gets to see: what is cut off, and what its tokenizer does not know."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper_tasks.sentiment.polarities import SPLITS

if TYPE_CHECKING:  # the library of the tokenizers is loaded where texts are read
    from sweeper_tasks.sentiment.tokens import Padded

MANY_CUT = 0.1
"""Of a split's texts; an opinion often stands at the end, and what is cut off is in no metric's favour."""
MANY_UNKNOWN = 0.05
"""Of a split's tokens; with more, the tokenizer was made for other texts."""


def length_facts(found: "Mapping[str, Padded]", max_tokens: int) -> dict[str, Any]:
    """By split: texts cut, the length in tokens that 95 % of the texts do not exceed, unknown tokens."""
    return {
        "max_tokens": max_tokens,
        "cut_to_max_tokens": {s: int((rows.lengths > max_tokens).sum()) for s, rows in found.items()},
        "length_of_95_percent": {s: int(np.quantile(rows.lengths, 0.95)) for s, rows in found.items()},
        "unknown_tokens": {s: rows.n_unknown / max(int(rows.lengths.sum()), 1) for s, rows in found.items()},
    }


def length_lines(facts: Mapping[str, Any]) -> list[str]:
    """How many texts of each split are cut; nothing where none is, or an earlier version did not say."""
    cut = facts.get("cut_to_max_tokens", {})
    if not any(cut.values()) or "max_tokens" not in facts:
        return []
    shares = ", ".join(f"{_share(facts, split):.1%} of {split} ({cut[split]})" for split in SPLITS)
    return [f"texts longer than {facts['max_tokens']} tokens are cut (data.max_tokens): {shares}"]


def length_warnings(facts: Mapping[str, Any]) -> list[str]:
    """One where more than a tenth of a split's texts are cut, one where many of its tokens are unknown."""
    if "max_tokens" not in facts:
        return []
    warnings = []
    if any(_share(facts, split) > MANY_CUT for split in SPLITS):
        shares = ", ".join(f"{_share(facts, split):.0%} of {split}" for split in SPLITS)
        enough = max(facts["length_of_95_percent"].values())
        warnings.append(
            f"data.max_tokens: got {facts['max_tokens']}, to which {shares} are cut; expected a tenth or "
            f"less. The rest is not read; data.max_tokens={enough} would hold 95 % of them"
        )
    unknown = facts["unknown_tokens"]
    if any(share > MANY_UNKNOWN for share in unknown.values()):
        shares = ", ".join(f"{unknown[split]:.0%} of {split}" for split in SPLITS)
        warnings.append(
            f"data: got {shares} as tokens that the tokenizer does not know; expected {MANY_UNKNOWN:.0%} or "
            "less. Is it made for these texts (model.encoder), and are all splits in one language?"
        )
    return warnings


def _share(facts: Mapping[str, Any], split: str) -> float:
    return float(facts["cut_to_max_tokens"][split] / max(facts["rows"][split], 1))
