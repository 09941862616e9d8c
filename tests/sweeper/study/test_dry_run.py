"""What `study.dry_run=true` prints."""

import io
from typing import Any

from rich.console import Console

from sweeper.results import Policy, RunResult
from sweeper.schema import StudyPlan
from sweeper.search import stages_of
from sweeper.study.dry_run import Forecast, drawn, spared
from sweeper.study.stage_tree import Cost, branches
from sweeper.trial import Slot
from tests.sweeper.factories import AUC, CONFIRM_SEEDS, SEEDS, study_result, trial_spec

TRIALS = tuple(trial.spec for trial in study_result().trials)


def plan(**changes: Any) -> Forecast:
    """The baseline and three candidates on three seeds, on four slots."""
    slots = tuple(Slot(index, "cpu", 1) for index in range(4))
    facts: dict[str, Any] = {"trials": TRIALS, "known": {}, "slots": slots, "confirm_seeds": CONFIRM_SEEDS}
    return Forecast(study="s", seeds=SEEDS, **(facts | changes))


def printed(plan: Forecast) -> list[str]:
    console = Console(file=io.StringIO(), width=100, highlight=False)
    console.print(drawn(plan))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_the_plan_counts_runs_and_estimates_their_time() -> None:
    """4 x 3 runs less 2 known ones are 3 rounds on 4 slots, 2 x 3 to confirm are 2: 5 x 60 s."""
    assert printed(plan(known={0: 2}, seconds_per_run=60.0))[-3:] == [
        "4 trials on 3 seeds; 10 runs to train, then 6 to confirm the best against the baseline",
        "4 slots on cpu, 1 thread each",
        "estimated time: 5 min 00 s for 16 runs on 4 slots (1 min 00 s a run, as earlier ones took)",
    ]


def test_the_time_on_agents_is_that_of_as_many_as_are_expected() -> None:
    slots = tuple(Slot(index, "cpu", 2, "agents") for index in range(4))
    assert printed(plan(slots=slots, is_assumed=True, seconds_per_run=60.0))[-2:] == [
        "4 agents expected, 2 threads each",
        "estimated time: 5 min 00 s for 18 runs if 4 agents come (1 min 00 s a run, as earlier ones took)",
    ]


def test_known_runs_stand_beside_their_trial() -> None:
    assert printed(plan(known={0: 2}))[2].split() == ["0", "baseline", "baseline", "3", "2"]


def test_a_plan_without_earlier_runs_says_that_the_time_is_unknown() -> None:
    lines = printed(plan(trials=[trial_spec(0)], n_later=40))
    assert "1 trial and 40 more as the sampler suggests them on 3 seeds; 123 runs to train" in " ".join(lines)
    assert lines[-1].startswith("estimated time: unknown")


def test_a_study_that_confirms_nothing_does_not_speak_of_it() -> None:
    assert "4 trials on 3 seeds; 12 runs to train" in printed(plan(confirm_seeds=()))


def test_runs_of_given_up_and_of_equal_trials_are_not_planned() -> None:
    """One is out after its first of three seeds, one equals the baseline, of which one seed is known."""
    trials = [TRIALS[0], TRIALS[1], TRIALS[2].model_copy(update={"fingerprint": TRIALS[0].fingerprint})]
    known = {(1, 0): RunResult(1, 0, "PRUNED"), (0, 0): RunResult(0, 0, "COMPLETE")}
    known[2, 0] = RunResult(2, 0, "COMPLETE")
    policy = Policy(SEEDS, (), (AUC,), None, 1.0, 2)
    assert spared(trials, known, policy) == 2 + 2
    assert plan(trials=trials, known={0: 1, 1: 1, 2: 1}, n_spared=4).n_screening == 2


def test_what_is_confirmed_already_is_not_planned_again() -> None:
    assert plan(n_confirmed=4).n_confirming == 2
    assert plan(n_confirmed=9).n_confirming == 0


def test_a_staged_plan_says_what_its_shortest_and_its_longest_way_come_to() -> None:
    sections: dict[str, dict[str, Any]] = {
        "one": {"trials": ["a"], "then": [{"when": "best > 1", "go": "stop"}]},
        "two": {"trials": ["b"]},
    }
    stages = stages_of(StudyPlan(name="mine", stages=sections))
    ways = branches(stages, {"one": Cost(3, 60.0), "two": Cost(3, 30.0)}, Cost(9, 100.0))
    lines = printed(plan(plan="mine", stages=ways))
    assert "stages of mine" in lines
    assert lines[-3:] == [
        "3 seeds a trial; 12 to 15 runs to train, with baseline and confirmation",
        "4 slots on cpu, 1 thread each",
        "estimated time: 2 min 40 s to 3 min 10 s on 4 slots, as earlier runs took",
    ]


def test_an_open_number_of_pairs_is_told_as_the_most_and_what_is_expected() -> None:
    lines = printed(plan(n_pairs_expected=2.2, seconds_per_run=60.0))
    assert "then at most 6, about 4 expected, to confirm the best against the baseline" in " ".join(lines)
    assert " ".join(lines).endswith(
        "estimated time: at most 5 min 00 s for 18 runs on 4 slots, about 4 min 00 s expected "
        "(1 min 00 s a run, as earlier ones took)"
    )
    open_still = plan(n_pairs_expected=2.2, n_confirmed=4)
    assert (open_still.n_confirming, open_still.n_confirming_expected) == (2, 2)


def test_a_race_plans_the_most_runs_that_there_may_be() -> None:
    lines = printed(plan(is_race=True, known={0: 2}, seconds_per_run=60.0))
    assert lines[-3].startswith("4 trials on 3 seeds; at most 10 runs to train, then 6 to confirm")
    assert lines[-1].startswith("estimated time: at most 5 min 00 s for 16 runs on 4 slots")
    known = printed(plan(is_race=True, known=dict.fromkeys(range(4), 3)))
    assert "0 runs to train" in " ".join(known)
    assert "at most" not in " ".join(known)
