"""From the cells of a table to its runs: which trial scored what, on which seed, in which phase. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan

from sweeper.errors import Fault, UserError
from sweeper.verdict.sheet_columns import Roles, names_of
from sweeper.verdict.sheet_names import STUDY, column_of, listed, without_seed
from sweeper.verdict.sheet_numbers import COMPLETE, NOT_ENDED, has_decimal_comma, number_of, seed_of
from sweeper.verdict.sheets import Sheet
from sweeper.wording import plural

N_FAULTS = 5
NOT_JUDGED = ("attribution", "unused")
"""Phases of runs that neither chose nor confirm."""


@dataclass(frozen=True)
class Scores:
    """What one trial scored, by seed; NaN where a run failed. `fresh`: the seeds that chose nothing."""

    name: str
    val: Mapping[int, float]
    test: Mapping[int, float]
    fresh: frozenset[int] = frozenset()


@dataclass(frozen=True)
class TableRuns:
    """The runs of a table. `told`: what was left out, in lines. `percent`: the splits in percent.

    Where there is no column for a split, its values are empty.
    """

    baseline: Scores
    candidates: tuple[Scores, ...]
    told: tuple[str, ...] = ()
    percent: frozenset[str] = field(default_factory=frozenset)


def runs_of(sheet: Sheet, roles: Roles, confirm_seeds: Sequence[int] = ()) -> TableRuns:
    """The runs by trial, in the order of the table. Raises UserError with what cannot be read.

    `confirm_seeds`: those that played no part in choosing, where no column of phases tells.
    """
    table = _Table(sheet, roles)
    refuse(sheet.where, table.faults)
    refuse(sheet.where, _repeated(sheet, roles, table))
    names = list(dict.fromkeys(name for _, name, _ in table.rows))
    scores = {name: table.scores_of(name, confirm_seeds) for name in names}
    if roles.baseline not in scores:
        raise UserError(Fault("baseline", f"got '{roles.baseline}', which has no run that counts"))
    baseline = scores.pop(roles.baseline)
    if not scores:
        raise UserError(
            Fault("baseline", f"got '{roles.baseline}', the only trial; expected another one, too")
        )
    return TableRuns(baseline, tuple(scores.values()), tuple(table.told), table.percent)


def refuse(where: str, faults: Sequence[Fault]) -> None:
    """Raise UserError with the first of these, if there are any, and how many there are more."""
    n_more = len(faults) - N_FAULTS
    more = [Fault(where, f"and {n_more} more such as these")] if n_more > 0 else []
    if faults:
        raise UserError([*faults[:N_FAULTS], *more])


class _Table:
    """The cells that matter, understood, and what was wrong with them."""

    def __init__(self, sheet: Sheet, roles: Roles) -> None:
        self._sheet, self._roles = sheet, roles
        self.faults: list[Fault] = []
        self.told: list[str] = []
        self._with_comma: list[str] = []
        names = names_of(sheet, roles.trial, roles.seed)
        seeds = self._seeds()
        self._phases = [cell.lower() for cell in sheet.column(roles.phase)] if roles.phase else []
        self._states = self._states_of()
        self._values = {
            split: self._numbers(column)
            for split, column in (("val", roles.val), ("test", roles.test))
            if column is not None
        }
        self.percent = frozenset(
            s for s, c in (("val", roles.val), ("test", roles.test)) if c and self._is_percent(c)
        )
        self.rows = [
            (i, name, seed)
            for i, (name, seed) in enumerate(zip(names, seeds, strict=True))
            if name and seed is not None and self._counts(i)
        ]
        self._say_notation()
        self._say_left_out(names, seeds)

    def scores_of(self, name: str, confirm_seeds: Sequence[int]) -> Scores:
        """The values of a trial, by seed."""
        rows = [(i, seed) for i, of, seed in self.rows if of == name and seed is not None]
        fresh = {seed for i, seed in rows if self._phase(i) == "confirmation" or seed in confirm_seeds}
        val, test = (
            {seed: self._values[split][i] if self._states[i] in COMPLETE else nan for i, seed in rows}
            if split in self._values
            else {}
            for split in ("val", "test")
        )
        for seed in val.keys() & test.keys() - fresh:
            test[seed] = test[seed] if isfinite(val[seed]) else nan  # what failed counts nowhere
        return Scores(name, val, test, frozenset(fresh))

    def line(self, i: int) -> str:
        """Where row `i` stands."""
        return f"{self._sheet.where}, {self._sheet.places[i]}"

    def _phase(self, i: int) -> str:
        return self._phases[i] if self._phases else ""

    def _counts(self, i: int) -> bool:
        return self._phase(i) not in NOT_JUDGED and self._states[i] not in NOT_ENDED

    def _say_notation(self) -> None:
        if self.percent:
            self.told.append(
                f"in percent, so that differences are percentage points: {', '.join(sorted(self.percent))}"
            )
        if self._with_comma:
            self.told.append(f"with a decimal comma: {' and '.join(self._with_comma)}")

    def _say_left_out(self, names: Sequence[str], seeds: Sequence[int | None]) -> None:
        for phase in NOT_JUDGED:
            if n := self._phases.count(phase):
                self.told.append(f"left out: {plural(n, 'run')} of the phase {phase}")
        if n := sum(state in NOT_ENDED for state in self._states):
            self.told.append(f"left out, since by their state they have not ended: {plural(n, 'run')}")
        if n := sum(not name or seed is None for name, seed in zip(names, seeds, strict=True)):
            self.told.append(f"left out: {plural(n, 'row')} without a trial or a seed")
        if n := sum(state not in COMPLETE | NOT_ENDED for state in self._states):
            self.told.append(f"counted as failed, by their state: {plural(n, 'run')}")

    def _states_of(self) -> list[str]:
        column = self._roles.state
        cells = self._sheet.column(column) if column else [""] * len(self._sheet.rows)
        return [cell.lower() for cell in cells]

    def _seeds(self) -> list[int | None]:
        """None where nothing is said."""
        if self._roles.seed is not None:
            cells: Sequence[str] = self._sheet.column(self._roles.seed)
        elif len(self._roles.trial) == 1:
            cells = [without_seed(name)[1] for name in self._sheet.column(self._roles.trial[0])]
        else:
            cells = [""] * len(self._sheet.rows)
        if not any(cells):
            advice = "Name it, --seed COLUMN; where runs have no seed, number the repetitions of each trial"
            raise UserError(Fault(self._sheet.where, "got no column of seeds", advice))
        for i, cell in enumerate(cells):
            if cell and seed_of(cell) is None:
                problem = f"got '{cell}'; expected a whole number"
                self.faults.append(Fault(f"{self.line(i)}, column '{self._roles.seed}'", problem))
        return [seed_of(cell) if cell else None for cell in cells]

    def _numbers(self, column: str) -> list[float]:
        cells = self._sheet.column(column)
        has_comma = has_decimal_comma(cells, self._sheet.separator)
        self._with_comma += [f"column '{column}'"] * bool(has_comma)
        if has_comma is None:
            problem = (
                "got numbers such as '1,234', of which nobody can tell whether the comma is a decimal one"
            )
            self.faults.append(
                Fault(f"{self._sheet.where}, column '{column}'", problem, "Write 1.234 or 1234")
            )
            return [nan] * len(cells)
        found = [number_of(cell, has_comma=has_comma) for cell in cells]
        for i, (cell, value) in enumerate(zip(cells, found, strict=True)):
            if value is None:
                where = f"{self.line(i)}, column '{column}'"
                self.faults.append(Fault(where, f"got '{cell}'; expected a number, or nothing"))
        known = [
            cell for cell, value in zip(cells, found, strict=True) if value is not None and isfinite(value)
        ]
        if 0 < sum(cell.endswith("%") for cell in known) < len(known):
            problem = "got some values with a percent sign and some without; expected all or none"
            self.faults.append(Fault(f"{self._sheet.where}, column '{column}'", problem))
        return [nan if value is None else value for value in found]

    def _is_percent(self, column: str) -> bool:
        return any(cell.endswith("%") for cell in self._sheet.column(column))


def _repeated(sheet: Sheet, roles: Roles, table: _Table) -> list[Fault]:
    """Runs that stand in the table twice: nobody knows which of them counts."""
    seen: dict[tuple[str, int | None], int] = {}
    faults: list[Fault] = []
    advice = _how_to_tell_apart(sheet, roles)
    for i, name, seed in table.rows:
        if (first := seen.setdefault((name, seed), i)) != i:
            problem = f"got {name} seed {seed} again, as in {sheet.places[first]}; expected each run once"
            faults.append(Fault(table.line(i), problem, "" if faults else advice))
    return faults


def _how_to_tell_apart(sheet: Sheet, roles: Roles) -> str:
    column = column_of(sheet, STUDY)
    studies = sorted({*sheet.column(column)} - {""}) if column else []
    if len(studies) > 1:
        return f"There are the studies {listed(studies, N_FAULTS)}: name one, --where {column}=NAME"
    return "Remove one" if roles.seed else "Name the column of seeds, --seed COLUMN"


def finite(values: Mapping[int, float], seeds: Iterable[int]) -> dict[int, float]:
    """The values on these seeds that are numbers."""
    return {seed: values[seed] for seed in seeds if isfinite(values.get(seed, nan))}
