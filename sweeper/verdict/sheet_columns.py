"""Which column of a table of runs is what, by its name or as the user says; it is always told. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.verdict.sheet_numbers import STATES, same_name, seed_of
from sweeper.verdict.sheets import Sheet

TRIAL = (
    *("trial", "config", "configuration", "method", "model", "variant", "arm", "name", "tags.sweeper.name"),
    *("run_name", "run name", "tags.mlflow.runname", "run", "experiment", "setting", "candidate"),
)
SEED = ("seed", "random_seed", "rng_seed", "random_state", "rep", "repetition", "replicate", "repeat")
PHASE, STATE, ROLE = ("phase", "tags.sweeper.phase"), ("state", "status"), ("role", "tags.sweeper.role")
STUDY = ("tags.sweeper.study", "sweeper.study", "study")
PHASES = ("screening", "confirmation", "attribution", "unused")
SPLITS = {"val": "val", "valid": "val", "validation": "val", "dev": "val", "test": "test"}
_LOGGED = re.compile(r"^(?:metrics?|summary|params?|config)[./]|^final/", re.I)
_SPLIT = "|".join(SPLITS)
_SPLIT_FIRST = re.compile(rf"({_SPLIT})(?:[/_. -]+(.+))?", re.I)
_SPLIT_LAST = re.compile(rf"(.+?)[/_. -]+\(?({_SPLIT})\)?", re.I)
_HISTORY = re.compile(r".+ - .+__(?:MIN|MAX)")
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


@dataclass(frozen=True)
class Asked:
    """What the user says of the columns; what is None, or empty, is found by name."""

    baseline: str | None = None
    metric: str | None = None
    trial: tuple[str, ...] = ()
    seed: str | None = None
    val: str | None = None
    test: str | None = None


@dataclass(frozen=True)
class Roles:
    """The columns of a table by what they are. `told`: all this in lines.

    `baseline`: the name of the trial. `seed` is None where it stands at the end of the names of trials. `val`
    or `test` may be None, never both.
    """

    baseline: str
    metric: str
    trial: tuple[str, ...]
    seed: str | None
    val: str | None
    test: str | None
    phase: str | None = None
    state: str | None = None
    told: tuple[str, ...] = ()


def roles_of(sheet: Sheet, asked: Asked) -> Roles:
    """Which column is what. Raises UserError with everything that cannot be told."""
    if any(map(_HISTORY.fullmatch, sheet.names)):
        problem = "got a history (a column for each run, as W&B exports a chart); expected a row for each run"
        raise UserError(Fault(sheet.where, problem, "Export the table of runs instead"))
    if faults := [*_unknown(sheet, asked)]:
        raise UserError(faults)
    metric, val, test = _figures(sheet, asked)
    seed = asked.seed or column_of(sheet, SEED)
    trial, baseline = _trial(sheet, asked, seed)
    phase, state = _in_words(sheet, PHASE, PHASES), _in_words(sheet, STATE, STATES)
    found = Roles(baseline, metric, trial, seed, val, test, phase, state)
    others = [
        name for keys in (PHASE, STATE) if (name := column_of(sheet, keys)) and name not in _used(found)
    ]
    unused = [f"not used, since its words are others: column '{name}'" for name in others]
    if (n := sheet.names) and (twice := [name for name in _used(found) if n.count(name) > 1]):
        problem = f"got column '{twice[0]}' more than once; expected each once"
        raise UserError(Fault(sheet.where, problem, "Rename or remove one"))
    return replace(found, told=(*_told(found), *unused))


def key_of(name: str) -> str:
    """A column's name without the prefixes that loggers put before it, in small letters."""
    bare = name.strip()
    while (shorter := _LOGGED.sub("", bare, count=1)) != bare:
        bare = shorter
    return bare.lower()


def without_seed(name: str) -> tuple[str, str]:
    """`focal` and `3` of `focal seed 3`, `focal_seed=3`, `focal-s3`; the name and nothing without a seed."""
    found = re.fullmatch(r"(.+?)[\s_./,-]+(?:seed|s)[\s_=:-]*(\d+)", name, re.I)
    return (found[1], found[2]) if found else (name, "")


def _used(found: Roles) -> list[str]:
    single = (found.seed, found.val, found.test, found.phase, found.state)
    return [*found.trial, *(name for name in single if name is not None)]


def _told(found: Roles) -> tuple[str, ...]:
    where = "taken from the names of trials" if found.seed is None else f"column '{found.seed}'"
    pairs = {
        "trial": " and ".join(f"'{name}'" for name in found.trial),
        "val": found.val and f"'{found.val}'",
        "test": found.test and f"'{found.test}'",
        "phase": found.phase and f"'{found.phase}'",
        "state": found.state and f"'{found.state}'",
    }
    lines = [f"{role}: column {name}" for role, name in pairs.items() if name]
    return (lines[0], f"seed: {where}", *lines[1:])


def _unknown(sheet: Sheet, asked: Asked) -> Iterable[Fault]:
    flags = [("trial", name) for name in asked.trial]
    flags += [(flag, name) for flag in ("seed", "val", "test") if (name := getattr(asked, flag)) is not None]
    for flag, name in flags:
        if name not in sheet.names:
            suggestion = did_you_mean(name, sheet.names)
            advice = "" if suggestion else f"There are {listed(sheet.names)}"
            yield Fault(flag, f"got '{name}'; expected a column of {sheet.where}{suggestion}", advice)


def column_of(sheet: Sheet, keys: Sequence[str]) -> str | None:
    """The first column that is called as the first of `keys` that there is."""
    known = {key_of(name): name for name in reversed(sheet.names)} | {
        name.strip().lower(): name for name in reversed(sheet.names)
    }
    return next((known[key] for key in keys if key in known), None)


