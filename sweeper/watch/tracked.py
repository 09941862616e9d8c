"""What is told to a tracking server, in plain values: params, tags, metric points. Pure.

A study is a run, each trial a child of it, each seed of a trial a child of that. The names of metrics:

- `val/auc`, `test/auc`: of the model that was kept; of a trial the mean over its seeds, and `val/auc_std`
- `curve/val/auc`, `curve/train/loss`: what a run said while it trained, by step
- `run/seconds`, `run/steps_trained`, `run/best_step`: what a run has cost; `run/steps_inherited` beside it
  where another run has trained its first steps
- `difference`, and `improvement` with its interval `ci_low`, `ci_high`, which have the sign of the direction:
  of a trial, and in the study's own run of its confirmation
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite, nan
from statistics import fmean, stdev
from typing import Any

from sweeper.errors import redact, sentences
from sweeper.reports import Evaluation, Summary, TrialEntry, flatten
from sweeper.results import RunResult
from sweeper.trial import TrialSpec
from sweeper.verdict import check_criteria, criteria_of, n_met_in_words, result_lines
from sweeper.watch.tracked_curves import Point, Update, legal_name

MAX_PARAMS = 100
MAX_VALUE_LENGTH = 250
MAX_TAG_LENGTH = 5000
IDENTIFYING = ("data", "model", "loss")
"""Sections whose `name` tells what a trial is of."""
FIXED = ("optimizer.", "trainer.", "loss.", "model.", "data.")
"""Sections of which a study's own run has what all its trials share, the most telling first."""
HIDDEN = ("data.preset.", "data.cache_dir")
"""Presets, whose values stand where they are used, and where data lie."""
COMPARED = {"difference", "improvement", "ci_low", "ci_high"}
STEP = "sweeper.step"
LOSS = re.compile(r"(?:^|[^a-z])loss(?:$|[^a-z])", re.I)


@dataclass(frozen=True)
class Shown:
    """Which metrics are logged: those of the objectives and guards, and losses; with `is_all` every one."""

    metrics: frozenset[str]
    is_all: bool = False

    def has_curve(self, key: str) -> bool:
        """Whether `val/auc` is logged by step."""
        name = key.partition("/")[2]
        return self.is_all or name in self.metrics or LOSS.search(name) is not None

    def has_figure(self, key: str) -> bool:
        """Whether `val/auc` is logged of the kept model: without `is_all` on validation and test."""
        split, _, name = key.partition("/")
        return self.is_all or (name in self.metrics and split != "train")


def run_key(study: str, trial: int, seed: int) -> str:
    """The name under which a run is found again."""
    return f"{study}/{trial}/{seed}"


def identifying(task: str, config: Mapping[str, Any]) -> dict[str, str]:
    """`task`, and the names of data, model and loss where the configuration has them."""
    sections = {name: config.get(name) for name in IDENTIFYING}
    named = {name: one.get("name") for name, one in sections.items() if isinstance(one, Mapping)}
    return {"task": task, **{name: _text(value) for name, value in named.items() if value is not None}}


def swept_params(spec: TrialSpec, swept: Collection[str], inactive: Collection[str]) -> dict[str, str]:
    """What a trial has of the parameters that its study sweeps: not those that mean nothing in it.

    What only others sweep means nothing, either, in a section that is not `enabled`.
    """
    plain = flatten(spec.config)
    off = {
        key.removesuffix(".enabled") for key, value in plain.items() if key.endswith(".enabled") and not value
    }
    common = {key: plain[key] for key in swept if key in plain and not is_below(key, off)}
    found = {**common, **spec.params}
    used = {key: value for key, value in found.items() if not is_below(key, inactive)}
    return {legal_name(key): _text(value) for key, value in used.items()}


def fixed_params(config: Mapping[str, Any], left_out: Collection[str]) -> dict[str, str]:
    """The plain values of a configuration that all trials share; at most as many as fit in one call."""
    plain = {key: value for key, value in flatten(config).items() if not isinstance(value, list | type(None))}
    shared = [key for key in plain if not is_below(key, left_out) and not key.startswith(HIDDEN)]
    chosen = [key for section in FIXED for key in shared if key.startswith(section)]
    return {legal_name(key): _text(plain[key]) for key in chosen[:MAX_PARAMS]}


def is_below(key: str, paths: Collection[str]) -> bool:
    """Whether a dotted key is one of these paths, or within one."""
    parts = key.split(".")
    return any(".".join(parts[: i + 1]) in paths for i in range(len(parts)))


