"""Which column of a table of runs is what, by its name or as the user says; it is always told. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from sweeper.errors import Fault, UserError, did_you_mean
from sweeper.verdict.sheet_figures import figures, split_of
from sweeper.verdict.sheet_names import (
    FOLD,
    PHASE,
    PHASES,
    ROLE,
    SEED,
    STATE,
    TRIAL,
    Asked,
    column_of,
    key_of,
    listed,
    without_seed,
)
from sweeper.verdict.sheet_numbers import STATES, same_name, seed_of
from sweeper.verdict.sheets import Sheet

_HISTORY = re.compile(r".+ - .+__(?:MIN|MAX)")


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
    metric, val, test = figures(sheet, asked)
    seed = asked.seed or column_of(sheet, SEED)
    trial, baseline = _trial(sheet, asked, seed)
    seed = seed or _fold(sheet, trial)
    phase, state = _in_words(sheet, PHASE, PHASES), _in_words(sheet, STATE, STATES)
    found = Roles(baseline, metric, trial, seed, val, test, phase, state)
    others = [
        name for keys in (PHASE, STATE) if (name := column_of(sheet, keys)) and name not in _used(found)
    ]
    unused = [f"not used, since its words are others: column '{name}'" for name in others]
    if (n := sheet.names) and (twice := [name for name in _used(found) if n.count(name) > 1]):
        problem = f"got column '{twice[0]}' more than once; expected each once"
        raise UserError(Fault(sheet.where, problem, "Rename or remove one"))
    is_guess = asked.val is None and asked.metric is None and val is not None and split_of(val) is None
    return replace(found, told=(*_told(found, is_guess=is_guess), *unused))


def _used(found: Roles) -> list[str]:
    single = (found.seed, found.val, found.test, found.phase, found.state)
    return [*found.trial, *(name for name in single if name is not None)]


def _told(found: Roles, *, is_guess: bool) -> tuple[str, ...]:
    where = "taken from the names of trials" if found.seed is None else f"column '{found.seed}'"
    pairs = {
        "trial": " and ".join(f"'{name}'" for name in found.trial),
        "val": found.val
        and f"'{found.val}'" + ", the only one with numbers (no name tells a split)" * is_guess,
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


def _fold(sheet: Sheet, trial: Sequence[str]) -> str | None:
    """The column of folds, unless the names of trials end in seeds."""
    is_in_names = len(trial) == 1 and any(without_seed(name)[1] for name in sheet.column(trial[0]))
    return None if is_in_names else column_of(sheet, FOLD)


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
