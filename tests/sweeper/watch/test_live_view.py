"""The live view: how far a study is, and how that is drawn."""

import io
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, strategies as st
from rich.console import Console, RenderableType

from sweeper.messages import Alive, Reported, Started
from sweeper.reports import LiveBoard, LiveTrial
from sweeper.results import RunResult
from sweeper.trial import Slot
from sweeper.watch.live_view import LiveView, Progress, Running
from sweeper.watch.screen import screen, slot_table, totals
from tests.sweeper.factories import run_result, trial_spec

SLOTS = (Slot(0, "cuda:0", 4, "gpu 0"), Slot(1, "cuda:0", 4, "gpu 1"))
NOON = datetime(2026, 11, 21, 12, 0)
SPEC = trial_spec(1, 0.05)
FROM_RUN: dict[str, Any] = {"job_id": "j", "trial": 1, "seed": 0, "attempt": 1}


class Watch:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lines(drawn: RenderableType, width: int = 100) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(drawn)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def started(resumed_step: int = 0) -> Started:
    return Started(**FROM_RUN, resumed_step=resumed_step, total_steps=600, device="cuda:0")


def reported(step: int, auc: float) -> Reported:
    return Reported(**FROM_RUN, step=step, metrics={"val/ctcvr_auc": auc}, steps_per_s=80.0)


def running(slot: int = 0, step: int = 300, name: str = "x", resumed_step: int = 0) -> Running:
    return Running(slot, 1, name, 0, resumed_step, step, 600, 0.7123, 80.0)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def view(watch: Watch) -> LiveView:
    view = LiveView(watch, lambda: NOON)
    view.begin(SLOTS, "ctcvr_auc", 12)
    return view


def test_each_slot_has_a_line_and_an_idle_one_says_so(view: LiveView, watch: Watch) -> None:
    """After 40 s half of the first of 12 runs is done: 1/24 in 40 s leaves 23 x 40 s = 15 min 20 s."""
    view.start(SPEC, started(), SLOTS[1])
    view.move(SPEC, reported(300, 0.7123))
    watch.now = 40.0
    assert lines(screen(view.seen(), 24)) == [
        "slot   #  trial        seed                   step  ctcvr_auc  steps/s",
        "gpu 0     idle",
        "gpu 1  1  lambda=0.05     0  ━━━━━━        300/600     0.7123     80.0",
        "0 of 12 runs done, 40.0 s so far, about 15 min 20 s left, until 12:15",
    ]


def test_a_run_moves_between_evaluations_too(view: LiveView) -> None:
    view.start(SPEC, started(), SLOTS[0])
    view.move(SPEC, reported(300, 0.7123))
    view.move(SPEC, Alive(**FROM_RUN, step=450))
    line = lines(screen(view.seen(), 24))[1]
    assert "450/600" in line
    assert "0.7123" in line


def test_an_interrupted_run_is_not_done_for_it_comes_again(view: LiveView) -> None:
    interrupted = RunResult(1, 0, "INTERRUPTED", "worker killed by signal 9")
    view.start(SPEC, started(), SLOTS[0])
    assert view.end(SPEC, interrupted) == "0/12"
    view.start(SPEC, started(200), SLOTS[1])
    assert "200/600" in lines(screen(view.seen(), 24))[2]
    assert view.end(SPEC, run_result(None, SPEC, 0)) == "1/12"
    assert "idle" in lines(screen(view.seen(), 24))[2]


@pytest.mark.parametrize("state", ["COMPLETE", "FAILED", "PRUNED"])
def test_a_run_that_ended_for_good_is_done(view: LiveView, state: str) -> None:
    view.start(SPEC, started(), SLOTS[0])
    assert view.end(SPEC, run_result(None, SPEC, 0, state)) == "1/12"


def test_a_retried_run_moves_to_the_slot_that_it_runs_on_now(view: LiveView) -> None:
    view.start(SPEC, started(), SLOTS[0])
    view.start(SPEC, started(200), SLOTS[1])
    first, second = lines(screen(view.seen(), 24))[1:3]
    assert "idle" in first
    assert "200/600" in second


def test_what_is_told_of_a_run_that_does_not_run_is_left_alone(view: LiveView) -> None:
    view.move(SPEC, reported(300, 0.7))
    assert view.end(SPEC, run_result(None, SPEC, 0, "FAILED")) == "1/12"
    assert all("starting" in line for line in lines(screen(view.seen(), 24))[1:3])


