"""`hydra.sweeper.*` of an app -> the settings of its study, and what there is to know of the app itself."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sweeper.config import faults_of, sampler_of_node
from sweeper.errors import Fault, UserError
from sweeper.models import DIRECTIONS, StrictModel, Strings
from sweeper.program_spec import figure_name
from sweeper.schema import PositiveInt, StudySettings
from sweeper.wording import plural

PREFIX = "hydra.sweeper."
OF_PLUGIN = {
    "study.name": "study_name",
    "study.storage": "storage",
    "study.n_trials": "n_trials",
    "study.custom_search_space": "custom_search_space",
    "study.max_failure_rate": "max_failure_rate",
    "executor.max_jobs": "n_jobs",
    "task.direction": "direction",
    "task.metric": "app.metric",
    "task.baseline": "study.baseline",
}
"""Where users of hydra-optuna-sweeper write what our own configuration calls so."""
M = TypeVar("M", bound=BaseModel)

SECTIONS = ("study", "sampler", "pruner", "executor", "tracking")
NO_CAP = -1
"""What joblib and its users write for "as many as there are"."""


class Resume(StrictModel):
    """How an interrupted run goes on: the override that names a file of its earlier attempt."""

    key: str
    file: str


class AppOptions(StrictModel):
    """What there is to know of an app beside its configuration; defaults are in the plugin's YAML."""

    seed_key: str | None
    metric: str | Strings | None
    test_metric: str | None
    ignore: Strings
    data_files: Strings
    code: bool
    total_steps: PositiveInt | None
    report_every: PositiveInt
    prefork: bool
    resume: Resume | None


@dataclass(frozen=True)
class Options:
    """The section of the app, and what is left of `hydra.sweeper`, by our own sections."""

    app: AppOptions
    given: Mapping[str, Any]

    def settings(
        self, name: str, seed: int, metrics: Sequence[str], seeds: Sequence[int] | None
    ) -> StudySettings:
        """The settings of a study of the app `name`. Raises UserError with all that is wrong."""
        directions = _directions(self.given.get("direction"))
        if len(directions) not in (1, len(metrics)):
            judged_by = f"{plural(len(metrics), 'metric')} ({', '.join(metrics)})"
            problem = f"got {len(directions)} directions for {judged_by}"
            advice = "Name as many in hydra.sweeper.app.metric=[...]"
            raise UserError(Fault("hydra.sweeper.direction", f"{problem}; expected one for each", advice))
        study = {"ensemble_top_k": None, "keep_models": "champion", **self.given["study"]}
        results = study["results_dir"]
        study |= {
            "name": self.given.get("study_name"),
            "storage": self.given.get("storage") or f"sqlite:///{results}/studies.db",
            "n_trials": self.given.get("n_trials"),
            "custom_search_space": self.given.get("custom_search_space"),
            "max_failure_rate": self.given.get("max_failure_rate"),
            "metrics": _objectives(metrics, directions) if len(metrics) > 1 else None,
            "seeds": study.get("seeds") if seeds is None else list(seeds),
        }
        study["confirm_seeds"] = (
            study["n_seeds"] if study.get("confirm_seeds") is None else study["confirm_seeds"]
        )
        n_jobs = self.given.get("n_jobs")
        executor = dict(self.given["executor"])
        if n_jobs is not None and "max_jobs" in executor:
            executor["max_jobs"] = None if n_jobs == NO_CAP else n_jobs
        config = {
            "task": {
                "name": name,
                "target": None,
                "config_target": None,
                "prepare_target": None,
                "metric": metrics[0],
                "direction": directions[0],
                "baseline": study["baseline"],
                "default_sweep": None,
            },
            "seed": seed,
            "study": study,
            "sampler": sampler_of_node(self.given.get("sampler")),
            "pruner": self.given["pruner"],
            "executor": executor,
            "tracking": self.given["tracking"],
        }
        return _validated(StudySettings, config, "")


def options_of(node: Mapping[str, Any]) -> Options:
    """The options in `hydra.sweeper`, which is resolved. Raises UserError with all that is wrong."""
    known = {*OF_PLUGIN.values(), *SECTIONS, "app", "params", "search_space", "_target_", "_recursive_"}
    if unknown := [key for key in node if key not in known]:
        raise UserError(Fault(f"{PREFIX}{key}", "unknown to this sweeper", "Leave it out") for key in unknown)
    app = _validated(AppOptions, dict(node["app"]), f"{PREFIX}app.")
    return Options(app, {key: value for key, value in node.items() if key != "app"})


def metrics_of(app: AppOptions, config: Mapping[str, Any]) -> tuple[str, ...]:
    """What the app is judged by, by names without a split: its own, `optimized_metric`, or `objective`."""
    given = app.metric if app.metric is not None else config.get("optimized_metric")
    listed = (given,) if isinstance(given, str) else tuple(given or ("objective",))
    return tuple(figure_name(str(one)).partition("/")[2] for one in listed)


def as_in_app(faults: Iterable[Fault]) -> UserError:
    """The faults with the keys as users of an app write them."""
    renamed = (Fault(_renamed(one.where), _renamed(one.problem), _renamed(one.advice)) for one in faults)
    return UserError(dict.fromkeys(renamed))


def _renamed(text: str) -> str:
    """`study.n_seeds` is `hydra.sweeper.study.n_seeds` to an app; what has been renamed stays."""
    pattern = rf"(?<![\w.])({'|'.join(SECTIONS)}|task)\.(\w+)"
    return re.sub(pattern, lambda found: PREFIX + OF_PLUGIN.get(found[0], found[0]), text)


def _directions(given: Any) -> list[str]:
    listed = given if isinstance(given, list | tuple) else [given or "minimize"]
    names = [str(getattr(one, "name", one)).rpartition(".")[2].lower() for one in listed]
    if wrong := [name for name in names if name not in DIRECTIONS]:
        problem = f"got '{wrong[0]}'; expected minimize or maximize"
        raise UserError(Fault("hydra.sweeper.direction", problem))
    return [DIRECTIONS[name] for name in names]


def _objectives(metrics: Sequence[str], directions: Sequence[str]) -> list[str]:
    each = directions if len(directions) > 1 else list(directions) * len(metrics)
    return [f"{name}:{direction}" for name, direction in zip(metrics, each, strict=True)]


def _validated(model: type[M], config: dict[str, Any], where: str) -> M:
    try:
        return model.model_validate(config)
    except ValidationError as error:
        raise UserError(
            Fault(f"{where}{one.where}", one.problem, one.advice.replace(one.where, f"{where}{one.where}"))
            for one in faults_of(error, config, {})
        ) from error
