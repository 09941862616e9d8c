"""The way that a staged plan has taken, made from a study's summary."""

from sweeper.findings import Decision
from sweeper.reports.markdown_text import Table, line
from sweeper.reports.summary_model import Summary
from sweeper.wording import number

OPEN = "not over"
"""In the place of a decision that is still to come."""


def plan_line(summary: Summary) -> str:
    """`plan mine: focal > stop (best is 0.7400 (lmsa_focal), best >= 0.73)`; empty without stages."""
    if summary.plan is None or not summary.plan.decisions:
        return ""
    last = summary.plan.decisions[-1]
    steps = [one.stage for one in summary.plan.decisions] + [last.go or OPEN]
    return f"plan {summary.plan.name}: {' > '.join(steps)}{f' ({last.because})' if last.because else ''}"


def plan_section(summary: Summary, table: Table) -> list[str]:
    """The section of the report; `table(head, body, left)` writes markdown. Empty without stages."""
    if summary.plan is None or not summary.plan.decisions:
        return []
    names = {trial.trial: f"{trial.trial} {trial.name}" for trial in summary.trials}
    body = [_row(one, names) for one in summary.plan.decisions]
    head = ["stage", "trials", f"best val {summary.metric[0]}", "decision", "why"]
    return [
        *("## The way taken", "", line(f"The plan {summary.plan.name} tries its stages one by one.")),
        *("", *table(head, body, ["stage", "trials", "decision", "why"]), ""),
        "A stage decides on its best mean over the seeds on validation; follow-ups belong to the stage of",
        "their parent. Who was reached by such a way is judged like any other: by the confirmation.",
    ]


def _row(decision: Decision, names: dict[int, str]) -> list[str]:
    tried = ", ".join(names.get(trial, str(trial)) for trial in decision.trials) or "none yet"
    return [decision.stage, tried, number(decision.value), decision.go or OPEN, decision.because]
