import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hydra.core.override_parser.types import Override, OverrideType, RangeSweep, ValueType
from hypothesis import given, strategies as st

from sweeper.errors import UserError
from sweeper.search.functions import overrides_parser
from sweeper.search.grammar import Interval, Range, domain_of, text_of
from sweeper.search.search_space import (
    SearchSpace,
    extremes,
    grid,
    name_of,
    param_lines,
    short_names,
    space_of,
)

SEEDS = "expected a list of whole numbers >= 0. They are replicates: every trial runs on each of these seeds."
WHOLE = "cannot be swept OVERRIDE; it holds for a whole study. Start a study for each value."
GROUPS = {"model": ("flat", "toy/narrow", "toy/wide"), "db": ("mysql", "postgres")}


def space(*lines: str) -> SearchSpace:
    return space_of(overrides_parser().parse_overrides(list(lines)), lambda g: GROUPS.get(g, ()))


def points(*lines: str, seed: int = 0) -> list[tuple[Any, ...]]:
    return [tuple(point.params.values()) for point in grid(space(*lines), None, seed)]


def parsed(line: str) -> Any:
    return overrides_parser().parse_overrides([line])[0].value()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,2,3", [1, 2, 3]),
        ("choice(1,2.5,x)", [1, 2.5, "x"]),
        ("null,x", [None, "x"]),
        ("true,false", [True, False]),
        ("[1,2],[3]", [[1, 2], [3]]),
        ("{a:1},{a:2}", [{"a": 1}, {"a": 2}]),
        ("'a b',\"c,d\"", ["a b", "c,d"]),
        ("range(1,4)", [1, 2, 3]),
        ("range(3)", [0, 1, 2]),
        ("range(10,0,-4)", [10, 6, 2]),
        ("range(1,2,0.5)", [1.0, 1.5]),
        ("int(1.9,2.2)", [1, 2]),
        ("float(1,2)", [1.0, 2.0]),
        ("str(1,2)", ["1", "2"]),
        ("bool(1,0)", [True, False]),
        ("int(range(0.0,3.0))", [0, 1, 2]),
        ("float(range(0,3,1))", [0.0, 1.0, 2.0]),
        ("sort(3,1,2)", [1, 2, 3]),
        ("sort(range(0,3),reverse=true)", [2, 1, 0]),
        ("tag(log,range(1,4))", [1, 2, 3]),
        ("sort(range(0,5,2),reverse=true)", [4, 2, 0]),
        ("sort(range(10,0,-3))", [1, 4, 7, 10]),
        ("sort(range(0.0,0.5,0.2),reverse=true)", [0.4, 0.2, 0.0]),
        ("sort(shuffle(range(0,3)))", [0, 1, 2]),
        ("choice(1,null)", [1, None]),
    ],
)
def test_a_sweep_means_what_hydra_says(text: str, expected: list[Any]) -> None:
    found = [value for (value,) in points(f"key={text}")]
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_the_product_is_in_order_with_the_first_key_slowest() -> None:
    assert points("b=1,2", "a=x,y") == [(1, "x"), (1, "y"), (2, "x"), (2, "y")]


def test_a_value_given_twice_is_tried_once() -> None:
    assert points("a=2,1,2,1") == [(2,), (1,)]


def test_an_interval_leaves_its_end_out_only_where_that_can_be_seen() -> None:
    real, whole = space("a=interval(1,3)", "b=int(interval(1,3))").intervals
    assert real.domain == Interval(1.0, 3.0, is_integer=False)
    assert whole.domain == Interval(1, 2, is_integer=True)


@pytest.mark.parametrize("seed", range(3))
def test_a_shuffle_depends_on_the_seed_only(seed: int) -> None:
    lines = ("a=shuffle(range(0,20))", "b=1,2")
    assert points(*lines, seed=seed) == points(*lines, seed=seed)
    assert points(*lines, seed=seed) != points(*lines, seed=seed + 1)
    assert sorted(points(*lines, seed=seed)) == points("a=range(0,20)", "b=1,2")


def test_a_cast_keeps_order_and_tags() -> None:
    [swept] = space("a=float(tag(log,shuffle(range(1,4))))").swept
    assert swept.domain.is_shuffled  # type: ignore[union-attr]
    assert swept.domain.is_log  # type: ignore[union-attr]


def test_a_glob_selects_options_of_its_own_depth() -> None:
    assert points("model=glob(*)") == [("flat",)]
    assert points("model=glob(toy/*)") == [("toy/narrow",), ("toy/wide",)]
    assert points("model=glob(toy/*,exclude=*wide)") == [("toy/narrow",), ("toy/wide",)]
    assert points("model=glob(toy/*,exclude=*/wide)") == [("toy/narrow",)]


def test_marks_and_packages_stay_on_the_key() -> None:
    found = next(grid(space("+db@backup=mysql,postgres", "++a.b=1,2"), None, 0))
    assert found.overrides == ("+db@backup=mysql", "++a.b=1")
    assert found.params == {"db@backup": "mysql", "a.b": 1}


def test_of_one_key_the_last_sweep_wins_and_says_so() -> None:
    found = space("a=1,2", "a=3,4")
    assert found.swept[0].values(0) == [3, 4]
    assert found.warnings == ("a: 'a=1,2' has no effect, a later override wins",)


