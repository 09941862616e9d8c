"""Optuna's side of a search space: distributions, suggestions, samplers."""

import inspect
import re
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
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
from sweeper.search.sampler_options import NODE_DIRECTIVES, TARGET, built
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
ENUMERATING = ("GridSampler", "BruteForceSampler")
"""Optuna's samplers that go through a whole space; here the study does that."""

WHERE = f"sampler.options.{TARGET}"
EXPECTED = "expected the dotted path of an Optuna sampler"

ANOTHER_NAME = "Give the study another name: study.name=..."
ENUMERATE = "Without study.n_trials each choice is tried. "

Configure = Callable[[DictConfig, optuna.Trial], None]
"""A `custom_search_space`: suggests parameters on the trial, by `trial.suggest_...`; in `trial.user_attrs`
it finds what the command line fixes, by key, as text."""


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
    if "seed" in _parameters(target):
        options["seed"] = seed
    return _build(target, built(options))


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
    """The swept values and what `configure` adds.

    Raises UserError where it suggests a fixed key, or ends with an exception.
    """
    before = suggest(space, trial)
    fixed = dict(_fixed_pairs(space))
    for key, text in fixed.items():
        trial.set_user_attr(key, text)
    _call(configure, OmegaConf.create(dict(config)), trial)
    added = {key: value for key, value in trial.params.items() if key not in before}
    faults = [
        Fault(
            key, "suggested by study.custom_search_space, but fixed on the command line", "Drop one of them."
        )
        for key in added
        if key in fixed or key.lstrip("+") in fixed
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
            given = OmegaConf.create(dict(config))
            configure(given, trial)  # type: ignore[arg-type]  # made to stand in for a trial
    except Exception:  # the user's code, at a point that it may know nothing of
        return False
    return added <= trial.params.keys()


def _fixed_pairs(space: SearchSpace) -> list[tuple[str, str]]:
    """The keys of one run that the command line fixes, with what it gives them."""
    pairs = [line.lstrip("+").partition("=")[::2] for line in space.fixed if not line.startswith("~")]
    return [(key, text) for key, text in pairs if re.split(r"[./@]", key)[0] not in space.per_study]


def _call(configure: Configure, config: DictConfig, trial: optuna.Trial) -> None:
    try:
        configure(config, trial)
    except (optuna.exceptions.StorageInternalError, UserError):
        raise
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{last.filename}, line {last.lineno}"
        problem = f"the function has raised {type(error).__name__}: {error} ({where})"
        raise UserError(Fault("study.custom_search_space", problem)) from error


def check_extends(space: SearchSpace, known: Mapping[str, BaseDistribution]) -> None:
    """Raises UserError where earlier trials of this study were drawn from something incompatible."""
    faults = []
    for key, distribution in distributions(space).items():
        try:
            check_distribution_compatibility(known.get(key, distribution), distribution)
        except ValueError:
            enumerable = isinstance(distribution, CategoricalDistribution) and not isinstance(
                known[key], CategoricalDistribution
            )
            verb = "tried" if enumerable else "sampled from"
            problem = f"got {_shown(distribution)}; this study has {verb} {_shown(known[key])}"
            faults.append(Fault(key, problem, f"{ENUMERATE if enumerable else ''}{ANOTHER_NAME}"))
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
    options = {key: value for key, value in config.options.items() if key not in NODE_DIRECTIVES}
    path = str(config.options.get(TARGET))
    if path.rpartition(".")[2] in ENUMERATING and path.startswith("optuna."):
        problem = f"got '{path}'; all points of a finite space are tried without a sampler"
        raise UserError(Fault(WHERE, problem, "Use sampler=grid, or leave study.n_trials out."))
    try:
        target: Callable[..., Any] = load(_colon(path))
    except (ImportError, AttributeError, ValueError) as error:
        name = path.rpartition(".")[2]
        hint = did_you_mean(name, dir(optuna.samplers)) if path.startswith("optuna.") else ""
        problem = f"got '{path}', which cannot be loaded: {error}; {EXPECTED}{hint}"
        raise UserError(Fault(WHERE, problem)) from None
    if not callable(target):
        raise UserError(Fault(WHERE, f"got '{path}'; {EXPECTED}"))
    return target, options


def _colon(path: str) -> str:
    return path if ":" in path else ":".join(path.rpartition(".")[::2])


def _parameters(target: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(target).parameters
    except (ValueError, TypeError):  # of a built-in class; it is none of Optuna's
        raise UserError(Fault(WHERE, f"got '{target!r}'; {EXPECTED}")) from None


def _check_options(target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    parameters = _parameters(target)
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
    except Exception as error:  # a sampler of the user's may raise anything
        said = f"{type(error).__name__}: {error}" if not isinstance(error, (TypeError, ValueError)) else error
        raise UserError(Fault("sampler.options", f"got {dict(options)}; the sampler says: {said}")) from None
    if not isinstance(sampler, optuna.samplers.BaseSampler):
        path = f"{getattr(target, '__module__', '?')}.{getattr(target, '__qualname__', target)}"
        raise UserError(Fault(WHERE, f"got '{path}'; {EXPECTED}"))
    return sampler


def _shown(distribution: BaseDistribution) -> str:
    if isinstance(distribution, CategoricalDistribution):
        return f"the choices {', '.join(str(choice) for choice in distribution.choices)}"
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    scale = " on a log scale" if distribution.log else ""
    kind = "whole numbers" if isinstance(distribution, IntDistribution) else "numbers"
    return f"{kind} from {distribution.low} to {distribution.high}{scale}"
