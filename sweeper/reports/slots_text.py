"""Where the runs of a study were, and what it cost that slots came and went."""

from sweeper.reports.markdown_text import inline
from sweeper.results import Totals
from sweeper.wording import duration

LEAST_WAIT_S = 1.0
"""A shorter wait for slots is not worth a word."""
MOST_DEVICES = 12
"""Of more devices the first ones are named; where each run was, trials.csv says."""


def devices_in_words(totals: Totals) -> str:
    """`n1 gpu 0, n1 gpu 1`; of very many the first ones."""
    n_shown = len(totals.devices) if len(totals.devices) <= MOST_DEVICES else MOST_DEVICES - 1
    named = ", ".join(map(inline, totals.devices[:n_shown]))
    more = f" and {len(totals.devices) - n_shown} more" if n_shown < len(totals.devices) else ""
    return f"{named}{more}" or "unknown"


def slots_lines(totals: Totals) -> list[str]:
    """The runs that were moved in the last session, and its wait for slots; nothing where slots stayed."""
    moves = {"preempted": totals.preemptions, "lost with their host": totals.hosts_lost}
    told = [f"{n} {how}" for how, n in moves.items() if n]
    lines = [f"- runs that went on elsewhere: {', '.join(told)}"] if told else []
    if totals.waited_s >= LEAST_WAIT_S:
        lines.append(f"- no slot was there for {duration(totals.waited_s)}{_of_it(totals)}")
    return lines


def _of_it(totals: Totals) -> str:
    is_split = LEAST_WAIT_S <= totals.first_slot_s < totals.waited_s - LEAST_WAIT_S
    return f", {duration(totals.first_slot_s)} of it before the first" if is_split else ""
