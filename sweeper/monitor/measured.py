"""Whether a task measures what the rules ask for."""

from collections.abc import Iterable, Mapping

from sweeper.errors import Fault, did_you_mean
from sweeper.monitor.expressions import OBJECTIVE
from sweeper.monitor.rules import WHERE, Compiled

Known = Mapping[str, frozenset[str]]
"""The names of the metrics of each split."""


def measurable(rules: Iterable[Compiled], known: Known | None) -> tuple[Compiled, ...]:
    """The rules whose metrics are all known; all rules where nothing is known of the task (None)."""
    return tuple(one for one in rules if known is None or not _lacking(one, known))


def unknown_metrics(rules: Iterable[Compiled], known: Known | None) -> list[Fault]:
    """A fault for each metric of a rule that the task lacks; none for rules that are `if_known`."""
    if known is None:
        return []
    asked = [one for one in rules if not one.rule.if_known]
    return [_fault(one, key, known) for one in asked for key in _lacking(one, known)]


def _lacking(one: Compiled, known: Known) -> list[str]:
    named = (key.partition("/") for key in one.metrics)
    return [f"{split}/{name}" for split, _, name in named if name not in {*known.get(split, ()), OBJECTIVE}]


def _fault(one: Compiled, key: str, known: Known) -> Fault:
    split, _, name = key.partition("/")
    listed = sorted(known.get(split, frozenset()))
    problem = f"got '{one.rule.when}'; expected metrics that the task has, not '{name}' on {split}"
    return Fault(
        f"{WHERE}.{one.name}.when", problem, f"It has {', '.join(listed)}{did_you_mean(name, listed)}"
    )
