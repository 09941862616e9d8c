"""`judge_table`: a verdict on runs that exist, in a table of trial, seed, validation and test.

The choice is that of a study, on validation. Where both arms have runs on fresh seeds, so is the test. Where
they have none, the runs that are judged are those that chose: then the winner's interval is the exploratory
one, which holds for all candidates at once, whichever of them was chosen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite, nan
from pathlib import Path
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from sweeper.errors import Fault, UserError
from sweeper.findings import Comparison
from sweeper.models import Direction
from sweeper.results import JudgedOn, Objective
from sweeper.verdict import selection
from sweeper.verdict.idle import NOTHING_COMPARED
from sweeper.verdict.paired import differences
from sweeper.verdict.runs_seen import collapsed, mixed_units
from sweeper.verdict.selection import Arm, Panel
from sweeper.verdict.sheet_columns import roles_of
from sweeper.verdict.sheet_names import FOLD, Asked, column_of
from sweeper.verdict.sheet_runs import finite, runs_of
from sweeper.verdict.sheet_splits import by_split
from sweeper.verdict.sheet_where import rows_where
from sweeper.verdict.sheets import sheet_of
from sweeper.verdict.table_arms import BASELINE, TableArms, by_those_with_some
from sweeper.verdict.table_examples import Examples, influences_of
from sweeper.verdict.table_verdict import TableVerdict, TrialRow
from sweeper.verdict.table_words import (
    ALL_EQUAL,
    OF_FOLDS,
    ONE_SEED,
    direction_of,
    exploratory_sentence,
    note_of_basis,
    note_of_examples,
    note_of_split,
    note_of_units,
    notes_of_seeds,
    unpaired_sentence,
)
from sweeper.wording import plural

if TYPE_CHECKING:
    import pandas as pd


def judge_table(
    frame: "pd.DataFrame | str | Path",
    *,
    baseline: str | None = None,
    metric: str | None = None,
    direction: Direction | None = None,
    confidence: float = 0.95,
    min_effect: float | None = None,
    examples: Examples | None = None,
    trial: str | Sequence[str] = (),
    seed: str | None = None,
    val: str | None = None,
    test: str | None = None,
    confirm_seeds: Sequence[int] = (),
    where: str | Sequence[str] = (),
) -> TableVerdict:
    """The verdict on a table with a row for each run: a frame, or a file as `sheets` reads it.

    `baseline`: the trial that the others are compared with. `trial`, `seed`, `val` and `test` name columns
    whose names do not tell; several columns may make up a trial. `confirm_seeds`: seeds that played no part
    in choosing; a column `phase` (screening, confirmation) says the same. `where`: only the rows with such
    cells, each `COLUMN=VALUE`. `examples`: by `trial/seed`, the value of each example [n], whose mean is the
    metric on the split that judges; an `.npz` file of such arrays will do.
    Raises UserError with what cannot be read.
    """
    if faults := list(_faults(confidence, min_effect)):
        raise UserError(faults)
    given, wanted = sheet_of(frame), (where,) if isinstance(where, str) else tuple(where)
    sheet = rows_where(whole := by_split(given), wanted)
    columns = (trial,) if isinstance(trial, str) else tuple(trial)
    roles = roles_of(sheet, Asked(baseline, metric, columns, seed, val, test))
    runs = runs_of(sheet, roles, confirm_seeds)
    objective = Objective(roles.metric, direction_of(roles.metric, direction, (roles.val, roles.test)))
    chosen_on: JudgedOn = "test" if roles.val is None else "val"
    judged_on: JudgedOn = "val" if roles.test is None else "test"
    table = TableArms(runs, objective, chosen_on, judged_on, influences_of(examples, runs, judged_on))
    _refuse_strange_seeds(table, confirm_seeds)
    goes = "larger is better" if objective.direction == "maximize" else "smaller is better"
    of_metric = f"metric: {objective.metric}, {goes}"
    told = (*roles.told, of_metric, f"baseline: {roles.baseline}", *runs.told)
    if wanted:
        told = (f"rows: {len(sheet.rows)} of {len(whole.rows)}, where {' and '.join(wanted)}", *told)
    if whole is not given:
        told = ("read as cv_results_ of scikit-learn: a run for each split", *told)
    judged = _judged(table, confidence, min_effect)
    of_folds = (OF_FOLDS,) * (roles.seed is not None and roles.seed == column_of(sheet, FOLD))
    return replace(judged, notes=(*_mixed_units(table), *judged.notes, *of_folds), told=told)


def _faults(confidence: float, min_effect: float | None) -> Iterator[Fault]:
    if not 0 < confidence < 1:
        yield Fault("confidence", f"got {confidence:g}; expected a number between 0 and 1")
    if min_effect is not None and not 0 < min_effect < inf:
        yield Fault("min_effect", f"got {min_effect:g}; expected a number above 0")


def _refuse_strange_seeds(table: TableArms, confirm_seeds: Sequence[int]) -> None:
    strange = sorted(set(confirm_seeds) - set(table.fresh))
    if strange:
        raise UserError(Fault("confirm_seeds", f"got {strange[0]}; expected seeds of the table"))
    if not table.arms[BASELINE].screening:
        problem = f"got no other run of {table.arms[BASELINE].name}; expected some seeds to choose by"
        raise UserError(Fault("confirm_seeds", problem))


def _judged(table: TableArms, confidence: float, min_effect: float | None) -> TableVerdict:
    compared = _compared(table, confidence)
    found = TableVerdict(
        verdict="no result",
        sentence=_without_result(table),
        basis="confirmation" if table.fresh else "exploration",
        objective=table.objective,
        chosen_on=table.chosen_on,
        judged_on=table.judged_on,
        baseline=table.arms[BASELINE].name,
        best=None,
        rows=_rows(table, compared),
        confidence=confidence,
        min_effect=min_effect,
        notes=_notes_of_seeds(table),
    )
    if table.best is None or BASELINE in table.failed:
        return found
    chosen = replace(found, best=table.arms[table.best].name, notes=())
    judged = (
        _confirmed(table, table.best, chosen)
        if table.fresh
        else _explored(table, table.best, chosen, compared)
    )
    return replace(judged, notes=(*judged.notes, *found.notes, *_collapses(table)))


def _without_result(table: TableArms) -> str:
    base = table.arms[BASELINE]
    if failed := table.failed.get(BASELINE):
        n = plural(len(base.screening), "seed")
        return (
            f"{base.name}, the baseline, failed on {len(failed)} of {n} ({failed[0]}), so that there is "
            "nothing to compare with: which runs fail is no matter of chance. Where a failure had nothing to "
            "do with what was trained, remove that seed from all trials."
        )
    if all(not table.pairs(arm.number) for arm in table.arms[1:]):
        return (
            f"No candidate has a seed in common with {base.name}, the baseline: runs are compared in pairs "
            "of one seed. Where seeds mean nothing, number the repetitions of each trial in a column of "
            "their own."
        )
    return selection.NO_BEST


def _confirmed(table: TableArms, best: int, found: TableVerdict) -> TableVerdict:
    """As a study is judged."""
    arm, base = table.arms[best], table.arms[BASELINE]
    wanted = sorted(arm.confirmation.keys() | base.confirmation.keys())
    confirmation = selection.confirm(
        arm,
        base,
        direction=table.objective.direction,
        confidence=found.confidence,
        min_effect=found.min_effect,
        seeds=wanted,
    )
    sentence = selection.sentence(
        confirmation,
        best=arm.name,
        metric=table.objective.metric,
        confidence=found.confidence,
        min_effect=found.min_effect,
        unconfirmed=_unconfirmed(arm, base, wanted),
        judged_on=table.judged_on,
        chosen_on=table.chosen_on,
    )
    changed = replace(
        found,
        verdict=selection.verdict(confirmation, found.min_effect),
        sentence=sentence,
        confirmation=confirmation,
    )
    if _are_equal(arm.confirmation, base.confirmation):
        return _nothing_compared(changed, "fresh seed")
    if confirmation is None or changed.verdict == "not confirmed":
        return changed
    n_pairs = len(confirmation.best_per_seed)
    return _with_notes(
        changed, confirmation.ci_low, n_pairs, has_examples=confirmation.se_examples is not None
    )


def _unconfirmed(arm: Arm, base: Arm, wanted: Sequence[int]) -> str | None:
    """Who lacks which of the fresh seeds; None where nobody does."""
    told = []
    for one in (arm, base):
        lacking = [seed for seed in wanted if not isfinite(one.confirmation.get(seed, nan))]
        if lacking:
            shown = ", ".join(map(str, lacking))
            told.append(
                f"{one.name} has no value on {len(lacking)} of {plural(len(wanted), 'fresh seed')} ({shown})"
            )
    return " and ".join(told) or (None if wanted else f"neither {arm.name} nor the baseline has a fresh seed")


def _explored(
    table: TableArms, best: int, found: TableVerdict, compared: Mapping[int, Comparison]
) -> TableVerdict:
    """By the runs that chose, with the interval that holds for all candidates at once."""
    arm, base, one = table.arms[best], table.arms[BASELINE], compared.get(best)
    n_pairs, n_wanted = len(differences(arm.test, base.test)), len(table.pairs(best))
    if one is None or n_pairs < n_wanted:
        sentence = unpaired_sentence(
            arm.name, n_pairs, n_wanted, judged_on=table.judged_on, chosen_on=table.chosen_on
        )
        return replace(found, verdict="not confirmed", sentence=sentence)
    sentence = exploratory_sentence(
        one,
        best=arm.name,
        metric=table.objective.metric,
        confidence=found.confidence,
        min_effect=found.min_effect,
        n_candidates=len(table.arms) - 1,
        n_pairs=n_pairs,
        judged_on=table.judged_on,
        chosen_on=table.chosen_on,
    )
    word = selection.word_of(one.ci_low, one.ci_high, found.min_effect)
    changed = replace(found, verdict=word, sentence=sentence)
    if _are_equal(arm.test, base.test):
        return _nothing_compared(changed, "seed")
    has_examples = bool(arm.influence and base.influence and arm.influence.keys() & base.influence.keys())
    return _with_notes(changed, one.ci_low, n_pairs, has_examples=has_examples)


def _are_equal(one: Mapping[int, float], other: Mapping[int, float]) -> bool:
    pair = differences(one, other)
    return bool(pair) and not any(pair)


def _nothing_compared(found: TableVerdict, noun: str) -> TableVerdict:
    sentence = (
        f"Nothing was compared: {found.best} has the baseline's figures to the last digit on every {noun}."
    )
    return replace(found, verdict=NOTHING_COMPARED, sentence=sentence)


def _with_notes(found: TableVerdict, low: float | None, n_pairs: int, *, has_examples: bool) -> TableVerdict:
    notes = list(note_of_split(found.judged_on, found.chosen_on, found.basis, has_examples=has_examples))
    if found.basis == "exploration":
        notes.append(note_of_basis(found.baseline, found.best or ""))
    if low is None and n_pairs:
        notes.append(ONE_SEED if n_pairs == 1 else ALL_EQUAL)
    elif not has_examples:
        notes.append(note_of_examples(found.judged_on))
    return replace(found, notes=tuple(notes))


def _compared(table: TableArms, confidence: float) -> dict[int, Comparison]:
    """Every candidate by the runs that chose. All of them count: what was tried was tried."""
    panel = Panel(table.arms, table.objective.direction)
    tried = [arm.number for arm in table.arms[1:]]
    return selection.explore([panel], BASELINE, confidence=confidence, given_up=tried)[0]


def _rows(table: TableArms, compared: Mapping[int, Comparison]) -> tuple[TrialRow, ...]:
    rows = {arm.number: _row(table, arm, compared.get(arm.number)) for arm in table.arms}
    by_value = {
        n: fmean(known.values())
        for n, arm in enumerate(table.arms)
        if (known := finite(arm.screening, arm.screening))
    }

    def rank(number: int) -> tuple[float, ...]:
        if number not in by_value:
            return (2, 0, 0, number)
        n_pairs = len(table.pairs(number)) if number else len(table.arms[0].screening)
        is_out = number in table.failed
        return (is_out, -n_pairs, -table.objective.sign * by_value[number], number)

    return tuple(rows[number] for number in sorted(rows, key=rank))


def _row(table: TableArms, arm: Arm, compared: Comparison | None) -> TrialRow:
    scores = (table.runs.baseline, *table.runs.candidates)[arm.number]
    seeds = sorted(arm.screening)
    val, test = (list(finite(values, seeds).values()) for values in (scores.val, scores.test))
    return TrialRow(
        name=arm.name,
        n_seeds=len(finite(arm.screening, seeds)),
        val=fmean(val) if val else None,
        val_sd=stdev(val) if len(val) > 1 else None,
        test=fmean(test) if test else None,
        n_pairs=len(differences(arm.test, table.arms[BASELINE].test)) if arm.number else 0,
        compared=compared,
        is_baseline=arm.number == BASELINE,
        is_best=arm.number == table.best and BASELINE not in table.failed,
    )


def _notes_of_seeds(table: TableArms) -> tuple[str, ...]:
    base = table.arms[BASELINE].screening
    lacking = {arm.name: [seed for seed in base if seed not in arm.screening] for arm in table.arms[1:]}
    extra = {arm.name: [seed for seed in arm.screening if seed not in base] for arm in table.arms[1:]}
    failed = {table.arms[number].name: seeds for number, seeds in table.failed.items() if number}
    return notes_of_seeds(failed, by_those_with_some(lacking), by_those_with_some(extra))


def _mixed_units(table: TableArms) -> tuple[str, ...]:
    """Shares among percents, by name, where larger is better."""
    if table.objective.direction == "minimize":
        return ()
    trials = (table.runs.baseline, *table.runs.candidates)
    for split in ("val", "test"):
        values = {one.name: getattr(one, split) for one in trials}
        values = {name: finite(of, of) for name, of in values.items()}
        if odd := mixed_units(values):
            return (note_of_units(split, [(name, seed, values[name][seed]) for name, seed in odd]),)
    return ()


def _collapses(table: TableArms) -> tuple[str, ...]:
    """Runs far worse than their siblings, by name."""
    values = {arm.number: finite(arm.screening, arm.screening) for arm in table.arms}
    far = collapsed(values, table.objective.sign)
    if not far:
        return ()
    listed = ", ".join(f"{table.arms[number].name} seed {seed}" for number, seed in far[:4])
    return (
        f"Far worse than their siblings: {listed}{' and others' * (len(far) > 4)}. With few seeds a rare "
        "collapse can decide a comparison.",
    )
