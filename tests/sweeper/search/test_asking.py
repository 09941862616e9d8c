"""What makes two points the same."""

from typing import Any

from sweeper.search.asking import point_of
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial


def at(number: int = 1, mark: str = "f", **params: Any) -> TrialSpec:
    return plain_trial(number, mark).model_copy(update={"params": params})


def test_a_point_is_the_same_under_another_number_name_and_order_of_its_parameters() -> None:
    named = at(2, b=[1], a=None).model_copy(update={"name": "another"})
    assert point_of(at(1, a=None, b=[1])) == point_of(named)


def test_role_parameters_and_fingerprint_make_another_point() -> None:
    """A baseline, another value, and the same value of a configuration that is fixed elsewhere."""
    one = at(1, gamma=1)
    others = [at(0, gamma=1), at(1, gamma=2), at(1, gamma="1"), at(1, gama=1), at(1, "g", gamma=1)]
    assert len({point_of(one), *map(point_of, others)}) == 6
