"""What is said of ids that training never saw, from the facts of prepared data."""

from collections.abc import Mapping
from typing import Any

MANY = 0.5
"""Share of a split's rows from which unseen ids are hardly meant."""
N_SHOWN = 6


def lines_of_unseen(facts: Mapping[str, Any]) -> list[str]:
    """One line with the share of rows by feature, the largest first; none where all ids are known."""
    shares = {name: _shares(facts, name) for name in facts.get("unseen", {})}
    if not shares:
        return []
    order = sorted(shares, key=lambda name: -max(shares[name]))
    parts = [f"{name} {shares[name][0]:.1%} / {shares[name][1]:.1%}" for name in order[:N_SHOWN]]
    more = f" and {len(order) - N_SHOWN} more" if len(order) > N_SHOWN else ""
    return [f"data: rows with an id that training never saw (val / test): {', '.join(parts)}{more}"]


def warnings_of_unseen(facts: Mapping[str, Any]) -> list[str]:
    """For each feature of which most rows of a split hold an id that training never saw."""
    return [
        f"data, column '{name}': got ids that training never saw in {found['rows']} of "
        f"{facts['rows'][split]} rows of {split} ({found['values']} ids); expected most to be known. "
        "Are they written differently there, or does each occur once?"
        for name, by_split in facts.get("unseen", {}).items()
        for split, found in by_split.items()
        if found["rows"] > MANY * facts["rows"][split]
    ]


def _shares(facts: Mapping[str, Any], name: str) -> tuple[float, float]:
    val, test = (
        facts["unseen"][name].get(split, {"rows": 0})["rows"] / facts["rows"][split]
        for split in ("val", "test")
    )
    return val, test
