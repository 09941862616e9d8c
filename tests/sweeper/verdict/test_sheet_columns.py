"""Which column of somebody's table is what."""

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest

from sweeper.errors import UserError
from sweeper.verdict.sheet_columns import Roles, roles_of
from sweeper.verdict.sheet_names import Asked, without_seed
from sweeper.verdict.sheets import sheet_of

Table = Mapping[str, Sequence[object]]


def roles(columns: Table, **asked: object) -> Roles:
    return roles_of(sheet_of(pd.DataFrame(columns)), Asked(**{"baseline": "a", **asked}))  # type: ignore[arg-type]


def table(figures: Table, trial: str = "trial", seed: str = "seed") -> Table:
    return {trial: ["a", "a", "b", "b"], seed: [0, 1, 0, 1], **{k: list(v) for k, v in figures.items()}}


X = [0.1, 0.2, 0.3, 0.4]


@pytest.mark.parametrize("trial", ["trial", "Name", "run_name", "CONFIG", " Method ", "params.model", "Run"])
@pytest.mark.parametrize(
    "seed", ["seed", "Seed", "params.seed", "random_state", "config.seed", "rep", "Random Seed", "fold"]
)
def test_trials_and_seeds_are_found_by_many_names(trial: str, seed: str) -> None:
    found = roles(table({"val": X}, trial, seed))
    assert (found.trial, found.seed, found.baseline) == ((trial.strip(),), seed, "a")


@pytest.mark.parametrize(
    ("val", "test", "metric"),
    [
        ("val", "test", "value"),
        ("val/acc", "test/acc", "acc"),
        ("val_acc", "test_acc", "acc"),
        ("valid.acc", "test.acc", "acc"),
        ("metrics.val/acc", "metrics.test/acc", "acc"),
        ("metrics.final/val/acc", "metrics.final/test/acc", "acc"),
        ("Validation Accuracy", "Test Accuracy", "accuracy"),
        ("acc (val)", "acc (test)", "acc"),
        ("acc_valid", "acc_test", "acc"),
        ("dev-f1", "test-f1", "f1"),
        ("val_score", "test_score", "value"),
        ("eval_accuracy", "test_accuracy", "accuracy"),
        ("eval/acc", "test/acc", "acc"),
    ],
)
def test_values_are_found_by_split_and_metric(val: str, test: str, metric: str) -> None:
    found = roles(table({"train/acc": X, val: X, test: X, "lr": X}))
    assert (found.metric, found.val, found.test) == (metric, val, test)
    assert {f"val: column '{val}'", f"test: column '{test}'"} <= set(found.told)


def test_of_several_metrics_one_is_asked_for() -> None:
    several = table({"val/acc": X, "test/acc": X, "val/f1": X, "epoch": X})
    with pytest.raises(UserError, match=r"metric: got none; expected one\. There are 'acc', 'f1'"):
        roles(several)
    assert roles(several, metric="ACC").val == "val/acc"
    assert (roles(several, metric="f1").val, roles(several, metric="f1").test) == ("val/f1", None)
    assert roles(several, metric="epoch").val == "epoch"
    with pytest.raises(
        UserError, match="metric: got 'ac'; expected a metric of the table; did you mean 'acc'"
    ):
        roles(several, metric="ac")


def test_a_final_value_comes_before_that_of_the_last_evaluation() -> None:
    found = roles(table({"metrics.val/acc": X, "metrics.final/val/acc": X}))
    assert found.val == "metrics.final/val/acc"


def test_what_the_user_names_is_taken() -> None:
    odd: Table = {"x": ["a", "b"], "y": [0, 0], "z": X[:2], "w": X[:2]}
    found = roles(odd, trial=("x",), seed="y", val="z", test="w")
    assert (found.trial, found.seed, found.val, found.test, found.metric) == (("x",), "y", "z", "w", "z")
    with pytest.raises(UserError) as caught:
        roles(odd, trial=("xx",), val="zz")
    assert [str(one).split(";")[0] for one in caught.value.faults] == ["trial: got 'xx'", "val: got 'zz'"]


def test_a_named_column_of_values_takes_its_partner_along() -> None:
    several = table({"val/acc": X, "test/acc": X, "val/f1": X, "other": X})
    assert roles(several, val="val/acc").test == "test/acc"
    assert roles(several, test="test/acc").val == "val/acc"
    assert roles(several, val="other").test is None
    assert roles(several, val="val/f1", test="other").test == "other"


def test_several_columns_make_up_a_trial() -> None:
    columns: Table = {
        "loss": ["ce", "focal"],
        "params.lr": [0.1, 0.1],
        "seed": [0, 0],
        "val": X[:2],
    }
    found = roles(columns, trial=("loss", "params.lr"), baseline="loss=ce lr=0.1")
    assert found.baseline == "loss=ce lr=0.1"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("focal seed 3", ("focal", "3")),
        ("focal_seed=3", ("focal", "3")),
        ("focal-s3", ("focal", "3")),
        ("0 baseline seed 1", ("0 baseline", "1")),
        ("adams3", ("adams3", "")),
        ("focal", ("focal", "")),
    ],
)
def test_a_seed_at_the_end_of_a_name_is_no_part_of_the_trial(name: str, parts: tuple[str, str]) -> None:
    assert without_seed(name) == parts


