"""What is told to a tracking server about a run, in plain values: params, tags, metric points."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from posixpath import normpath
from typing import Any

from sweeper.errors import redact, sentences
from sweeper.reports import Evaluation, Summary, TrialEntry, flatten
from sweeper.results import RunResult
from sweeper.trial import TrialSpec
from sweeper.verdict import check_criteria, criteria_of, n_met_in_words, result_lines

MAX_PARAMS = 100
MAX_VALUE_LENGTH = 250
MAX_TAG_LENGTH = 5000
OUTCOMES = ("final/", "run/")
"""Metrics of a run that ended, not of an evaluation."""
HIDDEN_SECTIONS = ("task.", "data.preset.")
"""They say nothing about a run: facts of the task, and presets, whose values stand where they are used."""


@dataclass(frozen=True)
class Point:
    """One metric at one step; `time_ms` since the epoch."""

    key: str
    value: float
    step: int
    time_ms: int


@dataclass(frozen=True)
class Moment:
    """When a run was at a step; `time_ms` since the epoch."""

    step: int
    time_ms: int


@dataclass(frozen=True)
class Update:
    """What one call adds to a run."""

    points: list[Point] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: "Update") -> "Update":
        """Both in one call."""
        return Update([*self.points, *other.points], self.tags | other.tags)


def run_key(study: str, trial: int, seed: int) -> str:
    """The name under which a run is found again."""
    return f"{study}/{trial}/{seed}"


def run_params(spec: TrialSpec, seed: int) -> dict[str, str]:
    """The seed, the swept params, then all plain values of the configuration that fit in one batch."""
    config = {key: value for key, value in flatten(spec.config).items() if not isinstance(value, list)}
    shown = {key: value for key, value in config.items() if not key.startswith(HIDDEN_SECTIONS)}
    params = {"seed": seed, **spec.params, **{k: v for k, v in shown.items() if k not in spec.params}}
    return {legal_name(key): _text(value) for key, value in list(params.items())[:MAX_PARAMS]}


def run_tags(study: str, spec: TrialSpec, seed: int, git_sha: str | None) -> dict[str, str]:
    """What identifies a run."""
    return {
        "mlflow.runName": f"{spec.number} {spec.name} seed {seed}",
        "sweeper.kind": "run",
        "sweeper.run": run_key(study, spec.number, seed),
        "sweeper.study": study,
        "sweeper.trial": str(spec.number),
        "sweeper.name": spec.name,
        "sweeper.role": spec.role,
        "sweeper.seed": str(seed),
        "sweeper.fingerprint": spec.fingerprint,
        **({} if spec.parent is None else {"sweeper.parent": str(spec.parent), "sweeper.rule": spec.rule}),
        **source_tags(git_sha),
    }


def afterthoughts(summary: Summary, trial: TrialEntry, seed: int) -> dict[str, str]:
    """Tags of a run that are known when the study ends: what the monitor found in it, what followed up."""
    found = [f"{one.rule}: {sentences(one.text, one.say)}" for one in trial.alarms if one.seed == seed]
    after = [f"{one.trial} {one.name}" for one in summary.trials if one.parent == trial.trial]
    told = {"sweeper.alarms": "\n".join(found), "sweeper.follow_ups": ", ".join(after)}
    return {key: text[:MAX_TAG_LENGTH] for key, text in told.items() if text}


def source_tags(git_sha: str | None) -> dict[str, str]:
    """Program and commit, also where MLflow shows them."""
    source = {"mlflow.source.name": "python -m sweeper", "mlflow.source.type": "LOCAL"}
    return source | ({"sweeper.git_sha": git_sha, "mlflow.source.git.commit": git_sha} if git_sha else {})


def end_update(spec: TrialSpec, run: RunResult, time_ms: int) -> Update:
    """How a run ended: its cost, and `final/<split>/<name>`, the metrics of the model that was kept."""
    costs = {"seconds": run.seconds, "steps_trained": run.steps_trained, "best_step": run.best_step}
    repeated = param_fields(spec)
    final = {f"final/{key}": x for key, x in run.metrics.items() if key.partition("/")[2] not in repeated}
    named = {**final, **{f"run/{key}": float(value) for key, value in costs.items()}}
    tags = {
        "state": run.state,
        "reason": redact(run.reason or "")[:MAX_TAG_LENGTH],
        "attempt": str(run.attempt),
        "device": run.device,
        "incidents": redact("\n".join(run.incidents))[:MAX_TAG_LENGTH],
        **_success(spec, run),
    }
    return Update(
        [Point(legal_name(key), value, run.best_step, time_ms) for key, value in named.items()],
        {f"sweeper.{key}": text for key, text in tags.items()},
    )


def _success(spec: TrialSpec, run: RunResult) -> dict[str, str]:
    """How many of its configuration's criteria a complete run meets, and which."""
    results = check_criteria(criteria_of(spec.config), run.metrics.get) if run.state == "COMPLETE" else []
    text = "\n".join(result_lines(results))[:MAX_TAG_LENGTH]
    return {"success": n_met_in_words(results), "success_criteria": text} if results else {}


