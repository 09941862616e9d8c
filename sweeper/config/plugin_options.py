"""`hydra.sweeper.*`, as users of hydra-optuna-sweeper write it -> overrides of our own keys.

What still refers to our own keys by interpolation was not touched by the user and gives nothing.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.errors import Fault, UserError
from sweeper.search import NODE_DIRECTIVES, text_of

OWN_KEY = {
    "n_trials": "study.n_trials",
    "study_name": "study.name",
    "storage": "study.storage",
    "max_failure_rate": "study.max_failure_rate",
    "custom_search_space": "study.custom_search_space",
}
HANDLED = {*OWN_KEY, "direction", "sampler", "params", "search_space", "n_jobs", "_target_", "_recursive_"}

NO_CAP = -1
"""What joblib and its users write for "as many as there are"."""

OPEN_SECTIONS = ("sampler.options", "hydra.sweeper.sampler")
"""Sections that hold what Optuna's samplers take: their keys need no `+`."""
OWN_OF_SAMPLER = ("name", "seed", "options")

SAMPLER_OF_CLASS = {
    "TPESampler": "tpe",
    "MOTPESampler": "tpe",
    "RandomSampler": "random",
    "GridSampler": "grid",
    "BruteForceSampler": "grid",
    "CmaEsSampler": "cmaes",
    "NSGAIISampler": "nsgaii",
    "QMCSampler": "qmc",
    "GPSampler": "gp",
}


def in_app(key: str) -> str:
    """What a setting is called where an app is studied: `hydra.sweeper.study.retry` for `study.retry`."""
    names = {own: name for name, own in OWN_KEY.items()}
    return f"hydra.sweeper.{names.get(key, key)}"


def without_plus(line: str) -> str:
    """The override as it has to be composed: an option of a sampler is added, whether it is there or not.

    `sampler.multivariate=true` is one, too: the section itself has no further keys.
    """
    key, equals, value = line.lstrip("+").partition("=")
    section, _, last = key.rpartition(".")
    if not equals or line.startswith("~"):
        return line
    if section == "sampler" and last not in OWN_OF_SAMPLER:
        return f"++sampler.options.{last}={value}"
    if any(key.startswith(f"{section}.") for section in OPEN_SECTIONS):
        return f"++{key}={value}"
    return line


def option_lines(options: DictConfig) -> dict[str, str]:
    """Overrides that say the same as `hydra.sweeper`, each with the place that the user wrote it in."""
    lines: dict[str, str] = {}
    given = _given(options)
    for key, own in OWN_KEY.items():
        if key in given:
            lines[f"{own}={text_of(given[key])}"] = f"hydra.sweeper.{key}"
    if given.get("direction") is not None and not isinstance(given["direction"], list):
        lines[f"task.direction={str(given['direction']).lower()}"] = "hydra.sweeper.direction"
    if "n_jobs" in given and _has_slots(options):
        n_jobs = given["n_jobs"]
        lines[f"executor.max_jobs={'null' if n_jobs == NO_CAP else text_of(n_jobs)}"] = "hydra.sweeper.n_jobs"
    for line in sampler_lines(given.get("sampler")):
        lines[line] = "hydra.sweeper.sampler"
    return lines


def metric_lines(options: DictConfig, metrics: Sequence[str]) -> dict[str, str]:
    """`study.metrics` with the several directions of `hydra.sweeper.direction`, if there are several.

    Raises UserError where they are not as many.
    """
    directions = _given(options).get("direction")
    if not isinstance(directions, list):
        return {}
    if len(directions) != len(metrics):
        problem = f"got {len(directions)} directions; expected one for each of study.metrics"
        raise UserError(Fault("hydra.sweeper.direction", problem, "Write study.metrics=['a:max','b:min']."))
    pairs = zip(metrics, directions, strict=True)
    named = [f"{metric.partition(':')[0]}:{str(direction).lower()}" for metric, direction in pairs]
    return {f"study.metrics={text_of(named)}": "hydra.sweeper.direction"}


def option_warnings(options: DictConfig) -> list[str]:
    """What the user configured here that has no effect."""
    given = _given(options)
    unknown = [
        f"hydra.sweeper.{key}: unknown to this sweeper, has no effect" for key in given if key not in HANDLED
    ]
    if given.get("n_jobs", 1) not in (1, NO_CAP) and not _has_slots(options):
        unknown.append("hydra.sweeper.n_jobs: has no effect, this executor runs one job at a time")
    return unknown


