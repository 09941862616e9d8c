"""A table of patients on its way to the network: checked, split, standardised, encoded. No torch here.

For each split `<split>_numbers` [n, D + M] float32 (D standardised columns, 0 where missing, then M columns
of 1 where one of them is missing), `<split>_categories` [n, F] int32 and `<split>_labels` [n] uint8, the
class by falling number in the training split.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweeper.task import Contents, Count, Fault, UserError, copies_of, refuse_copies
from sweeper_tasks.diagnosis.judged import MANY_CLASSES, judged_classes
from sweeper_tasks.diagnosis.metrics import diagnosis_metrics
from sweeper_tasks.row_copies import frame_digests

Floats = NDArray[np.float64]
SPLITS = ("train", "val", "test")
MAX_CLASSES = 100
MANY_SINGLE = 5
"""Where most classes, and more than this, have one row each, the column is hardly that of a diagnosis."""


@dataclass(frozen=True)
class Cohort:
    """Patients, one a row, from any source.

    `findings`: float64 columns are numbers, all others categories; NaN is missing. `labels` [n] the class
    by its name, `split` [n] 0, 1 or 2 for train, val and test. `known` are further facts; `label` is the
    column that named the classes. `same`: what to do where splits that come with the data are the same rows.
    """

    findings: pd.DataFrame
    labels: NDArray[Any]
    split: NDArray[np.uint8]
    real: bool
    min_count: int = 1
    known: dict[str, Any] = field(default_factory=dict)
    label: str = ""
    same: str = ""
    shared_groups: dict[str, int] = field(default_factory=dict)


def build(cohort: Cohort, folder: Path) -> dict[str, Any]:
    """Write the cohort into `folder`; the manifest's entries. Raises UserError with all that is wrong."""
    classes = _classes(cohort)
    dropped, numbers, vocabularies = _columns(cohort)
    if not numbers and not vocabularies:
        problem = "got no column that tells patients apart; expected at least one"
        raise UserError(Fault("data", problem, "; ".join(f"{name}: {why}" for name, why in dropped.items())))
    is_train = cohort.split == 0
    dense, indicators = _standardised(cohort.findings[numbers], is_train)
    codes = [_encoded(cohort.findings[name], known) for name, known in vocabularies.items()]
    categories = np.stack(codes, axis=1) if codes else np.empty((len(dense), 0))
    labels = pd.Index(classes).get_indexer(pd.Index(cohort.labels))
    for code, split in enumerate(SPLITS):
        rows = cohort.split == code
        np.save(folder / f"{split}_numbers.npy", dense[rows].astype(np.float32))
        np.save(folder / f"{split}_categories.npy", categories[rows].astype(np.int32))
        np.save(folder / f"{split}_labels.npy", labels[rows].astype(np.uint8))
    of_labels = _facts_of_labels(classes, {s: labels[cohort.split == code] for code, s in enumerate(SPLITS)})
    facts = {
        **of_labels,
        **_contents(cohort, of_labels).facts(),
        "numbers": numbers,
        "indicators": indicators,
        "categories": [{"name": name, "vocabulary": len(v) + 1} for name, v in vocabularies.items()],
        "dropped": dropped,
        "rare": _rare(cohort, vocabularies),
        "missing_values": {str(name): int(n) for name, n in cohort.findings.isna().sum().items() if n},
        **cohort.known,
    }
    return {"n_train": int(is_train.sum()), "real": cohort.real, "facts": facts}


def _contents(cohort: Cohort, facts: Mapping[str, Any]) -> Contents:
    """What each split holds, and copies between them. Raises UserError where two are the same patients."""
    columns = [cohort.findings[name] for name in cohort.findings]
    of_rows = frame_digests([*columns, pd.Series(cohort.labels)])
    digests = {s: of_rows[cohort.split == code] for code, s in enumerate(SPLITS)}
    if cohort.same:
        refuse_copies(digests, cohort.same, "patients")
    judged = judged_classes(len(facts["classes"]))
    counts = (
        Count(
            kind="class",
            name=name,
            n={split: facts["counts"][split][c] for split in SPLITS},
            role="judged" if c in judged else "told",
        )
        for c, name in enumerate(facts["classes"])
    )
    return Contents(
        noun="patients",
        rows=facts["rows"],
        counts=tuple(counts),
        copies=copies_of(digests),
        shared_groups=cohort.shared_groups,
    )


def _classes(cohort: Cohort) -> list[str]:
    """The classes by falling number in training, equals by name. Raises UserError."""
    by_split = {
        split: dict(zip(*_counted(cohort.labels[cohort.split == code]), strict=True))
        for code, split in enumerate(SPLITS)
    }
    every = sorted(set().union(*by_split.values()))
    if len(every) == 1:
        problem = f"got one class only ('{every[0]}'); expected 2 to {MAX_CLASSES} classes"
        raise UserError(Fault("data.label", problem, "Is it the column of the diagnosis?"))
    missing = [(name, split) for name in every for split in SPLITS if name not in by_split[split]]
    n_single = sum(n == 1 for n in _counted(cohort.labels)[1])
    is_none = len(every) > MANY_CLASSES or n_single > max(MANY_SINGLE, len(every) / 2)
    if len(every) > MAX_CLASSES or (missing and is_none):
        problem = f"got '{cohort.label}' with {len(every)} different values; expected a diagnosis"
        expected = f"Is it the right column? A diagnosis has 2 to {MAX_CLASSES} classes, each in all splits"
        raise UserError(Fault("data.label", problem, expected))
    if missing:
        raise UserError(_without_rows(name, split, by_split) for name, split in missing)
    return sorted(every, key=lambda name: (-by_split["train"][name], name))