def test_more_runs_than_planned_never_show_more_done_than_there_are(view: LiveView) -> None:
    view.grow(-11)
    assert [view.end(SPEC, run_result(None, SPEC, seed)) for seed in (0, 1)] == ["1/1", "2/2"]
    assert lines(screen(view.seen(), 24))[-1].startswith("2 of 2 runs done")


def test_a_small_screen_shows_the_slots_that_fit_and_counts_the_others() -> None:
    """64 slots on 24 lines: 18 fit; of the other 46 two are busy."""
    slots = tuple(Slot(index, "cuda:0", 1, f"gpu {index}") for index in range(64))
    view = LiveView(Watch(), lambda: NOON)
    view.begin(slots, "ctcvr_auc", 200)
    for number, slot in enumerate((slots[0], slots[40], slots[63])):
        view.start(trial_spec(number, 0.1), started().model_copy(update={"trial": number}), slot)
    shown = lines(screen(view.seen(), 24))
    assert len(shown) == 21
    assert shown[-2] == "and 46 slots more: 2 busy, 44 idle"
    assert [line.split()[1] for line in shown[1:-2]] == [str(index) for index in range(18)]


LONG = "lambda=0.2,gamma=2,warmup_steps={},optimizer.lr=0.001,detach_p_for_weight={}"


@pytest.mark.parametrize("width", [60, 100])
def test_long_names_are_cut_to_one_line_a_slot_and_still_differ(width: int) -> None:
    """What differs may stand anywhere: here in the middle, or at the end."""
    names = [LONG.format(steps, which) for steps in (1000, 2000) for which in ("false", "true")]
    runs = [running(slot, name=name) for slot, name in enumerate(names)]
    slots = tuple(Slot(index, "cuda:0", 4, f"gpu {index}") for index in range(len(names)))
    table = slot_table(slots, runs, "ctcvr_auc")
    drawn = lines(table, width)
    assert len(drawn) == table.n_lines(width) == 1 + len(names)
    assert max(map(len, drawn)) <= width
    shown = [word for line in drawn[1:] for word in line.split() if "…" in word]
    assert len(set(shown)) == len(names)
    assert all(name.startswith("lambda=") for name in shown)


def test_names_that_no_cut_tells_apart_are_whole_on_lines_of_their_own_which_are_counted() -> None:
    """They differ in every tenth character: folded on 60 columns, and the figures below."""
    names = ["".join(mark if i == at else "-" for i in range(90)) for at in range(0, 90, 3) for mark in "ab"]
    runs = [running(slot, name=name) for slot, name in enumerate(names)]
    slots = tuple(Slot(index, "cuda:0", 4, f"gpu {index}") for index in range(len(names)))
    table = slot_table(slots, runs, "ctcvr_auc")
    drawn = lines(table, 60)
    assert len(drawn) == table.n_lines(60)
    assert all(name[:60] in drawn and name[60:] in drawn for name in names)


def test_names_of_forty_characters_are_whole_on_a_hundred_columns_beside_bar_and_value() -> None:
    name = "focal_tversky_with_warmup_and_no_alpha_1"
    (_, line) = lines(slot_table(SLOTS[:1], [running(name=name)], "ctcvr_auc"), 100)
    assert name in line
    assert line.split()[-4:] == ["━━━━━━", "300/600", "0.7123", "80.0"]


def trials(n: int) -> list[LiveTrial]:
    """The baseline at 0.5, and others that are better the higher their number, on two of three seeds."""
    return [
        LiveTrial(number, f"lambda={number}", number == 0, values=dict.fromkeys((0, 1), 0.5 + number / 1000))
        for number in range(n)
    ]


def test_the_board_shows_the_best_so_far_with_differences_and_the_baseline_wherever_it_stands(
    view: LiveView,
) -> None:
    board = LiveBoard(trials(300), 1, "ctcvr_auc", 3)
    drawn = lines(screen(view.seen(), 24, 100, board))
    assert "best of 300 so far" in drawn[4]
    assert drawn[5].split() == ["299", "lambda=299", "0.7990", "±", "0.0000", "+0.30", "2/3"]
    assert drawn[-2].split() == ["0", "lambda=0", "0.5000", "±", "0.0000", "-", "2/3"]
    assert len(drawn) == 3 + 2 + 8 + 1


