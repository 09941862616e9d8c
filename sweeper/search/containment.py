"""Whether a trial's parameters are among those that a search space asks for: values, not their spelling."""

import math
from collections.abc import Mapping
from typing import Any

from sweeper.search.grammar import Choices, Domain, Interval
from sweeper.search.samplers import Configure, could_suggest
from sweeper.search.search_space import SearchSpace
from sweeper.search.trial_book import is_number
from sweeper.trial import by_value


def contains(domain: Domain, value: Any) -> bool:
    """Whether the domain has this value; the end of an interval of real numbers is not in it."""
    if isinstance(domain, Choices):
        return any(by_value(choice) == by_value(value) for choice in domain.values)
    if not is_number(value):
        return False
    if isinstance(domain, Interval):
        is_below = value <= domain.high if domain.is_integer else value < domain.high
        return domain.low <= value and is_below and (not domain.is_integer or value == int(value))
    nearest = min(max(round((value - float(domain.start)) / float(domain.step)), 0), len(domain) - 1)
    return math.isclose(domain.at(nearest), value, rel_tol=1e-9, abs_tol=1e-12)


def holds(
    space: SearchSpace,
    params: Mapping[str, Any],
    configure: Configure | None = None,
    config: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the space, with what `configure` adds to it, could suggest these parameters."""
    own = {swept.key: swept.domain for swept in space.swept}
    if not own.keys() <= params.keys() or not all(contains(own[key], params[key]) for key in own):
        return False
    added = params.keys() - own.keys()
    return not added if configure is None else could_suggest(configure, config or {}, params, added)