def test_seeds_are_replicates_and_not_searched() -> None:
    found = space("seed=range(1,4)", "a=1,2")
    assert (found.seeds, found.keys) == ((1, 2, 3), ("a",))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed=0.5,1", f"seed: got 0.5,1; {SEEDS}"),
        ("seed=interval(0,1)", f"seed: got interval(0,1); {SEEDS}"),
        ("a=range(3,1)", "a: the range is empty OVERRIDE. The stop is left out, as in Python."),
        (
            "a=range(1,3,0)",
            "a: got step 0; expected a step that leads from start to stop OVERRIDE",
        ),
        (
            "a=interval(2,1)",
            "a: got the interval from 2.0 to 1.0; expected the smaller number first OVERRIDE",
        ),
        (
            "a=tag(log,interval(0,1))",
            "a: got a lower end of 0.0; expected a number > 0 for tag(log, ...) OVERRIDE",
        ),
        (
            "a=interval(0,inf)",
            "a: got inf; expected finite numbers in range(...) and interval(...) OVERRIDE",
        ),
        (
            "a=glob(*)",
            "a: there is no such config group OVERRIDE. glob(...) selects options of a config group.",
        ),
        (
            "model=glob(x*)",
            "model: no option of 'model' matches OVERRIDE. It has flat, toy/narrow, toy/wide.",
        ),
        ("~a=1,2", "a: a deletion cannot be swept OVERRIDE"),
        ("study.n_seeds=1,2", f"study.n_seeds: {WHOLE}"),
        ("task=x,y", f"task: {WHOLE}"),
        ("hydra/launcher=a,b", f"hydra/launcher: {WHOLE}"),
    ],
)
def test_what_cannot_be_swept_says_why(line: str, message: str) -> None:
    """`OVERRIDE` stands for the words that name the override."""
    with pytest.raises(UserError, match=re.escape(line.partition("=")[0].lstrip("~"))) as caught:
        space(line)
    assert str(caught.value) == message.replace("OVERRIDE", f"(from override '{line}')")


def test_all_faults_of_a_space_come_together() -> None:
    with pytest.raises(UserError, match="a: the range is empty") as caught:
        space("a=range(3,1)", "b=1,2", "c=interval(2,1)")
    assert [fault.where for fault in caught.value.faults] == ["a", "c"]


def test_a_tag_without_meaning_is_a_warning() -> None:
    assert space("a=tag(log,choice(1,2))").warnings == ("a: tag 'log' has no meaning here",)
    assert space("a=tag(log,fast,interval(1,2))").warnings == ("a: tag 'fast' has no meaning here",)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False),
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=12),
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z]+", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(values)
def test_any_value_composes_back_to_itself(value: Any) -> None:
    again = parsed(f"key={text_of(value)}")
    assert again == value
    assert type(again) is type(value)


@given(st.lists(scalars, min_size=2, max_size=5))
def test_choices_keep_their_true_values(chosen: list[Any]) -> None:
    found = points(f"key={','.join(text_of(value) for value in chosen)}")
    assert [text_of(value) for (value,) in found] == list(dict.fromkeys(map(text_of, chosen)))


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (("aux_focal.lambda", "optimizer.lr"), ["lambda", "lr"]),
        (("loss.weight", "aux.weight"), ["loss.weight", "aux.weight"]),
        (("a.b.c", "c"), ["b.c", "c"]),
        (("model",), ["model"]),
    ],
)
def test_names_are_the_shortest_that_tell_keys_apart(keys: Sequence[str], expected: list[str]) -> None:
    assert list(short_names(keys).values()) == expected


def test_names_of_candidates_read_well() -> None:
    params = {"aux_focal.lambda": 0.1, "model": "esmm/mmoe", "a.on": True, "a.sizes": [1, 2], "a.none": None}
    assert name_of(params, params) == "lambda=0.1 model=esmm/mmoe on=true sizes=[1,2] none=null"


def test_named_trials_are_multiplied_with_the_swept_keys() -> None:
    found = list(grid(space("lr=1,2"), {"one": ["x=1"], "two": ["x=2", "y=2"]}, 0))
    assert [point.name for point in found] == ["one lr=1", "one lr=2", "two lr=1", "two lr=2"]
    assert found[2].overrides == ("x=2", "y=2", "lr=1")


def test_extremes_show_every_choice_and_both_ends() -> None:
    """Two choices, two ends of an interval: the first point and two that differ from it in one key each."""
    found = [tuple(point.params.values()) for point in extremes(space("a=x,y", "b=interval(0,1)"))]
    assert found == [("x", 0.0), ("y", 0.0), ("x", 1.0)]


def test_sweeper_params_are_overrides_or_values() -> None:
    assert param_lines({"a": "range(1,3)", "+b": 3, "c": ["x y"]}) == ["a=range(1,3)", "+b=3", "c=['x y']"]


@pytest.mark.parametrize(
    ("ends", "cast", "expected"),
    [
        ((0.5, 3.5, 1), int, [0, 1, 2]),
        ((0, 3, 1), float, [0.0, 1.0, 2.0]),
        ((3, 0, -1), float, [3.0, 2.0, 1.0]),
        ((0.0, 2.0, 0.5), int, [0, 1]),
    ],
)
def test_casts_of_a_range_that_hydra_notes_act_on_its_numbers(
    ends: tuple[float, float, float], cast: Callable[[Any], Any], expected: list[float]
) -> None:
    """As Hydra 1.4 gives `int(range(0.5,3.5))`; 1.3 casts the ends."""
    sweep = RangeSweep(start=ends[0], stop=ends[1], step=ends[2])
    sweep.transformers = (cast,)  # type: ignore[attr-defined]
    override = Override(OverrideType.CHANGE, "a", ValueType.RANGE_SWEEP, sweep)
    found = domain_of(override, lambda group: ())
    assert isinstance(found, Range)
    values = [found.at(index) for index in range(len(found))]
    assert values == expected
    assert all(type(value) is cast for value in values)