def test_seeds_may_stand_in_the_names_only() -> None:
    found = roles({"Name": ["a-seed0", "a-seed1", "b-seed0"], "val": X[:3]})
    assert (found.baseline, found.seed) == ("a", None)
    assert "seed: taken from the names of trials" in found.told


def test_folds_are_seeds_only_where_there_are_none() -> None:
    assert roles({**table({"val": X}), "fold": [0] * 4}).seed == "seed"
    found = roles({"Name": ["a-seed0", "a-seed1", "b-seed0"], "fold": [0] * 3, "val": X[:3]})
    assert (found.seed, found.baseline) == (None, "a")


@pytest.mark.parametrize("name", ["acc", "metrics.acc", "Accuracy (%)", "error"])
def test_the_only_column_of_numbers_is_the_metric_on_validation_and_that_is_told(name: str) -> None:
    others: Table = {
        "Unnamed: 0": [0, 1, 2, 3],
        "params.lr": X,
        "epoch": [9] * 4,
        "note": list("wxyz"),
        "rep": [1] * 4,
    }
    found = roles(table({**others, name: ["0.1", "nan", "0.3", "0.4"]}))
    assert (found.val, found.test, found.metric) == (name, None, name.removeprefix("metrics.").lower())
    assert f"val: column '{name}', the only one with numbers (no name tells a split)" in found.told
    assert f"val: column '{name}'" in roles(table({name: X}), metric=found.metric).told


def test_the_column_that_knows_the_baseline_names_the_trials() -> None:
    columns: Table = {"name": ["wild-fox-1", "tame-owl-2"], "model": ["a", "b"], "seed": [0, 0], "val": X[:2]}
    assert roles(columns).trial == ("model",)


def test_a_baseline_may_be_a_number() -> None:
    assert roles({"config": [0.0, 1.0], "seed": [0, 0], "val": X[:2]}, baseline="0").baseline == "0.0"


def test_a_role_names_the_baseline() -> None:
    columns: Table = {
        "trial": [0, 1],
        "name": ["plain", "focal"],
        "role": ["baseline", "candidate"],
    }
    found = roles({**columns, "seed": [0, 0], "val": X[:2]}, baseline=None)
    assert (found.trial, found.baseline) == (("name",), "plain")


@pytest.mark.parametrize(
    ("columns", "asked", "said"),
    [
        (table({"val": X}), {"baseline": None}, "baseline: got none; .* Which of 'a', 'b' is what"),
        (
            table({"val": X}),
            {"baseline": "c"},
            "baseline: got 'c'; expected the name of a trial. In 'trial' there are",
        ),
        ({"x": ["a"], "seed": [0], "val": [1]}, {}, "got no column that names the trials"),
        (table({"acc": X, "f1": X}), {}, "got no column of values on validation or test"),
        (table({"acc": X, "train_f1": list("wxyz")}), {}, "got no column of values on validation or test"),
        (table({"lr": X}), {}, "got no column of values on validation or test"),
        (
            {"model": ["a", "b"], "seed0": X[:2], "seed1": X[:2]},
            {},
            r"table: got a column for each seed \('seed0', 'seed1'\); expected a row for each run, with "
            r"columns such as trial, seed and val\. In pandas: frame\.melt",
        ),
        ({"model": ["a", "b"], "0": X[:2], "1": X[2:]}, {}, "got a column for each seed"),
        ({"model": ["a"], "val_acc_seed0": [1], "val_acc_seed1": [1]}, {}, "got a column for each seed"),
        (
            {"model": ["a"], "split0_test_score": [1], "split1_test_score": [1]},
            {},
            "got a column for each seed",
        ),
        (table({"val": X, "a - val/acc__MIN": X}), {}, "got a history"),
    ],
)
def test_what_cannot_be_told_is_asked_for(columns: Table, asked: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        roles(columns, **asked)


def test_a_column_that_stands_twice_is_refused_where_it_counts() -> None:
    frame = pd.DataFrame([["a", 0, 0.1, 0.2, 1, 2]], columns=["trial", "seed", "val", "val", "x", "x"])
    with pytest.raises(UserError, match="got column 'val' more than once"):
        roles_of(sheet_of(frame), Asked("a"))


@pytest.mark.parametrize(
    ("name", "cells", "is_used"),
    [
        ("phase", ["train", "eval", "train", "eval"], False),
        ("Phase", ["screening", "confirmation", "", "Screening"], True),
        ("state", ["CA", "NY", "CA", "NY"], False),
        ("Status", ["FINISHED", "failed", "", "running"], True),
    ],
)
def test_somebody_elses_phases_and_states_are_not_used(name: str, cells: list[str], is_used: bool) -> None:
    found = roles({**table({"val": X}), name: cells})
    assert (name in (found.phase, found.state)) is is_used
    assert (f"not used, since its words are others: column '{name}'" in found.told) is not is_used
