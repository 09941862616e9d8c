"""`report`: how an app tells of its evaluations while it trains, and hears whether to go on."""

from collections.abc import Mapping
from typing import Any

from sweeper.client.numbers import number, packed
from sweeper.client.wire import is_in_study, wire


class Pruned(Exception):  # noqa: N818  # what it says is no error
    """The study has no further use for this run: let it pass, and the run ends in order."""


class Report:
    """Called as `report(step, figures)`. Does nothing outside of a study, and in all processes but one."""

    def __call__(self, step: int, figures: Mapping[str, Any]) -> None:
        """Tell of an evaluation: `report(epoch, {"val/acc": 0.9, "train/loss": loss})`.

        A name without `train/`, `val/` or `test/` counts as one of validation; a value is a number, or an
        array or tensor of one element. What else is known of the same step may follow in a further call.
        Raises Pruned where the run should end, TypeError and ValueError for what cannot be told.
        """
        if not is_in_study():
            return
        told = {str(name): _figure(str(name), value) for name, value in figures.items()}
        answer = wire.ask({"kind": "report", "step": _step(step), "figures": told})
        if answer != "continue":
            raise Pruned(f"the study {'gives this run up' if answer == 'prune' else 'stops'} at step {step}")

    def examples(self, name: str, values: Any) -> None:
        """Tell the figure `test/<name>` for each example of the test split, in an order that runs share.

        The figure is their mean. With them the study can tell how sure a difference is. `values` is a flat
        list, array or tensor of numbers. Raises TypeError for anything else.
        """
        if not is_in_study():
            return
        try:
            text = packed(values)
        except (TypeError, ValueError) as error:
            problem = f"got {type(values).__name__}; expected a flat list of numbers, one for each example"
            raise TypeError(f"report.examples({name!r}): {problem}") from error
        wire.tell({"kind": "examples", "name": str(name), "values": text})


report = Report()


def _step(step: Any) -> int:
    whole = int(step)
    if whole < 0:
        raise ValueError(f"report: step: got {step!r}; expected 0 or more")
    return whole


def _figure(name: str, value: Any) -> float:
    try:
        return number(value)
    except (TypeError, ValueError) as error:
        raise TypeError(f"report: {name}: got {value!r:.80}; expected a number") from error
