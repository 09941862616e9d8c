"""Which of the differences between winner and baseline made the difference: a factorial of groups. Pure.

The combinations that are trained (`factorial`) are an orthogonal array of strength 3. So a group's effect
is a plain difference of means, whatever the other groups do, and no interaction of two groups is mistaken for
it. Leaving one group out at a time, the usual practice, takes two thirds of the runs and has twice the error
(`benchmarks/attribution.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.special import fdtrc

from sweeper.findings import Attribution, GroupEffect, Interaction, ScaleControl
from sweeper.models import Direction
from sweeper.results import Group
from sweeper.verdict.attribution_words import listed, sentence
from sweeper.verdict.factorial import Row, design
from sweeper.verdict.paired import (
    Floats,
    Interval,
    Part,
    differences,
    examples_of,
    examples_part,
    holm,
    spread,
    student,
)
from sweeper.verdict.selection import Arm
from sweeper.wording import plural

Control = tuple[int, float, Arm]
"""The trial of the baseline whose loss is scaled, the scale, and the trial's runs."""

NOTHING_COMPLETE = "Nothing is attributed: no confirmation seed was completed by all combinations."


def attribute(
    arms: Mapping[Row, Arm],
    groups: Sequence[Group],
    *,
    direction: Direction,
    confidence: float,
    seeds: Sequence[int],
    control: Control | None = None,
    notes: Sequence[str] = (),
) -> Attribution:
    """What each group does, on the confirmation seeds that all combinations completed, on the test split.

    `arms` has one for each row of `design`. A group's effect is, by seed, the mean of those with it minus the
    mean of those without. Its seed part comes from what is left of a value when the means of its combination
    and of its seed are taken away, pooled over all; its examples part from the same contrast of influence
    values. `notes`: what is known already, which comes first.
    """
    complete = _complete(arms, seeds)
    found = Attribution(
        trials={_code(row): arms[row].number for row in design(len(groups))},
        seeds=complete,
        notes=(*notes, *_left_out(arms, seeds, complete)),
    )
    if not complete:
        return found.model_copy(update={"sentence": NOTHING_COMPLETE})
    return _attributed(_table(arms, groups, direction, complete), groups, confidence, control, found)


@dataclass(frozen=True, eq=False)
class _Table:
    """Values [seed, row] with the direction's sign, so that more is better, and their noise.

    `columns` [group, row]: 1 where the row has the group, else -1.
    `residual`: the variance of one value about the means of its row and its seed.
    """

    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    sign: int
    values: Floats
    columns: Floats
    residual: Part | None

    def estimate(self, weights: Floats) -> float:
        """The mean over seeds of the contrast with these weights [row]."""
        return float((self.values @ weights).mean())

    @property
    def has_influence(self) -> bool:
        """Whether there is a seed on which all arms have influence values."""
        return any(all(seed in (arm.influence or {}) for arm in self.arms) for seed in self.seeds)

    def influence(self) -> Iterator[Floats]:
        """Influence values [row, example] for each seed on which all arms have them."""
        for seed in self.seeds:
            found = [(arm.influence or {}).get(seed) for arm in self.arms]
            if all(one is not None for one in found):
                yield np.stack([one for one in found if one is not None]).astype(np.float64)

    def interval(self, weights: Floats, confidence: float) -> Interval:
        """That of the same."""
        part = self.residual
        seeds = part and Part(part.variance * float(weights @ weights), part.df).over(len(self.seeds))
        examples = examples_of(weights @ of_seed for of_seed in self.influence())
        return student(self.estimate(weights), seeds, examples, confidence)


def _halves(columns: Floats) -> Floats:
    """The weights [row] of an effect: the mean where the column is 1 minus the mean where it is -1."""
    return np.asarray(columns * 2 / columns.shape[-1])


def _table(
    arms: Mapping[Row, Arm], groups: Sequence[Group], direction: Direction, seeds: tuple[int, ...]
) -> _Table:
    rows, sign = design(len(groups)), 1 if direction == "maximize" else -1
    values = sign * np.array([[arms[row].confirmation[seed] for row in rows] for seed in seeds])
    return _Table(
        arms=tuple(arms[row] for row in rows),
        seeds=seeds,
        sign=sign,
        values=values,
        columns=np.where(np.array(rows).T, 1.0, -1.0),
        residual=_residual(values),
    )


def _residual(values: Floats) -> Part | None:
    """What neither row nor seed explains; None with one seed, which leaves nothing."""
    n_seeds, n_rows = values.shape
    rest = values - values.mean(0) - values.mean(1, keepdims=True) + values.mean()
    df = (n_rows - 1) * (n_seeds - 1)
    return Part(float((rest**2).sum()) / df, df) if df else None


def _attributed(
    table: _Table, groups: Sequence[Group], confidence: float, control: Control | None, found: Attribution
) -> Attribution:
    effects = _effects(table, groups, confidence)
    whole = found.model_copy(
        update={
            "groups": effects,
            "interactions": _interactions(table, [group.name for group in groups], confidence),
            "control": control and _scaled(table, control, confidence),
            "improvement": float((table.values[:, -1] - table.values[:, 0]).mean()),
            "means": dict(zip(found.trials, (table.sign * table.values.mean(0)).tolist(), strict=True)),
            "notes": (*found.notes, *_about_intervals(table), *_unsteady(table, groups, confidence)),
        }
    )
    is_rest_none = _is_rest_none(table, effects, confidence)
    return whole.model_copy(update={"sentence": sentence(whole, is_rest_none=is_rest_none)})


