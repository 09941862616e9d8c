"""What makes two points the same, and which bounds Optuna is shown of a grid."""

from typing import Any

from sweeper.search.asking import numeric_bounds, point_of
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


def test_bounds_span_all_values_of_a_parameter_in_whichever_drafts_have_it() -> None:
    drafts = [at(), at(gamma=2, lr=1e-3), at(gamma=-0.5), at(lr=1e-2)]
    assert numeric_bounds(drafts) == {"gamma": (-0.5, 2.0), "lr": (1e-3, 1e-2)}


def test_a_parameter_that_is_no_number_somewhere_has_no_bounds() -> None:
    drafts = [at(a=1, b=1, c=True, d=[1]), at(a="auto", b=None, c=False, d=[2])]
    assert numeric_bounds(drafts) == {}
