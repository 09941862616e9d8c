"""The leaderboard as text, made from a summary: for terminal, report, and companion command."""

from dataclasses import dataclass
from statistics import stdev

from sweeper.findings import BestRun, Comparison, Confirmation, Ensemble, EnsembleMember
from sweeper.reports.health_text import rules_of
from sweeper.reports.incidents import grouped, on_the_way
from sweeper.reports.markdown_text import Table, inline, line
from sweeper.reports.summary_model import PerSeed, Summary, TrialEntry
from sweeper.verdict import decimals
from sweeper.wording import NOTHING, _decimals, number, plural

Compared = Comparison | Confirmation
"""A difference to the baseline, and the interval of the improvement."""


@dataclass(frozen=True)
class Row:
    """One trial, ready to print. `marks`: "baseline", "best", "front"; `values` one text an objective.

    `rules`: those of the monitor that held in its runs. `seconds`: of the screening runs. `ending`: the state
    in words, with the step where it was pruned, or the runs that are still missing.
    """

    trial: int
    name: str
    marks: frozenset[str]
    state: str
    ending: str
    reason: str | None
    values: tuple[str, ...]
    test: tuple[str, ...]
    difference: str
    interval: str
    p_adjusted: str
    steps: int
    seconds: float
    rules: tuple[str, ...] = ()


def rows(summary: Summary) -> list[Row]:
    """All trials of a summary, best validation value first.

    Those with a value on more seeds come before those with fewer: an adaptive study replicates a few. Trials
    without a value are not ranked with the others but follow: pruned ones, those that got furthest first,
    then unfinished, then failed ones. With several objectives the front comes first, then the others, each in
    order of their numbers. Trials of an attribution are no contestants.
    """
    chosen = {entry.trial for entry in summary.best}
    mark = "front" if summary.is_multi_objective else "best"
    ranked = sorted(summary.contestants, key=lambda trial: _rank(summary, trial, chosen))
    return [_row(trial, _marks(trial, chosen, mark), len(summary.seeds)) for trial in ranked]


def shown_splits(summary: Summary) -> tuple[str, ...]:
    """The splits that have a column for each metric."""
    return ("val", "test") if summary.judged_on == "test" else ("val",)


def reasons(summary: Summary) -> list[str]:
    """Why trials failed or are unfinished, a line for each kind. A pruned trial's reason is in the report."""
    told_about = [row for row in rows(summary) if row.reason is not None and row.state != "PRUNED"]
    return grouped(
        (f"trial {row.trial} {row.name} {row.state.lower()}", str(row.reason)) for row in told_about
    )


def pruning(summary: Summary) -> str:
    """How many trials were pruned and what that saved, in one sentence; empty where none was."""
    n_pruned = sum(trial.state == "PRUNED" for trial in summary.contestants)
    if not n_pruned:
        return ""
    totals = summary.totals
    saved, taken = totals.steps_saved, totals.steps_trained + totals.steps_inherited
    trials = f"{plural(n_pruned, 'trial')} pruned"
    if not saved:
        return trials
    return f"{trials}: {saved:,} of {saved + taken:,} steps ({saved / (saved + taken):.0%}) were not needed"


def sharing(summary: Summary) -> str:
    """How many steps one run has trained for another, in one sentence; empty where none has."""
    totals = summary.totals
    shared, taken = totals.steps_inherited, totals.steps_trained + totals.steps_inherited
    return f"{shared:,} of {taken:,} steps ({shared / taken:.0%}) were shared between runs" if shared else ""


def incidents(summary: Summary) -> str:
    """How many incidents there were before the runs' ends, in one sentence; empty where there was none."""
    n = len(on_the_way(summary.trials))
    return f"{plural(n, 'incident')} on the way, named in the report" if n else ""


def difference(compared: Compared | None) -> tuple[str, str]:
    """`+0.0007` and `[-0.0008, +0.0022]`, with two significant digits of the interval's half-width."""
    return (NOTHING, NOTHING) if compared is None else with_interval(*interval_of_difference(compared))


def interval_of_difference(compared: Compared) -> tuple[float, float | None, float | None]:
    """Difference and the limits of its interval; `ci_low` and `ci_high` are those of the improvement."""
    value, low, high = compared.difference, compared.ci_low, compared.ci_high
    if compared.improvement != value and low is not None and high is not None:
        low, high = -high, -low
    return value, low, high


def with_interval(value: float, low: float | None, high: float | None) -> tuple[str, str]:
    """The same of any estimate; the digits of the value itself where its interval is unknown."""
    if low is None or high is None:
        return f"{value:+.{decimals(value)}f}", NOTHING
    digits = decimals((high - low) / 2, value, low, high)
    return f"{value:+.{digits}f}", f"[{low:+.{digits}f}, {high:+.{digits}f}]"


def p_value(value: float | None) -> str:
    """Two digits, never a bare zero."""
    if value is None:
        return NOTHING
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def p_in_words(value: float | None) -> str:
    """`p = 0.032`, `p < 0.001`."""
    shown = p_value(value)
    return f"p < {shown[1:]}" if shown.startswith("<") else f"p = {shown}"


