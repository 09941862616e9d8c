"""What is said of an attribution, made from a summary: for terminal and report."""

import re

from sweeper.findings import Attribution, GroupEffect, Interaction, ScaleControl
from sweeper.reports.incidents import endings, grouped
from sweeper.reports.leaderboard import p_value, with_interval
from sweeper.reports.markdown_text import Table, inline, line
from sweeper.reports.summary_model import Summary, TrialEntry
from sweeper.results import JudgedOn
from sweeper.wording import NOTHING, number, split_name


def attribution_line(summary: Summary) -> str:
    """The sentence, for a terminal; empty where nothing was asked."""
    return f"attribution: {summary.attribution.sentence}" if summary.attribution else ""


def attribution_section(summary: Summary, table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty where nothing was asked."""
    found = summary.attribution
    if found is None:
        return []
    figures = (
        [*_effects(found, summary.judged_on, table), *_combinations(summary, found, table)]
        if found.groups
        else []
    )
    notes = [*found.notes, *_failed(summary)]
    return [
        *("## Which difference made it", "", _marked(found.sentence)),
        *figures,
        *(("", *(f"- note: {inline(note)}" for note in notes)) if notes else ()),
    ]


def _effects(found: Attribution, judged_on: JudgedOn, table: Table) -> list[str]:
    head = ["group", "keys", "effect", "interval", "p (Holm)", "named"]
    left = ["group", "keys", "named"]
    body = [
        *(_group(group) for group in found.groups),
        *(_interaction(one) for one in found.interactions),
        *([_control(found.control)] if found.control else ()),
    ]
    return [
        *("", *table(head, body, left), ""),
        f"Improvement on {split_name(judged_on)} with the winner's values of a group instead of the "
        "baseline's, averaged over",
        "all combinations of the others. Intervals hold for all groups at once (Bonferroni); a group is",
        "named where its Holm-adjusted p is small, which is the sharper of the two.",
    ]


def _group(group: GroupEffect) -> list[str]:
    word = "yes" if group.is_named else "no"
    return [group.name, ", ".join(group.keys), *_estimate(group), p_value(group.p_adjusted), word]


def _interaction(one: Interaction) -> list[str]:
    pairs = " or ".join(" x ".join(pair) for pair in one.pairs)
    return [f"together: {pairs}", NOTHING, *_estimate(one), NOTHING, NOTHING]


def _control(control: ScaleControl) -> list[str]:
    name = f"control: baseline, loss x {control.scale:.3g}"
    return [name, NOTHING, *_estimate(control), NOTHING, NOTHING]


def _estimate(found: GroupEffect | Interaction | ScaleControl) -> tuple[str, str]:
    return with_interval(found.improvement, found.ci_low, found.ci_high)


def _combinations(summary: Summary, found: Attribution, table: Table) -> list[str]:
    """Every combination that was trained, with its mean."""
    names = [group.name for group in found.groups]
    trials = {trial.trial: trial for trial in summary.trials}
    head = ["#", "trial", *names, f"{summary.judged_on} {summary.metric[0]}"]
    body = [
        [str(n), _name(trials.get(n)), *_marks(row), number(found.means.get(row))]
        for row, n in found.trials.items()
    ]
    seeds = ", ".join(map(str, found.seeds))
    return [
        *("", *table(head, body, ["trial", *names]), ""),
        f"Means over the confirmation seeds that all combinations completed ({seeds}), x where a combination",
        "has the winner's values.",
    ]


def _name(trial: TrialEntry | None) -> str:
    return NOTHING if trial is None else trial.name


def _marks(combination: str) -> list[str]:
    return ["x" if digit == "1" else "" for digit in combination]


def _failed(summary: Summary) -> list[str]:
    """The runs that were added for the attribution, and failed."""
    added = [trial for trial in summary.trials if trial.role == "attribution"]
    return grouped((who, f"failed: {why}") for who, why in endings(added, "FAILED"))


def _marked(sentence: str) -> str:
    """A line of markdown in which the names between backticks are bold, whatever they hold."""
    return re.sub(r"\\`(.+?)\\`", r"**\1**", line(sentence))
