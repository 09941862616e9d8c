"""What a report says of slots that come and go."""

from sweeper.reports.slots_text import devices_in_words, slots_lines
from sweeper.results import Totals


def test_nothing_is_said_where_slots_stayed() -> None:
    assert slots_lines(Totals()) == []
    assert slots_lines(Totals(waited_s=0.4, first_slot_s=0.4)) == []


def test_runs_that_were_moved_are_counted_by_what_moved_them() -> None:
    assert slots_lines(Totals(preemptions=3)) == ["- runs that went on elsewhere: 3 preempted"]
    assert slots_lines(Totals(preemptions=3, hosts_lost=1)) == [
        "- runs that went on elsewhere: 3 preempted, 1 lost with their host"
    ]


def test_a_wait_for_slots_is_told_and_how_much_of_it_came_first() -> None:
    assert slots_lines(Totals(waited_s=90.0, first_slot_s=90.0)) == ["- no slot was there for 1 min 30 s"]
    assert slots_lines(Totals(waited_s=90.0, first_slot_s=30.0)) == [
        "- no slot was there for 1 min 30 s, 30.0 s of it before the first"
    ]
    assert slots_lines(Totals(waited_s=90.0)) == ["- no slot was there for 1 min 30 s"]


def test_of_very_many_devices_the_first_are_named() -> None:
    devices = tuple(f"n{index:02d} gpu 0" for index in range(40))
    assert devices_in_words(Totals(devices=devices[:2])) == "n00 gpu 0, n01 gpu 0"
    assert devices_in_words(Totals(devices=devices)).endswith("n10 gpu 0 and 29 more")
    assert devices_in_words(Totals()) == "unknown"
