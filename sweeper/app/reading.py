"""The command line of an app -> the sweep of its study, with all that is wrong with it."""

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.app.options import AppOptions, Options, as_in_app, metrics_of, options_of
from sweeper.config import (
    Composer,
    ConfigSource,
    check_sampler,
    contradictions,
    explained,
    is_adaptive,
    is_of_swept_group,
    joined,
    params_of,
    space_warnings,
    swept_groups,
    unchosen,
    whole_study_faults,
)
from sweeper.errors import Fault, UserError
from sweeper.schema import StudySettings
from sweeper.search import (
    MANY_POINTS,
    Point,
    SearchSpace,
    Sweep,
    check_pruner,
    extremes,
    grid,
    key_of,
    param_lines,
    space_of,
)

PER_STUDY = ("hydra",)
"""The only root key of an app that is about the study as a whole."""
N_AT_RANDOM = 100


@dataclass(frozen=True, kw_only=True)
class AppSweep(Sweep):
    """The sweep of a Hydra app.

    `config` is what is fixed, with its interpolations; `seed_key` is None where the app has no such key.
    """

    composer: Composer
    app: AppOptions
    seed_key: str | None


def read_app(
    loader: ConfigLoader, config_name: str | None, hydra: DictConfig, arguments: Sequence[str]
) -> AppSweep:
    """The sweep that `arguments` and `hydra.sweeper` describe. Raises UserError with all faults."""
    try:
        node = _resolved(hydra.sweeper)
        of_hydra = [str(line) for line in hydra.overrides.hydra]
        source = ConfigSource(loader, config_name, [*of_hydra, *arguments], is_ours=False)
        return _read(source, hydra, node, arguments)
    except UserError as error:
        raise as_in_app(error.faults) from error


def _read(
    source: ConfigSource, hydra: DictConfig, node: Mapping[str, Any], arguments: Sequence[str]
) -> AppSweep:
    options = options_of(node)
    composer = Composer(source)
    params, faults = composer.parse(param_lines(params_of(hydra.sweeper)))
    parsed, wrong = composer.parse(arguments)
    faults += wrong
    overrides, in_vain = joined([one for _, one in params], [one for _, one in parsed])
    about = [_sweep_faults(source, one, options.app) for one in overrides]
    sound = [one for one, wrong in zip(overrides, about, strict=True) if not wrong]
    unsound = [key_of(one) for one, wrong in zip(overrides, about, strict=True) if wrong]
    faults += [fault for wrong in about for fault in wrong]
    try:
        space = space_of(sound, source.options, seed_key=options.app.seed_key, per_study=PER_STUDY)
    except UserError as error:
        raise UserError([*faults, *error.faults]) from error
    labels = {line: "hydra.sweeper.params" for line, _ in params} | {
        swept.key: f"override '{swept.source}'" for swept in space.swept
    }
    groups = [key for key in (*space.keys, *unsound) if source.is_group_name(key)]
    composer = Composer(source, space.fixed, labels, groups)
    fixed = [
        f"hydra.sweeper.params: {key_of(one)} is not swept, since the command line fixes it"
        for one in in_vain
    ]
    space = replace(space, warnings=(*space.warnings, *fixed))
    return _checked(composer, space, options, str(hydra.job.name), faults, arguments)


def _checked(
    composer: Composer,
    space: SearchSpace,
    options: Options,
    name: str,
    faults: list[Fault],
    command: Sequence[str],
) -> AppSweep:
    """The sweep, each of its points composed once."""
    groups = swept_groups(composer, space)
    found = {str(fault): fault for fault in faults if not is_of_swept_group(fault, groups)}
    tree = _quietly(composer, found, groups)
    config = _plain(tree) if tree is not None else {}
    seed_key, seed, about_seeds = _seeds(options.app, tree, command)
    metrics = metrics_of(options.app, _names(tree))
    try:
        settings = options.settings(name, seed, metrics, space.seeds)
    except UserError as error:
        for point in extremes(space):
            _composed(composer, point.overrides, found)
        raise UserError(explained([*found.values(), *error.faults], composer, space)) from error
    found |= {str(fault): fault for fault in _seed_faults(options, space, seed_key)}
    is_swept = space.swept or settings.study.trials or settings.study.custom_search_space is not None
    if not is_swept and not found:
        problem = "; ".join(("nothing is swept", *space.warnings))
        raise UserError(Fault("command line", problem, "Sweep a key, as in optimizer.lr=1e-4,1e-3"))
    adaptive = is_adaptive(space, settings)
    more = [*whole_study_faults(composer, groups, PER_STUDY), *contradictions(space, settings, adaptive)]
    points = None
    if not adaptive and not more:
        points = tuple(
            islice(grid(space, settings.study.trials, settings.sampler.seed), settings.study.n_trials)
        )
    looked_at = extremes(space) if points is None else _looked_at(points)
    for point in looked_at:
        _composed(composer, point.overrides, found)
    more += _baseline_faults(composer, settings, found)
    if adaptive and not more:
        more += _raised(lambda: check_sampler(settings))
    total = options.app.total_steps or 0
    more += _raised(lambda: check_pruner(settings, total, options.app.report_every))
    if every := [*found.values(), *more]:
        raise UserError(explained(every, composer, space))
    return AppSweep(
        settings=settings,
        config=config,
        space=space,
        points=points,
        warnings=(*space.warnings, *space_warnings(space, settings, adaptive), *about_seeds),
        command=tuple(command),
        composer=composer,
        app=options.app,
        seed_key=seed_key,
    )


