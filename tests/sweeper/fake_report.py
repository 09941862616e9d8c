"""Report functions as a task, or a user, might write them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweeper.task.reporting import Comparison, Part, Plot, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENTRY = "tests.sweeper.fake_report"
DRAWN: list[str] = []
"""The plots that were drawn, in order."""


def report_parts(comparison: Comparison) -> Sequence[Part]:
    """A table and a plot under one title, and another table."""
    rows = [[arm.name, f"{arm.mean('test/ctcvr_auc'):.4f}"] for arm in comparison.arms]
    means = Table("Means", ["arm", "a|b"], rows, f"Over {comparison.seeds}; <b>", left=("arm",))
    sizes = [[arm.name, str(len(arm.pooled("influence_ctcvr_auc")))] for arm in comparison.arms]
    return [means, plot("Means", "means"), Table("Records", ["arm", "n"], sizes)]


def plot(title: str, name: str) -> Plot:
    """A picture of a line."""

    def draw(figure: "Figure") -> None:
        DRAWN.append(name)
        figure.add_subplot().plot([0, 1], [0, 1])

    return Plot(title, name, f"What {name} shows.", draw, (2.0, 1.0))


def raising(comparison: Comparison) -> Sequence[Part]:
    """A mistake in code that comes last."""
    raise KeyError("f_nose")


def undrawable(comparison: Comparison) -> Sequence[Part]:
    """One picture that cannot be drawn, and one that can."""

    def draw(figure: Any) -> None:
        raise ZeroDivisionError("no pixels")

    return [Plot("Broken", "broken", "", draw), plot("Whole", "whole")]


def showing_data(comparison: Comparison) -> Sequence[Part]:
    """A picture of the data beside one that is none."""
    return [plot("Worst", "examples-worst"), plot("Whole", "whole")]


def uneven(comparison: Comparison) -> Sequence[Part]:
    """A row that is too short."""
    return [Table("Uneven", ["a", "b"], [["1"]])]


def colliding(comparison: Comparison) -> Sequence[Part]:
    """A name that every report has."""
    return [plot("Curves", "curves")]


def outside(comparison: Comparison) -> Sequence[Part]:
    """A name that leads out of the folder."""
    return [plot("Outside", "../means")]


def foreign(comparison: Comparison) -> Any:
    """What is no part."""
    return ["a text"]
