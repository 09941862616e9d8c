"""How often a study has been judged on one test split: each look has its own chance to err. Pure."""

from sweeper.findings import Look, Pairs
from sweeper.results import StudyResult
from sweeper.verdict.digits import percent
from sweeper.wording import plural, split_name

JUDGED = ("better", "worse", "equivalent", "not distinguishable")
"""Verdicts that rest on a test; the others are no look."""
KINDS = {
    "best": "winner",
    "baseline": "baseline",
    "confirm_seeds": "set of confirmation seeds",
    "seeds": "set of screening seeds",
}


def look_of(result: StudyResult, best: int | None) -> Look | None:
    """What a verdict on candidate number `best` looks at."""
    found = next((trial for trial in result.candidates if trial.spec.number == best), None)
    if found is None:
        return None
    return Look(
        best=found.spec.fingerprint,
        baseline=result.baseline.spec.fingerprint,
        seeds=tuple(sorted(result.seeds)),
        confirm_seeds=tuple(sorted(result.confirm_seeds)),
    )


def notes_of_looks(
    result: StudyResult, look: Look | None, pairs: Pairs | None = None, *, has_interval: bool = True
) -> tuple[str, ...]:
    """What a study that grew must say beside its confidence; nothing at the first look, or the same again.

    Earlier winners of which only the runs are known count, too. Where the study keeps budgets of its pairs,
    the interval, if it has one, is as wide as this takes.
    """
    if look is None:
        return ()
    if result.pair_budget is not None:
        return _of_budgets(result, pairs, has_interval=has_interval)
    looks = {*result.looks, look}
    winners = {one.best for one in looks} | _confirmed(result)
    n = len(looks) + len(winners - {one.best for one in looks})
    if n == 1:
        return ()
    counts = {key: len({getattr(one, key) for one in looks}) for key in KINDS} | {"best": len(winners)}
    grown = ", ".join(_plural(count, KINDS[key]) for key, count in counts.items() if count > 1)
    split = f"{split_name(result.judged_on)} split"
    return (
        f"This study has grown: it has been judged {n} times on the same {split} ({grown}). The stated "
        "confidence is that of a single look and no longer holds: studies that grow err 2 to 4 times as "
        f"often. Fresh seeds do not mend this, since the {split} has been looked at; for a clean verdict, "
        "decide on all seeds and candidates before a study begins, and use a test split of its own.",
    )


def _of_budgets(result: StudyResult, pairs: Pairs | None, *, has_interval: bool) -> tuple[str, ...]:
    if pairs is None or pairs.n_judged == 1:
        return ()
    split = f"{split_name(result.judged_on)} split"
    grown = f"This study has grown: it has been judged {pairs.n_judged} times on the same {split}."
    if not has_interval:
        return (grown,)
    return (
        f"{grown} The interval is one of {percent(pairs.confidence)}, so that all these verdicts together "
        f"keep the stated {100 * result.confidence:g} %. It would be narrower in a study whose seeds and "
        "candidates were decided on before it began.",
    )


def _confirmed(result: StudyResult) -> set[str]:
    """Fingerprints of the candidates that have runs on the confirmation seeds."""
    fresh = set(result.confirm_seeds) - set(result.seeds)
    found = {trial.spec.fingerprint for trial in result.candidates if fresh & trial.runs.keys()}
    return found - {result.baseline.spec.fingerprint}  # a candidate that is the baseline shares its runs


def _plural(n: int, noun: str) -> str:
    return plural(n, noun) if not noun.startswith("set ") else f"{n} {noun.replace('set ', 'sets ', 1)}"
