"""Where a sweep compared nothing: candidates that equal the baseline, swept keys that changed no figure.

Two runs were not compared where all objectives are equal, to the last digit, or where both keep a model of a
step before `warmup_steps`, up to which a candidate is its baseline. They are the same where all figures and
records are equal; otherwise the metric does not tell them apart.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from sweeper.findings import Comparison
from sweeper.layout import RunFolder
from sweeper.records import read_records
from sweeper.results import Judgement, RunResult, StudyResult, TrialResult
from sweeper.wording import plural

NOTHING_COMPARED = "nothing was compared"
"""The verdict on a best candidate that equals the baseline."""
WARMUP = "warmup_steps"
ADVICE_WARMUP = "Train longer (trainer.max_steps or trainer.epochs), or lower {key}"
ADVICE = "Check that what is swept is switched on, and acts within the steps that are trained"
ADVICE_METRIC = (
    "Other figures differ, which {metric} does not show: train longer, or choose another study.metrics"
)


@dataclass(frozen=True)
class Idle:
    """What compared nothing.

    `numbers`: the candidates that equal the baseline on every seed that both completed; `others` are those
    of them whose other figures or records differ. `warmups`: by candidate, `key=steps` where a warm-up
    explains it. `partly`: of candidates that equal the baseline on some seeds, equal runs and all. `keys`:
    swept without any effect.
    """

    numbers: tuple[int, ...] = ()
    warmups: Mapping[int, str] | None = None
    partly: Mapping[int, tuple[int, int]] | None = None
    keys: tuple[str, ...] = ()
    others: tuple[int, ...] = ()


def contestants(trials: Sequence[TrialResult], baseline: TrialResult) -> Sequence[TrialResult]:
    """The trials without those that are the baseline again, unless there is no other candidate."""
    others = [trial for trial in trials if trial is baseline or not is_again(trial, baseline)]
    return others if any(trial.spec.role == "candidate" for trial in others) else trials


def is_again(trial: TrialResult, baseline: TrialResult) -> bool:
    """Whether a candidate has the baseline's own configuration: a grid that takes the reference in."""
    return trial.spec.role == "candidate" and trial.spec.fingerprint == baseline.spec.fingerprint


def idle_parts(result: StudyResult) -> Idle:
    """What of the study compared nothing."""
    counts, warmups = {}, {}
    for trial in result.candidates:
        number = trial.spec.number
        warmup = _warmup(trial, result.baseline)
        pairs = _pairs(result, trial, result.baseline)
        early = [warmup is not None and _is_kept_by(warmup[1], one, other) for one, other in pairs]
        same = [
            is_early or _score_alike(result, one, other)
            for is_early, (one, other) in zip(early, pairs, strict=True)
        ]
        if any(same):
            counts[number] = (sum(same), len(same))
        if warmup is not None and any(early):
            warmups[number] = f"{warmup[0]}={warmup[1]}"
    numbers = tuple(number for number, (n, of) in counts.items() if n == of)
    partly = {number: count for number, count in counts.items() if number not in numbers}
    acting = [trial for trial in result.candidates if trial.spec.number not in numbers]
    others = tuple(
        trial.spec.number
        for trial in result.candidates
        if trial.spec.number in numbers and not _same_trials(result, trial, result.baseline)
    )
    return Idle(numbers, warmups, partly, _without_effect(result, acting), others)


def without_comparison(judgement: Judgement, result: StudyResult, idle: Idle) -> Judgement:
    """The judgement, which does not call equal what was never apart."""
    notes = (*judgement.notes, *_notes(judgement, result, idle))
    comparisons = {
        number: tuple(_bare(one) for one in found) if number in idle.numbers else found
        for number, found in judgement.comparisons.items()
    }
    changed = replace(judgement, notes=notes, comparisons=comparisons)
    is_all = bool(idle.numbers) and len(idle.numbers) == len(result.candidates)
    if judgement.best not in idle.numbers and not (judgement.front is not None and is_all):
        return changed
    confirmation = judgement.confirmation
    if confirmation is not None:
        unknown = dict.fromkeys(("ci_low", "ci_high", "p_value", "df", "seeds_needed_for_min_effect"))
        confirmation = confirmation.model_copy(update=unknown)
    sentence = _sentence(judgement, result, idle, is_all=is_all)
    return replace(changed, verdict=NOTHING_COMPARED, sentence=sentence, confirmation=confirmation)


def _sentence(judgement: Judgement, result: StudyResult, idle: Idle, *, is_all: bool) -> str:
    names = {trial.spec.number: trial.spec.name for trial in result.candidates}
    number = idle.numbers[0] if judgement.best is None else judgement.best
    warmup = (idle.warmups or {}).get(number)
    who = f"{names[number]}, the best candidate on validation, equals"
    if is_all:
        who = "the only candidate equals" if len(names) == 1 else f"all {len(names)} candidates equal"
    if warmup is not None:
        how = f"the kept models are of steps before {warmup}, up to which a candidate is its baseline"
        return f"Nothing was compared: {who} the baseline, since {how}. {_advice(warmup)}."
    if number in idle.others:
        metric = " and ".join(objective.metric for objective in result.objectives)
        advice = ADVICE_METRIC.format(metric=metric)
        return (
            f"Nothing was compared: {who} the baseline in {metric} to the last digit on every seed. {advice}."
        )
    return f"Nothing was compared: {who} the baseline to the last digit on every seed. {ADVICE}."


def _advice(warmup: str) -> str:
    return ADVICE_WARMUP.format(key=warmup.partition("=")[0])


