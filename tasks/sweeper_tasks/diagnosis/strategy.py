"""Which strategy trains, and what alpha says of each class: from the configuration and the data's facts.

K classes, ordered by falling number in the training split: the commonest first, the rarest last. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.task import Fault
from sweeper_tasks.class_weights import inverse_frequency
from sweeper_tasks.diagnosis.loss_config import Alpha, Auto, LossConfig, Strategy


@dataclass(frozen=True)
class Needs:
    """What only the user can know of the data."""

    requires_calibration: bool
    has_noise: bool


@dataclass(frozen=True)
class Choice:
    """The strategy that trains, the path of its section, and why it is this one ("" where it was named)."""

    strategy: Strategy
    path: str
    reason: str


def chosen(loss: LossConfig, needs: Needs, facts: Mapping[str, Any]) -> Choice:
    """The named strategy; for `auto`, the first of these rules that holds on the training split.

    minority / majority < rare_below: focal_smooth; requires_calibration: confidence_aware; has_noise:
    adversarial; else balanced.
    """
    if not isinstance(loss, Auto):
        return Choice(loss, "loss", "")
    counts = facts["counts"]["train"]
    share = min(counts) / max(counts)
    rarity = f"minority / majority is {share:.3g}"
    if share < loss.rare_below:
        return Choice(loss.focal_smooth, "loss.focal_smooth", f"{rarity}, below {loss.rare_below:g}")
    common = f"{rarity}, not below {loss.rare_below:g}"
    if needs.requires_calibration:
        return Choice(
            loss.confidence_aware, "loss.confidence_aware", f"{common}; data.requires_calibration=true"
        )
    if needs.has_noise:
        return Choice(loss.adversarial, "loss.adversarial", f"{common}; data.has_noise=true")
    return Choice(loss.balanced, "loss.balanced", f"{common}; neither calibration nor noise is stated")


def alpha_of(alpha: Alpha, counts: Sequence[int]) -> tuple[float, ...]:
    """[K] the weight of each class: one number a is a for all but the commonest class, which has 1 - a.

    Of two classes a is thus that of the rare one. "auto" is `inverse_frequency`. Counts are of the
    training split.
    """
    match alpha:
        case "auto":
            return tuple(inverse_frequency(counts).tolist())
        case tuple():
            return alpha
        case _:
            return (1 - alpha, *[float(alpha)] * (len(counts) - 1))


def faults_of_alpha(choice: Choice, facts: Mapping[str, Any]) -> list[Fault]:
    """A fault where alpha is a list of another length than there are classes."""
    alpha, classes = choice.strategy.alpha, facts["classes"]
    if not isinstance(alpha, tuple) or len(alpha) == len(classes):
        return []
    problem = f"got a list of {len(alpha)}; expected {len(classes)} numbers"
    return [Fault(f"{choice.path}.alpha", problem, f"Give one for each of {', '.join(classes)}")]
