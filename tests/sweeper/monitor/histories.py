"""Made-up runs for rules to look at: evaluations every 100 steps of 2,000, 100 steps an epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.findings import Alarm
from sweeper.monitor import Clock, Compiled, History, alarms, compiled
from sweeper.results import Objective
from sweeper.schema import Monitor

CLOCK = Clock(max_steps=2000, steps_per_epoch=100)
F_SCORE = Objective("f_score", "maximize")


def run_of(every: int = 100, **series: Sequence[float]) -> History:
    """A history of these metrics, `val_loss` being `val/loss`; shorter series end earlier."""
    named = {key.replace("_", "/", 1): values for key, values in series.items()}
    n = max(len(values) for values in named.values())
    return History(
        tuple(
            ((at + 1) * every, {key: values[at] for key, values in named.items() if at < len(values)})
            for at in range(n)
        )
    )


def rules_of(mode: str = "act", **rules: Mapping[str, Any]) -> tuple[Compiled, ...]:
    """The compiled rules of a section `monitor`."""
    return compiled(Monitor.model_validate({"name": mode, "rules": rules}))


def fired(history: History, when: str, clock: Clock = CLOCK, **fields: Any) -> Alarm | None:
    """The alarm of the one rule of this condition; None where it holds nowhere."""
    found = alarms(rules_of(one={"when": when, **fields}), history, clock, F_SCORE)
    return found[0] if found else None
