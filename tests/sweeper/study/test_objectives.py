"""Metrics that do not exist: refused before anything trains, or a clear failure where nobody knew."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.config import objective_warnings, training_in_words
from sweeper.errors import UserError
from sweeper.results import Objective, RunResult
from sweeper.study.objectives import metric_faults, objectives_of
from sweeper.study.proposals import drafts_of
from sweeper.study.run_state import judged
from sweeper.study.single import run_solo
from sweeper.study.specs import TaskSpecs
from sweeper.study.study import run_sweep
from sweeper_tasks.esmm.config import EsmmConfig
from tests.sweeper.small_esmm import SMALL, read_line, small_sweep

GRID = "aux_focal.lambda=choice(0.1)"
FEW = ("executor=inline", "trainer.max_steps=5", "study.n_seeds=1", "study.confirm_seeds=0")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture
def _unknown_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that does not say what it measures."""
    monkeypatch.setattr(EsmmConfig, "metric_names", lambda self, facts, split: None)


def faults(results: Path, *overrides: str) -> list[str]:
    sweep = small_sweep(results, *overrides)
    factory = TaskSpecs(sweep)
    try:
        drafts_of(sweep, factory)
    except UserError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize("given", ["study.metrics=[ctcvr_acu:max,bce:min]", "task.metric=ctcvr_acu"])
def test_an_objective_that_does_not_exist_is_refused_with_the_nearest_and_all(
    results: Path, given: str
) -> None:
    (fault,) = faults(results, GRID, given)
    where = given.partition("=")[0]
    assert fault.startswith(
        f"{where}: got 'ctcvr_acu'; expected a metric that esmm has on val and test. It has "
    )
    assert "bce, ctcvr_auc, ctcvr_auprc" in fault
    assert fault.endswith("; did you mean 'ctcvr_auc'?")


def test_an_objective_must_be_there_in_every_trial(results: Path) -> None:
    """The parts of the loss are recorded on demand; all but one trial have them."""
    with_and_without = "aux_focal.log_components=true,false"
    (fault,) = faults(results, with_and_without, "study.metrics=[loss_ctcvr_bce:min]")
    assert fault.startswith("study.metrics (in log_components=false): got 'loss_ctcvr_bce'; expected")
    assert faults(results, with_and_without, "trainer.success=['loss_ctcvr_bce < 1']") == []


def test_criteria_are_checked_on_their_splits_both_figures_of_a_ratio(results: Path) -> None:
    criteria = ("ctcvr_auc > 0.7", "test/ctcvr_acu > 0.7", "val / train bec < 1", "test/bce / val/loss < 2")
    listed = "trainer.success=[" + ",".join(f"'{text}'" for text in criteria) + "]"
    found = faults(results, GRID, listed)
    expected = "expected metrics that esmm has, not"
    assert [fault.partition(". It has")[0].removeprefix("trainer.success: got ") for fault in found] == [
        f"'test/ctcvr_acu > 0.7'; {expected} 'ctcvr_acu' on test",
        f"'val / train bec < 1'; {expected} 'bec' on val",
        f"'val / train bec < 1'; {expected} 'bec' on train",
    ]
    assert found[0].endswith("; did you mean 'ctcvr_auc'?")


def test_all_that_is_wrong_with_guards_is_said_together(results: Path) -> None:
    listed = "study.guards=['ctr_acu >= 0','ctcvr_auc >= 0','bce <= 0.1']"
    found = faults(results, GRID, listed, "study.confirm_seeds=0", "trainer.success=['acu > 1']")
    assert [fault.partition(";")[0].partition(". It")[0] for fault in found] == [
        "study.guards: got [ctr_acu >= 0, ctcvr_auc >= 0, bce <= 0.1] beside study.confirm_seeds=0",
        "study.guards: got 'ctcvr_auc >= 0', a bound on what the study is judged by",
        "study.guards: got 'ctr_acu >= 0'",
        "trainer.success: got 'acu > 1'",
    ]
    assert found[2].endswith("; did you mean 'ctr_auc'?")


def test_a_front_has_no_winner_to_guard(results: Path) -> None:
    (fault,) = faults(results, GRID, "study.guards='ctr_auc >= 0'", "study.metrics=[ctcvr_auc,bce:min]")
    assert fault.startswith("study.guards: got [ctr_auc >= 0] beside 2 objectives; expected one")


