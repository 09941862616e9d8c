"""Rules over a run's history: the first time that each of them holds."""

from collections.abc import Iterable, Sequence

from sweeper.findings import Alarm
from sweeper.monitor.evaluation import Seen, reasons, truths
from sweeper.monitor.history import Clock, History
from sweeper.monitor.rules import Compiled
from sweeper.results import Objective


def alarms(
    rules: Iterable[Compiled], history: History, clock: Clock, objective: Objective, seed: int = 0
) -> tuple[Alarm, ...]:
    """The first time that each rule holds in the run of `seed`, by step, then in the order of the rules.

    Those of a history are among those of every longer one.
    """
    found = (_first(rule, history, clock, objective, seed) for rule in rules)
    return tuple(sorted((alarm for alarm in found if alarm is not None), key=lambda alarm: alarm.step))


def is_ever_asked(one: Compiled, steps: Sequence[int], clock: Clock) -> bool:
    """Whether the rule can hold in a run that is evaluated at these steps, as far as its phase tells."""
    inside = one.phase.holds(steps, clock, one.rule.of_epochs, True)
    return any(at + 1 >= one.rule.in_a_row for at, holds in enumerate(inside) if holds)


def _first(one: Compiled, history: History, clock: Clock, objective: Objective, seed: int) -> Alarm | None:
    has_failed = one.asks_for_failure and history.has_diverged
    seen = Seen(
        history.with_its_failure() if has_failed else history,
        clock,
        objective,
        one.rule.of_epochs,
        has_failed,
    )
    held = truths(one.condition, seen)
    steps = seen.history.steps
    inside = one.phase.holds(steps, clock, one.rule.of_epochs, history.is_over)
    at = _first_of(held, inside, one.rule.in_a_row)
    if at is None:
        return None
    rule = one.rule
    return Alarm(
        rule=one.name, seed=seed, step=steps[at], text=_text(one, seen, at), say=rule.say, then=rule.then
    )


def _first_of(held: Sequence[bool], inside: Sequence[bool], in_a_row: int) -> int | None:
    n = 0
    for at, holds in enumerate(held):
        n = n + 1 if holds else 0
        if n >= in_a_row and inside[at]:
            return at
    return None


def _text(one: Compiled, seen: Seen, at: int) -> str:
    """`spread(val/f_score, 5) is 0.0810 > 0.05 at step 900 (middle)`."""
    n = one.rule.in_a_row
    row = f", {n} evaluations in a row" if n > 1 else ""
    phase = one.phase.in_words(seen.clock, seen.of_epochs)
    what = " and ".join(reasons(one.condition, seen, at))
    return f"{what} at step {seen.history.steps[at]:,}{row}{f' ({phase})' if phase else ''}"