def study_tags(study: str, task: str, git_sha: str | None) -> dict[str, str]:
    """What identifies a study's own run."""
    return {
        "mlflow.runName": study,
        "sweeper.kind": "study",
        "sweeper.study": study,
        "sweeper.task": task,
        **source_tags(git_sha),
    }


def trial_tags(study: str, study_run: str, spec: TrialSpec, git_sha: str | None) -> dict[str, str]:
    """What identifies a trial's run, a child of the study's `study_run`."""
    return {
        "mlflow.runName": f"{spec.number} {spec.name}",
        "mlflow.parentRunId": study_run,
        "sweeper.kind": "trial",
        "sweeper.study_run": study_run,
        **_of_trial(study, spec),
        **source_tags(git_sha),
    }


def run_tags(
    study: str, study_run: str, trial_run: str, spec: TrialSpec, seed: int, git_sha: str | None, phase: str
) -> dict[str, str]:
    """What identifies the run of a seed, a child of its trial's; the study's end may know another `phase`."""
    return {
        "mlflow.runName": f"{spec.number} {spec.name} seed {seed}",
        **parent_tags(study_run, trial_run),
        "sweeper.kind": "run",
        "sweeper.run": run_key(study, spec.number, seed),
        "sweeper.seed": str(seed),
        "sweeper.phase": phase,
        **_of_trial(study, spec),
        **source_tags(git_sha),
    }


def parent_tags(study_run: str, trial_run: str) -> dict[str, str]:
    """Where the run of a seed belongs."""
    return {"mlflow.parentRunId": trial_run, "sweeper.study_run": study_run}


def _of_trial(study: str, spec: TrialSpec) -> dict[str, str]:
    return {
        "sweeper.study": study,
        "sweeper.trial": str(spec.number),
        "sweeper.name": spec.name,
        "sweeper.role": spec.role,
        "sweeper.fingerprint": spec.fingerprint,
        **({} if spec.parent is None else {"sweeper.parent": str(spec.parent), "sweeper.rule": spec.rule}),
    }


def afterthoughts(summary: Summary, trial: TrialEntry, seed: int | None) -> dict[str, str]:
    """Tags that are known when the study ends: what the monitor found, what followed up, what a run was for.

    Of a run, or without a `seed` of a trial, which is also told whether it is the champion.
    """
    found = [
        f"{one.rule}: {sentences(one.text, one.say)}" for one in trial.alarms if seed in (None, one.seed)
    ]
    after = [f"{one.trial} {one.name}" for one in summary.trials if one.parent == trial.trial]
    phase = next((run.phase for run in trial.runs if run.seed == seed), "")
    told = {
        "sweeper.alarms": "\n".join(found),
        "sweeper.follow_ups": ", ".join(after),
        "sweeper.phase": phase,
    }
    tags = {key: text[:MAX_TAG_LENGTH] for key, text in told.items() if text}
    is_champion = str(trial.trial in summary.champions).lower()
    return tags if seed is not None else {**tags, "sweeper.champion": is_champion}


def source_tags(git_sha: str | None) -> dict[str, str]:
    """Program and commit, also where MLflow shows them."""
    source = {"mlflow.source.name": "python -m sweeper", "mlflow.source.type": "LOCAL"}
    return source | ({"sweeper.git_sha": git_sha, "mlflow.source.git.commit": git_sha} if git_sha else {})


def figures(spec: TrialSpec, run: RunResult, shown: Shown) -> dict[str, float]:
    """`val/auc` of the model that a complete run has kept."""
    repeated = param_fields(spec)
    metrics = run.metrics.items() if run.state == "COMPLETE" else ()
    return {
        legal_name(key): value
        for key, value in metrics
        if shown.has_figure(key) and key.partition("/")[2] not in repeated
    }


def end_update(spec: TrialSpec, run: RunResult, shown: Shown, time_ms: int) -> Update:
    """How a run ended: the figures of the model that was kept, and what it has cost."""
    costs = {"seconds": run.seconds, "steps_trained": run.steps_trained, "best_step": run.best_step}
    if run.steps_inherited:
        costs["steps_inherited"] = run.steps_inherited
    named = {**figures(spec, run, shown), **{f"run/{key}": float(value) for key, value in costs.items()}}
    tags = {
        "state": run.state,
        "reason": redact(run.reason or "")[:MAX_TAG_LENGTH],
        "attempt": str(run.attempt),
        "device": run.device,
        "incidents": redact("\n".join(run.incidents))[:MAX_TAG_LENGTH],
        **_success(spec, run),
    }
    return Update(
        [Point(key, value, run.best_step, time_ms) for key, value in named.items()],
        {f"sweeper.{key}": text for key, text in tags.items()},
    )