def test_a_guards_metric_must_be_there_in_every_trial(results: Path) -> None:
    some = ("aux_focal.log_components=true,false", "study.guards='loss_ctcvr_bce <= 1'")
    (fault,) = faults(results, *some)
    assert fault.startswith("study.guards (in log_components=false): got 'loss_ctcvr_bce <= 1'; expected")


def test_one_run_and_a_plan_refuse_it_too(results: Path) -> None:
    match = "did you mean 'ctcvr_auc'"
    place = f"study.results_dir={results}"
    with pytest.raises(UserError, match=match):
        run_solo(read_line(*SMALL, place, "task.metric=ctcvr_acu", multirun=False))
    with pytest.raises(UserError, match=match):
        run_sweep(small_sweep(results, GRID, "study.metrics=[ctcvr_acu]", "study.dry_run=true"))
    assert not list(results.rglob("job.json"))


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        ("[bce:min,ctr_auc,bce:max]", r"got bce more than once in \[bce:min, ctr_auc, bce:max\]; expected"),
        ("[]", r"got \[\]; expected at least one metric, or null"),
        ("['bce:least']", "got 'bce:least'; expected a metric's name, or name:max or name:min"),
    ],
)
def test_lists_that_make_no_objectives_are_refused_with_the_tasks_own_metric_as_example(
    results: Path, metrics: str, problem: str
) -> None:
    with pytest.raises(UserError, match=rf"study\.metrics: {problem}.*\[ctr_auc:max\]"):
        objectives_of(small_sweep(results, GRID, f"study.metrics={metrics}", "task.metric=ctr_auc"))


@pytest.mark.usefixtures("_unknown_names")
def test_of_a_task_that_does_not_say_what_it_measures_nothing_is_refused(results: Path) -> None:
    sweep = small_sweep(results, GRID, "study.metrics=[any]", "trainer.success=['thing > 1']")
    factory = TaskSpecs(sweep)
    assert metric_faults(sweep, factory, [factory.baseline(0)]) == []


def run(metrics: dict[str, float], state: Any = "COMPLETE") -> RunResult:
    return RunResult(1, 0, state, metrics=metrics)


def test_a_complete_run_without_its_objective_has_failed() -> None:
    objectives = (Objective("auc", "maximize"), Objective("bce", "minimize"))
    whole, half = (
        run({"val/auc": 0.5, "val/bce": 1.0}),
        run({"val/auc": 0.5, "val/bec": 1.0, "test/bce": 1.0}),
    )
    assert judged(whole, objectives) is whole
    assert judged(half, objectives).state == "FAILED"
    assert judged(half, objectives).reason == (
        "val/bce: got no finite value; expected an objective (study.metrics). It has auc, bec; "
        "did you mean 'bec'?"
    )
    stopped = run({}, "PRUNED")
    assert judged(stopped, objectives) is stopped


