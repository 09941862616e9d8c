"""The command line of an app -> the sweep of its study, with all that is wrong with it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sweeper.app.launch import without_effect
from sweeper.app.options import AppOptions, Options, as_in_app, metrics_of, options_of
from sweeper.app.points import PER_STUDY, checked_points
from sweeper.app.seeds import seed_faults, seeds_of
from sweeper.app.trees import composed, plain_tree, selected
from sweeper.config import (
    Composer,
    ConfigSource,
    Findings,
    SweptGroup,
    explained,
    is_of_swept_group,
    joined,
    params_of,
    swept_groups,
)
from sweeper.errors import Fault, UserError
from sweeper.search import (
    Choices,
    Interval,
    SearchSpace,
    Sweep,
    Swept,
    extremes,
    key_of,
    param_lines,
    space_of,
)


@dataclass(frozen=True, kw_only=True)
class AppSweep(Sweep):
    """The sweep of a Hydra app.

    `config` is what is fixed, with its interpolations; `seed_key` is None where the app has no such key.
    """

    composer: Composer
    app: AppOptions
    seed_key: str | None

    @property
    def total_steps(self) -> int:
        """Steps of a whole run, 0 where nobody says."""
        return self.app.total_steps or 0

    @property
    def judged_by(self) -> tuple[str, ...]:
        """The names of what the study is judged by, without a split."""
        listed = self.settings.study.metrics or (self.settings.task.metric,)
        return tuple(one.partition(":")[0] for one in listed)

    @property
    def objectives(self) -> tuple[str, ...]:
        """What the study is judged by, each with its direction, for people."""
        task = self.settings.task
        listed = self.settings.study.metrics or (f"{task.metric}:{task.direction}",)
        return tuple("{} ({})".format(*one.split(":")) for one in listed)

    def by_key(self, overrides: Sequence[str]) -> dict[str, str]:
        """The overrides by what they set."""
        return {key_of(override): line for line, override in self.composer.parse(overrides)[0]}


def read_app(
    loader: ConfigLoader, config_name: str | None, hydra: DictConfig, arguments: Sequence[str]
) -> AppSweep:
    """The sweep that `arguments` and `hydra.sweeper` describe. Raises UserError with all faults."""
    try:
        options = options_of(_resolved(hydra.sweeper))
        of_hydra = [str(line) for line in hydra.overrides.hydra]
        source = ConfigSource(loader, config_name, [*of_hydra, *arguments], is_ours=False)
        found = Findings(())
        composer, space = _read(source, hydra.sweeper, options.app, arguments, found)
        sweep = _checked(composer, space, options, str(hydra.job.name), found, arguments)
        warnings = (*sweep.warnings, *without_effect(of_hydra))
        return replace(sweep, command=(*of_hydra, *arguments), warnings=warnings)
    except UserError as error:
        raise as_in_app(error.faults) from error


def _read(
    source: ConfigSource, node: DictConfig, app: AppOptions, arguments: Sequence[str], found: Findings
) -> tuple[Composer, SearchSpace]:
    """What the words fix and what they sweep over; what of them is wrong is left out, and found."""
    composer = Composer(source)
    params, wrong = composer.parse(param_lines(params_of(node)))
    found.add(wrong)
    parsed, wrong = composer.parse(arguments)
    found.add(wrong)
    overrides, in_vain = joined([one for _, one in params], [one for _, one in parsed])
    about = [_sweep_faults(source, one, app) for one in overrides]
    found.add(fault for wrong in about for fault in wrong)
    sound = [one for one, wrong in zip(overrides, about, strict=True) if not wrong]
    unsound = [key_of(one) for one, wrong in zip(overrides, about, strict=True) if wrong]
    space = found.collect(lambda: _space(source, sound, app))
    if space is None:
        raise UserError(found.faults)
    labels = {line: "hydra.sweeper.params" for line, _ in params}
    labels |= {swept.key: f"override '{swept.source}'" for swept in space.swept}
    groups = [key for key in (*space.keys, *unsound) if source.is_group_name(key)]
    fixed = [
        f"hydra.sweeper.params: {key_of(one)} is not swept, since the command line fixes it"
        for one in in_vain
    ]
    space = replace(space, warnings=(*space.warnings, *fixed))
    return Composer(source, space.fixed, labels, groups), space


def _space(source: ConfigSource, overrides: Sequence[Override], app: AppOptions) -> SearchSpace:
    space = space_of(overrides, source.options, seed_key=app.seed_key, per_study=PER_STUDY)
    if faults := [fault for one in space.swept for fault in _not_finite(one)]:
        raise UserError(faults)
    return replace(space, swept=tuple(_with_whole_end(one) for one in space.swept))


def _not_finite(swept: Swept) -> Iterator[Fault]:
    """Values that are no number and no text either."""
    for value in swept.domain.values if isinstance(swept.domain, Choices) else ():  # a range ends somewhere
        if isinstance(value, float) and not math.isfinite(value):
            problem = f"got {value}; expected a finite number"
            yield Fault(f"override '{swept.source}'", problem, f"If the text is meant: '{value}' in quotes")


def _with_whole_end(swept: Swept) -> Swept:
    """`int(interval(1, 8))` takes 8 in, as users of hydra-optuna-sweeper know it; Hydra leaves it out."""
    domain = swept.domain
    if not isinstance(domain, Interval) or not domain.is_integer:
        return swept
    return replace(swept, domain=replace(domain, high=domain.high + 1))


def _checked(
    composer: Composer,
    space: SearchSpace,
    options: Options,
    name: str,
    found: Findings,
    command: Sequence[str],
) -> AppSweep:
    """The sweep, each of its points composed once."""
    groups = swept_groups(composer, space)
    found = Findings(fault for fault in found.faults if not is_of_swept_group(fault, groups))
    tree = _fixed(composer, found, groups)
    seeds = seeds_of(options.app, tree, command)
    metrics = metrics_of(options.app, {"optimized_metric": selected(tree, "optimized_metric")})
    alone = Findings(())
    settings = alone.collect(lambda: options.settings(name, seeds.first, metrics, space.seeds))
    if settings is None:
        for point in extremes(space):
            composed(composer, point.overrides, found)
        raise UserError(explained([*found.faults, *alone.faults], composer, space))
    found.add(seed_faults(options, space, seeds.key))
    is_swept = space.swept or settings.study.trials or settings.study.custom_search_space is not None
    if not is_swept and not found.faults:
        problem = "; ".join(("nothing is swept", *space.warnings))
        raise UserError(Fault("command line", problem, "Sweep a key, as in optimizer.lr=1e-4,1e-3"))
    points, warnings = checked_points(composer, space, settings, options.app, found)
    if found.faults:
        raise UserError(explained(found.faults, composer, space))
    return AppSweep(
        settings=settings,
        config={} if tree is None else plain_tree(tree),
        space=space,
        points=points,
        warnings=(*space.warnings, *warnings, *seeds.warnings),
        command=tuple(command),
        composer=composer,
        app=options.app,
        seed_key=seeds.key,
    )


def _sweep_faults(source: ConfigSource, override: Override, app: AppOptions) -> list[Fault]:
    """What is wrong with a swept override by itself; an option of a group that does not exist, too."""
    if not override.is_sweep_override():
        return []
    try:
        space = _space(source, [override], app)
    except UserError as error:
        return list(error.faults)
    if not source.is_group(override) or not space.swept:
        return []
    domain: Any = space.swept[0].domain
    values = [domain.at(index) for index in range(len(domain))] if hasattr(domain, "at") else []
    return source.option_faults(override, values, f"override '{override.input_line}'")


def _fixed(composer: Composer, found: Findings, groups: Sequence[SweptGroup]) -> DictConfig | None:
    """What is fixed; a required group that is swept has no option there, which is no fault."""
    alone = Findings(())
    tree = composed(composer, (), alone)
    found.add(one for one in alone.faults if not is_of_swept_group(one, groups))
    return tree


def _resolved(node: DictConfig) -> Mapping[str, Any]:
    try:
        found = OmegaConf.to_container(node, resolve=True)
    except OmegaConfBaseException as error:
        problem = f"cannot be resolved: {str(error).splitlines()[0]}"
        raise UserError(Fault("hydra.sweeper", problem)) from error
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
