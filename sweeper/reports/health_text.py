"""What the monitor's rules found in the runs of a study, made from its summary."""

from collections.abc import Sequence

from sweeper.findings import Alarm
from sweeper.reports.markdown_text import Table, line
from sweeper.reports.summary_model import Summary, TrialEntry
from sweeper.wording import NOTHING, plural

FLAG = "!"
"""Beside the number of a trial in whose runs some rule held."""
MAX_TOLD = 4
STEP = "first at step"
HEAD = ("trial", "rule", "seeds", STEP, "what held", "advice", "done")


def health_line(summary: Summary) -> str:
    """`! oscillation: 1 lmsa_focal; slow: 0 baseline, 1 lmsa_focal`; empty where all was well."""
    told = [f"{rule}: {_in_short(names)}" for rule, names in _by_rule(summary).items()]
    return f"{FLAG} {'; '.join(told)}" if told else ""


def follow_ups_line(summary: Summary) -> str:
    """How many of the candidates follow up on others; empty for none."""
    found = [f"{trial.trial} {trial.name}" for trial in summary.trials if trial.parent is not None]
    n = plural(len(found), "candidate")
    return f"{n} made of others, by a rule or a stage: {', '.join(found)}" if found else ""


def rules_of(trial: TrialEntry) -> list[str]:
    """The rules that held in the runs of a trial, each once."""
    return list(dict.fromkeys(alarm.rule for alarm in trial.alarms))


def health_section(summary: Summary, table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty where all was well."""
    body = [
        _row(trial, rule, [one for one in trial.alarms if one.rule == rule])
        for trial in summary.trials
        for rule in rules_of(trial)
    ]
    if not body:
        return []
    head = ["trial", "rule", "seeds", "first at step", "what held", "advice", "done"]
    counted = follow_ups_line(summary)
    return [
        *(
            "## Health of the runs",
            "",
            *table(head, body, [one for one in head if one != "first at step"]),
            "",
        ),
        "What the rules of the section `monitor` found, in the first run in which each held. Follow-ups are",
        "candidates like others: the confirmation on fresh seeds is what the verdict rests on.",
        *(("", line(f"{counted}.")) if counted else ()),
    ]


def _row(trial: TrialEntry, rule: str, found: Sequence[Alarm]) -> list[str]:
    first = found[0]
    seeds = ", ".join(str(alarm.seed) for alarm in found)
    done = list(dict.fromkeys(alarm.did for alarm in found if alarm.did))
    name = f"{trial.trial} {trial.name}"
    return [
        name,
        rule,
        seeds,
        f"{first.step:,}",
        first.text,
        first.say or NOTHING,
        "; ".join(done) or "warned",
    ]


def _by_rule(summary: Summary) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for trial in summary.trials:
        for rule in rules_of(trial):
            found.setdefault(rule, []).append(f"{trial.trial} {trial.name}")
    return found


def _in_short(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_TOLD} more" if len(names) > MAX_TOLD else ""
    return ", ".join(names[:MAX_TOLD]) + more
