"""A study's result for programs, as a model and as the JSON object in `summary.json`. Pure.

In the model everything that belongs to an objective is a list with one value an objective, also where there
is one objective. In the file a study with one objective has plain values in their place. `as_json` and
`from_json` are each other's inverse, and nobody else knows of the two shapes.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from sweeper.findings import (
    Alarm,
    Attribution,
    Comparison,
    Comparisons,
    Confirmation,
    Decision,
    Ensemble,
    GuardResult,
    Look,
    PairBudget,
    Pairs,
    is_refused,
)
from sweeper.models import Direction, LenientModel, Number
from sweeper.results import ENDED, JudgedOn, Objective, RunState, Totals
from sweeper.trial import Role
from sweeper.verdict import CriterionResult

SCHEMA_VERSION: Literal[1] = 1
"""Of the file. One that does not tell its own has this one."""

Values = tuple[Number, ...]
"""One value an objective; empty where nothing is known."""
PerSeed = dict[int, Values]
Phase = Literal["screening", "confirmation", "attribution", "unused"]
"""What a run was trained for; `unused`: on a seed that neither choice nor verdict rests on any more."""


class DataEntry(LenientModel):
    """What the study's data are called, their digest, and whether they are real."""

    name: str | None = None
    digest: str | None = None
    real: bool | None = None


class BaselineEntry(LenientModel):
    """The baseline on the screening seeds.

    `value` is the mean of `per_seed`, on validation; `test` and `train` are means on these splits.
    """

    trial: int
    name: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    value: Values = ()
    per_seed: PerSeed = Field(default_factory=dict)
    test: Values = ()
    train: Values = ()


class BestEntry(LenientModel):
    """The best candidate, or a trial of the front, on the screening seeds; values as in `BaselineEntry`.

    Only a trial of the front has `comparisons`: the best candidate has the confirmation.
    """

    trial: int
    name: str
    params: dict[str, JsonValue] = Field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    value: Values = ()
    per_seed: PerSeed = Field(default_factory=dict)
    test: Values = ()
    train: Values = ()
    comparisons: Comparisons = ()


class RunEntry(LenientModel):
    """How one run of a trial ended, and what went wrong on the way (`incidents`)."""

    seed: int
    phase: Phase
    state: RunState
    reason: str | None = None
    attempt: int = 1
    steps_trained: int = 0
    steps_inherited: int = 0
    seconds: Number = 0.0
    device: str = ""
    incidents: tuple[str, ...] = ()


class TrialEntry(LenientModel):
    """One trial, values as in `BaselineEntry`.

    Only a complete trial has a value: the mean of the seeds that another did finish says nothing.
    `max_steps` are those of a full run; `pruned_at` is the step at which the first pruned run ended.
    `parent` and `rule` are those of a follow-up; `alarms` what the monitor found in the trial's runs.
    """

    trial: int
    name: str
    role: Role
    state: RunState
    reason: str | None = None
    params: dict[str, JsonValue] = Field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    fingerprint: str = ""
    value: Values = ()
    per_seed: PerSeed = Field(default_factory=dict)
    test: Values = ()
    train: Values = ()
    success: tuple[CriterionResult, ...] = ()
    comparisons: Comparisons = ()
    steps_trained: int = 0
    steps_inherited: int = 0
    seconds: Number = 0.0
    warnings: tuple[str, ...] = ()
    max_steps: int | None = None
    pruned_at: int | None = None
    runs: tuple[RunEntry, ...] = ()
    parent: int | None = None
    rule: str = ""
    alarms: tuple[Alarm, ...] = ()


class Provenance(LenientModel):
    """Where a result comes from; what else was recorded of it is kept."""

    model_config = ConfigDict(extra="allow")

    command: str | None = None
    git_sha: str | None = None
    git_dirty: bool | None = None
    code_hash: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    threads: int | None = None
    cpu: str | None = None
    started: str | None = None
    finished: str | None = None


class Trivial(LenientModel):
    """The trivial predictor, in words, and its figures on test, one for each objective.

    `margin`: by how much the baseline is better (negative: worse), None without a baseline's figure.
    """

    predictor: str
    test: tuple[Number | None, ...]
    margin: tuple[Number | None, ...]


class PlanEntry(LenientModel):
    """The way that a staged plan has taken."""

    name: str
    decisions: tuple[Decision, ...]