def _sweep_faults(source: ConfigSource, override: Override, app: AppOptions) -> list[Fault]:
    """What is wrong with a swept override by itself; an option of a group that does not exist, too."""
    if not override.is_sweep_override():
        return []
    try:
        space = space_of([override], source.options, seed_key=app.seed_key, per_study=PER_STUDY)
    except UserError as error:
        return list(error.faults)
    if not source.is_group(override) or not space.swept:
        return []
    domain: Any = space.swept[0].domain
    values = [domain.at(index) for index in range(len(domain))] if hasattr(domain, "at") else []
    return source.option_faults(override, values, f"override '{override.input_line}'")


def _quietly(composer: Composer, found: dict[str, Fault], groups: Sequence[Any]) -> DictConfig | None:
    """What is fixed; a required group that is swept has no option there, which is no fault."""
    own: dict[str, Fault] = {}
    tree = _composed(composer, (), own)
    found.update({text: one for text, one in own.items() if not is_of_swept_group(one, groups)})
    return tree


def _composed(composer: Composer, overrides: Sequence[str], found: dict[str, Fault]) -> DictConfig | None:
    try:
        tree, faults = composer.unresolved(overrides)
    except UserError as error:
        found.update({str(fault): fault for fault in error.faults})
        return None
    found.update({str(fault): fault for fault in faults})
    return tree


def _baseline_faults(composer: Composer, settings: StudySettings, known: Mapping[str, Fault]) -> list[Fault]:
    """What only the baseline has wrong."""
    lines = settings.study.baseline
    if missing := list(unchosen(composer, lines)):
        return [replace(fault, where=f"baseline: {fault.where}") for fault in missing]
    own: dict[str, Fault] = {}
    _composed(composer, lines, own)
    return [replace(one, where=f"baseline: {one.where}") for text, one in own.items() if text not in known]


def _seeds(
    app: AppOptions, tree: DictConfig | None, command: Sequence[str]
) -> tuple[str | None, int, list[str]]:
    """The key that a run's seed is given to, the first seed, and what is to be said about them."""
    key = app.seed_key
    if key is None:
        return (
            None,
            0,
            ["app.seed_key=null: runs of one trial are plain repetitions, on whatever seeds the app takes"],
        )
    is_added = any(re.match(rf"\+{{1,2}}{re.escape(key)}=", line) for line in command)
    if tree is None or not has_key(tree, key):
        if is_added:
            return key, 0, []
        text = (
            f"hydra.sweeper.app.seed_key: the app has no key '{key}', so that runs of one trial are plain "
            "repetitions, and pairs of them share no seed. Name the key that it takes its seed from"
        )
        return None, 0, [text]
    try:
        value = OmegaConf.select(tree, key)
    except OmegaConfBaseException:
        value = None
    return key, value if type(value) is int and value >= 0 else 0, []


def _seed_faults(options: Options, space: SearchSpace, seed_key: str | None) -> list[Fault]:
    """What is wrong with seeds on the command line: there are others, or the app has no such key."""
    key = options.app.seed_key
    if space.seeds is None:
        return []
    if seed_key is None:
        problem = f"no such parameter (from the swept key '{key}')"
        return [Fault(str(key), problem, "Name the key that the app takes its seed from: app.seed_key=...")]
    if options.given["study"].get("seeds") is None:
        return []
    return [Fault("study.seeds", f"got seeds twice (from here and from the swept key '{key}')", "Keep one.")]


def has_key(tree: DictConfig | Mapping[str, Any], key: str) -> bool:
    """Whether the configuration has this dotted key, whatever its value, null and ??? included."""
    node: Any = OmegaConf.to_container(tree, resolve=False) if OmegaConf.is_config(tree) else tree
    for part in key.split("."):
        if not isinstance(node, dict) or part not in node:
            return False
        node = node[part]
    return True


def _names(tree: DictConfig | None) -> dict[str, Any]:
    """`optimized_metric` of the app, where it says which figure it returns."""
    if tree is None or not has_key(tree, "optimized_metric"):
        return {}
    try:
        return {"optimized_metric": OmegaConf.select(tree, "optimized_metric")}
    except OmegaConfBaseException:
        return {}


def _looked_at(points: Sequence[Point]) -> Iterable[Point]:
    """The points; of very many the first, the last and some at random."""
    if len(points) <= MANY_POINTS:
        return points
    return (points[0], points[-1], *random.Random(0).sample(points, N_AT_RANDOM))


def _plain(tree: DictConfig) -> dict[str, Any]:
    found = OmegaConf.to_container(tree, resolve=False)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def _resolved(node: DictConfig) -> dict[str, Any]:
    try:
        found = OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        raise UserError(
            Fault("hydra.sweeper", f"cannot be resolved: {str(error).splitlines()[0]}")
        ) from error
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def _raised(check: Any) -> list[Fault]:
    try:
        check()
    except UserError as error:
        return list(error.faults)
    return []


def keys_of(lines: Iterable[str]) -> set[str]:
    """The keys that override lines set, without their marks."""
    return {re.split("=", line.lstrip("+~"), maxsplit=1)[0] for line in lines}
