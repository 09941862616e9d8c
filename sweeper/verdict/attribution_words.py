"""An attribution in words. Pure."""

from collections.abc import Sequence

from sweeper.findings import Attribution, GroupEffect, Interaction, ScaleControl
from sweeper.verdict.digits import decimals

PART = 1.5
"""An effect that is larger than this much of the whole is no part of it: others take away from it."""
Estimate = GroupEffect | ScaleControl


def sentence(found: Attribution, *, is_rest_none: bool) -> str:
    """Which groups account for how much, whether they act together, and what the control says.

    `is_rest_none`: whether the groups that are not named may together do nothing. Only then, and where no
    groups act together, is a single one said to do it alone.
    """
    named = [group for group in found.groups if group.is_named]
    is_alone = len(named) == 1 and is_rest_none and not found.interactions
    parts = [_shares(found, named, is_alone), _together(found.interactions), _scaled(found.control)]
    return " ".join(part for part in parts if part)


def listed(names: Sequence[str]) -> str:
    """`a`, `b` and `c`, each marked as a name."""
    return _joined([f"`{name}`" for name in names])


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([*([", ".join(parts[:-1])] if len(parts) > 1 else []), *parts[-1:]])


def share(found: Estimate) -> str:
    """`+0.0170 (+0.0100 to +0.0240)`, with two significant digits of the interval's half-width."""
    value, low, high = found.improvement, found.ci_low, found.ci_high
    if low is None or high is None:
        return f"{value:+.{decimals(value)}f}"
    digits = decimals((high - low) / 2, value, low, high)
    return f"{value:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


def total(found: Attribution) -> str:
    """The whole improvement, with the digits of the surest share, in whose company it stands."""
    value = found.improvement or 0.0
    halves = [
        (group.ci_high - group.ci_low) / 2
        for group in found.groups
        if group.ci_low is not None and group.ci_high is not None
    ]
    return f"{value:+.{decimals(min(halves, default=value), value)}f}"


def _shares(found: Attribution, named: Sequence[GroupEffect], is_alone: bool) -> str:
    others = [group.name for group in found.groups if not group.is_named]
    if not named:
        return f"Of {total(found)}, no one of the differences ({listed(others)}) can be told to make it."
    first, *more = named
    whole = found.improvement or 0.0
    is_a_part = all(abs(group.improvement) <= PART * abs(whole) for group in named)
    verb = "accounts for" if is_a_part else "makes"
    shares = [
        f"`{first.name}`{' alone' if is_alone else ''} {verb} {share(first)}",
        *(f"`{group.name}` {'for ' if is_a_part else ''}{share(group)}" for group in more),
    ]
    rest = f"; {listed(others)}: not distinguishable from none" if others else ""
    of = f"Of {total(found)}" if is_a_part else f"The whole is {total(found)}, in which effects cancel"
    return f"{of}{', ' if is_a_part else ': '}{_joined(shares)}{rest}."


def _together(interactions: Sequence[Interaction]) -> str:
    if not interactions:
        return ""
    told = ", ".join(map(pairs, interactions))
    return f"They act together ({told}); shares are averages over backgrounds."


def pairs(interaction: Interaction) -> str:
    """`a` x `b`, or `c` x `d` where the design cannot tell them apart."""
    return " or ".join(f"`{one}` x `{other}`" for one, other in interaction.pairs)


def _scaled(control: ScaleControl | None) -> str:
    if control is None:
        return ""
    gain = (
        f"The baseline with its loss times {control.scale:.3g}, the ratio of mean gradient norms, "
        f"gains {share(control)}"
    )
    if control.ci_low is None or control.ci_high is None:
        return f"{gain}."
    if control.ci_low <= 0 <= control.ci_high:
        return f"{gain}: what larger or smaller steps do is not distinguishable from nothing."
    return f"{gain}: so much is done by larger or smaller steps, whatever the loss."
