"""What a command line sweeps over: parsed overrides -> a SearchSpace -> its points, in order."""

import itertools
import json
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.types import Override

from sweeper.errors import Fault, UserError
from sweeper.search.grammar import (
    Choices,
    Domain,
    GroupOptions,
    Interval,
    domain_of,
    key_of,
    tags_of,
    text_of,
)

PER_STUDY = (
    *("task", "study", "sampler", "pruner", "executor", "tracking", "monitor", "plan", "sweep", "hydra"),
)
"""Root keys that one study has one value of."""

MAX_POINTS = 100_000
MANY_POINTS = 1000
"""Of more than so many points of a grid not each is composed before the study begins."""


@dataclass(frozen=True)
class Swept:
    """One swept key. `mark` is `+`, `++` or nothing; `source` is what the user wrote."""

    key: str
    mark: str
    domain: Domain
    source: str

    def override(self, value: Any) -> str:
        """The override that gives this key the value."""
        return f"{self.mark}{self.key}={text_of(value)}"

    def values(self, seed: int) -> list[Any]:
        """All values in order; shuffled ones in an order that depends on the seed and the key only."""
        assert not isinstance(self.domain, Interval)
        values = [self.domain.at(index) for index in range(len(self.domain))]
        if self.domain.is_shuffled:
            random.Random(f"{seed}:{self.key}").shuffle(values)
        return values


@dataclass(frozen=True)
class Point:
    """One candidate: its name, its swept values, and the overrides that make it, after the fixed ones."""

    name: str
    params: dict[str, Any]
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class SearchSpace:
    """What is swept, in the user's order; what is fixed; the seeds of `seed=1,2,3`, which are replicates."""

    swept: tuple[Swept, ...]
    fixed: tuple[str, ...]
    seeds: tuple[int, ...] | None = None
    warnings: tuple[str, ...] = ()
    per_study: tuple[str, ...] = PER_STUDY
    """Root keys that one study has one value of."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The swept keys."""
        return tuple(swept.key for swept in self.swept)

    @property
    def intervals(self) -> tuple[Swept, ...]:
        """What cannot be enumerated."""
        return tuple(swept for swept in self.swept if isinstance(swept.domain, Interval))

    @property
    def n_points(self) -> int:
        """The size of the full product; only of a finite space."""
        return math.prod(len(swept.domain) for swept in self.swept if not isinstance(swept.domain, Interval))

    def point(self, values: Mapping[str, Any]) -> Point:
        """The point at these values, one for each swept key; further keys are set as they are."""
        known = {swept.key: swept for swept in self.swept}
        overrides = [
            known[key].override(value) if key in known else f"{key}={text_of(value)}"
            for key, value in values.items()
        ]
        return Point(name_of(values, tuple(values)), dict(values), tuple(overrides))


def space_of(
    overrides: Sequence[Override],
    options: GroupOptions,
    *,
    seed_key: str | None = "seed",
    per_study: tuple[str, ...] = PER_STUDY,
) -> SearchSpace:
    """The search space of parsed overrides; the last of a key wins. Raises UserError with all faults.

    Values of `seed_key` are replicates; a key below one of `per_study` cannot be swept.
    """
    last = {key_of(override): override for override in overrides}
    fixed: list[str] = []
    swept: list[Swept] = []
    seeds: tuple[int, ...] | None = None
    faults: list[Fault] = []
    warnings: list[str] = []
    for override in overrides:
        if not override.is_sweep_override():
            fixed.append(fixed_text(override))
        elif (later := last[key_of(override)]) is not override:
            if not later.is_sweep_override():
                faults.append(_fixed_again(override, later))
            warnings.append(
                f"{key_of(override)}: '{override.input_line}' has no effect, a later override wins"
            )
        else:
            try:
                if key_of(override) == seed_key:
                    seeds = _seeds(override, options)
                else:
                    swept.append(_swept(override, options, per_study))
            except UserError as error:
                faults += error.faults
            warnings += [
                f"{key_of(override)}: tag '{tag}' has no meaning here" for tag in sorted(tags_of(override))
            ]
    if faults:
        raise UserError(faults)
    return SearchSpace(tuple(swept), tuple(fixed), seeds, tuple(warnings), per_study)


def fixed_text(override: Override) -> str:
    """The override as it is composed: as written, but a list that the parser has shuffled stays put."""
    assert override.input_line is not None
    if override.is_delete() or "shuffle" not in override.input_line:
        return override.input_line
    return f"{override.get_key_element()}={override.get_value_element_as_str()}"


def param_lines(params: Mapping[str, Any] | None) -> list[str]:
    """`hydra.sweeper.params` as overrides: strings are in Hydra's grammar, anything else is a value."""
    return [
        f"{key}={value if isinstance(value, str) else text_of(value)}"
        for key, value in (params or {}).items()
    ]