def _without_rows(name: str, split: str, by_split: Mapping[str, Mapping[str, int]]) -> Fault:
    """The fault of a class that a split lacks; it may be another one's name misspelt."""
    n = sum(counts.get(name, 0) for counts in by_split.values())
    others = sorted({other for counts in by_split.values() for other in counts} - {name})
    near = get_close_matches(name, others, n=1)
    misspelt = f"Correct it where it should be '{near[0]}'; else leave" if near else "Leave"
    problem = f"got no row of class '{name}' ({n} in all); expected at least one"
    advice = f"{misspelt} out so rare a class, join it with another, or split differently"
    return Fault(f"data ({split} split)", problem, advice)


def _counted(labels: NDArray[Any]) -> tuple[list[str], list[int]]:
    names, counts = np.unique(labels.astype(str), return_counts=True)
    return names.tolist(), counts.tolist()


def _columns(cohort: Cohort) -> tuple[dict[str, str], list[str], dict[str, pd.Index]]:
    """Columns left out, with the reason; numbers that are kept; categories, with their values in training."""
    dropped: dict[str, str] = {}
    numbers: list[str] = []
    vocabularies: dict[str, pd.Index] = {}
    for name, column in cohort.findings[cohort.split == 0].items():
        is_number = column.dtype == np.float64
        known = pd.Index([]) if is_number else _vocabulary(column, cohort.min_count)
        seen = column if is_number else pd.Series(_encoded(column, known))
        if column.isna().all():
            dropped[str(name)] = "without any value in training"
        elif seen.nunique(dropna=False) > 1:
            numbers += [str(name)] if is_number else []
            vocabularies |= {} if is_number else {str(name): known}
        elif column.nunique() > 1:
            dropped[str(name)] = f"no value of it is there data.min_count ({cohort.min_count}) times"
        else:
            dropped[str(name)] = "constant in training"
    return dropped, numbers, vocabularies


def _rare(cohort: Cohort, vocabularies: Mapping[str, pd.Index]) -> dict[str, dict[str, int]]:
    """By category, the training patients with a value that is too rare there to be told from others."""
    found = {}
    for name, known in vocabularies.items():
        column = cohort.findings.loc[cohort.split == 0, name]
        odd = column[np.asarray(column.notna() & ~column.isin(known))]
        found[name] = {"rows": len(odd), "values": int(odd.nunique())}
    return {name: counts for name, counts in found.items() if counts["rows"]}


def _vocabulary(column: "pd.Series[Any]", min_count: int) -> pd.Index:
    """The values seen at least `min_count` times, the most frequent first, ties in alphabetical order."""
    counts = column.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    return counts.index[counts >= min_count]


def _encoded(column: "pd.Series[Any]", vocabulary: pd.Index) -> NDArray[Any]:
    """1, 2, ... by the vocabulary; 0 for what is missing, rare, or was never seen in training."""
    return vocabulary.get_indexer(pd.Index(column)) + 1


def _standardised(numbers: pd.DataFrame, is_train: NDArray[np.bool_]) -> tuple[Floats, list[str]]:
    """[n, D + M] by the training split's mean and deviation, and the M columns with a missing-value flag."""
    values = numbers.to_numpy(dtype=np.float64)
    train = values[is_train]
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    is_constant = deviation <= 1e-9 * np.abs(mean)
    is_missing = np.isnan(values)
    flagged = is_missing[is_train].any(axis=0)
    scaled = (values - mean) / np.where(is_constant, 1.0, deviation)
    columns = np.concatenate([np.where(is_missing, 0.0, scaled), is_missing[:, flagged]], axis=1)
    return columns, [name for name, is_flagged in zip(numbers.columns, flagged, strict=True) if is_flagged]


def _facts_of_labels(classes: list[str], labels: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Sizes, and how far one gets with the classes' shares in training as everybody's probabilities."""
    counts = {split: np.bincount(found, minlength=len(classes)) for split, found in labels.items()}
    log_shares = np.log(counts["train"] / counts["train"].sum())
    trivial = {
        split: diagnosis_metrics(np.tile(log_shares, (len(found), 1)), found)
        for split, found in labels.items()
    }
    return {
        "rows": {split: len(found) for split, found in labels.items()},
        "classes": classes,
        "counts": {split: found.tolist() for split, found in counts.items()},
        "trivial_predictor": "the share of each class in training, for every patient",
        "trivial": trivial,
    }