def step_tag(step: int) -> dict[str, str]:
    """At which step figures were logged last: MLflow shows those of the greatest, however old they are."""
    return {STEP: str(step)}


def last_step(tags: Mapping[str, str], metrics: Mapping[str, float]) -> int:
    """The step that `step_tag` told; an earlier version told none, and took how many runs there were."""
    if STEP in tags:
        return int(tags[STEP])
    n_seeds = len(tags["sweeper.seeds"].split(",")) if tags.get("sweeper.seeds") else 0
    return max(n_seeds, int(metrics.get("totals/runs", 0)))


def trial_update(
    by_seed: Mapping[int, Mapping[str, float]], step: int, time_ms: int, known: Collection[str] = ()
) -> Update:
    """Mean and sample standard deviation of the figures of a trial's runs.

    By hand: 0.7 and 0.8 are 0.75 with a deviation of 0.0707. One run has none; what is `known` is withdrawn.
    """
    keys = [key for key in next(iter(by_seed.values()), {}) if all(key in one for one in by_seed.values())]
    n, named = len(by_seed), dict[str, float]()
    for key in keys:
        values = [one[key] for one in by_seed.values()]
        named[key] = fmean(values)
        if n > 1 and all(map(isfinite, values)):
            named[f"{key}_std"] = stdev(values)
        elif f"{key}_std" in known:
            named[f"{key}_std"] = nan
    points = [Point(key, value, step, time_ms) for key, value in named.items()]
    return Update(points, {"sweeper.seeds": ",".join(map(str, sorted(by_seed)))} | step_tag(step))


def is_judgement(key: str) -> bool:
    """Whether a metric of a trial tells how it compares, beside those that are means over its seeds."""
    return key.partition("/")[0] in COMPARED


def comparison_figures(summary: Summary, trial: TrialEntry) -> dict[str, float]:
    """How a trial differs from the baseline on test: `difference`, `improvement`, `ci_low`, `ci_high`.

    With several objectives a name ends in its metric: `difference/auprc`.
    """
    found = dict[str, Any]()
    for metric, one in zip(summary.metric, trial.comparisons, strict=False):
        end = f"/{metric}" if summary.is_multi_objective else ""
        if one is not None:
            told = one.model_dump(include=COMPARED)
            found |= {f"{key}{end}": value for key, value in told.items()}
    return _numbers(found)


def _success(spec: TrialSpec, run: RunResult) -> dict[str, str]:
    """How many of its configuration's criteria a complete run meets, and which."""
    results = check_criteria(criteria_of(spec.config), run.metrics.get) if run.state == "COMPLETE" else []
    text = "\n".join(result_lines(results))[:MAX_TAG_LENGTH]
    return {"success": n_met_in_words(results), "success_criteria": text} if results else {}


def summary_numbers(summary: Summary) -> dict[str, float]:
    """The figures of a study that a table of studies should show; of a front, those of the baseline.

    `val/auc` and `test/auc` are those of its best candidate. With several objectives the other names end in
    their metric: `baseline/value/auprc`.
    """
    found: dict[str, Any] = {f"totals/{key}": getattr(summary.totals, key) for key in ("runs", "train_s")}
    found |= summary.confirmation.model_dump() if summary.confirmation else {}
    found |= _by_objective(summary, "baseline/value", summary.baseline.value)
    found |= _by_objective(summary, "baseline/test", summary.baseline.test)
    for best in () if summary.is_multi_objective else summary.best:
        found |= {f"val/{summary.metric[0]}": value for value in best.value}
        found |= {f"test/{summary.metric[0]}": value for value in best.test}
    for guard in summary.guards:
        told = guard.model_dump(include={"difference", "ci_low", "ci_high"})
        found |= {f"guards/{guard.metric}/{key}": value for key, value in told.items()}
    if summary.ensemble:
        names = {"val", "test", "difference", "improvement", "ci_low", "ci_high"}
        told = summary.ensemble.model_dump(include=names)
        found |= {f"ensemble/{key}": value for key, value in told.items()}
    if summary.attribution:
        groups = summary.attribution.groups
        found |= {f"attribution/{group.name}": group.improvement for group in groups}
    return _numbers(found)


def _numbers(found: Mapping[str, Any]) -> dict[str, float]:
    return {legal_name(key): float(value) for key, value in found.items() if isinstance(value, int | float)}


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


def with_shown(evaluation: Evaluation, shown: Shown) -> Evaluation:
    """The evaluation with the metrics that are logged by step."""
    kept = {key: value for key, value in evaluation.metrics.items() if shown.has_curve(key)}
    return replace(evaluation, metrics=kept)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return redact(text)[:MAX_VALUE_LENGTH]