def _effects(table: _Table, groups: Sequence[Group], confidence: float) -> tuple[GroupEffect, ...]:
    weights = _halves(table.columns)
    level = 1 - (1 - confidence) / len(groups)
    intervals = [table.interval(one, level) for one in weights]
    p_values = {i: one.p_value for i, one in enumerate(intervals) if one.p_value is not None}
    adjusted = holm(p_values, n_untested=len(groups) - len(p_values))
    return tuple(
        GroupEffect(
            name=group.name,
            keys=group.keys,
            improvement=table.estimate(weights[i]),
            ci_low=intervals[i].low,
            ci_high=intervals[i].high,
            p_adjusted=adjusted.get(i),
            is_named=adjusted.get(i, 1.0) <= 1 - confidence,
        )
        for i, group in enumerate(groups)
    )


def _interactions(table: _Table, names: Sequence[str], confidence: float) -> tuple[Interaction, ...]:
    """Those that exclude zero, the largest first; pairs with one column in common cannot be told apart."""
    pairs: dict[tuple[float, ...], list[tuple[str, str]]] = {}
    for i, j in combinations(range(len(names)), 2):
        column = tuple((table.columns[i] * table.columns[j]).tolist())
        pairs.setdefault(column, []).append((names[i], names[j]))
    level = 1 - (1 - confidence) / len(pairs)
    found = []
    for column, same in pairs.items():
        weights = _halves(np.array(column))
        interval = table.interval(weights, level)
        low, high = interval.low, interval.high
        if low is not None and high is not None and (low > 0 or high < 0):
            improvement = table.estimate(weights)
            found.append(Interaction(pairs=tuple(same), improvement=improvement, ci_low=low, ci_high=high))
    return tuple(sorted(found, key=lambda one: -abs(one.improvement)))


def _is_rest_none(table: _Table, effects: Sequence[GroupEffect], confidence: float) -> bool:
    """Whether the groups that are not named may together do nothing."""
    rest = [i for i, effect in enumerate(effects) if not effect.is_named]
    interval = table.interval(_halves(table.columns[rest].sum(0)), confidence)
    return interval.low is not None and interval.high is not None and interval.low <= 0 <= interval.high


def _scaled(table: _Table, control: Control, confidence: float) -> ScaleControl | None:
    """The control against the baseline, on the seeds of the table that it completed; None without any."""
    number, scale, arm = control
    baseline = table.arms[0]
    of_baseline = {seed: baseline.confirmation[seed] for seed in table.seeds}
    pair = [table.sign * one for one in differences(arm.confirmation, of_baseline)]
    if not pair:
        return None
    mean, part = sum(pair) / len(pair), spread(pair)
    examples = examples_part(arm.influence or {}, baseline.influence or {})
    interval = student(mean, part and part.over(len(pair)), examples, confidence)
    return ScaleControl(
        trial=number, scale=scale, improvement=mean, ci_low=interval.low, ci_high=interval.high
    )


def _complete(arms: Mapping[Row, Arm], seeds: Sequence[int]) -> tuple[int, ...]:
    return tuple(seed for seed in seeds if not any(_lacks(arm, seed) for arm in arms.values()))


def _lacks(arm: Arm, seed: int) -> bool:
    return not np.isfinite(arm.confirmation.get(seed, np.nan))


def _left_out(arms: Mapping[Row, Arm], seeds: Sequence[int], complete: Sequence[int]) -> tuple[str, ...]:
    """Which seeds do not count, and who lacks them."""
    left = [seed for seed in seeds if seed not in complete]
    if not left:
        return ()
    lacking = {arm.name: [str(seed) for seed in left if _lacks(arm, seed)] for arm in arms.values()}
    who = "; ".join(f"{name} lacks {', '.join(missing)}" for name, missing in lacking.items() if missing)
    verb = "is" if len(left) == 1 else "are"
    return (
        f"{plural(len(left), 'seed')} of {len(seeds)} {verb} left out, since not every combination completed "
        f"{'it' if len(left) == 1 else 'them'}: {who}. Combinations that fail on hard seeds are flattered by "
        "this; with study.retry=failed the same command tries the failed runs again.",
    )


def _about_intervals(table: _Table) -> tuple[str, ...]:
    if table.residual is None:
        return ("One seed that all combinations completed shows no seed noise, hence no intervals.",)
    if not table.has_influence:
        return ("The intervals hold seed noise only: there are no influence values.",)
    return ()


def _unsteady(table: _Table, groups: Sequence[Group], confidence: float) -> tuple[str, ...]:
    """The groups whose effect differs between seeds by more than the pooled residual allows for.

    An F test each, Bonferroni over the groups. Taking such a group's own spread in place of the pooled one
    would be safer there, and would cost every other study: both of two acting groups named in 58 % rather
    than 65 % of simulated ones.
    """
    if table.residual is None:
        return ()
    p_values = [_p_of_own_spread(table, table.residual, column) for column in table.columns]
    names = [
        group.name for group, p in zip(groups, p_values, strict=True) if p <= (1 - confidence) / len(groups)
    ]
    if not names:
        return ()
    return (
        f"The effect of {listed(names)} differs from seed to seed by more than the other noise explains: the "
        "intervals are too narrow for it. Trust it less, or give the study more study.confirm_seeds.",
    )


def _p_of_own_spread(table: _Table, residual: Part, column: Floats) -> float:
    by_seed = table.values @ _halves(column)
    own = float(by_seed.var(ddof=1)) * column.size / 4
    df_own = by_seed.size - 1
    df_rest = residual.df - df_own
    rest = (residual.variance * residual.df - own * df_own) / df_rest
    return float(fdtrc(df_own, df_rest, own / rest)) if rest > 0 else 1.0


def _code(row: Row) -> str:
    return "".join("01"[has] for has in row)
