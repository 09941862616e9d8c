"""A command line -> what it fixes and what it sweeps, by Hydra's grammar, with all that is wrong with it.

The first half of the way from overrides to a TaskSweep; `checking`, the second, looks at each point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from sweeper.config.checking import checked_run, checked_sweep
from sweeper.config.compose import Composer, TaskSweep
from sweeper.config.config_source import ConfigSource
from sweeper.config.hydra_adapter import with_quoted_options
from sweeper.config.idle_options import idle_in_one_run, idle_in_study
from sweeper.config.plugin_options import (
    metric_lines,
    option_lines,
    option_warnings,
    params_of,
    without_plus,
)
from sweeper.config.staging import plan_of_task, with_plan
from sweeper.config.unreadable import rejoined
from sweeper.errors import Fault, UserError
from sweeper.search import (
    Interval,
    SearchSpace,
    domain_of,
    key_of,
    one_value_swept,
    param_lines,
    space_of,
    text_of,
)


@dataclass(frozen=True)
class Reading:
    """What the overrides say, before any point is looked at."""

    composer: Composer
    space: SearchSpace
    faults: tuple[Fault, ...]
    unswept: tuple[str, ...] = ()
    """Keys of `hydra.sweeper.params` that the command line fixes."""


def read_command_line(
    loader: ConfigLoader, config_name: str | None, arguments: Sequence[str], *, multirun: bool
) -> TaskSweep:
    """The sweep that `arguments` describe, each point validated. Raises UserError with all faults.

    With nothing swept and no named trials, the task's documented grid (`task.default_sweep`) is swept;
    `plan=staged` stands for the task's own plan (`task.default_plan`). Without `multirun` the sweep has one
    point, the fixed configuration itself.
    """
    return read_overrides(ConfigSource(loader, config_name, arguments), arguments, multirun=multirun)


def read_overrides(source: ConfigSource, arguments: Sequence[str], *, multirun: bool) -> TaskSweep:
    """The same for a source that is there already: what it has composed before is not composed again."""
    reading = _read(source, arguments, multirun)
    if not multirun:
        return checked_run(reading.composer, reading.space, reading.faults, tuple(arguments))
    words = list(arguments)
    if (planned := plan_of_task(reading.composer)) is not None:
        words = with_plan(words, planned)
        reading = _read(source, words, multirun)
    documented = None if _sweeps(reading) else _default_sweep(reading)
    if documented is not None:
        reading = _read(source, [*words, f"sweep={documented}"], multirun)
    return checked_sweep(reading.composer, reading.space, reading.faults, tuple(arguments), documented)


def _read(source: ConfigSource, arguments: Sequence[str], multirun: bool) -> Reading:
    words, faults = rejoined([with_quoted_options(word) for word in arguments], source.reads)
    labels = {without_plus(word): f"override '{word}'" for word in words if without_plus(word) != word}
    composer = Composer(source, (), labels)
    parsed, wrong = composer.parse(map(without_plus, words))
    labels = composer.labels
    faults += wrong
    fixed = [line for line, override in parsed if not override.is_sweep_override()]
    swept_groups = [one.key_or_group for _, one in parsed if one.is_sweep_override() and source.is_group(one)]
    tree = Composer(source, fixed, labels, swept_groups).tree()
    options, wrong = _options(tree, source)
    faults += wrong
    params, wrong = _params(composer, options)
    faults += wrong
    metrics, wrong = _metrics(tree, options)
    faults += wrong
    labels |= option_lines(options) | metrics | {line: "hydra.sweeper.params" for line, _ in params}
    overrides, fixed_params = joined(
        [override for _, override in params], [override for _, override in parsed]
    )
    space, wrong = _space(composer, overrides, multirun)
    faults += wrong
    fixed = [*option_lines(options), *space.fixed, *metrics]
    if space.seeds is not None:
        line = f"study.seeds={text_of(list(space.seeds))}"
        fixed.append(line)
        labels[line] = "the swept key 'seed'"
        faults += _two_places_for_seeds(parsed)
    labels |= {swept.key: f"override '{swept.source}'" for swept in space.swept}
    fixed, dropped = _without_deleted_baseline(Composer(source, fixed, labels, swept_groups), fixed)
    whole = Composer(source, fixed, labels, swept_groups)
    fixed_in_vain = [
        f"hydra.sweeper.params: {key_of(one)} is not swept, since the command line fixes it"
        for one in fixed_params
    ]
    idle = (
        idle_in_study(words, source.origins(_choices(parsed, source))) if multirun else idle_in_one_run(words)
    )
    warnings = (*space.warnings, *option_warnings(options), *fixed_in_vain, *dropped, *idle)
    space = replace(space, fixed=tuple(fixed), warnings=warnings)
    unswept = tuple(key_of(override) for override in fixed_params)
    return Reading(whole, space, (*faults, *whole.fixed_faults), unswept)


def _choices(parsed: Sequence[tuple[str, Override]], source: ConfigSource) -> list[str]:
    return [line for line, one in parsed if source.is_choice(one) and not one.is_sweep_override()]


def _options(tree: DictConfig, source: ConfigSource) -> tuple[DictConfig, list[Fault]]:
    """`hydra.sweeper`, as it is without overrides where it is no section any more."""
    options = OmegaConf.select(tree, "hydra.sweeper", throw_on_missing=False)
    if isinstance(options, DictConfig):
        return options, []
    own: DictConfig = source.base(()).hydra.sweeper
    return own, [Fault("hydra.sweeper", f"got {options!r}; expected a section of keys")]


def _params(composer: Composer, options: DictConfig) -> tuple[list[tuple[str, Override]], list[Fault]]:
    try:
        return composer.parse(param_lines(params_of(options)))
    except UserError as error:
        return [], list(error.faults)


def joined(params: Sequence[Override], parsed: Sequence[Override]) -> tuple[list[Override], list[Override]]:
    """The overrides of `hydra.sweeper.params` and of the command line; and the params that the latter fixes.

    The command line wins; its sweep of a key takes the place that the key has in `params`.
    """
    own: dict[str, list[Override]] = {}
    for override in parsed:
        own.setdefault(key_of(override), []).append(override)
    in_place = [own[key_of(one)][0] if _is_swept_once(own.get(key_of(one), [])) else one for one in params]
    kept = [one for one in in_place if one in parsed or key_of(one) not in own]
    fixed = [one for one in params if one.is_sweep_override() and not _sweeps_any(own.get(key_of(one), []))]
    moved = {id(one) for one in kept}
    rest = [override for override in parsed if id(override) not in moved]
    return [*kept, *rest], [one for one in fixed if key_of(one) in own]


def _is_swept_once(overrides: Sequence[Override]) -> bool:
    return len(overrides) == 1 and overrides[0].is_sweep_override()


def _sweeps_any(overrides: Sequence[Override]) -> bool:
    return any(override.is_sweep_override() for override in overrides)


def _metrics(tree: DictConfig, options: DictConfig) -> tuple[dict[str, str], list[Fault]]:
    metrics = OmegaConf.select(tree, "study.metrics", throw_on_missing=False) or ()
    try:
        return metric_lines(options, [str(metric) for metric in metrics]), []
    except UserError as error:
        return {}, list(error.faults)


def _space(
    composer: Composer, overrides: Sequence[Override], multirun: bool
) -> tuple[SearchSpace, list[Fault]]:
    """The search space of what is sound among the overrides, and the faults of the rest."""
    faults: list[Fault] = []
    sound = []
    for override in overrides:
        wrong = _sweep_faults(composer, override, multirun) if override.is_sweep_override() else []
        faults += wrong
        if not wrong:
            sound.append(override)
    return space_of(sound, composer.source.options), faults


def _sweep_faults(composer: Composer, override: Override, multirun: bool) -> list[Fault]:
    source = f"override '{override.input_line}'"
    if not multirun:
        advice = "Add -m (--multirun) to sweep over it; write [a,b] for a list, or quote it for a string."
        return [Fault(key_of(override), f"got several values (from {source}) for one run", advice)]
    try:
        space_of([override], composer.source.options)
    except UserError as error:
        return list(error.faults)
    if not composer.source.is_group(override):
        return []
    domain = domain_of(override, composer.source.options)
    if isinstance(domain, Interval):
        return [
            Fault(key_of(override), f"got an interval (from {source}); expected options of a config group")
        ]
    return composer.source.option_faults(override, [domain.at(index) for index in range(len(domain))], source)


def _without_deleted_baseline(composer: Composer, fixed: list[str]) -> tuple[list[str], list[str]]:
    """A baseline that switches off a section which is gone (`~aux_focal`) is the configuration without it."""
    tree = composer.tree()
    gone = {line[1:].partition("=")[0] for line in fixed if line.startswith("~")} - set(tree)
    # it leads to the task's, and that may be missing
    found = OmegaConf.select(tree, "study.baseline", throw_on_resolution_failure=False)
    baseline = [str(line) for line in found or ()]
    kept = [line for line in baseline if line.partition(".")[0] not in gone]
    if len(kept) == len(baseline):
        return fixed, []
    warnings = [
        f"study.baseline: '{line}' has no effect, its section is deleted"
        for line in baseline
        if line not in kept
    ]
    return [*fixed, f"study.baseline={text_of(kept)}"], warnings


def _two_places_for_seeds(parsed: Sequence[tuple[str, Override]]) -> list[Fault]:
    return [
        Fault(
            "study.seeds",
            f"got seeds twice (from override '{line}' and from the swept key 'seed')",
            "Keep one.",
        )
        for line, override in parsed
        if key_of(override) == "study.seeds"
    ]


def _sweeps(reading: Reading) -> bool:
    custom = OmegaConf.select(reading.composer.tree(), "study.custom_search_space", throw_on_missing=False)
    return bool(reading.faults or reading.space.swept or _named(reading.composer.tree()) or custom)


def _named(tree: DictConfig) -> bool:
    return bool(OmegaConf.select(tree, "study.trials", throw_on_missing=False))


def _refuse_idle_sweep(reading: Reading) -> None:
    """Raises UserError where a sweep was chosen that sweeps nothing: another grid is not what was meant."""
    name = OmegaConf.select(
        reading.composer.tree(),
        "hydra.runtime.choices.sweep",
        throw_on_missing=False,
        throw_on_resolution_failure=False,
    )
    if name is not None:
        path = reading.composer.source.path_of(f"sweep/{name}")
        problem = f"got '{name}', which sweeps nothing ({path})"
        advice = "It needs named trials, study.trials: {name: [key=value]}, or hydra.sweeper.params."
        raise UserError(Fault("sweep", problem, advice))


def _default_sweep(reading: Reading) -> str:
    """The task's documented grid. Raises UserError where there is none, or the user meant another sweep."""
    _refuse_idle_sweep(reading)
    if reading.unswept:
        line = next(
            one for one in reversed(reading.space.fixed) if one.lstrip("+~").startswith(reading.unswept)
        )
        problem = f"got '{line}', which fixes what hydra.sweeper.params sweeps; nothing else is swept"
        raise UserError(Fault(reading.unswept[0], problem, f"Leave it out. {one_value_swept(line)}".strip()))
    name = OmegaConf.select(reading.composer.tree(), "task.default_sweep", throw_on_missing=False)
    if name is None:
        problem = "nothing is swept, and the task has no documented grid (task.default_sweep is null)"
        raise UserError(Fault("command line", problem, "Sweep a key, as in optimizer.lr=1e-4,1e-3."))
    return str(name)