@pytest.mark.usefixtures("_unknown_names")
@pytest.mark.parametrize(
    ("wrong", "right"), [("acu:max", "ctcvr_auc:max"), ("bce:min,acu", "bce:min,ctr_auc")]
)
def test_a_wrong_name_fails_the_trials_and_the_right_one_works_afterwards(
    tmp_path: Path, wrong: str, right: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (GRID, *FEW)
    for _ in range(2):  # the same command again ends as the first did
        assert run_sweep(small_sweep(tmp_path, *words, f"study.metrics=[{wrong}]")) == 1
        printed = capsys.readouterr().out
        assert "val/acu: got no finite value" in printed
        assert (
            "expected an objective (study.metrics)" in printed or "expected the objective (study" in printed
        )
        assert "No result" in printed
    assert run_sweep(small_sweep(tmp_path, *words, f"study.metrics=[{right}]")) == 0


@pytest.mark.usefixtures("_unknown_names")
def test_a_study_that_died_of_a_wrong_name_ends_without_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As studies did that were begun before trials could fail of it."""
    words = (GRID, *FEW, "study.metrics=[bce:min,acu:max]")
    with monkeypatch.context() as before:
        before.setattr("sweeper.study.run_table.judged", lambda result, objectives: result)
        for _ in range(2):
            with pytest.raises(ValueError, match=r"number of the values|No values were told"):
                run_sweep(small_sweep(tmp_path, *words))
    assert run_sweep(small_sweep(tmp_path, *words)) == 1


@pytest.mark.usefixtures("_unknown_names")
def test_a_pruner_has_nothing_to_say_without_the_objective(tmp_path: Path) -> None:
    words = ("pruner=median", "trainer.eval_every=2", "study.metrics=[acu:max]")
    assert run_sweep(small_sweep(tmp_path, GRID, *FEW, *words)) == 1


@pytest.mark.parametrize(
    ("words", "metric", "direction"),
    [
        ((), "ctcvr_auc", "maximize"),
        (("study.metrics=[bce:min]",), "bce", "minimize"),
        (("study.metrics=[bce:min,ctcvr_auc:max]",), "bce", "minimize"),
        (("task.metric=bce", "task.direction=minimize"), "bce", "minimize"),
        (("task.metric=ctr_auc", "study.metrics=[bce:min]"), "bce", "minimize"),
    ],
)
def test_all_runs_are_trained_for_the_first_objective(
    results: Path, words: tuple[str, ...], metric: str, direction: str
) -> None:
    """What a worker keeps, stops and slows down by is what the study ranks by, in a solo run too."""
    sweep = small_sweep(results, GRID, *words)
    factory = TaskSpecs(sweep)
    for draft in (*drafts_of(sweep, factory), factory.spec(0, "solo", "candidate", {}, ())):
        task: Any = draft.config["task"]
        assert (task["metric"], task["direction"]) == (metric, direction)


def mark(results: Path, *words: str) -> tuple[str, str]:
    """The fingerprint of the baseline, and the study's name."""
    factory = TaskSpecs(small_sweep(results, GRID, *words))
    return factory.baseline(-1).fingerprint, factory.study_name()


def test_a_fingerprint_covers_the_metric_and_the_direction_that_training_follows(results: Path) -> None:
    usual = mark(results)
    assert mark(results, "study.metrics=[ctcvr_auc:max]") == usual
    assert mark(results, "study.metrics=[ctcvr_auc:maximize]") == usual
    assert mark(results, "study.metrics=[ctcvr_auc:max,bce:min]")[0] == usual[0]  # trained alike
    assert mark(results, "task.metric=bce", "task.direction=minimize") == mark(
        results, "study.metrics=[bce:min]"
    )
    others = ("bce:min", "bce:max", "ctr_auc:max", "bce:min,ctcvr_auc:max", "ctcvr_auc:min")
    marks = [mark(results, f"study.metrics=[{metrics}]") for metrics in others]
    assert len({name for _, name in marks} | {usual[1]}) == len(others) + 1
    assert [m for m, _ in marks].count(marks[0][0]) == 2  # bce:min, whatever is watched beside it
    assert usual[0] not in {m for m, _ in marks}


def test_the_fingerprints_of_runs_trained_for_the_tasks_own_metric_are_as_ever(results: Path) -> None:
    """They hash data, optimizer, trainer and the task's sections, and nothing else."""
    factory = TaskSpecs(small_sweep(results, GRID))
    assert factory.fixed()["study"]["objectives"] == ["ctcvr_auc:maximize"]
    assert "objective" not in factory.fixed()


def test_what_training_follows_is_said_where_it_is_no_matter_of_course(results: Path) -> None:
    def said(*words: str) -> tuple[list[str], list[str]]:
        sweep = small_sweep(results, GRID, *words)
        return training_in_words(sweep), list(objective_warnings(sweep))

    assert said() == ([], [])
    assert said("study.metrics=[bce:min]") == (
        ["training follows val/bce, minimized: kept step, patience, plateau"],
        [],
    )
    (line,), _ = said("study.metrics=[bce:min,ctr_auc:max]")
    assert "val/bce, minimized, the first of 2 objectives" in line
    (warning,) = said("study.metrics=[bce:min]", "task.metric=ctr_auc")[1]
    assert warning.startswith("task.metric: 'task.metric=ctr_auc' has no effect beside study.metrics")
    (warning,) = said("study.metrics=[bce]")[1]
    assert warning.startswith("study.metrics: 'bce' has no direction of its own and is maximized")
