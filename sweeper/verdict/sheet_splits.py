"""scikit-learn's `cv_results_`, in which a row is a candidate, as a table with a row for each split. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from sweeper.verdict.sheets import Sheet

_SCORE = re.compile(r"split(\d+)_test_(.+)")
_PARAM = "param_"


def by_split(sheet: Sheet) -> Sheet:
    """Trial, fold and validation values for each split of `cv_results_`; any other table as it is.

    A trial is called by its parameters, `C=1 kernel=rbf`.
    """
    scores = {name: found for name in sheet.names if (found := _SCORE.fullmatch(name))}
    params = [name for name in sheet.names if name.startswith(_PARAM)]
    if not scores or not (params or "params" in sheet.names):
        return sheet
    folds = dict.fromkeys(found[1] for found in scores.values())
    metrics = dict.fromkeys(found[2] for found in scores.values())
    cells = [dict(zip(sheet.names, row, strict=True)) for row in sheet.rows]
    rows = tuple(
        (
            _trial(of_row, params),
            fold,
            *(of_row.get(f"split{fold}_test_{metric}", "") for metric in metrics),
            *row,
        )
        for of_row, row in zip(cells, sheet.rows, strict=True)
        for fold in folds
    )
    names = ("trial", "fold", *(f"val_{metric}" for metric in metrics), *sheet.names)
    return replace(sheet, names=names, rows=rows, places=tuple(one for one in sheet.places for _ in folds))


def _trial(cells: Mapping[str, str], params: Sequence[str]) -> str:
    named = (f"{name.removeprefix(_PARAM)}={cells[name]}" for name in params if cells[name])
    return " ".join(named) or cells.get("params", "")