def _notes(judgement: Judgement, result: StudyResult, idle: Idle) -> list[str]:
    names = {trial.spec.number: trial.spec.name for trial in result.candidates}
    notes = []
    again = {trial.spec.number for trial in result.candidates if is_again(trial, result.baseline)}
    if again:
        listed = _listed([names[number] for number in sorted(again)])
        notes.append(f"{listed}: the baseline again, and so no candidate.")
    if silent := [number for number in idle.numbers if number not in again]:
        listed = _listed([names[number] for number in silent])
        notes.append(
            f"Nothing was compared for {listed}: equal to the baseline on every seed, to the last "
            "digit or by a kept model from before the warm-up's end."
        )
    if (found := (idle.partly or {}).get(judgement.best or 0)) is not None:
        warmup = (idle.warmups or {}).get(judgement.best or 0)
        why = f": its kept model is of a step before {warmup}. {_advice(warmup)}" if warmup else ""
        notes.append(
            f"In {found[0]} of {found[1]} runs {names[judgement.best or 0]} equals the baseline, so that "
            f"nothing was compared there{why}."
        )
    if idle.keys:
        notes.append(
            f"{_listed(idle.keys)}: swept without any effect; candidates that differ in nothing else have "
            "the same figures on every seed, to the last digit."
        )
    return notes


def _bare(compared: Comparison | None) -> Comparison | None:
    return compared and Comparison(difference=compared.difference, improvement=compared.improvement)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {plural(len(names) - 4, 'other')}"


def _pairs(result: StudyResult, one: TrialResult, other: TrialResult) -> list[tuple[RunResult, RunResult]]:
    """The runs of both on each seed that both completed."""
    pairs = [
        (one.runs[seed], other.runs[seed])
        for seed in (*result.seeds, *result.confirm_seeds)
        if seed in one.runs and seed in other.runs
    ]
    return [pair for pair in pairs if all(run.state == "COMPLETE" for run in pair)]


def _score_alike(result: StudyResult, one: RunResult, other: RunResult) -> bool:
    """Whether all objectives of two runs are equal on validation and test."""
    keys = [f"{split}/{objective.metric}" for objective in result.objectives for split in ("val", "test")]
    known = [key for key in keys if key in one.metrics and key in other.metrics]
    return bool(known) and all(one.metrics[key] == other.metrics[key] for key in known)


def _are_equal(one: RunResult, other: RunResult, trials: tuple[TrialResult, TrialResult]) -> bool:
    """Whether all figures that both runs of these trials have are equal, and any records."""
    keys = one.metrics.keys() & other.metrics.keys()
    differing = {key.partition("/")[2] for key in keys if one.metrics[key] != other.metrics[key]}
    if differing == {key.partition("/")[2] for key in keys} or (differing and differing - _echoes(*trials)):
        return False
    if one.folder is None or other.folder is None or one.folder == other.folder:
        return True
    mine, theirs = (read_records(RunFolder(run.folder).records) for run in (one, other) if run.folder)
    if not mine or not theirs:
        return True
    return all(np.array_equal(mine[name], theirs[name]) for name in mine.keys() & theirs.keys())


def _echoes(*trials: TrialResult) -> set[str]:
    """Figures that only repeat a parameter: `aux_focal_lambda` is `aux_focal.lambda`."""
    return {key.replace(".", "_") for trial in trials for key in _dotted(trial.spec.config)}


def _dotted(config: Mapping[str, Any], prefix: str = "") -> Iterable[str]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _warmup(trial: TrialResult, baseline: TrialResult) -> tuple[str, int] | None:
    """Key and steps of a warm-up up to which the trial is the baseline; None where it differs otherwise."""
    mine, theirs = trial.spec.config, baseline.spec.config
    changed = [key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key)]
    section = mine.get(changed[0]) if len(changed) == 1 else None
    steps = section.get(WARMUP) if isinstance(section, Mapping) else None
    return (f"{changed[0]}.{WARMUP}", steps) if isinstance(steps, int) and steps > 0 else None


def _is_kept_by(step: int, *runs: RunResult) -> bool:
    return all(0 < run.best_step <= step for run in runs)


def _without_effect(result: StudyResult, candidates: Sequence[TrialResult]) -> tuple[str, ...]:
    """Swept keys in which candidates differ that are equal otherwise, and in all their figures."""
    known = [trial for trial in candidates if trial.state == "COMPLETE"]
    keys = sorted({key for trial in known for key in trial.spec.params})
    if len(known) > 1 and all(_same_trials(result, *pair) for pair in pairwise(known)):
        return tuple(key for key in keys if len({_value(trial, key) for trial in known}) > 1)
    return tuple(key for key in keys if _is_idle(result, known, key))


def _is_idle(result: StudyResult, known: Sequence[TrialResult], key: str) -> bool:
    alike: dict[str, dict[str, TrialResult]] = {}
    for trial in known:
        rest = {name: value for name, value in trial.spec.params.items() if name != key}
        alike.setdefault(json.dumps(rest, sort_keys=True), {})[_value(trial, key)] = trial
    groups = [list(group.values()) for group in alike.values() if len(group) > 1]
    return bool(groups) and all(_same_trials(result, *pair) for group in groups for pair in pairwise(group))


def _value(trial: TrialResult, key: str) -> str:
    return json.dumps(trial.spec.params.get(key), sort_keys=True)


def _same_trials(result: StudyResult, one: TrialResult, other: TrialResult) -> bool:
    pairs = _pairs(result, one, other)
    return bool(pairs) and all(_are_equal(*pair, (one, other)) for pair in pairs)
