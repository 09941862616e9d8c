"""A command line -> what it fixes and what it sweeps, by Hydra's grammar, with all that is wrong with it.

The first half of the way from overrides to a Sweep; `checking`, the second, looks at each point.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from sweeper.config.checking import checked_run, checked_sweep
from sweeper.config.compose import Composer, Sweep
from sweeper.config.config_source import ConfigSource
from sweeper.config.plugin_options import metric_lines, option_lines, option_warnings, params_of
from sweeper.errors import Fault, UserError
from sweeper.search import Interval, SearchSpace, domain_of, key_of, param_lines, space_of, text_of


@dataclass(frozen=True)
class Reading:
    """What the overrides say, before any point is looked at."""

    composer: Composer
    space: SearchSpace
    faults: tuple[Fault, ...]


def read_command_line(
    loader: ConfigLoader, config_name: str | None, arguments: Sequence[str], *, multirun: bool
) -> Sweep:
    """The sweep that `arguments` describe, each point validated. Raises UserError with all faults.

    With nothing swept and no named trials, the task's documented grid (`task.default_sweep`) is swept.
    Without `multirun` the sweep has one point, the fixed configuration itself.
    """
    return read_overrides(ConfigSource(loader, config_name, arguments), arguments, multirun=multirun)


def read_overrides(source: ConfigSource, arguments: Sequence[str], *, multirun: bool) -> Sweep:
    """The same for a source that is there already: what it has composed before is not composed again."""
    composer, lines = Composer(source), list(arguments)
    reading = _read(composer, lines, multirun)
    if not multirun:
        return checked_run(reading.composer, reading.space, reading.faults, tuple(arguments))
    documented = None if _sweeps(reading) else _default_sweep(reading)
    if documented is not None:
        reading = _read(composer, [*lines, f"sweep={documented}"], multirun)
    return checked_sweep(reading.composer, reading.space, reading.faults, tuple(arguments), documented)


def _read(composer: Composer, arguments: Sequence[str], multirun: bool) -> Reading:
    parsed, faults = composer.parse(arguments)
    fixed = [line for line, override in parsed if not override.is_sweep_override()]
    tree = Composer(composer.source, fixed).tree()
    options = tree.hydra.sweeper
    own = {override.get_key_element() for _, override in parsed}
    params, wrong = composer.parse(
        line for line in param_lines(params_of(options)) if line.partition("=")[0] not in own
    )
    metrics, more = _metrics(tree)
    labels = option_lines(options) | metrics | {line: "hydra.sweeper.params" for line, _ in params}
    overrides = [override for _, override in (*params, *parsed)]
    space, unsound = _space(composer, overrides, multirun)
    more += unsound
    fixed = [*option_lines(options), *space.fixed, *metrics]
    if space.seeds is not None:
        line = f"study.seeds={text_of(list(space.seeds))}"
        fixed.append(line)
        labels[line] = "the swept key 'seed'"
        more += _two_places_for_seeds(parsed)
    labels |= {swept.key: f"override '{swept.source}'" for swept in space.swept}
    fixed, dropped = _without_deleted_baseline(composer, fixed)
    whole = Composer(composer.source, fixed, labels)
    warnings = (*space.warnings, *option_warnings(options), *dropped)
    space = replace(space, fixed=tuple(fixed), warnings=warnings)
    return Reading(whole, space, (*faults, *wrong, *more, *whole.fixed_faults))


def _metrics(tree: DictConfig) -> tuple[dict[str, str], list[Fault]]:
    metrics = OmegaConf.select(tree, "study.metrics", throw_on_missing=False) or ()
    try:
        return metric_lines(tree.hydra.sweeper, [str(metric) for metric in metrics]), []
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
    tree = Composer(composer.source, fixed).tree()
    gone = {line[1:].partition("=")[0] for line in fixed if line.startswith("~")} - set(tree)
    baseline = [str(line) for line in OmegaConf.select(tree, "study.baseline") or ()]
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


def _default_sweep(reading: Reading) -> str:
    """The task's documented grid."""
    name = OmegaConf.select(reading.composer.tree(), "task.default_sweep", throw_on_missing=False)
    if name is None:
        problem = "nothing is swept, and the task has no documented grid (task.default_sweep is null)"
        raise UserError(Fault("command line", problem, "Sweep a key, as in optimizer.lr=1e-4,1e-3."))
    return str(name)
