"""Optuna's side of a search space: distributions, suggestions, samplers."""

import inspect
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.schema import Sampler
from sweeper.search.grammar import Choices, Domain, Interval, Range, text_of
from sweeper.search.search_space import SearchSpace, Swept
from sweeper.task import load
from sweeper.trial import by_value, canonical

SAMPLERS = {
    "random": "RandomSampler",
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "qmc": "QMCSampler",
    "nsgaii": "NSGAIISampler",
}
SINGLE_OBJECTIVE = ("cmaes",)

Configure = Callable[[Mapping[str, Any], optuna.Trial], None]
"""A `custom_search_space`: suggests parameters on the trial, by `trial.suggest_...`."""


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """What an adaptive sampler draws from, by key. Values come back to the user's own by `suggest`."""
    return {swept.key: _distribution(swept.domain) for swept in space.swept}


def suggest(space: SearchSpace, trial: optuna.Trial) -> dict[str, Any]:
    """The true values that the sampler wants for this trial: clean numbers, and choices of any type."""
    return {swept.key: _true_value(swept.domain, _shown_value(trial, swept)) for swept in space.swept}


def sampler_of(config: Sampler, seed: int, n_objectives: int = 1) -> optuna.samplers.BaseSampler:
    """The Optuna sampler of that name. Raises UserError for options that it does not take."""
    if config.name == "custom":
        target, options = _custom(config)
    else:
        target, options = getattr(optuna.samplers, SAMPLERS[config.name]), dict(config.options)
    if config.name in SINGLE_OBJECTIVE and n_objectives > 1:
        advice = "Use sampler=tpe, gp, nsgaii or random."
        raise UserError(
            Fault("sampler.name", f"{config.name} cannot optimise {n_objectives} metrics", advice)
        )
    _check_options(target, options)
    if "seed" in inspect.signature(target).parameters:
        options["seed"] = seed
    return _build(target, options)


def custom_search_space(path: str) -> Configure:
    """The function at `my_package.my_module.configure`. Raises UserError unless it takes (cfg, trial)."""
    where = "study.custom_search_space"
    try:
        function = load(_colon(path))
    except (ImportError, AttributeError, ValueError) as error:
        expected = "expected the dotted path of a function (cfg, trial) -> None"
        raise UserError(Fault(where, f"got '{path}', which cannot be loaded: {error}; {expected}")) from None
    if not callable(function) or len(inspect.signature(function).parameters) != 2:
        raise UserError(Fault(where, f"got '{path}'; expected a function of two arguments, (cfg, trial)"))
    configure: Configure = function
    return configure


def suggest_custom(
    configure: Configure, config: Mapping[str, Any], trial: optuna.Trial, space: SearchSpace
) -> dict[str, Any]:
    """The swept values and what `configure` adds. Raises UserError where it suggests a fixed key."""
    before = suggest(space, trial)
    configure(config, trial)
    added = {key: value for key, value in trial.params.items() if key not in before}
    fixed = {line.lstrip("+~").partition("=")[0] for line in space.fixed}
    faults = [
        Fault(
            key, "suggested by study.custom_search_space, but fixed on the command line", "Drop one of them."
        )
        for key in added
        if key in fixed
    ]
    if faults:
        raise UserError(faults)
    return {**before, **added}


def could_suggest(
    configure: Configure, config: Mapping[str, Any], params: Mapping[str, Any], added: set[str]
) -> bool:
    """Whether `configure`, called with these values, asks for all that it once `added`, and takes each."""
    trial = optuna.trial.FixedTrial(dict(params))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a value out of range is a warning to Optuna
            configure(config, trial)  # type: ignore[arg-type]  # made to stand in for a trial
    except Exception:  # the user's code, at a point that it may know nothing of
        return False
    return added <= trial.params.keys()


def check_extends(space: SearchSpace, known: Mapping[str, BaseDistribution]) -> None:
    """Raises UserError where earlier trials of this study were drawn from something incompatible."""
    faults = []
    for key, distribution in distributions(space).items():
        try:
            check_distribution_compatibility(known.get(key, distribution), distribution)
        except ValueError:
            problem = f"got {_shown(distribution)}; this study has sampled from {_shown(known[key])}"
            faults.append(Fault(key, problem, "Give the study another name: study.name=..."))
    if faults:
        raise UserError(faults)


