"""The section `monitor` of a sweep, checked: what its rules say, and what they change of trials."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from sweeper.errors import Fault, UserError
from sweeper.monitor import WHERE, changed, compiled, unknown_keys
from sweeper.schema import RUN_SECTIONS, Monitor, Settings

Trials = Mapping[tuple[str, ...], Mapping[str, Any]]
"""The configuration of each trial by its overrides."""


def check_rules(
    settings: Settings, trials: Trials, faults_at: Callable[[Sequence[str]], Iterable[Fault]]
) -> None:
    """Raises UserError with all that is wrong with the rules; `faults_at` says what is with overrides.

    A follow-up is looked at on the first trial that it changes; those of rules that are `if_known` are not.
    """
    rules = compiled(settings.monitor)
    own = {overrides: _of_runs(config) for overrides, config in trials.items()}
    asked = [one for one in rules if one.rule.then == "follow_up" and not one.rule.if_known]
    faults = [*unknown_keys(rules, list(own.values()))]
    for one in asked:
        every = (changed(one.rule.change, config, overrides) for overrides, config in own.items())
        first = next((changes.overrides for changes in every if changes.params), None)
        wrong = faults_at(first) if first is not None else ()
        faults += [replace(fault, where=f"{WHERE}.{one.name}.change: {fault.where}") for fault in wrong]
    if faults:
        raise UserError(faults)


def check_rules_alone(config: Mapping[str, Any]) -> None:
    """Raises UserError with all that is wrong with the rules of a configuration that has other faults."""
    try:
        monitor = Monitor.model_validate(config.get("monitor") or {})
    except ValidationError:
        return  # told with the other faults
    compiled(monitor)


def _of_runs(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial can have another value of: the task's sections, and those that every run has."""
    kept = {key for key in config if key not in Settings.model_fields or key in RUN_SECTIONS}
    return {key: config[key] for key in kept}