def age(seconds: float) -> str:
    """`40 s`, `3 min`, `2 h`, `5 d`: how long ago something was."""
    for unit, size in (("d", 172_800), ("h", 7200), ("min", 120)):
        if seconds >= size:
            return f"{int(2 * seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def spread(per_seed: PerSeed, index: int) -> float | None:
    """The standard deviation over seeds of objective `index`; None with fewer than two seeds."""
    values = [of_seed[index] for of_seed in per_seed.values()]
    return stdev(values) if len(values) > 1 else None


def _row(trial: TrialEntry, marks: frozenset[str], n_seeds: int) -> Row:
    # those of several objectives are told of the front only; the seeds that failed runs left flatter a trial
    is_told = len(trial.comparisons) == 1 and trial.state != "FAILED"
    compared = trial.comparisons[0] if is_told else None
    estimate, interval = difference(compared)
    return Row(
        trial=trial.trial,
        name=trial.name,
        marks=marks,
        state=trial.state,
        ending=_ending(trial, n_seeds),
        reason=trial.reason,
        values=tuple(_with_spread(x, trial.per_seed, i, n_seeds) for i, x in enumerate(trial.value)),
        test=tuple(map(number, trial.test)),
        difference=estimate,
        interval=interval,
        p_adjusted=p_value(compared.p_adjusted if compared else None),
        steps=trial.steps_trained,
        seconds=_screening_s(trial),
        rules=tuple(rules_of(trial)),
    )


def _screening_s(trial: TrialEntry) -> float:
    """What the screening runs took: confirmation would make the best and the baseline look slow."""
    if not trial.runs:
        return trial.seconds
    return sum(run.seconds for run in trial.runs if run.phase == "screening")


def _ending(trial: TrialEntry, n_seeds: int) -> str:
    if trial.state in ("WAITING", "RUNNING"):
        return f"{len(trial.per_seed)} of {n_seeds} seeds"
    return f"pruned at {trial.pruned_at}" if trial.pruned_at else trial.state.lower()


def _with_spread(value: float, per_seed: PerSeed, index: int, n_seeds: int) -> str:
    if len(per_seed) < n_seeds:
        return f"{number(value)} ({len(per_seed)} of {n_seeds} seeds)"
    around = spread(per_seed, index)
    return number(value) if around is None else f"{number(value)} ± {around:.{_decimals(value)}f}"


def _marks(trial: TrialEntry, chosen: set[int], mark: str) -> frozenset[str]:
    own = [mark] if trial.trial in chosen else []
    return frozenset([*own, "baseline"] if trial.role == "baseline" else own)


def _rank(summary: Summary, trial: TrialEntry, chosen: set[int]) -> tuple[float, ...]:
    if summary.is_multi_objective:
        return (trial.trial not in chosen, trial.trial)
    if not trial.value:
        behind = {"PRUNED": 1, "FAILED": 3}.get(trial.state, 2)
        return (behind, -(trial.pruned_at or 0), trial.trial)
    n_missing = len(summary.seeds) - len(trial.per_seed)
    return (0, n_missing, -summary.objectives[0].sign * trial.value[0], trial.trial)


def sentence_of(entry: Ensemble, metric: str, confidence: float) -> str:
    """The ensemble beside the best single run, on the test split, in one sentence."""
    best = entry.best_run
    estimate, interval = with_interval(entry.improvement, entry.ci_low, entry.ci_high)
    error = "no interval" if entry.ci_low is None else f"{100 * confidence:g} % interval {interval}"
    return (
        f"The average of {len(entry.members)} runs reaches test {metric} {number(entry.test)}, "
        f"the run that is best on validation ({run_name(best)}) {number(best.test)}: "
        f"improvement {estimate}, {error} "
        "(of these very models on other test examples; no variance of seeds is in it)."
    )


def run_name(run: EnsembleMember | BestRun) -> str:
    """`trial 3 lambda=0.2 seed 1`."""
    return f"trial {run.trial} {run.name} seed {run.seed}"


def ensemble_line(summary: Summary) -> str:
    """The sentence, for a terminal; empty where there is no ensemble."""
    return f"ensemble: {summary.ensemble.sentence}" if summary.ensemble else ""


def ensemble_section(summary: Summary, table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty without an ensemble."""
    entry = summary.ensemble
    if entry is None:
        return []
    metric, best = summary.metric[0], entry.best_run
    body = [
        [f"average of {len(entry.members)} runs", number(entry.val), number(entry.test)],
        [f"best single run: {run_name(best)}", number(best.val), number(best.test)],
    ]
    members = "; ".join(f"{run_name(one)} (val {number(one.val)})" for one in entry.members)
    return [
        *("## Ensemble", "", line(entry.sentence), ""),
        *table(["model", f"val {metric}", f"test {metric}"], body, ["model"]),
        *("", f"The mean of the probabilities of the best runs on validation: {inline(members)}."),
    ]
