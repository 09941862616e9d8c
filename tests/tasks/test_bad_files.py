"""Bad files are told by rule, each with its count and its first five."""

from sweeper.task.bad_files import BadFile, facts_of_skipped, fault_of, lines_of_skipped

FOUND = [BadFile(f"p{i}", f"{i} x {i}", "an image has to be large") for i in range(7)] + [
    BadFile("q", "no mask", "an image needs a mask")
]


def test_all_are_counted_and_the_first_five_of_each_rule_listed() -> None:
    text = str(fault_of(FOUND, "faces"))
    assert text.startswith("faces: got 8 files that cannot be used; an image has to be large: p0 (0 x 0), p1")
    assert "p4 (4 x 4) and 2 more; an image needs a mask: q (no mask). Repair or remove" in text
    assert "p5" not in text


def test_one_is_no_plural_and_has_the_callers_word() -> None:
    assert "got 1 review that cannot be used" in str(fault_of(FOUND[-1:], "a.csv", "review"))


def test_what_is_left_out_is_a_fact_and_a_line_a_rule() -> None:
    facts = facts_of_skipped(FOUND)
    assert facts["an image has to be large"]["n"] == 7
    assert facts["an image has to be large"]["first"] == ["p0", "p1", "p2", "p3", "p4"]
    assert lines_of_skipped(facts) == [
        "left out 7 (data.skip_bad): p0, p1, p2, p3, p4 and 2 more; an image has to be large",
        "left out 1 (data.skip_bad): q; an image needs a mask; got no mask (1)",
    ]
    assert lines_of_skipped(facts_of_skipped([])) == []


def test_values_that_occur_again_are_told_with_their_numbers() -> None:
    """Seven values, 'meh' three times and 'so so' twice; the five commonest are named."""
    words = ["'meh'"] * 3 + ["'so so'"] * 2 + [f"'{i}'" for i in range(5)]
    (line,) = lines_of_skipped(
        facts_of_skipped(BadFile(f"row {i}", w, "a word") for i, w in enumerate(words))
    )
    assert line.endswith("a word; got 'meh' (3), 'so so' (2), '0' (1), '1' (1), '2' (1) and 2 others")


def test_what_an_earlier_version_stored_is_told_too() -> None:
    assert lines_of_skipped({"a rule": {"n": 1, "first": ["a"]}}) == ["left out 1 (data.skip_bad): a; a rule"]