def _has_slots(options: DictConfig) -> bool:
    """Whether the executor of the configuration that `options` are part of may run several jobs at a time."""
    executor = OmegaConf.select(options, "...executor")  # the dots lead from hydra.sweeper to the root
    return executor is not None and "max_jobs" in executor


def params_of(options: DictConfig) -> dict[str, Any]:
    """`hydra.sweeper.params`: override strings by key, still with their `+`; `search_space` is its old form.

    Raises UserError where they are no such sections.
    """
    given = _given(options)
    old = _section(given, "search_space", "{key: {type: float, low: 0, high: 1}}")
    new = _section(given, "params", "{key: override}, as {optimizer.lr: 'interval(1e-4, 1e-2)'}")
    return {key: _domain(key, value) for key, value in old.items()} | dict(_leaves(new))


def _section(given: Mapping[str, Any], name: str, expected: str) -> dict[str, Any]:
    value = given.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise UserError(Fault(f"hydra.sweeper.{name}", f"got {text_of(value)}; expected {expected}"))
    return {str(key): item for key, item in (value or {}).items()}


def _leaves(params: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """Each key with its dots: `{optimizer: {lr: ...}}` is what `optimizer.lr` becomes on a command line."""
    for key, value in params.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _domain(key: str, value: Any) -> str:
    """`{type: float, low: 1, high: 2, log: true}` in Hydra's grammar.

    `high` is in it, as it was there: a range in Hydra's grammar leaves its stop out.
    """
    where = f"hydra.sweeper.search_space.{key}"
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "categorical" and isinstance(value.get("choices"), list) and value["choices"]:
        return f"choice({','.join(text_of(one) for one in value['choices'])})"
    if kind in ("int", "float") and {"low", "high"} <= value.keys():
        inner = _numbers(kind, value)
        return f"tag(log,{inner})" if value.get("log") else inner
    problem = f"got {text_of(value)}; expected a type (float, int, categorical) with low and high, or choices"
    raise UserError(Fault(where, problem, "Or write it as hydra.sweeper.params, in Hydra's grammar."))


def _numbers(kind: str, value: Mapping[str, Any]) -> str:
    low, high = value["low"], value["high"]
    step = value.get("step") or (1 if kind == "int" else None)
    if step is None:
        return f"interval({low},{high})"
    try:
        start, stop, width = (Decimal(str(number)) for number in (low, high, step))
        behind = start + (stop - start) // width * width + width / 2
        return f"range({low},{math.ceil(behind) if kind == 'int' else behind},{step})"
    except (ArithmeticError, ValueError):
        return f"range({low},{high},{step})"  # what is no number is refused where it is parsed


def sampler_lines(node: Any) -> list[str]:
    """The `sampler` section that a `_target_` node stands for; a node without one changes our own section."""
    if not node:
        return []
    if not isinstance(node, Mapping):
        return [f"sampler={text_of(node)}"]
    target = node.get("_target_")
    options = {key: value for key, value in node.items() if key not in (*NODE_DIRECTIVES, "seed")}
    name = SAMPLER_OF_CLASS.get(str(target).rpartition(".")[2], "custom") if target else None
    lines = [f"sampler={name}"] if name else []
    if name == "custom":
        lines.append(f"sampler.options._target_={text_of(target)}")
    if name == "grid":
        options.pop("search_space", None)  # ours is the swept keys
    if node.get("seed") is not None:
        lines.append(f"sampler.seed={text_of(node['seed'])}")
    return lines + [f"++sampler.options.{key}={text_of(value)}" for key, value in options.items()]


def sampler_of_node(node: Any) -> dict[str, Any]:
    """The section `sampler` that the node of an app stands for; options that are null are left out."""
    given: dict[str, Any] = {"name": node} if isinstance(node, str) else dict(node or {})
    target = given.get("_target_")
    options = {
        key: value
        for key, value in given.items()
        if key not in (*NODE_DIRECTIVES, *OWN_OF_SAMPLER) and value is not None
    } | dict(given.get("options") or {})
    name = (
        SAMPLER_OF_CLASS.get(str(target).rpartition(".")[2], "custom") if target else given.get("name", "tpe")
    )
    if name == "custom":
        options["_target_"] = target or options.get("_target_")
    if name == "grid":
        options.pop("search_space", None)  # ours is the swept keys
    return {"name": name, "seed": given.get("seed") or 0, "options": options}


def _given(options: DictConfig) -> dict[str, Any]:
    """What has a value of its own: neither null nor an interpolation of ours."""
    own = [str(key) for key in options if not OmegaConf.is_interpolation(options, str(key))]
    plain = OmegaConf.to_container(OmegaConf.masked_copy(options, own), resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if value is not None}
