"""Which columns of a table of runs hold the metric, on which split. Pure."""

import re
from collections.abc import Sequence

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.verdict.sheet_names import (
    FOLD,
    PHASE,
    ROLE,
    SEED,
    STATE,
    STUDY,
    TRIAL,
    Asked,
    column_of,
    key_of,
    listed,
)
from sweeper.verdict.sheet_numbers import has_decimal_comma, number_of
from sweeper.verdict.sheets import Sheet

SPLITS = {
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval", "evaluation"), "val"),
    "test": "test",
}
_SPLIT = "|".join(SPLITS)
_SPLIT_FIRST = re.compile(rf"({_SPLIT})(?:[/_. -]+(.+))?", re.I)
_SPLIT_LAST = re.compile(rf"(.+?)[/_. -]+\(?({_SPLIT})\)?", re.I)
_IN_A_NAME = re.compile(rf"(?:^|[^a-z])(?:{_SPLIT}|train|training)(?:$|[^a-z])", re.I)
_SETTING = re.compile(r"(?:params?|config|tags)[./].*|unnamed: \d+|", re.I)
SETTINGS = ("lr", "learning_rate", "epoch", "epochs", "step", "steps", "batch_size", "id", "index", "run_id")
_PER_SEED = re.compile(r"(?:^|[^a-z])(?:seed|fold|rep|run|split)[ _=:#-]*\d+(?![0-9a-z])|^\d+$", re.I)
LOSSES = re.compile(
    r"loss|error|entropy|perplex|likelihood|distance|divergence|deviation|wasserstein|misclassif|latency|"
    r"(?:^|[^a-z])(?:err|n?rmsl?e|msl?e|s?mape|wape|mdape|mase|mae|medae|nll|nlpd|b?ce|xe|xent|ppl|bp[bcdw]|[wct]er|"
    r"fid|kid|kl|emd|lpips|chamfer|hausdorff|hd95|assd|[em]ce|brier|pinball|crps|hinge|eer|f[pn]r\d*|far|frr|hter|"
    r"aic|bic|regret|time|delay|cost|seconds|bytes|memory|flops)(?:$|[^a-z])",
    re.I,
)
"""Less of it may well be better."""
OPTUNAS = "value"
"""The column of Optuna's tables, whatever the objective is: Optuna minimises where nobody says otherwise."""


MELT = "In pandas: frame.melt(id_vars='trial', var_name='seed', value_name='val')"
"""How a table gets a row for each run."""


def figures(sheet: Sheet, asked: Asked) -> tuple[str, str | None, str | None]:
    """The metric, and its columns on validation and on test. Raises UserError.

    Where no name tells a split, the only column of numbers is the metric on validation.
    """
    found = _metrics(sheet)
    if named := asked.val or asked.test:
        parts = _parts(named)
        columns = found.get(parts[1], {}) if parts else {}
        name = asked.metric or (parts[1] if parts else key_of(named)) or "value"
        return name, asked.val or columns.get("val"), asked.test or columns.get("test")
    bare = {key_of(name): name for name in sheet.names}
    wanted = asked.metric.lower() if asked.metric is not None else None
    if wanted is not None and (parts := _parts(wanted)) and parts[1] in found:
        wanted = parts[1]  # a column's whole name
    if wanted is None and len(found) == 1:
        (metric, columns), *_ = found.items()
        return metric or "value", columns.get("val"), columns.get("test")
    if wanted is not None and wanted in found:
        return wanted or "value", found[wanted].get("val"), found[wanted].get("test")
    if wanted is not None and list(found) == [""]:
        return asked.metric or "", found[""].get("val"), found[""].get("test")
    if wanted is not None and wanted in bare:
        return asked.metric or "", bare[wanted], None
    if wanted is None and not found and (only := _only_numbers(sheet, asked)):
        return key_of(only), only, None
    raise UserError(_no_metric(sheet, asked.metric, list(found)))


def _metrics(sheet: Sheet) -> dict[str, dict[str, str]]:
    """By metric, the column of each split; the metric of a column `val` is empty."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(sheet.names, key=lambda name: "final/" not in name):  # not that of the last evaluation
        if (parts := _parts(name)) is not None:
            found.setdefault(parts[1], {}).setdefault(parts[0], name)
    return found


def split_of(name: str) -> str | None:
    """`val` or `test`, as the name of a column tells; None where it tells neither."""
    parts = _parts(name)
    return parts and parts[0]


def _only_numbers(sheet: Sheet, asked: Asked) -> str | None:
    """The one column of numbers that is no name, seed or setting; None where a name tells another split."""
    if any(map(_IN_A_NAME.search, sheet.names)):
        return None
    others = [*asked.trial, asked.seed]
    others += [column_of(sheet, [key]) for key in (*SEED, *FOLD, *SETTINGS, *PHASE, *STATE, *ROLE, *STUDY)]
    found = [
        name
        for name in sheet.names
        if name not in others and key_of(name) not in TRIAL and not _SETTING.fullmatch(name)
    ]
    numbers = [name for name in found if _has_numbers(sheet, name)]
    return numbers[0] if len(numbers) == 1 else None


def _has_numbers(sheet: Sheet, name: str) -> bool:
    """Whether a column has numbers, and nothing else but gaps."""
    cells = sheet.column(name)
    has_comma = has_decimal_comma(cells, sheet.separator) or False
    values = [number_of(cell, has_comma=has_comma) for cell in cells]
    return None not in values and any(value == value for value in values)


def _parts(name: str) -> tuple[str, str] | None:
    """`("val", "acc")` of `val/acc`, `metrics.valid_acc`, `acc (val)`; None where no split is named."""
    key = key_of(name)
    if first := _SPLIT_FIRST.fullmatch(key):
        metric = first[2] or ""
        return SPLITS[first[1]], "" if metric in ("score", "value", "metric") else metric
    last = _SPLIT_LAST.fullmatch(key)
    return (SPLITS[last[2]], last[1]) if last else None


def _no_metric(sheet: Sheet, metric: str | None, known: Sequence[str]) -> Fault:
    per_seed = [name for name in sheet.names if _PER_SEED.search(key_of(name)) and _has_numbers(sheet, name)]
    if len(per_seed) > 1 and column_of(sheet, (*SEED, *FOLD)) is None:
        problem = f"got a column for each seed ({listed(per_seed, 3)}); expected a row for each run"
        return Fault(sheet.where, f"{problem}, with columns such as trial, seed and val", MELT)
    if not known and metric is None:
        advice = f"Name them, --val COLUMN --test COLUMN: there are {listed(sheet.names)}"
        return Fault(sheet.where, "got no column of values on validation or test", advice)
    if metric is None:
        return Fault("metric", "got none; expected one", f"There are {listed(known)}")
    suggestion = did_you_mean(metric.lower(), known)
    advice = "" if suggestion else f"There are {listed(known or sheet.names)}"
    return Fault("metric", f"got '{metric}'; expected a metric of the table{suggestion}", advice)
