"""`hydra.sweeper.*`, as users of hydra-optuna-sweeper write it -> overrides of our own keys.

What still refers to our own keys by interpolation was not touched by the user and gives nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sweeper.errors import Fault, UserError
from sweeper.search import text_of

OWN_KEY = {
    "n_trials": "study.n_trials",
    "study_name": "study.name",
    "storage": "study.storage",
    "max_failure_rate": "study.max_failure_rate",
    "custom_search_space": "study.custom_search_space",
}
HANDLED = {*OWN_KEY, "direction", "sampler", "params", "n_jobs", "_target_", "_recursive_"}

NO_CAP = -1
"""What joblib and its users write for "as many as there are"."""

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


def option_lines(options: DictConfig) -> dict[str, str]:
    """Overrides that say the same as `hydra.sweeper`, each with the place that the user wrote it in."""
    lines: dict[str, str] = {}
    given = _given(options)
    for key, own in OWN_KEY.items():
        if key in given:
            lines[f"{own}={text_of(given[key])}"] = f"hydra.sweeper.{key}"
    if isinstance(given.get("direction"), str):
        lines[f"task.direction={given['direction'].lower()}"] = "hydra.sweeper.direction"
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
    """`hydra.sweeper.params`: override strings by key, still with their `+`."""
    params = _given(options).get("params") or {}
    return {str(key): value for key, value in params.items()}


def sampler_lines(node: Mapping[str, Any] | None) -> list[str]:
    """The `sampler` section that a `_target_` node stands for; a node without one changes our own section."""
    if not node:
        return []
    target = node.get("_target_")
    options = {key: value for key, value in node.items() if key not in ("_target_", "_convert_", "seed")}
    name = SAMPLER_OF_CLASS.get(str(target).rpartition(".")[2], "custom") if target else None
    lines = [f"sampler={name}"] if name else []
    if name == "custom":
        lines.append(f"sampler.options._target_={text_of(target)}")
    if name == "grid":
        options.pop("search_space", None)  # ours is the swept keys
    if node.get("seed") is not None:
        lines.append(f"sampler.seed={text_of(node['seed'])}")
    return lines + [f"++sampler.options.{key}={text_of(value)}" for key, value in options.items()]


def _given(options: DictConfig) -> dict[str, Any]:
    """What has a value of its own: neither null nor an interpolation of ours."""
    own = [str(key) for key in options if not OmegaConf.is_interpolation(options, str(key))]
    plain = OmegaConf.to_container(OmegaConf.masked_copy(options, own), resolve=False)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items() if value is not None}
