"""The part of a run in which a rule is asked.

always             (default)
early              the first 8 %, and the first three evaluations wherever they are
middle             20 to 60 %
late               the last 40 %
end                the last evaluation
epoch 10           the first evaluation at or after it; likewise: step 500, 20 %
from epoch 100     likewise: from step 500, from 20 %
epochs 10 to 50    likewise: steps 100 to 500, 20 % to 60 %
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.criteria import NUMBER
from sweeper.monitor.grammar import UNITS
from sweeper.monitor.history import Clock

EXPECTED = (
    "always, early, middle, late, end, 'epoch 10', 'step 500', 'from epoch 100', 'epochs 10 to 50', "
    "'20 % to 60 %'"
)
N_EARLY = 3
"""Evaluations that are early however late they are: where they are rare, 8 % of a run may have none."""
_POINT = re.compile(rf"(from )?(?:(epoch|step) ({NUMBER})|({NUMBER}) ?%)")
_RANGE = re.compile(rf"(?:(epochs|steps) ({NUMBER}) to ({NUMBER})|({NUMBER}) ?%? to ({NUMBER}) ?%)")


@dataclass(frozen=True)
class Phase:
    """From `start` to `end`, None for the end of the run, in `unit`: epochs, steps or %.

    `is_point`: the first evaluation at or after `start` alone. `n_at_least`: so many first evaluations
    belong to it wherever they are.
    """

    text: str
    unit: str = "%"
    start: float = 0.0
    end: float | None = None
    is_point: bool = False
    n_at_least: int = 0

    def holds(self, steps: Sequence[int], clock: Clock, of_epochs: float | None, is_over: bool) -> list[bool]:
        """Whether each evaluation, at these steps, belongs to it. `is_over`: there will be no other."""
        start, end = self._in_steps(clock, of_epochs)
        inside = [start - 1e-6 <= step <= end + 1e-6 for step in steps]
        if self.is_point:
            inside = [at and not any(inside[max(0, n - 1) : n]) for n, at in enumerate(inside)]
        if self.text == "end" and is_over and steps:
            inside[-1] = True
        return [at or n < self.n_at_least for n, at in enumerate(inside)]

    def in_words(self, clock: Clock, of_epochs: float | None) -> str:
        """`middle`; of scaled epochs `epoch 10 of 250, here step 75 of 2,250`; nothing for always."""
        if self.unit != "epochs" or not clock.is_scaled(of_epochs):
            return "" if self.text == "always" else self.text
        start, end = (f"{at:,.0f}" for at in self._in_steps(clock, of_epochs))
        here = f"step {start}" if self.is_point or self.end is None else f"steps {start} to {end}"
        return f"{self.text} of {of_epochs:g}, here {here} of {clock.max_steps:,}"

    def _in_steps(self, clock: Clock, of_epochs: float | None) -> tuple[float, float]:
        last = clock.max_steps if self.end is None else clock.steps(self.end, self.unit, of_epochs)
        return clock.steps(self.start, self.unit, of_epochs), last


NAMED = {
    "always": Phase("always"),
    "early": Phase("early", end=8.0, n_at_least=N_EARLY),
    "middle": Phase("middle", start=20.0, end=60.0),
    "late": Phase("late", start=60.0),
    "end": Phase("end", start=100.0),
}


def phase_of(text: str) -> Phase:
    """The phase that `text` states. Raises ValueError, which says what was expected."""
    plain = " ".join(text.split())
    if plain in NAMED:
        return NAMED[plain]
    if found := _POINT.fullmatch(plain):
        unit, at = (UNITS[found[2]], found[3]) if found[2] else ("%", found[4])
        return _checked(Phase(plain, unit, float(at), is_point=not found[1]))
    if found := _RANGE.fullmatch(plain):
        unit, start, end = (found[1], *found.group(2, 3)) if found[1] else ("%", *found.group(4, 5))
        return _checked(Phase(plain, unit, float(start), float(end)))
    raise ValueError(f"expected {EXPECTED}")


def _checked(phase: Phase) -> Phase:
    if phase.end is not None and phase.end < phase.start:
        raise ValueError("expected an end that is not before the start")
    if phase.unit == "%" and max(phase.start, phase.end or 0) > 100:
        raise ValueError("expected at most 100 %")
    return phase