def grid(space: SearchSpace, named: Mapping[str, Sequence[str]] | None, seed: int) -> Iterator[Point]:
    """Every point of a finite space once, the first key slowest; each named trial with all of them."""
    names = short_names(space.keys)
    values = [swept.values(seed) for swept in space.swept]
    for name, overrides in (named or {"": ()}).items():
        for combination in itertools.product(*values):
            params = dict(zip(space.keys, combination, strict=True))
            texts = [swept.override(value) for swept, value in zip(space.swept, combination, strict=True)]
            label = " ".join([name, *(_label(names[key], value) for key, value in params.items())])
            yield Point(label.strip(), params, (*overrides, *texts))


def extremes(space: SearchSpace) -> Iterator[Point]:
    """Points that together show each choice, and both ends of each interval and range, at least once."""
    ends = [_ends(swept.domain) for swept in space.swept]
    first = {swept.key: values[0] for swept, values in zip(space.swept, ends, strict=True)}
    yield space.point(first)
    for swept, values in zip(space.swept, ends, strict=True):
        for value in values[1:]:
            yield space.point({**first, swept.key: value})


def name_of(params: Mapping[str, Any], keys: Iterable[str]) -> str:
    """`lambda=0.1 gamma=2`: the parameters, each under the shortest name that tells it from the others."""
    names = short_names(tuple(keys))
    return " ".join(_label(names[key], value) for key, value in params.items())


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """For each dotted key its shortest suffix that no other key ends in."""
    return {key: _shortest(key, [other for other in keys if other != key]) for key in keys}


def _shortest(key: str, others: Sequence[str]) -> str:
    parts = key.split(".")
    for n in range(1, len(parts)):
        suffix = ".".join(parts[-n:])
        if not any(other == suffix or other.endswith("." + suffix) for other in others):
            return suffix
    return key


def _label(name: str, value: Any) -> str:
    return f"{name}={value if isinstance(value, str) else _shown(value)}"


def _shown(value: Any) -> str:
    """A short text for a name: what the user wrote stays, sixteen sampled digits become four."""
    text = json.dumps(value, separators=(",", ":"))
    return f"{value:.4g}" if isinstance(value, float) and len(text) > 10 else text


def _ends(domain: Domain) -> list[Any]:
    if isinstance(domain, Interval):
        return [domain.low, domain.high]
    if isinstance(domain, Choices):
        return list(domain.values)
    return [domain.at(0), *([domain.at(len(domain) - 1)] if len(domain) > 1 else [])]


def _fixed_again(swept: Override, fixed: Override) -> Fault:
    """The fault of a key that is swept and then given one value."""
    problem = f"got '{fixed.input_line}' after '{swept.input_line}', which is swept"
    return Fault(
        key_of(swept), problem, f"Keep one of them. {one_value_swept(fixed.input_line or '')}".strip()
    )


def one_value_swept(line: str) -> str:
    """What to write instead of a fixed override, so that only candidates get the value."""
    key, _, value = line.partition("=")
    return "" if line.startswith("~") else f"One value is swept by {key}=choice({value})."


def _instead(key: str, source: str) -> str:
    own = key.removeprefix("hydra.sweeper.params.")
    if own == key:
        return "Start a study for each value."
    return f"Sweep the key itself: {own}={source.partition('=')[2]}."


def _swept(override: Override, options: GroupOptions, per_study: Sequence[str]) -> Swept:
    key, source = key_of(override), override.input_line or ""
    if override.is_delete():
        raise UserError(Fault(key, f"a deletion cannot be swept (from override '{source}')"))
    root = re.split(r"[./@]", key)[0]
    if root in per_study:
        problem = f"cannot be swept (from override '{source}'); it holds for a whole study"
        raise UserError(Fault(key, problem, _instead(key, source)))
    mark = override.get_key_element().removesuffix(key)
    domain = domain_of(override, options)
    if isinstance(domain, Choices) and options(
        override.key_or_group
    ):  # options have names, `1` and `true` too
        names = [text_of(one) if isinstance(one, (bool, int, float)) else one for one in domain.values]
        domain = Choices(tuple(names), domain.is_shuffled)
    return Swept(key, mark, domain, source)


def _seeds(override: Override, options: GroupOptions) -> tuple[int, ...]:
    domain = domain_of(override, options)
    values: list[Any] = (
        [] if isinstance(domain, Interval) else [domain.at(index) for index in range(len(domain))]
    )
    if not values or not all(type(value) is int and value >= 0 for value in values):
        problem = f"got {override.get_value_string()}; expected a list of whole numbers >= 0"
        advice = "They are replicates: every trial runs on each of these seeds."
        raise UserError(Fault(key_of(override), problem, advice))
    return tuple(values)
