"""Groups of points tell where runs part as a look at each point does, without looking at each."""

import pytest
from hypothesis import given, settings, strategies as st

from sweeper.results import RunKey
from sweeper.study.fork_groups import ForkGroups
from sweeper.study.prefix_tree import fork_steps
from sweeper.trial import TrialSpec
from tests.sweeper.plain_trials import plain_trial
from tests.sweeper.study.test_sharing import run_path

SEED = 0
LETTERS = "ab"


class Study:
    """Runs that may come, all of them at first; seed 0 is a screening seed. Counts the questions."""

    def __init__(self) -> None:
        self.gone: set[RunKey] = set()
        self.n_asked = 0

    def may_come(self, key: RunKey) -> bool:
        self.n_asked += 1
        return key not in self.gone

    def groups(self) -> ForkGroups:
        return ForkGroups(self.may_come, lambda seed: seed == SEED)


names = st.lists(st.text(LETTERS, min_size=1, max_size=3), min_size=2, max_size=7)


@given(names, st.sets(st.integers(1, 6)), st.sampled_from([0, 10, 20, 30]), st.integers(0, 7))
@settings(deadline=None)
def test_groups_tell_what_a_look_at_each_point_would(
    points: list[str], gone: set[int], begun: int, n_drafts: int
) -> None:
    """The last so many are points that no trial has tried; of some trials no run may come.

    Where several part at one step, at least one of them may come, and none that is counted is known not to.
    """
    study, paths = Study(), [run_path(10, 20, 30, name=name) for name in points]
    study.gone = {(number, SEED) for number in gone}
    groups = study.groups()
    n_trials = max(1, len(points) - n_drafts)
    for number, found in enumerate(paths):
        member = number if number < n_trials else f"draft {number}"
        groups.add(member, found.path, plain_trial(number))
    others = [
        p.path for number, p in enumerate(paths) if number and (number >= n_trials or number not in gone)
    ]
    exact = fork_steps(paths[0].path, others, begun)
    for _ in range(2):  # who is gone is forgotten by the first
        found_forks = groups.forks(0, paths[0].path, SEED, begun)
        assert found_forks.counts.keys() == exact.keys()
        assert all(exact[step] <= n <= len(points) for step, n in found_forks.counts.items())


def test_a_point_that_a_trial_tries_counts_once() -> None:
    study, path = Study(), run_path(10, name="a").path
    groups = study.groups()
    groups.add(0, path, plain_trial(0))
    other = run_path(10, name="b").path
    groups.add("mark", other, plain_trial(1))
    groups.remove("mark", other)
    groups.add(1, other, plain_trial(1))
    assert groups.forks(0, path, SEED, 0).counts == {10: 1}
    study.gone.add((1, SEED))
    assert groups.forks(0, path, SEED, 0).counts == {}


def test_points_that_nobody_has_tried_count_on_screening_seeds_alone() -> None:
    groups, path = Study().groups(), run_path(10, name="a").path
    groups.add(0, path, plain_trial(0))
    groups.add("mark", run_path(10, name="b").path, plain_trial(1))
    assert groups.forks(0, path, SEED, 0).counts == {10: 1}
    assert groups.forks(0, path, SEED + 1, 0).counts == {}


@pytest.mark.parametrize(("weight", "is_other"), [(1.0, False), (2.0, True)])
def test_runs_with_other_values_of_the_task_have_other_figures_of_a_model(
    weight: float, is_other: bool
) -> None:
    def trial(number: int, value: float) -> TrialSpec:
        config = {"loss": {"weight": value}, "trainer": {"max_steps": number}}
        return plain_trial(number).model_copy(update={"config": config})

    groups, path = Study().groups(), run_path(10, name="a").path
    groups.add(0, path, trial(0, 1.0))
    groups.add(1, run_path(10, name="b").path, trial(1, weight))
    assert groups.forks(0, path, SEED, 0).are_other_kinds is is_other


@pytest.mark.parametrize("n", [50, 500])
def test_a_run_asks_about_a_few_others_however_many_part_from_it_at_one_step(n: int) -> None:
    """Run after run starts and ends: about two questions for each of them, not n."""
    study = Study()
    groups = study.groups()
    paths = [run_path(10, name=chr(1000 + number)).path for number in range(n)]
    for number, path in enumerate(paths):
        groups.add(number, path, plain_trial(number))
    for number, path in enumerate(paths):
        groups.forks(number, path, SEED, 0)
        study.gone.add((number, SEED))
    assert study.n_asked <= 3 * n