class Summary(LenientModel):
    """The result of a study, or what is known of it so far.

    `metric` and `direction` have an entry for each objective, values in the other entries are in their order.
    `best` is the front of a study with several objectives; with one it holds the best candidate, if there is
    one. `state` is `interrupted` where the study is not over; `has_failed` where failures ended it.
    `notes`: what to know when reading the verdict. `looks`: all confirmations that it was judged by.
    Trials of the role `attribution` stand among `trials`, and are no candidates. `judged_on`: the split that
    all differences are of. `pairs`: how confirmation pairs were spent, where there is more to tell than a
    number; `budgets`: those of all winners so far, where they are not what `looks` say.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    study: str
    task: str
    data: DataEntry = DataEntry()
    metric: tuple[str, ...]
    direction: tuple[Direction, ...]
    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...]
    verdict: str
    baseline: BaselineEntry
    best: tuple[BestEntry, ...]
    confirmation: Confirmation | None
    ensemble: Ensemble | None = None
    trials: tuple[TrialEntry, ...]
    totals: Totals
    provenance: Provenance
    state: Literal["finished", "interrupted"] = "finished"
    stopped_because: str | None = None
    warnings: tuple[str, ...] = ()
    trivial: Trivial | None = None
    notes: tuple[str, ...] = ()
    looks: tuple[Look, ...] = ()
    guards: tuple[GuardResult, ...] = ()
    attribution: Attribution | None = None
    plan: PlanEntry | None = None
    judged_on: JudgedOn = "test"
    pairs: Pairs | None = None
    budgets: tuple[PairBudget, ...] = ()

    @property
    def contestants(self) -> tuple[TrialEntry, ...]:
        """The baseline and the candidates: all trials but those of an attribution."""
        return tuple(trial for trial in self.trials if trial.role != "attribution")

    @property
    def has_failed(self) -> bool:
        """Whether more has failed than is allowed, the baseline, or every run."""
        if self.totals.stops_again:
            return True
        states = self.totals.states
        has_baseline = all(trial.state != "FAILED" for trial in self.trials if trial.role == "baseline")
        return not has_baseline or ("FAILED" in states and "COMPLETE" not in states)

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The metrics with their directions."""
        pairs = zip(self.metric, self.direction, strict=True)
        return tuple(Objective(metric, direction) for metric, direction in pairs)

    @property
    def champions(self) -> frozenset[int]:
        """The numbers of the trials that the study recommends: the best one's, or those of the front.

        None where the winner breaks a guard.
        """
        return frozenset(() if is_refused(self.verdict) else (entry.trial for entry in self.best))

    @property
    def is_multi_objective(self) -> bool:
        """Whether the study has a front rather than a best candidate."""
        return len(self.metric) > 1


COMPARED = tuple(Comparison.model_fields)
"""The keys of comparisons, which stand among those of their trial in the file."""
VALUES = ("value", "test", "train")


def as_json(summary: Summary) -> dict[str, Any]:
    """The object in `summary.json`.

    `trivial`, `pairs` and `budgets` are there where there are any, `judged_on` where it is `val`.
    """
    document, n = summary.model_dump(mode="json"), len(summary.metric)
    document |= {key: _fold(document[key], n) for key in ("metric", "direction")}
    absent = {"judged_on": summary.judged_on == "test", "pairs": summary.pairs is None}
    absent["budgets"] = not summary.budgets
    document = _without(document, [key for key, is_absent in absent.items() if is_absent])
    document["baseline"] = _entry_as_json(document["baseline"], n)
    document["trials"] = [_entry_as_json(entry, n) for entry in document["trials"]]
    best = [_entry_as_json(entry, n) for entry in document["best"]]
    document["best"] = best if n > 1 else _without(best[0], COMPARED) if best else None
    if summary.trivial is None:
        return _without(document, ["trivial"])
    document["trivial"] |= {key: _fold(document["trivial"][key], n) for key in ("test", "margin")}
    return document


def from_json(document: Mapping[str, Any]) -> Summary:
    """The summary in such an object, also in one that an earlier version of this program wrote.

    Raises pydantic's ValidationError where there is none.
    """
    found = dict(document)
    for key in found.keys() & {"metric", "direction", "best"}:
        found[key] = _unfold(found[key])
    for key in found.keys() & {"baseline", "best", "trials"}:
        found[key] = _each_entry(found[key])
    if isinstance(trivial := document.get("trivial"), dict):
        test, margin = (_unfold(trivial.get(key)) for key in ("test", "margin"))
        found["trivial"] = trivial | {"test": test, "margin": margin or [None] * len(test)}
    return _of_today(Summary.model_validate(found))


def _of_today(summary: Summary) -> Summary:
    """What the first files lack, from what they have: all their runs were complete."""
    new: dict[str, Any] = {}
    if "state" not in summary.model_fields_set:
        has_ended = all(trial.state in ENDED for trial in summary.trials)
        new["state"] = "finished" if has_ended else "interrupted"
    if "states" not in summary.totals.model_fields_set:
        new["totals"] = summary.totals.model_copy(update={"states": {"COMPLETE": summary.totals.runs}})
    return summary.model_copy(update=new)


def _entry_as_json(entry: Mapping[str, Any], n: int) -> dict[str, Any]:
    """A baseline, best or trial of a study with `n` objectives."""
    document: dict[str, Any] = {}
    for key, value in entry.items():
        if key == "per_seed":
            document[key] = {seed: _fold(values, n) for seed, values in value.items()}
        elif key == "comparisons":
            document |= {name: _fold([one and one[name] for one in value], n) for name in COMPARED}
        else:
            document[key] = _fold(value, n) if key in VALUES else value
    return document


def _each_entry(entries: Any) -> Any:
    """The entry, or each in a list of them, as the model has it, which will refuse what is no object."""
    if isinstance(entries, list):
        return [_each_entry(entry) for entry in entries]
    return _entry_from_json(entries) if isinstance(entries, dict) else entries


def _entry_from_json(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = {**entry, **{key: _unfold(entry.get(key)) for key in VALUES}}
    if isinstance(per_seed := entry.get("per_seed"), dict):
        found["per_seed"] = {seed: _unfold(value) for seed, value in per_seed.items()}
    rows = zip_longest(*(_unfold(entry.get(key)) for key in COMPARED))
    found["comparisons"] = [None if row[0] is None else dict(zip(COMPARED, row, strict=True)) for row in rows]
    return found


def _fold(values: Sequence[Any], n: int) -> Any:
    """Values of `n` objectives as in the file: plain with one objective, null where nothing is known."""
    if not values:
        return None
    return values[0] if n == 1 else values


def _unfold(value: Any) -> list[Any]:
    """The inverse of `_fold`."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _without(document: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}