@pytest.mark.parametrize("height", [5, 12, 24, 30, 60])
@pytest.mark.parametrize("width", [60, 100])
def test_sixteen_slots_and_hundreds_of_trials_never_take_more_lines_than_there_are(
    height: int, width: int
) -> None:
    slots = tuple(Slot(index, "cuda:0", 4, f"gpu {index}") for index in range(16))
    view = LiveView(Watch(), lambda: NOON)
    view.begin(slots, "ctcvr_auc", 900)
    board = LiveBoard(trials(300), 1, "ctcvr_auc", 3)
    drawn = lines(screen(view.seen(), height, width, board), width)
    assert len(drawn) <= max(4, height - 3)
    assert drawn[-1].startswith("0 of 900 runs done")
    assert ("lambda=299" in "\n".join(drawn)) == (height >= 12)


def test_the_time_left_follows_the_pace_so_far() -> None:
    """Of 10 runs 2 are done and one is half done: 2.5 runs took 50 s, so the other 7.5 take 150 s."""
    progress = Progress(n_runs=10, n_done=2, trained=2.0, began=100.0)
    assert progress.seconds_left([running()], now=150.0) == pytest.approx(150.0)


def test_what_an_earlier_session_trained_is_no_pace() -> None:
    """A run resumed at 300 of 600 steps has made 150 steps in 50 s: 3.25 runs more take 650 s."""
    progress = Progress(n_runs=4, began=100.0)
    resumed = running(step=450, resumed_step=300)
    assert progress.seconds_left([running(step=300, resumed_step=300)], now=150.0) is None
    assert progress.seconds_left([resumed], now=150.0) == pytest.approx(650.0)


@given(
    n_runs=st.integers(0, 50),
    n_done=st.integers(0, 60),
    steps=st.lists(st.integers(0, 600), max_size=8),
    elapsed=st.floats(0.001, 1e6),
)
def test_the_time_left_is_never_negative(n_runs: int, n_done: int, steps: list[int], elapsed: float) -> None:
    progress = Progress(n_runs, n_done, float(n_done))
    left = progress.seconds_left([running(slot, step) for slot, step in enumerate(steps)], elapsed)
    assert (left is None) == (n_done == 0 and not any(steps))  # without a pace
    assert left is None or left >= 0


@pytest.mark.parametrize(
    ("left_s", "end"),
    [
        (5400.0, "about 1 h 30 min left, until 13:30"),
        (13 * 3600.0, "about 13 h 00 min left, until Sun 22 Nov 01:00"),
        (1e15, "about 11574074074 d 1 h left"),
    ],
)
def test_the_end_is_a_clock_time_with_its_day_unless_that_is_far_away(left_s: float, end: str) -> None:
    """One of two runs is done after `left_s`: the other takes as long."""
    assert totals(Progress(2, 1, 1.0), [], left_s, NOON).endswith(end)


def test_when_all_runs_are_done_nothing_is_left_to_estimate() -> None:
    assert totals(Progress(2, 2, 2.0), [], 60.0, NOON) == "2 of 2 runs done, 1 min 00 s so far"
    assert totals(Progress(2, 2, 2.0, is_most=True), [], 60.0, NOON) == "2 of 2 runs done, 1 min 00 s so far"


def test_of_pairs_that_may_not_be_needed_the_most_is_told() -> None:
    told = totals(Progress(4, 2, 2.0, is_most=True), [], 60.0, NOON)
    assert told == "2 of at most 4 runs done, 1 min 00 s so far, at most 1 min 00 s left, until 12:01"


def test_slots_that_come_have_a_line_and_those_that_have_left_have_none(view: LiveView) -> None:
    view.use((Slot(7, "cuda:0", 4, "n2 gpu 1"),))
    assert [line.split("  ")[0].strip() for line in lines(screen(view.seen(), 24))[1:2]] == ["n2 gpu 1"]
    view.use(())
    assert lines(screen(view.seen(), 24))[0] == "no slots now; waiting for some"


def test_of_a_thousand_slots_those_that_fit_are_drawn(view: LiveView) -> None:
    view.use(tuple(Slot(index, "cuda:0", 4, f"n{index // 8} gpu {index % 8}") for index in range(1000)))
    view.start(SPEC, started(), Slot(999, "cuda:0", 4, "n124 gpu 7"))
    drawn = lines(screen(view.seen(), 24))
    assert len(drawn) == 21
    assert "and 982 slots more: 1 busy, 981 idle" in drawn[-2]
