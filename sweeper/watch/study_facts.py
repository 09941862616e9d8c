"""What a log says of a study as a whole, from its first word or from its summary."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sweeper.criteria import parse_guard
from sweeper.models import inactive_paths
from sweeper.reports import Summary
from sweeper.results import Objective
from sweeper.schema import RunSettings, Tracking
from sweeper.task import config_of, task_entry
from sweeper.trial import TrialSpec
from sweeper.watch.observers import StudyStart
from sweeper.watch.tracked import Shown

MAX_DIGEST_LENGTH = 36
"""Of a data set, in MLflow."""


@dataclass(frozen=True)
class DataSet:
    """Name and digest of a study's data, and more about them as JSON."""

    name: str
    digest: str
    facts: str


@dataclass(frozen=True)
class StudyFacts:
    """A study by its name, what it optimises, on which seeds it screens, from which data and code.

    `guards` are the metrics that its guards bound, `all_metrics` is `tracking.all_metrics`,
    `has_registry` is `tracking.register_model`.
    """

    study: str
    task: str
    objectives: tuple[Objective, ...]
    seeds: tuple[int, ...]
    guards: tuple[str, ...] = ()
    data: DataSet | None = None
    git_sha: str | None = None
    all_metrics: bool = False
    has_registry: bool = False

    def phase_of(self, role: str, seed: int) -> str:
        """What a run of a trial in this role is begun for."""
        if role == "attribution":
            return role
        return "screening" if seed in self.seeds else "confirmation"

    @property
    def shown(self) -> Shown:
        """Which metrics are logged."""
        names = (*(objective.metric for objective in self.objectives), *self.guards)
        return Shown(frozenset(names), self.all_metrics)


def facts_of_start(start: StudyStart, config: Tracking) -> StudyFacts:
    """What is known when a study begins."""
    guards = (start.config.get("study") or {}).get("guards") or ()
    return StudyFacts(
        study=start.study,
        task=start.task,
        objectives=start.objectives,
        seeds=start.seeds,
        guards=tuple(_bounded(guards)),
        data=_data_set(start.data),
        git_sha=start.provenance.get("git_sha"),
        all_metrics=config.all_metrics,
        has_registry=config.register_model,
    )


def facts_of_summary(summary: Summary, config: Tracking) -> StudyFacts:
    """What the summary of a study tells."""
    return StudyFacts(
        study=summary.study,
        task=summary.task,
        objectives=summary.objectives,
        seeds=summary.seeds,
        guards=tuple(guard.metric for guard in summary.guards),
        data=_data_set(summary.data.model_dump()),
        git_sha=summary.provenance.git_sha,
        all_metrics=config.all_metrics,
        has_registry=config.register_model,
    )


def inactive_in(spec: TrialSpec) -> set[str]:
    """Dotted paths that mean nothing in a trial's configuration; none where nobody can tell."""
    found = set[str]()
    with suppress(ValidationError, KeyError, ImportError, AttributeError):
        settings = RunSettings.model_validate({key: spec.config[key] for key in RunSettings.model_fields})
        found |= inactive_paths(settings, "")
        own = config_of(task_entry(settings.task).config_class(), spec.config)
        found |= own.inactive(spec.max_steps)
    return found


def view_of(facts: StudyFacts, study_run: str, swept: Iterable[str]) -> str:
    """A view of a study's trials in MLflow's table, the best first: what was swept, figures, differences."""
    first = facts.objectives[0]
    metrics = [
        name
        for objective in facts.objectives
        for name in (f"val/{objective.metric}", f"val/{objective.metric}_std", f"test/{objective.metric}")
    ]
    improvement = [name for name in ("improvement", "ci_low", "ci_high") if len(facts.objectives) == 1]
    columns = [
        *(f"params.`{key}`" for key in swept),
        *(f"metrics.`{name}`" for name in (*metrics, *improvement)),
        *(f"tags.`sweeper.{name}`" for name in ("role", "champion")),
    ]
    return json.dumps(
        {
            "searchFilter": f"tags.`sweeper.study_run` = '{study_run}' and tags.`sweeper.kind` = 'trial'",
            "orderByKey": f"metrics.`val/{first.metric}`",
            "orderByAsc": first.direction == "minimize",
            "selectedColumns": columns,
            "columnOrder": columns,
        }
    )


def _bounded(guards: Iterable[str]) -> Iterable[str]:
    for text in guards:
        with suppress(ValueError):
            yield parse_guard(text).metric


def _data_set(data: Mapping[str, Any]) -> DataSet | None:
    """None where the data have no digest."""
    digest = str(data.get("digest") or "").removeprefix("sha256:")
    if not digest or digest == "unknown":
        return None
    facts = {key: data[key] for key in ("digest", "real") if data.get(key) is not None}
    return DataSet(str(data.get("name") or "data"), digest[:MAX_DIGEST_LENGTH], json.dumps(facts))