def summary_numbers(summary: Summary) -> dict[str, float]:
    """The figures of a study that a table of studies should show; of a front, those of the baseline.

    With several objectives a name ends in its metric: `baseline/value/auprc`.
    """
    found = {f"totals/{key}": value for key, value in summary.totals.model_dump().items()}
    found |= summary.confirmation.model_dump() if summary.confirmation else {}
    found |= _by_objective(summary, "baseline/value", summary.baseline.value)
    found |= _by_objective(summary, "baseline/test", summary.baseline.test)
    for best in () if summary.is_multi_objective else summary.best:
        found |= _by_objective(summary, "best/value", best.value)
        found |= _by_objective(summary, "best/test", best.test)
    for guard in summary.guards:
        figures = guard.model_dump(include={"difference", "ci_low", "ci_high"})
        found |= {f"guards/{guard.metric}/{key}": value for key, value in figures.items()}
    if summary.ensemble:
        shown = {"val", "test", "difference", "improvement", "ci_low", "ci_high"}
        figures = summary.ensemble.model_dump(include=shown)
        found |= {f"ensemble/{key}": value for key, value in figures.items()}
    if summary.attribution:
        groups = summary.attribution.groups
        found |= {f"attribution/{group.name}": group.improvement for group in groups}
    return {key: float(value) for key, value in found.items() if isinstance(value, int | float)}


def plan_in_words(summary: Summary) -> str:
    """`mine: first > last > stop`: the stages of a plan that were tried; empty where there are none."""
    if summary.plan is None or not summary.plan.decisions:
        return ""
    last = summary.plan.decisions[-1].go or "not over"
    return f"{summary.plan.name}: {' > '.join((*(one.stage for one in summary.plan.decisions), last))}"


def guards_in_words(summary: Summary) -> str:
    """`ctr_auc >= -0.002: held`, a line each."""
    return "\n".join(f"{one.guard}: {one.state}" for one in summary.guards)[:MAX_TAG_LENGTH]


def _by_objective(summary: Summary, name: str, values: Sequence[float]) -> dict[str, Any]:
    ends = [f"/{metric}" for metric in summary.metric] if summary.is_multi_objective else [""]
    return {f"{name}{end}": value for end, value in zip(ends, values, strict=False)}


def param_fields(spec: TrialSpec) -> set[str]:
    """Fields of a metrics line that only repeat a parameter: `aux_focal_lambda` is `aux_focal.lambda`."""
    return {key.replace(".", "_") for key in flatten(spec.config)}


def points(evaluations: Sequence[Evaluation], since: Moment, until: Moment) -> list[Point]:
    """The metrics of evaluations; between two moments that are known, time goes evenly with the steps."""
    per_step = (until.time_ms - since.time_ms) / max(until.step - since.step, 1)
    return [
        Point(legal_name(key), value, e.step, since.time_ms + int(per_step * (e.step - since.step)))
        for e in evaluations
        for key, value in e.metrics.items()
    ]


@dataclass(frozen=True)
class Logged:
    """Up to which step of each split a run's metrics are logged, and the time of the last of them."""

    steps: Mapping[str, int]
    time_ms: int

    @classmethod
    def read(cls, tags: Mapping[str, str], start_ms: int) -> "Logged":
        """What `tag` has left in a run's tags; nothing is logged of a run that has only started."""
        found = json.loads(tags.get("sweeper.logged", "{}"))
        return cls(found.get("steps", {}), max(found.get("time_ms", 0), start_ms))

    @property
    def tag(self) -> dict[str, str]:
        """The tag that remembers."""
        return {"sweeper.logged": json.dumps({"steps": self.steps, "time_ms": self.time_ms})}

    @property
    def moment(self) -> Moment:
        """Where logging goes on."""
        return Moment(max(self.steps.values(), default=0), self.time_ms)

    def lacks(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation is not logged yet."""
        return evaluation.step > self.steps.get(evaluation.split, -1)

    def with_point(self, point: Point) -> "Logged":
        """The state when a point is known to be there."""
        split = point.key.partition("/")[0]
        steps = {**self.steps, split: max(point.step, self.steps.get(split, -1))}
        return Logged(steps, max(self.time_ms, point.time_ms))

    def after(self, evaluations: Sequence[Evaluation], found: Sequence[Point]) -> "Logged":
        """The state when these evaluations, and the points made of them, have been logged."""
        steps = {**self.steps, **{e.split: e.step for e in evaluations}}
        return Logged(steps, max([self.time_ms, *(point.time_ms for point in found)]))


def updates(evaluations: Sequence[Evaluation], logged: Logged, end_ms: int, limit: int) -> list[Update]:
    """Calls that add evaluations, the last of which came at `end_ms`; each remembers what is logged then."""
    found = []
    for batch in batches(evaluations, limit):
        until = Moment(evaluations[-1].step, max(end_ms, logged.time_ms))
        made = points(batch, logged.moment, until)
        logged = logged.after(batch, made)
        found.append(Update(made, logged.tag))
    return found


def batches(evaluations: Sequence[Evaluation], limit: int) -> Iterator[list[Evaluation]]:
    """Consecutive evaluations with at most `limit` metrics together, unless one alone has more."""
    batch: list[Evaluation] = []
    for evaluation in evaluations:
        if batch and sum(len(e.metrics) for e in [*batch, evaluation]) > limit:
            yield batch
            batch = []
        batch.append(evaluation)
    if batch:
        yield batch


def legal_name(key: str) -> str:
    """`key` with what MLflow refuses in a name replaced; names are paths there, so `a//b` is `a/b`."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-./ :") else "_" for c in key)
    return normpath(safe.strip("/. ") or "_")[:MAX_VALUE_LENGTH]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return redact(text)[:MAX_VALUE_LENGTH]
