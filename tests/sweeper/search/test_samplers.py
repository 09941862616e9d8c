from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from sweeper.errors import UserError
from sweeper.schema import Sampler
from sweeper.search.samplers import (
    custom_search_space,
    distributions,
    sampler_of,
    suggest,
    suggest_custom,
)
from sweeper.search.search_space import SearchSpace, space_of

MIXED = (
    "lr=tag(log,interval(1e-4,1e-2))",
    "n=int(interval(1,9))",
    "step=range(0.0,1.0,0.1)",
    "kind=a,'b c',null,true",
    "sizes=[1,2],[3]",
)


def configure(cfg: Any, trial: optuna.Trial) -> None:
    """A custom search space: `depth` depends on what was drawn for `width`."""
    width = trial.suggest_int("width", 1, 4)
    trial.suggest_int("depth", 1, width)


def space(*lines: str) -> SearchSpace:
    return space_of(OverridesParser.create().parse_overrides(list(lines)), lambda _: ())


def section(name: str, **options: Any) -> Sampler:
    return Sampler(name=name, seed=0, options=options)  # type: ignore[arg-type]  # any name, for the test


@contextmanager
def quiet() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def draws(sampler: optuna.samplers.BaseSampler, n: int, *lines: str) -> list[dict[str, Any]]:
    with quiet():
        study = optuna.create_study(sampler=sampler)
        found = []
        for _ in range(n):
            trial = study.ask()
            found.append(suggest(space(*lines), trial))
            study.tell(trial, float(len(str(found[-1]))))
    return found


def test_distributions_are_those_of_the_grammar() -> None:
    """`int(interval(1,9))` is 1 <= x < 9; the range ends at 0.9; lists are shown as text."""
    found = distributions(space(*MIXED))
    assert found == {
        "lr": FloatDistribution(1e-4, 1e-2, log=True),
        "n": IntDistribution(1, 8),
        "step": FloatDistribution(0.0, 0.9, step=0.1),
        "kind": CategoricalDistribution(["a", "b c", None, True]),
        "sizes": CategoricalDistribution(["[1,2]", "[3]"]),
    }


def test_suggestions_are_true_values_of_the_space() -> None:
    for params in draws(sampler_of(section("random"), 3), 40, *MIXED):
        assert 1e-4 <= params["lr"] <= 1e-2
        assert params["n"] in range(1, 9)
        assert params["step"] in {0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9}
        assert params["kind"] in ["a", "b c", None, True]
        assert params["sizes"] in [[1, 2], [3]]


def test_a_range_on_a_log_scale_stays_on_its_grid() -> None:
    for params in draws(sampler_of(section("random"), 0), 20, "n=tag(log,range(2,100,7))"):
        assert params["n"] in range(2, 100, 7)


@pytest.mark.parametrize("name", ["random", "tpe", "cmaes", "qmc", "nsgaii"])
def test_a_seed_gives_the_same_suggestions_again(name: str) -> None:
    lines = ("lr=tag(log,interval(1e-4,1e-2))", "step=range(0.0,1.0,0.1)")
    first, again, other = (draws(sampler_of(section(name), seed), 13, *lines) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_the_samplers_are_those_that_their_names_say() -> None:
    for name, kind in (("tpe", "TPESampler"), ("gp", "GPSampler"), ("qmc", "QMCSampler")):
        assert type(sampler_of(section(name), 0)).__name__ == kind
    custom = section("custom", _target_="optuna.samplers.RandomSampler")
    assert isinstance(sampler_of(custom, 0), optuna.samplers.RandomSampler)


@pytest.mark.parametrize(
    ("config", "n_objectives", "message"),
    [
        (section("tpe", n_startup_trails=3), 1, "did you mean 'n_startup_trials'"),
        (
            section("random", seed=3),
            1,
            r"^sampler\.options\.seed: the seed is not an option\. Write sampler\.seed=\.\.\.$",
        ),
        (
            section("nsgaii", population_size=1),
            1,
            r"^sampler\.options: got \{'population_size': 1, .*\}; the sampler says: "
            r".*greater than or equal to 2",
        ),
        (
            section("cmaes"),
            2,
            r"^sampler\.name: cmaes cannot optimise 2 metrics\. Use sampler=tpe, gp, nsgaii or random\.$",
        ),
        (
            section("custom", _target_="nowhere.Sampler"),
            1,
            r"^sampler\.options\._target_: got 'nowhere\.Sampler', which cannot be loaded: No module named "
            r"'nowhere'; expected the dotted path of an Optuna sampler$",
        ),
        (
            section("custom", _target_="collections.Counter"),
            1,
            r"^sampler\.options\._target_: got 'collections\.Counter'; expected the dotted path of an Optuna "
            r"sampler$",
        ),
    ],
)
def test_what_a_sampler_does_not_take_is_the_users_error(
    config: Sampler, n_objectives: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        sampler_of(config, 0, n_objectives)


def test_a_custom_search_space_adds_to_the_swept_keys() -> None:
    function = custom_search_space("tests.sweeper.search.test_samplers.configure")
    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    params = suggest_custom(function, {}, trial, space("lr=0.1,0.2"))
    assert list(params) == ["lr", "width", "depth"]
    assert params["depth"] <= params["width"]
    with pytest.raises(UserError, match=r"width: suggested by .*, but fixed"):
        suggest_custom(function, {}, trial, space("lr=0.1,0.2", "width=3"))


def test_a_custom_search_space_sees_what_is_fixed_as_hydra_optuna_sweeper_gives_it() -> None:
    seen: list[Any] = []

    def function(cfg: Any, trial: optuna.Trial) -> None:
        seen.append((cfg.optimizer.lr, dict(trial.user_attrs)))

    trial = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest_custom(function, {"optimizer": {"lr": 3}}, trial, space("lr=0.1,0.2", "width=3"))
    assert seen == [(3, {"width": "3"})]

    def failing(cfg: Any, trial: optuna.Trial) -> None:
        raise KeyError("nothing")

    with pytest.raises(UserError, match=r"the function has raised KeyError: 'nothing' \(.*test_samplers.py"):
        suggest_custom(failing, {}, trial, space("lr=0.1,0.2"))


@pytest.mark.parametrize(
    "path", ["nowhere.configure", "tests.sweeper.search.test_samplers.missing", "configure"]
)
def test_a_custom_search_space_that_cannot_be_loaded_says_so(path: str) -> None:
    with pytest.raises(UserError, match="expected the dotted path of a function"):
        custom_search_space(path)


def test_a_custom_search_space_takes_two_arguments() -> None:
    with pytest.raises(UserError, match=r"expected a function of two arguments, \(cfg, trial\)"):
        custom_search_space("tests.sweeper.search.test_samplers.quiet")