def in_known_order(space: SearchSpace, known: Mapping[str, BaseDistribution]) -> SearchSpace:
    """The space; choices that earlier trials were drawn from stand in the order that they had then.

    To Optuna the same choices in another order, which mean the same, would be others.
    """
    return replace(space, swept=tuple(_in_known_order(swept, known.get(swept.key)) for swept in space.swept))


def _in_known_order(swept: Swept, known: BaseDistribution | None) -> Swept:
    if not isinstance(swept.domain, Choices) or not isinstance(known, CategoricalDistribution):
        return swept
    own = {canonical(by_value(_choice(value))): value for value in swept.domain.values}
    order = [canonical(by_value(choice)) for choice in known.choices]
    if set(order) != own.keys():
        return swept
    return replace(swept, domain=replace(swept.domain, values=tuple(own[text] for text in order)))


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choices):
        return CategoricalDistribution([_choice(value) for value in domain.values])
    if isinstance(domain, Interval):
        if domain.is_integer:
            return IntDistribution(int(domain.low), int(domain.high), log=domain.is_log)
        return FloatDistribution(domain.low, domain.high, log=domain.is_log)
    return _range(domain)


def _range(domain: Range) -> BaseDistribution:
    low, high = sorted((domain.at(0), domain.at(len(domain) - 1)))
    if domain.is_log:  # Optuna has no steps on a log scale; `_true_value` snaps to the nearest
        return FloatDistribution(low, high, log=True)
    if domain.is_integer:
        return IntDistribution(int(low), int(high), step=abs(int(domain.step)))
    return FloatDistribution(low, high, step=float(abs(domain.step)))


def _choice(value: Any) -> Any:
    """A value that Optuna can store: scalars as they are, lists and dicts as their text."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else text_of(value)


def _shown_value(trial: optuna.Trial, swept: Swept) -> Any:
    distribution = _distribution(swept.domain)
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(swept.key, distribution.choices)
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    draw: Callable[..., Any] = (
        trial.suggest_int if isinstance(distribution, IntDistribution) else trial.suggest_float
    )
    return draw(swept.key, distribution.low, distribution.high, step=distribution.step, log=distribution.log)


def _true_value(domain: Domain, shown: Any) -> Any:
    if isinstance(domain, Choices):
        return next(value for value in domain.values if text_of(_choice(value)) == text_of(shown))
    if isinstance(domain, Range):
        nearest = round((shown - float(domain.start)) / float(domain.step))
        return domain.at(min(max(nearest, 0), len(domain) - 1))
    return shown


def _custom(config: Sampler) -> tuple[Callable[..., Any], dict[str, Any]]:
    options = dict(config.options)
    path = options.pop("_target_", None)
    options.pop("_convert_", None)
    try:
        return load(_colon(str(path))), options
    except (ImportError, AttributeError, ValueError) as error:
        problem = (
            f"got '{path}', which cannot be loaded: {error}; expected the dotted path of an Optuna sampler"
        )
        raise UserError(Fault("sampler.options._target_", problem)) from None


def _colon(path: str) -> str:
    return path if ":" in path else ":".join(path.rpartition(".")[::2])


def _check_options(target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(target).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    known = [name for name in parameters if name != "seed"]
    unknown = [key for key in options if key not in known]
    faults = [
        Fault(
            f"sampler.options.{key}",
            f"no such option of the sampler{did_you_mean(key, known)}",
            _listed(known),
        )
        for key in unknown
    ]
    if "seed" in unknown:
        faults = [Fault("sampler.options.seed", "the seed is not an option", "Write sampler.seed=...")]
    if faults:
        raise UserError(faults)


def _listed(known: list[str]) -> str:
    return f"It has {', '.join(known)}." if known else "It has none."


def _build(target: Callable[..., Any], options: Mapping[str, Any]) -> optuna.samplers.BaseSampler:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = target(**options)
    except (TypeError, ValueError, ImportError) as error:
        raise UserError(Fault("sampler.options", f"got {dict(options)}; the sampler says: {error}")) from None
    if not isinstance(sampler, optuna.samplers.BaseSampler):
        raise UserError(Fault("sampler.options._target_", f"{target!r} is not an Optuna sampler"))
    return sampler


def _shown(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return f"the choices {', '.join(str(choice) for choice in distribution.choices)}"
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    scale = " on a log scale" if distribution.log else ""
    kind = "whole numbers" if isinstance(distribution, IntDistribution) else "numbers"
    return f"{kind} from {distribution.low} to {distribution.high}{scale}"
