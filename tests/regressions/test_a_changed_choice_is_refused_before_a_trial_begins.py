import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sweeper.errors import UserError
from sweeper.search.samplers import check_extends, distributions
from sweeper.search.search_space import SearchSpace, space_of
from sweeper.search.trial_book import distributions_of


def space(line: str) -> SearchSpace:
    return space_of(OverridesParser.create().parse_overrides([line]), lambda _: ())


def test_a_changed_choice_is_refused_before_a_trial_begins() -> None:
    """Elsewhere it crashes the sweep, and leaves one more trial that is RUNNING for ever."""
    known = distributions(space("a=x,y"))
    check_extends(space("a=x,y"), known)
    with pytest.raises(
        UserError, match="a: got the choices x, y, z; this study has sampled from the choices x"
    ):
        check_extends(space("a=x,y,z"), known)


def test_numbers_that_were_enumerated_are_not_called_sampled() -> None:
    known = distributions_of([{"a": 1}, {"a": 3}])
    check_extends(space("a=interval(1,2)"), known)
    with pytest.raises(
        UserError, match=r"this study has tried numbers from 1.* to 3.*Without study.n_trials"
    ):
        check_extends(space("a=1,3"), known)


def test_a_wider_interval_is_welcome_but_not_another_scale() -> None:
    known = distributions(space("a=interval(1,2)"))
    check_extends(space("a=interval(1,3)"), known)
    with pytest.raises(UserError, match="on a log scale; this study has sampled from numbers"):
        check_extends(space("a=tag(log,interval(1,2))"), known)
