"""What a terminal shows of a running study: one line a slot, the leaderboard so far, when it will end.

It never takes more lines than there are: slots that do not fit are counted, the board is shortened.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from sweeper.reports import Cell, Column, FittedTable, LiveBoard, Prose, Row, wrapped
from sweeper.trial import Slot
from sweeper.watch.live_view import Moment, Progress, Running
from sweeper.wording import duration, number

WIDTH = 100
LOG_LINES = 3
"""Left for the last lines of the log, above."""
MOST_RANKED = 8
LEAST_RANKED = 3
"""Trials of the leaderboard that are shown even where slots have to be left out for it."""
BAR_WIDTH = 12
MOST_S = 30 * 86400.0
"""An end further away than this is no date."""
NO_BOARD = LiveBoard()


def screen(moment: Moment, height: int, width: int = WIDTH, board: LiveBoard = NO_BOARD) -> RenderableType:
    """The view for a terminal of `height` lines and `width` columns."""
    foot = Prose(totals(moment.progress, moment.running, moment.now, moment.date), "dim")
    room = max(1, height - LOG_LINES - len(wrapped(foot.text, width)))
    n_wanted = slot_table(moment.slots[:room], moment.running, moment.metric).n_lines(width)
    ranked, n_ranked = _ranked(board, room, n_wanted, width)
    return Group(*_slots(moment, room - n_ranked, width), *ranked, foot)


def _ranked(board: LiveBoard, room: int, n_for_slots: int, width: int) -> tuple[list[RenderableType], int]:
    """The board with a line before it, and their number of lines; nothing where there is no room for it."""
    for most in range(min(MOST_RANKED, len(board)), 0, -1):
        table = board.table(most)
        n = 1 + table.n_lines(width)
        if n <= room - n_for_slots or (most <= LEAST_RANKED and n <= room // 2):
            return [Text(""), table], n
    return [], 0


def _slots(moment: Moment, room: int, width: int) -> list[RenderableType]:
    """Those that fit, and how many others there are."""
    slots, running = moment.slots, moment.running
    if not slots:
        return [Prose("no slots now; waiting for some", "dim")]
    idle = "idle" if moment.has_started else "starting"
    n = min(len(slots), max(1, room - 1))
    while True:
        table = slot_table(slots[:n], running, moment.metric, idle)
        if n == 1 or table.n_lines(width) + (n < len(slots)) <= room:
            break
        n -= 1
    hidden = slots[n:]
    return [table, *([Prose(_hidden_in_words(hidden, running), "dim")] if hidden else [])]


def slot_table(
    slots: Sequence[Slot], running: Sequence[Running], metric: str, idle: str = "idle"
) -> FittedTable:
    """One line a slot, two where two runs share one; where space is short, pace and bar go first."""
    columns = (
        Column("slot", is_left=True),
        Column("#", leaves=5),
        Column("trial", is_left=True, is_name=True),
        Column("seed", leaves=4),
        Column("", leaves=2, is_left=True, least=BAR_WIDTH),  # or the table would jump at the first run
        Column("step"),
        Column(metric, leaves=3),
        Column("steps/s", leaves=1),
    )
    rows, on = [], dict[int, list[Running]]()
    for run in running:
        on.setdefault(run.slot, []).append(run)
    for slot in slots:
        runs = on.get(slot.index, [])
        rows += [Row([slot.label, *_cells(run)]) for run in runs]
        if not runs:
            rows.append(Row([slot.label, "", Text(idle, "dim"), "", "", "", "", ""]))
    return FittedTable(columns, rows, has_rule=False, cuts_names=True)


def _cells(run: Running) -> tuple[Cell, ...]:
    pace = "-" if run.steps_per_s is None else f"{run.steps_per_s:.1f}"
    steps = f"{run.step}/{run.total_steps}"
    return str(run.trial), run.name, str(run.seed), _bar(run.fraction), steps, number(run.objective), pace


def _bar(fraction: float) -> Text:
    halves = int(2 * BAR_WIDTH * fraction)
    return Text("━" * (halves // 2) + "╸" * (halves % 2), "bar.complete")


def _hidden_in_words(slots: Sequence[Slot], running: Sequence[Running]) -> str:
    busy = {run.slot for run in running}
    n_busy = sum(slot.index in busy for slot in slots)
    return f"and {len(slots)} slots more: {n_busy} busy, {len(slots) - n_busy} idle"


def totals(progress: Progress, running: Sequence[Running], now: float, date: datetime) -> str:
    """How many runs are done, how many of them in vain, and when all will be."""
    left = progress.seconds_left(running, now)
    n_runs = max(progress.n_runs, progress.n_done)
    ends = [(progress.n_failed, "failed"), (progress.n_pruned, "pruned")]
    in_vain = ", ".join(f"{n} {state}" for n, state in ends if n)
    most = "at most " if progress.is_most and progress.n_done < n_runs else ""
    so_far = f"{progress.n_done} of {most}{n_runs} runs done{f' ({in_vain})' if in_vain else ''}"
    so_far += f", {duration(now - progress.began)} so far"
    if progress.n_done == n_runs:
        return so_far
    if left is None:
        return f"{so_far}, time left unknown yet"
    return f"{so_far}, {most or 'about '}{duration(left)} left{until(left, date)}"


def until(left_s: float, now: datetime) -> str:
    """The clock time of the end, with the day where that is another one; nothing far in the future."""
    if left_s > MOST_S:
        return ""
    end = now + timedelta(seconds=left_s)
    return f", until {end:%H:%M}" if end.date() == now.date() else f", until {end:%a %d %b %H:%M}"
