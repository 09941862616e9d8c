"""The section `monitor` of a sweep, checked: what its rules say, and what they change of trials."""

from collections.abc import Iterable, Mapping
from typing import Any

from sweeper.errors import UserError
from sweeper.monitor import compiled, unknown_keys
from sweeper.schema import RUN_SECTIONS, Settings


def check_rules(settings: Settings, configs: Iterable[Mapping[str, Any]]) -> None:
    """Raises UserError with all that is wrong with the rules; `configs` are those of the trials."""
    rules = compiled(settings.monitor)
    if faults := unknown_keys(rules, [_of_runs(config) for config in configs]):
        raise UserError(faults)


def _of_runs(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial can have another value of: the task's sections, and those that every run has."""
    kept = {key for key in config if key not in Settings.model_fields or key in RUN_SECTIONS}
    return {key: config[key] for key in kept}
