"""Draws verdicts.png from the published studies: python docs/pictures/verdicts.py."""

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

HERE = Path(__file__).parent
PUBLISHED = HERE.parents[1] / "results" / "published"
BETTER, OTHER = "#d9622b", "#6b7280"
"""Colors of a verdict "better", and of all others."""


def published() -> list[dict[str, Any]]:
    """The summaries of all published studies, the largest improvement first."""
    found: list[dict[str, Any]] = [json.loads(path.read_text()) for path in PUBLISHED.glob("*/summary.json")]
    return sorted(found, key=lambda summary: -float(summary["confirmation"]["improvement"]))


def draw(summaries: list[dict[str, Any]]) -> Figure:
    """Each study's improvement over its baseline with its 95 % interval."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    axes = figure.subplots()
    for row, summary in enumerate(summaries):
        test, color = summary["confirmation"], BETTER if summary["verdict"] == "better" else OTHER
        axes.plot([test["ci_low"], test["ci_high"]], [row, row], color=color, linewidth=2.5)
        axes.plot(test["improvement"], row, "o", color=color)
        axes.annotate(summary["verdict"], (0.047, row), color=color, va="center", fontsize=9)
    labels = [f"{summary['study']}: {summary['best']['name']}, {summary['metric']}" for summary in summaries]
    axes.set_yticks(range(len(summaries)), labels, fontsize=9)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlim(-0.035, 0.07)
    axes.set_xlabel("improvement over the baseline on the test split, with its 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def figures_of(summaries: list[dict[str, Any]]) -> str:
    """What the picture shows, as text; the picture carries it, so that a test can tell an old one."""
    tests = [(summary["study"], summary["verdict"], summary["confirmation"]) for summary in summaries]
    rows = [(*words, test["improvement"], test["ci_low"], test["ci_high"]) for *words, test in tests]
    return json.dumps(rows)


if __name__ == "__main__":
    found = published()
    draw(found).savefig(
        HERE / "verdicts.png", dpi=110, metadata={"Software": None, "Description": figures_of(found)}
    )
