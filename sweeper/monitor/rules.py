"""The rules of the section `monitor`, read and checked: what may stand in one, and what it is compiled to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_core import ErrorDetails

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.models import StrictModel, key_in
from sweeper.monitor.expressions import Condition, Diverged, metrics_in, parts_of
from sweeper.monitor.grammar import condition_of
from sweeper.monitor.phases import Phase, phase_of
from sweeper.schema import Monitor

WHERE = "monitor.rules"
EXAMPLES = {
    "when": "For example 'val/f_score < 0.2', 'spread(val/loss, 5) > 0.1', 'no_gain(val/f_score, 50 epochs)'",
    "phase": "For example phase: middle",
    "for": "It counts evaluations",
    "change": "For example {optimizer.lr: '*0.6', model.dropout: 0.1}",
}
_EXPECTED = {
    "literal_error": "{expected}",
    "bool_type": "true or false",
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "greater_than_equal": "a number >= {ge}",
    "greater_than": "a number > {gt}",
    "dict_type": "a section of keys",
}
Simple = bool | int | float | str
Change = Simple | list[Simple] | None
"""A value, or a number with `*`, `+` or `-` before it, as text: what becomes of the trial's own."""


def _flat(change: Any, prefix: str = "") -> Any:
    """By dotted keys, written as `optimizer.lr: 1` or `optimizer: {lr: 1}`; the later one wins."""
    if not isinstance(change, Mapping):
        return change
    flat: dict[str, Any] = {}
    for key, value in change.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return flat


ByKey = Annotated[dict[str, Change], BeforeValidator(_flat)]
"""What becomes of a trial's values, by dotted key."""


class Rule(StrictModel):
    """`when` it holds in `phase` at `for` evaluations in a row, `then` happens.

    `say`: one line of advice. `change`: what a follow-up changes, by key. `as`: the word by which the
    follow-up is called, by default the rule's name. `of_epochs`: the length in epochs that the rule's epochs
    are written for; those of a run of another length are scaled. `if_known`: what the task does not measure,
    or no trial has, leaves the rule out instead of being refused.
    """

    when: str
    phase: str = "always"
    in_a_row: Annotated[int, Field(ge=1)] = Field(alias="for", default=1)
    then: Literal["warn", "stop", "follow_up"] = "warn"
    say: str = ""
    change: ByKey = Field(default_factory=dict)
    word: str = Field(alias="as", default="")
    of_epochs: Annotated[float, Field(gt=0)] | None = None
    if_known: bool = False


@dataclass(frozen=True)
class Compiled:
    """A rule that can be asked; `rule.then` is what follows in this study's mode."""

    name: str
    rule: Rule
    condition: Condition
    phase: Phase

    @property
    def word(self) -> str:
        """What its follow-up is called: `lmsa_focal+<word>`."""
        return self.rule.word or self.name

    @property
    def metrics(self) -> tuple[str, ...]:
        """The `split/name` of all metrics that it asks for."""
        return metrics_in(self.condition)

    @property
    def asks_for_failure(self) -> bool:
        """Whether it says something of a run that diverged."""
        return any(isinstance(part, Diverged) for part in parts_of(self.condition))


def compiled(monitor: Monitor) -> tuple[Compiled, ...]:
    """The rules that a study goes by: none in the mode `none`; in `advice` each of them warns.

    Raises UserError with all faults of all rules, whatever the mode.
    """
    rules, faults = _read(monitor)
    if faults:
        raise UserError(faults)
    if monitor.name == "none":
        return ()
    return tuple(_warning(one) for one in rules) if monitor.name == "advice" else rules


def readable(monitor: Monitor) -> tuple[Compiled, ...]:
    """Those of the rules that a study goes by that can be read, whatever is wrong with others."""
    return () if monitor.name == "none" else _read(monitor)[0]


def _read(monitor: Monitor) -> tuple[tuple[Compiled, ...], list[Fault]]:
    faults: list[Fault] = []
    found = [_compiled(name, given, faults) for name, given in monitor.rules.items()]
    return tuple(one for one in found if one is not None), faults


def _warning(one: Compiled) -> Compiled:
    return Compiled(one.name, one.rule.model_copy(update={"then": "warn"}), one.condition, one.phase)


def _compiled(name: str, given: Mapping[str, Any], faults: list[Fault]) -> Compiled | None:
    try:
        rule = Rule.model_validate(dict(given))
    except ValidationError as error:
        faults += _faults_of(name, given, error)
        return None
    condition, phase = _parsed(name, rule, faults)
    faults += _contradictions(name, rule, condition)
    return None if condition is None or phase is None else Compiled(name, rule, condition, phase)


def _parsed(name: str, rule: Rule, faults: list[Fault]) -> tuple[Condition | None, Phase | None]:
    condition = phase = None
    try:
        condition = condition_of(rule.when)
    except ValueError as error:
        faults.append(_fault(name, "when", rule.when, str(error)))
    try:
        phase = phase_of(rule.phase)
    except ValueError as error:
        faults.append(_fault(name, "phase", rule.phase, str(error)))
    return condition, phase


def _contradictions(name: str, rule: Rule, condition: Condition | None) -> Iterable[Fault]:
    """What a rule says that nothing follows from."""
    if rule.then == "follow_up" and not rule.change:
        problem = "missing; a follow-up differs from its parent by it"
        yield Fault(f"{WHERE}.{name}.change", problem, EXAMPLES["change"])
    if condition is not None:
        tested = [key for key in metrics_in(condition) if key.startswith("test/")]
        for key in tested:
            problem = "expected metrics of train and val: test is measured when a run is over"
            yield _fault(name, "when", rule.when, f"{problem}, not '{key}'")
        if rule.in_a_row > 1 and any(isinstance(part, Diverged) for part in parts_of(condition)):
            yield _fault(name, "for", str(rule.in_a_row), "expected 1, since a run diverges once")


def _faults_of(name: str, given: Mapping[str, Any], error: ValidationError) -> Iterable[Fault]:
    """One fault for each field that is wrong."""
    seen: dict[str, ErrorDetails] = {}
    for details in error.errors(include_url=False):
        seen.setdefault(str(details["loc"][0]), details)
    for field, details in seen.items():
        yield _of_field(name, field, given.get(field), details)


def _of_field(name: str, field: str, got: Any, details: ErrorDetails) -> Fault:
    where = f"{WHERE}.{name}.{field}"
    fields = [key_in(Rule, one) for one in Rule.model_fields]
    if details["type"] == "extra_forbidden":
        near = did_you_mean(field, fields)
        return Fault(where, f"no such field of a rule{near}", f"It has {', '.join(fields)}.")
    if details["type"] == "missing":
        return Fault(where, "missing; expected a condition", EXAMPLES["when"])
    if field == "change" and isinstance(got, Mapping):
        return _fault(name, field, got, "expected a value or a list of values for each key")
    expected = _EXPECTED.get(details["type"])
    wanted = f"expected {expected.format(**details.get('ctx', {}))}" if expected else details["msg"]
    return _fault(name, field, got, wanted)


def _fault(name: str, field: str, got: Any, expected: str) -> Fault:
    shown = f"'{got}'" if isinstance(got, str) else got
    return Fault(f"{WHERE}.{name}.{field}", f"got {shown}; {expected}", EXAMPLES.get(field, ""))
