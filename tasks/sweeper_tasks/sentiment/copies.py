"""Texts of val and of test that stand in training too: what is known by heart looks like skill."""

from collections.abc import Mapping
from typing import Any

MANY = 0.1
"""Of a split's texts; where more of them stand in training, too, its metrics are flattered."""


def copy_warnings(facts: Mapping[str, Any]) -> list[str]:
    """One where more than a tenth of the texts of val or of test stand verbatim in training."""
    seen = facts.get("seen_in_training", {})
    if not any(n > MANY * facts["rows"][split] for split, n in seen.items()):
        return []
    found = " and ".join(f"{n} of {facts['rows'][split]} texts of {split}" for split, n in seen.items())
    advice = "Remove duplicates, or split by groups, so that all copies of a text are in one split"
    return [f"data: got {found} that stand verbatim in training; expected a tenth or less. {advice}"]
