"""Rules as tables: a history in, the step and the text of the alarm out."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sweeper.monitor import Clock, History, alarms
from tests.sweeper.monitor.histories import CLOCK, F_SCORE, fired, rules_of, run_of

SWINGING = (0.4, 0.5, 0.6, 0.5, 0.6, 0.45, 0.6)
TABLE: list[tuple[str, dict[str, Any], str]] = [
    ("f_score < 0.2", {"val_f_score": (0.3, 0.1)}, "val/f_score is 0.1000 < 0.2 at step 200"),
    ("0.2 > f_score", {"val_f_score": (0.3, 0.1)}, "0.2 > val/f_score, which is 0.1000 at step 200"),
    (
        "val/loss - train/loss > 2.0",
        {"val_loss": (2, 4), "train_loss": (1, 1)},
        "val/loss - train/loss is 3.000 > 2 at step 200",
    ),
    (
        "val/loss / train/loss > 1.5",
        {"val_loss": (1, 4), "train_loss": (1, 2)},
        "val/loss / train/loss is 2.000 > 1.5 at step 200",
    ),
    (
        "aux > main",
        {"val_aux": (1, 3), "val_main": (2, 2)},
        "val/aux is 3.000 > val/main, which is 2.000 at step 200",
    ),
    (
        "spread(val/f_score, 5) > 0.05",
        {"val_f_score": SWINGING},
        "spread(val/f_score, 5) is 0.1000 > 0.05 at step 500",
    ),
    (
        "spread(val/f_score, 3 epochs) > 0.07",
        {"val_f_score": SWINGING},
        "spread(val/f_score, 3 epochs) is 0.1000 > 0.07 at step 400",
    ),
    (
        "no_gain(val/f_score, 2)",
        {"val_f_score": (0.5, 0.6, 0.6, 0.5)},
        "val/f_score is no better than 0.6000 at step 200, 2 evaluations ago or longer at step 400",
    ),
    (
        "no_gain(val/loss, 10 %)",
        {"val_loss": (0.5, 0.4, 0.4, 0.5)},
        "val/loss is no better than 0.4000 at step 200, 10 % ago or longer at step 400",
    ),
    (
        "val/loss rises and train/loss falls",
        {"val_loss": (3, 1, 2, 3), "train_loss": (3, 2, 1, 0.5)},
        "val/loss rises (1.000, 2.000, 3.000) and train/loss falls (2.000, 1.000, 0.5000) at step 400",
    ),
    (
        "train/loss >= first(train/loss)",
        {"train_loss": (1, 0.9, 1)},
        "train/loss is 1.000 >= first(train/loss), which is 1.000 at step 300",
    ),
    (
        "(f_score < 0.2 or f_score > 0.9) and loss > 1",
        {"val_f_score": (0.1, 0.95), "val_loss": (0, 2)},
        "val/f_score is 0.9500 > 0.9 and val/loss is 2.000 > 1 at step 200",
    ),
    (
        "highest(f_score, 20 %) < 0.3",
        {"val_f_score": (0.4, 0.1, 0.1, 0.1, 0.2, 0.1)},
        "highest(val/f_score, 20 %) is 0.2000 < 0.3 at step 600",
    ),
    (
        "lowest(f_score, 2) > 0.4",
        {"val_f_score": (0.5, 0.1, 0.5, 0.6)},
        "lowest(val/f_score, 2) is 0.5000 > 0.4",
    ),
    (
        "best(loss) > 0.3 and best(objective) < 0.7 and loss < 0.5",
        {"val_loss": (0.4, 0.6), "val_f_score": (0.5, 0.6)},
        "best(val/loss) is 0.4000 > 0.3 and best(val/objective) is 0.5000 < 0.7 and val/loss is 0.4000 < 0.5",
    ),
    ("-2 * (loss + 1) < -6 / 1", {"val_loss": (1, 3)}, "-2 * (val/loss + 1) is -8.000 < -6 / 1"),
]


@pytest.mark.parametrize(("when", "series", "text"), TABLE, ids=[when for when, _, _ in TABLE])
def test_a_condition_holds_where_its_arithmetic_says_and_the_alarm_shows_it(
    when: str, series: dict[str, Any], text: str
) -> None:
    alarm = fired(run_of(**series), when)
    assert alarm is not None
    assert alarm.text.startswith(text)


@pytest.mark.parametrize("when", ["loss > 0", "val/f_score / val/zero > 0", "spread(f_score, 5) >= 0"])
def test_what_a_run_lacks_holds_nowhere(when: str) -> None:
    assert fired(run_of(val_f_score=(0.5,) * 4, val_zero=(0.0,) * 4), when) is None


LOW = (0.1,) * 20
PHASES: list[tuple[str, int | None]] = [
    ("always", 100),
    ("early", 100),
    ("middle", 400),
    ("late", 1200),
    ("end", 2000),
    ("epoch 10", 1000),
    ("step 450", 500),
    ("from epoch 12", 1200),
    ("epochs 5 to 6", 500),
    ("steps 310 to 390", None),
    ("20 % to 60 %", 400),
    ("33 %", 700),
]


@pytest.mark.parametrize(("phase", "step"), PHASES)
def test_a_rule_is_asked_in_its_phase_only(phase: str, step: int | None) -> None:
    alarm = fired(run_of(val_f_score=LOW), "f_score < 0.2", phase=phase)
    assert (alarm.step if alarm else None) == step


def test_a_point_is_one_evaluation_and_none_after_it() -> None:
    assert fired(run_of(val_f_score=[0.5] * 10 + [0.1] * 10), "f_score < 0.2", phase="epoch 10") is None


def test_early_takes_in_three_evaluations_where_they_are_rare() -> None:
    rare = run_of(every=500, val_f_score=(0.5, 0.5, 0.1, 0.1))
    alarm = fired(rare, "f_score < 0.2", phase="early")
    assert alarm is not None
    assert alarm.step == 1500
    assert fired(run_of(every=500, val_f_score=(0.5, 0.5, 0.5, 0.1)), "f_score < 0.2", phase="early") is None


def test_a_run_that_patience_ended_has_its_end_there() -> None:
    history = run_of(val_f_score=(0.1,) * 5)
    assert fired(history, "f_score < 0.2", phase="end") is None
    over = fired(History(history.evaluations, is_over=True), "f_score < 0.2", phase="end")
    assert over is not None
    assert over.step == 500


def test_for_counts_evaluations_in_a_row() -> None:
    thrice: dict[str, Any] = {"for": 3}
    alarm = fired(run_of(val_f_score=(0.1, 0.1, 0.5, 0.1, 0.1, 0.1)), "f_score < 0.2", **thrice)
    assert alarm is not None
    assert alarm.step == 600
    assert alarm.text.endswith("at step 600, 3 evaluations in a row")


def test_epochs_of_another_length_are_scaled_and_the_alarm_says_so() -> None:
    clock = Clock(max_steps=2250, steps_per_epoch=75)
    history = run_of(every=75, val_f_score=(0.1,) * 10)
    alarm = fired(history, "f_score < 0.2", clock, phase="epoch 10", of_epochs=250)
    assert alarm is not None
    assert alarm.step == 150
    assert alarm.text.endswith("at step 150 (epoch 10 of 250, here step 90 of 2,250)")
    flat = fired(history, "no_gain(f_score, 50 epochs)", clock, of_epochs=250)
    assert flat is not None
    assert "50 epochs of 250 (here 450 steps) ago" in flat.text


def test_a_run_whose_loss_became_nan_has_diverged_and_no_other_has() -> None:
    rule = rules_of(nan={"when": "diverged", "say": "Try a lower rate."})
    broken = History(run_of(val_loss=(1.0, 2.0)).evaluations, "NonFiniteLossError", error_step=250)
    (alarm,) = alarms(rule, broken, CLOCK, F_SCORE)
    assert (alarm.step, alarm.say, alarm.text) == (
        250,
        "Try a lower rate.",
        "the loss became NaN or infinite at step 250",
    )
    assert alarms(rule, History((), "NonFiniteLossError"), CLOCK, F_SCORE)[0].step == 0
    assert alarms(rule, History(broken.evaluations, "OutOfMemoryError"), CLOCK, F_SCORE) == ()


def test_a_resumed_run_has_each_evaluation_once() -> None:
    twice = History(()).evaluated(100, {"val/loss": 1.0}).evaluated(200, {"val/loss": 9.0})
    assert twice.evaluated(200, {"val/loss": 2.0}) == run_of(val_loss=(1.0, 2.0))


def test_one_evaluation_fills_a_span_that_is_shorter_than_their_distance() -> None:
    history = run_of(val_f_score=(0.9, 0.1))
    assert fired(history, "highest(f_score, 50 steps) < 0.2") is not None
    assert fired(history, "spread(f_score, 50 steps) >= 0") is None


def test_the_objective_gains_in_its_own_direction() -> None:
    falling = run_of(val_f_score=(0.5, 0.4, 0.3, 0.2))
    assert fired(falling, "no_gain(f_score, 3)") is not None
    assert fired(run_of(val_loss=(0.5, 0.4, 0.3, 0.2)), "no_gain(loss, 3)") is None
    assert fired(run_of(val_focal_ce=(0.5, 0.4, 0.3, 0.2)), "no_gain(focal_ce, 3)") is None


ASKED: list[tuple[str, str, int, float | None]] = [
    ("spread(val/f_score, 3) > 0.1", "middle", 1, None),
    ("no_gain(val/f_score, 10 epochs)", "always", 2, 100.0),
    ("no_gain(val/loss, 3)", "from 20 %", 1, None),
    ("val/loss rises and train/loss falls", "always", 1, None),
    ("train/loss >= first(train/loss)", "early", 2, None),
    ("spread(val/loss, 15 %) > 0.2 or f_score < 0.1", "late", 1, None),
    ("f_score < 0.5", "epoch 5", 1, None),
    ("diverged or val/loss > 2", "end", 1, None),
]
GIVEN: dict[str, Any] = {
    f"rule{n}": {"when": when, "phase": phase, "for": in_a_row, "of_epochs": of_epochs}
    for n, (when, phase, in_a_row, of_epochs) in enumerate(ASKED)
}
EVERYTHING = rules_of(**GIVEN)
VALUES = st.lists(st.tuples(*[st.sampled_from([0.05, 0.3, 0.5, 0.9, 2.5])] * 3), max_size=20)


@settings(max_examples=60, deadline=None)
@given(VALUES, st.integers(0, 20))
def test_the_alarms_of_a_history_are_among_those_of_a_longer_one(
    seen: list[tuple[float, ...]], n: int
) -> None:
    names = ("val/f_score", "val/loss", "train/loss")
    whole = tuple((100 * at + 100, dict(zip(names, row, strict=True))) for at, row in enumerate(seen))
    later = alarms(EVERYTHING, History(whole), CLOCK, F_SCORE)
    earlier = alarms(EVERYTHING, History(whole[:n]), CLOCK, F_SCORE)
    last = whole[:n][-1][0] if whole[:n] else 0
    assert earlier == tuple(alarm for alarm in later if alarm.step <= last)