def _trial(sheet: Sheet, asked: Asked, seed: str | None) -> tuple[tuple[str, ...], str]:
    """The columns that name a trial, and the baseline as they name it."""
    columns = [asked.trial] if asked.trial else [(name,) for name in _candidates(sheet)]
    if not columns:
        advice = f"Name it, --trial COLUMN: there are {listed(sheet.names)}"
        raise UserError(Fault(sheet.where, "got no column that names the trials", advice))
    if asked.baseline is None:
        return _by_role(sheet, columns)
    for chosen in columns:
        names = names_of(sheet, chosen, seed)
        if found := next((name for name in names if same_name(name, asked.baseline)), None):
            return chosen, found
    names = [name for chosen in columns for name in names_of(sheet, chosen, seed)]
    suggestion = did_you_mean(asked.baseline, names)
    first = list(dict.fromkeys(names_of(sheet, columns[0], seed)))
    where = " and ".join(f"'{name}'" for name in columns[0])
    advice = "" if suggestion else f"In {where} there are {listed(first)}; another column is --trial COLUMN"
    raise UserError(
        Fault("baseline", f"got '{asked.baseline}'; expected the name of a trial{suggestion}", advice)
    )


def _candidates(sheet: Sheet) -> list[str]:
    by_key: dict[str, list[str]] = {}
    for name in sheet.names:
        for key in {key_of(name), name.strip().lower()}:
            by_key.setdefault(key, []).append(name)
    return list(dict.fromkeys(name for key in TRIAL for name in by_key.get(key, ())))


def _by_role(sheet: Sheet, columns: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], str]:
    """Without a baseline's name: what a column `role` calls so, as our own `trials.csv` has it."""
    role = column_of(sheet, ROLE)
    cells = [cell.lower() for cell in sheet.column(role)] if role else []
    if "baseline" not in cells:
        names = list(dict.fromkeys(names_of(sheet, columns[0], None)))
        advice = f"Which of {listed(names)} is what the others are compared with?"
        raise UserError(Fault("baseline", "got none; expected the name of a trial", advice))
    chosen = next((one for one in columns if one[0].lower().endswith("name")), columns[0])
    return chosen, names_of(sheet, chosen, None)[cells.index("baseline")]


def names_of(sheet: Sheet, trial: Sequence[str], seed: str | None) -> list[str]:
    """The name of each row's trial, without its seed where the name ends in that.

    Of several columns it is `loss=focal lr=0.1`.
    """
    cells = [sheet.column(name) for name in trial]
    if len(cells) > 1:
        return [
            " ".join(f"{key_of(name)}={cell}" for name, cell in zip(trial, row, strict=True))
            for row in zip(*cells, strict=True)
        ]
    seeds = sheet.column(seed) if seed else None
    parts = [without_seed(name) for name in cells[0]]
    is_in_names = all(end for (_, end), cell in zip(parts, cells[0], strict=True) if cell)
    if seeds is not None:
        pairs = zip(parts, seeds, strict=True)
        is_in_names = is_in_names and all(
            not end or seed_of(end) == seed_of(known) for (_, end), known in pairs
        )
    return [name for name, _ in parts] if is_in_names else list(cells[0])


def _in_words(sheet: Sheet, keys: Sequence[str], words: Collection[str]) -> str | None:
    """The column that is called so and holds such words only: one of somebody else's may mean anything."""
    name = column_of(sheet, keys)
    known = name is not None and {cell.lower() for cell in sheet.column(name)} <= {*words, ""}
    return name if known else None


def _figures(sheet: Sheet, asked: Asked) -> tuple[str, str | None, str | None]:
    """The metric, and its columns on validation and on test."""
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
    raise UserError(_no_metric(sheet, asked.metric, list(found)))


def _metrics(sheet: Sheet) -> dict[str, dict[str, str]]:
    """By metric, the column of each split; the metric of a column `val` is empty."""
    found: dict[str, dict[str, str]] = {}
    for name in sorted(sheet.names, key=lambda name: "final/" not in name):  # not that of the last evaluation
        if (parts := _parts(name)) is not None:
            found.setdefault(parts[1], {}).setdefault(parts[0], name)
    return found


def _parts(name: str) -> tuple[str, str] | None:
    """`("val", "acc")` of `val/acc`, `metrics.valid_acc`, `acc (val)`; None where no split is named."""
    key = key_of(name)
    if first := _SPLIT_FIRST.fullmatch(key):
        metric = first[2] or ""
        return SPLITS[first[1]], "" if metric in ("score", "value", "metric") else metric
    last = _SPLIT_LAST.fullmatch(key)
    return (SPLITS[last[2]], last[1]) if last else None


def _no_metric(sheet: Sheet, metric: str | None, known: Sequence[str]) -> Fault:
    if not known and metric is None:
        advice = f"Name them, --val COLUMN --test COLUMN: there are {listed(sheet.names)}"
        return Fault(sheet.where, "got no column of values on validation or test", advice)
    if metric is None:
        return Fault("metric", "got none; expected one", f"There are {listed(known)}")
    suggestion = did_you_mean(metric.lower(), known)
    advice = "" if suggestion else f"There are {listed(known or sheet.names)}"
    return Fault("metric", f"got '{metric}'; expected a metric of the table{suggestion}", advice)


def listed(names: Sequence[str], limit: int = 12) -> str:
    """The first names, in quotation marks, and how many there are more."""
    shown = ", ".join(f"'{name}'" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"
