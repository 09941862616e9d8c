"""scikit-learn's `cv_results_`, in which a row is a candidate, as a table with a row for each split. Pure."""

import re
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
    rows = tuple(
        (_trial(sheet, i, params), fold, *(_score(sheet, i, fold, metric) for metric in metrics), *row)
        for i, row in enumerate(sheet.rows)
        for fold in folds
    )
    names = ("trial", "fold", *(f"val_{metric}" for metric in metrics), *sheet.names)
    return replace(sheet, names=names, rows=rows, places=tuple(one for one in sheet.places for _ in folds))


def _trial(sheet: Sheet, i: int, params: list[str]) -> str:
    cells = {name.removeprefix(_PARAM): sheet.column(name)[i] for name in params}
    return " ".join(f"{name}={cell}" for name, cell in cells.items() if cell) or sheet.column("params")[i]


def _score(sheet: Sheet, i: int, fold: str, metric: str) -> str:
    name = f"split{fold}_test_{metric}"
    return sheet.column(name)[i] if name in sheet.names else ""
