"""What runs share, against brute force: step by step, and over all orders in which they may be trained."""

from itertools import permutations

from hypothesis import given, strategies as st

from sweeper.study.prefix_tree import (
    Path,
    Segment,
    equal_until,
    fork_steps,
    key_at,
    length,
    most_useful,
    steps_to_train,
    tree_of,
)

Changes = list[tuple[int, str]]
"""What a run does otherwise from which step on."""


def path_of(total: int, changes: Changes) -> Path:
    """A key stands for all changes before the end of its segment."""
    ends = sorted({step for step, _ in changes if 0 < step < total} | {total})
    segments = [Segment(end, str(sorted(c for c in changes if c[0] < end))) for end in ends]
    return tuple(
        one for one, later in zip(segments, [*segments[1:], None], strict=True) if differs(one, later)
    )


def differs(one: Segment, later: Segment | None) -> bool:
    return later is None or one.key != later.key


def steps_of(total: int, changes: Changes) -> list[str]:
    """What the run does at each of its steps."""
    return [str(sorted(c for c in changes if c[0] <= step)) for step in range(total)]


runs = st.tuples(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from("ab")), max_size=2, unique_by=lambda c: c[0]),
)


def common(one: tuple[int, Changes], other: tuple[int, Changes]) -> int:
    """Step by step."""
    pairs = zip(steps_of(*one), steps_of(*other), strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(one[0], other[0]))


@given(runs, runs)
def test_two_runs_are_equal_until_their_first_step_that_differs(
    one: tuple[int, Changes], other: tuple[int, Changes]
) -> None:
    assert equal_until(path_of(*one), path_of(*other)) == common(one, other)
    assert equal_until(path_of(*one), ()) == 0


@given(st.lists(runs, min_size=1, max_size=5))
def test_the_tree_is_optimal_whatever_the_order(given_runs: list[tuple[int, Changes]]) -> None:
    """No order, and no choice of the run to fork from, takes fewer steps; none takes more."""
    paths = [path_of(*run) for run in given_runs]

    def cost(order: tuple[int, ...]) -> int:
        shared = (
            max((common(given_runs[i], given_runs[j]) for j in order[:at]), default=0)
            for at, i in enumerate(order)
        )
        return sum(given_runs[i][0] for i in order) - sum(shared)

    costs = {cost(order) for order in permutations(range(len(paths)))}
    distinct = {(tuple(steps_of(*run)[: at + 1])) for run in given_runs for at in range(run[0])}
    assert costs == {steps_to_train(paths)} == {len(distinct)}
    roots = tree_of([(str(i), path) for i, path in enumerate(paths)])
    nodes = [node for root in roots for node in root.walk()]
    assert sorted(node.name for node in nodes) == sorted(str(i) for i in range(len(paths)))
    assert sum(length(node.path) - node.begun for node in nodes) == steps_to_train(paths)


@given(runs, st.lists(runs, max_size=5), st.integers(0, 5))
def test_a_run_leaves_what_every_other_one_can_begin_with(
    leader: tuple[int, Changes], others: list[tuple[int, Changes]], begun: int
) -> None:
    counts = fork_steps(path_of(*leader), [path_of(*other) for other in others], begun)
    wanted = [shared for other in others if (shared := common(leader, other)) > begun]
    assert counts == {step: wanted.count(step) for step in wanted}
    assert all(step <= leader[0] for step in counts)


@given(st.dictionaries(st.integers(1, 30), st.integers(1, 3), max_size=6), st.integers(1, 3))
def test_where_not_all_can_be_kept_the_most_useful_are(counts: dict[int, int], most: int) -> None:
    """At least 1 - 1/e of what the best choice spares: what one spares after others only becomes less."""
    chosen = most_useful(counts, most)
    assert len(chosen) == min(most, len(counts))
    assert set(chosen) <= counts.keys()

    def spared(steps: tuple[int, ...]) -> int:
        return sum(n * max((s for s in steps if s <= step), default=0) for step, n in counts.items())

    best = max((spared(order) for order in permutations(counts, len(chosen))), default=0)
    assert spared(tuple(chosen)) >= 0.63 * best


def test_keys_by_step() -> None:
    path = (Segment(4, "a"), Segment(9, "b"))
    assert [key_at(path, step) for step in (1, 4, 5, 9)] == ["a", "a", "b", "b"]
