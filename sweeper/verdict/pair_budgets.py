"""Who may spend how much of a study's error: budgets of confirmation pairs become designs. Pure.

A study that grows has another winner, or more pairs for the same one. Each is a claim on one error, that of
the study's confidence: the first winner's budget has four fifths of it, all others share the rest. So the
promise holds for all verdicts of the study together.
"""

from collections.abc import Collection, Sequence

from sweeper.findings import Look, PairBudget
from sweeper.verdict.sequential import Design
from sweeper.verdict.spending import nominal_errors, power_family, share

FIRST_LOOK = 2
CAUTION = {1: 0.8, 2: 0.8, 3: 0.86, 4: 0.88}
LEAST_CAUTION = 0.9
"""Nominal errors are those of normal draws of known variance, times this, by number of screening seeds."""


def with_claim(
    budgets: Sequence[PairBudget], looks: Sequence[Look], wanted: PairBudget
) -> tuple[PairBudget, ...]:
    """The study's budgets after a winner asks for `wanted`; the same where it has one that covers it.

    Looks of before there were budgets each had one of a fixed number.
    """
    known = tuple(budgets) or _budgets_of(looks)
    if place_of(known, looks, wanted) is not None:
        return known
    before = extended_by_last((*known, wanted), looks)
    if before is not None and wanted.is_sequential:  # earlier looks stay what they were
        wanted = wanted.model_copy(update={"seeds": known[before].seeds})
    return (*known, wanted)


def extended_by_last(budgets: Sequence[PairBudget], looks: Sequence[Look]) -> int | None:
    """The place of the budget that an open last one goes on from; None where it begins or stands alone."""
    if not budgets[-1].is_sequential:
        return None
    chain = _chain(budgets, judged_places(budgets, looks), len(budgets) - 1)
    return chain[-2] if len(chain) > 1 else None


def place_of(budgets: Sequence[PairBudget], looks: Sequence[Look], wanted: PairBudget) -> int | None:
    """The place of the winner's budget that covers `wanted`; None where it has none.

    One that was never judged, while another of an equal claim was since, is none any more; nor is a fixed
    number that was never judged one for who wants an open number.
    """
    judged = judged_places(budgets, looks)
    for at in reversed(range(len(budgets))):
        is_late = at not in judged and any(one > at for one in judged)
        is_alike = at in judged or budgets[at].is_sequential == wanted.is_sequential
        if _is_same(budgets[at], wanted) and _covers(budgets[at], wanted) and is_alike and not is_late:
            return at
    return None


def judged_places(budgets: Sequence[PairBudget], looks: Sequence[Look]) -> set[int]:
    """The places of the budgets by which a verdict was given."""
    return {at for at, one in enumerate(budgets) if any(_is_look_of(look, one) for look in looks)}


def n_verdicts(budgets: Sequence[PairBudget], looks: Sequence[Look], place: int, n_pairs: int) -> int:
    """How many claims have given a verdict, that of the budget at `place` on `n_pairs` among them.

    An open budget that extends another open one gives none of its own where no pair beyond that one's was
    judged: its looks, and their errors, are that one's.
    """
    judged = judged_places(budgets, looks)
    found = 0
    for at in judged | {place}:
        budget, chain = budgets[at], _chain(budgets, judged, at)
        before = budgets[chain[-2]] if len(chain) > 1 else None
        seen = [len(look.confirm_seeds) for look in looks if _is_look_of(look, budget)]
        most = max([*seen, *([n_pairs] if at == place else [])])
        is_of_before = before is not None and before.is_sequential and most <= len(before.pairs)
        found += not (budget.is_sequential and is_of_before)
    return found


def design_of(budgets: Sequence[PairBudget], looks: Sequence[Look], place: int, confidence: float) -> Design:
    """The looks of the budget at `place` with the error of each.

    A fixed number of pairs has one look, at the study's confidence, unless the study has been judged by other
    budgets, too.
    """
    budget, alpha, judged = budgets[place], 1 - confidence, judged_places(budgets, looks)
    if not budget.is_sequential and judged <= {place}:
        return Design({len(budget.pairs): alpha}, is_sequential=False)
    at: list[int] = []
    spent: list[float] = []
    chain = _chain(budgets, judged, place)
    for one in chain:
        before, known = (at[-1], spent[-1]) if at else (0, 0.0)
        amount = alpha * share(sum(other < one for other in judged))
        added = _looks_of(budgets[one], before, amount)
        at += [n for n, _ in added]
        spent += [known + error for _, error in added]
    errors = nominal_errors(tuple(at), tuple(spent))
    caution = CAUTION.get(len(budget.seeds), LEAST_CAUTION) if budget.is_sequential else 1.0
    seen = [one for one in looks if any(_is_look_of(one, budgets[before]) for before in chain[:-1])]
    return Design(
        {n: caution * error for n, error in zip(at, errors, strict=True)},
        is_sequential=budget.is_sequential,
        n_judged=max((len(one.confirm_seeds) for one in seen), default=0),
    )


def _looks_of(budget: PairBudget, before: int, amount: float) -> list[tuple[int, float]]:
    """The looks that a budget adds to `before` pairs, with what is spent by each of its `amount`."""
    last = len(budget.pairs)
    if not budget.is_sequential:
        return [(last, amount)]
    if before == 0:
        first = min(FIRST_LOOK, last)
        return list(zip(range(first, last + 1), power_family(first, last, amount), strict=True))
    return [(before + n, error) for n, error in enumerate(power_family(1, last - before, amount), start=1)]


def _chain(budgets: Sequence[PairBudget], judged: Collection[int], place: int) -> list[int]:
    """The budgets of one winner, each an extension of the one before that was judged, up to that at `place`.

    Those that a later one does not extend, as fewer pairs than there had been, stand alone.
    """
    chain: list[int] = []
    for at in range(place):
        is_begun = at in judged and _is_same(budgets[at], budgets[place])
        if is_begun and _extends(budgets[place], budgets[at]):
            chain += [at] if not chain or _extends(budgets[at], budgets[chain[-1]]) else []
    return [*chain, place]


def _budgets_of(looks: Sequence[Look]) -> tuple[PairBudget, ...]:
    found = {
        (look.best, look.baseline, look.confirm_seeds): PairBudget(
            best=look.best,
            baseline=look.baseline,
            seeds=look.seeds,
            pairs=look.confirm_seeds,
            is_sequential=False,
        )
        for look in sorted(looks, key=lambda look: (len(look.seeds), look.seeds))
    }
    return tuple(sorted(found.values(), key=lambda one: (len(one.pairs), one.pairs)))


def _is_look_of(look: Look, budget: PairBudget) -> bool:
    seen = len(look.confirm_seeds) if budget.is_sequential else len(budget.pairs)
    is_of_them = set(look.confirm_seeds) == set(budget.pairs[:seen])
    return (look.best, look.baseline) == (budget.best, budget.baseline) and is_of_them


def _is_same(one: PairBudget, other: PairBudget) -> bool:
    return (one.best, one.baseline) == (other.best, other.baseline)


def _covers(one: PairBudget, wanted: PairBudget) -> bool:
    """Whether the budget has all that `wanted` asks for: of a fixed number just these pairs."""
    if wanted.is_sequential:
        return one.pairs[: len(wanted.pairs)] == wanted.pairs
    return not one.is_sequential and set(one.pairs) == set(wanted.pairs)


def _extends(one: PairBudget, other: PairBudget) -> bool:
    """Whether `one` has more pairs after the same first ones."""
    return len(one.pairs) > len(other.pairs) and one.pairs[: len(other.pairs)] == other.pairs
