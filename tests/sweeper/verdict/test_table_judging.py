"""A verdict on a table of runs that exist."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV
from sklearn.svm import SVC

from sweeper.errors import UserError
from sweeper.verdict.paired import spread
from sweeper.verdict.runs_seen import mixed_units
from sweeper.verdict.table_judging import judge_table
from sweeper.verdict.table_verdict import TableVerdict
from sweeper.verdict.table_words import ALL_EQUAL, NOT_BY_CHANCE, OF_FOLDS, ONE_SEED

PUBLISHED = Path(__file__).parents[3] / "results" / "published"
NOISE = (0.0, 0.003, -0.002, 0.001, -0.001)


def rows(
    name: str, value: float, seeds: Any = range(3), *, wave: int = 1, **more: Any
) -> list[dict[str, Any]]:
    """Runs about `value`, each with noise of its own."""
    return [
        {
            "trial": name,
            "seed": s,
            "val": value + NOISE[(s * wave + 2) % 5],
            "test": value + NOISE[s * wave % 5],
            **more,
        }
        for s in seeds
    ]


def verdict(*runs: list[dict[str, Any]], drop: str = "", **asked: Any) -> TableVerdict:
    frame = pd.DataFrame([row for of_one in runs for row in of_one])
    return judge_table(frame.drop(columns=[drop] if drop else []), **{"baseline": "a", **asked})


A, B, C = rows("a", 0.80), rows("b", 0.83, wave=2), rows("c", 0.81, wave=3)


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*/trials.csv")), ids=lambda path: path.parent.name)
def test_a_published_study_gives_the_choice_and_the_difference_of_its_summary(path: Path) -> None:
    summary = json.loads((path.parent / "summary.json").read_text())
    found = judge_table(path, metric=summary["metric"], direction=summary["direction"])
    assert found.best == summary["best"]["name"]
    assert found.confirmation is not None
    assert found.confirmation.difference == pytest.approx(summary["confirmation"]["difference"], abs=1e-12)
    assert found.confirmation.se_seeds == pytest.approx(summary["confirmation"]["se_seeds"], abs=1e-12)
    assert found.verdict == summary["verdict"]


@pytest.mark.parametrize(
    ("drop", "where", "split", "chosen_on"),
    [
        ("", ", by the runs that also chose it", "test", "val"),
        ("test", " on validation, which also chose it", "validation", "val"),
        ("val", " on test, which also chose it", "test", "test"),
    ],
)
def test_without_fresh_seeds_the_sentence_says_that_the_runs_also_chose(
    drop: str, where: str, split: str, chosen_on: str
) -> None:
    found = verdict(A, B, C, drop=drop)
    assert (found.verdict, found.basis, found.best, found.chosen_on) == (
        "better",
        "exploration",
        "b",
        chosen_on,
    )
    assert found.sentence.startswith(f"b is better than the baseline{where}: ")
    assert found.sentence.endswith(
        f", for 2 candidates at once ({split} split, 3 seeds, none of them fresh)."
    )
    assert any("No seed is fresh" in note for note in found.notes)
    assert any("chose the winner and judges it, too" in note for note in found.notes) is bool(drop)
    assert any("wrong in up to 14 %" in note for note in found.notes) is bool(drop)


def test_the_interval_without_fresh_seeds_holds_for_all_candidates_at_once() -> None:
    """The more candidates, the wider it is: what was tried counts, with enough pairs or without."""
    widths = []
    for n_others in (0, 3, 30):
        others = [row for i in range(n_others) for row in rows(f"c{i}", 0.81, seeds=[0])]
        row = verdict(A, B, others).rows
        found = next(one.compared for one in row if one.name == "b")
        assert found is not None
        assert found.ci_low is not None
        widths.append(found.improvement - found.ci_low)
    assert widths == sorted(widths)
    assert widths[2] > 2 * widths[0]


@pytest.mark.parametrize("told_by", ["phase", "confirm_seeds"])
def test_fresh_seeds_are_judged_as_a_study_does(told_by: str) -> None:
    """By hand: differences 0.03 + (0, 0.002, -0.001) on fresh seeds, their spread pooled with screening."""
    fresh = range(5, 8)
    runs = [rows("a", 0.8), rows("b", 0.83), rows("a", 0.8, fresh), rows("b", 0.83, fresh)]
    for row, more in zip(runs[3], (0.0, 0.002, -0.001), strict=True):
        row["test"] += more
    if told_by == "phase":
        runs += [rows("a", 0.8, range(20, 23)), rows("b", 0.7, range(20, 23))]  # of a study that shrank
        for of_one, phase in zip(
            runs, [*["screening"] * 2, *["confirmation"] * 2, *["unused"] * 2], strict=True
        ):
            for row in of_one:
                row["phase"] = phase
    asked: dict[str, Any] = {"confirm_seeds": fresh} if told_by == "confirm_seeds" else {}
    found = verdict(*runs, C, **asked)
    pooled = spread([0.0, 0.0, 0.0], [0.0, 0.002, -0.001])
    assert pooled is not None
    assert found.confirmation is not None
    assert found.basis == "confirmation"
    assert found.confirmation.difference == pytest.approx(0.03 + 0.001 / 3)
    assert found.confirmation.se_seeds == pytest.approx((pooled.variance / 3) ** 0.5)
    assert found.sentence.endswith("(test split, 3 confirmation seeds).")
    assert not any("No seed is fresh" in note for note in found.notes)


def test_on_validation_alone_fresh_seeds_do_not_hide_that_it_chose() -> None:
    runs = [*rows("a", 0.8, range(6)), *rows("b", 0.83, range(6), wave=2)]
    for row in runs:
        row["val"] = row["test"]
    found = verdict(runs, confirm_seeds=[3, 4, 5], drop="test")
    assert found.sentence.startswith("b is better than the baseline on validation, which also chose it: ")
    assert "3 to 44 %" in found.notes[0]


def test_a_winner_without_a_value_on_a_fresh_seed_is_not_confirmed() -> None:
    runs = [*rows("a", 0.8, range(6)), *rows("b", 0.83, range(5))]
    found = verdict(runs, confirm_seeds=[3, 4, 5])
    assert found.verdict == "not confirmed"
    assert (
        "not confirmed: b has no value on 1 of 3 fresh seeds (5); value improvement +0.03" in found.sentence
    )


def test_a_candidate_that_failed_is_shown_and_cannot_be_chosen() -> None:
    failed = [*B[:2], {**B[2], "val": None, "test": None}]
    found = verdict(A, failed, C)
    assert found.best == "c"
    assert any(note.startswith("Failed: b on seed 2.") and NOT_BY_CHANCE in note for note in found.notes)
    crashed = verdict(
        [{**row, "State": "finished"} for row in (*A, *C)], [{**row, "State": "crashed"} for row in B]
    )
    assert crashed.best == "c"
    assert "counted as failed, by their state: 3 runs" in crashed.told
    states = ["finished"] * 3 + ["finished", "finished", "running"]
    runs = [{**row, "State": state} for row, state in zip((*A, *B), states, strict=True)]
    assert "left out, since by their state they have not ended: 1 run" in verdict(runs, C).told


def test_a_run_without_validation_counts_nowhere_although_it_has_a_test_value() -> None:
    """Neither its difference nor its examples; on a fresh seed validation says nothing, and may lack."""
    failed = [*B[:2], {**B[2], "val": None}]
    lost = [*B[:2], {**B[2], "val": None, "test": None}]
    given = examples(A, B, C)
    found, same = (verdict(A, of, C, examples=given) for of in (failed, lost))
    assert found == same
    (row,) = (row for row in found.rows if row.name == "b")
    assert (row.n_seeds, row.n_pairs) == (2, 2)
    assert row.test == pytest.approx((B[0]["test"] + B[1]["test"]) / 2)
    without = {key: values for key, values in given.items() if key != "b/2"}
    assert verdict(A, lost, C, examples=without) == same
    fresh = verdict(rows("a", 0.8, range(6)), [*B, *({**r, "val": ""} for r in rows("b", 0.83, [3, 4, 5]))],
                    confirm_seeds=[3, 4, 5])  # fmt: skip
    assert fresh.verdict == "better"


@pytest.mark.parametrize("drop", ["", "test"])
@pytest.mark.parametrize("confirm_seeds", [[], [2]])
def test_what_failed_is_said_once(drop: str, confirm_seeds: list[int]) -> None:
    """Also where nothing is confirmed, or compared."""
    failed = [{**C[0], "trial": "c", "val": None}, *C[1:]]
    for winner in (B, [{**B[0], "test": ""}, *B[1:]], [{**row, "trial": "b"} for row in A]):
        notes = verdict(A, winner, failed, drop=drop, confirm_seeds=confirm_seeds).notes
        assert sum(note.startswith("Failed: c on seed 0") for note in notes) == 1


@pytest.mark.parametrize("n", [0, 2])
def test_a_winner_that_lacks_test_values_is_not_confirmed(n: int) -> None:
    found = verdict(A, [{**row, "test": row["test"] if row["seed"] < n else ""} for row in B], C)
    assert (found.best, found.verdict) == ("b", "not confirmed")
    why = f"it and the baseline have test values on {n} of 3 seeds"
    assert f"b is the best candidate on validation; not confirmed: {why}" in found.sentence


def test_a_baseline_that_failed_is_no_reference() -> None:
    found = verdict([*A[:2], {**A[2], "val": "nan"}], B)
    assert (found.verdict, found.best) == ("no result", None)
    assert found.sentence.startswith("a, the baseline, failed on 1 of 3 seeds (2), so that there is nothing")


def test_unequal_seeds_are_compared_in_pairs_and_fewer_cannot_win() -> None:
    found = verdict(
        rows("a", 0.8, range(4)),
        rows("b", 0.9, [0, 1]),
        rows("c", 0.83, [0, 1, 2]),
        rows("d", 0.82, [1, 2, 7]),
    )
    assert found.best == "c"
    pairs = {row.name: row.n_pairs for row in found.rows}
    assert pairs == {"a": 0, "b": 2, "c": 3, "d": 2}
    (lacking, extra) = (
        note for note in found.notes if ("eed" in note and "airs" in note) or "pair" in note[:20]
    )
    assert "b lacks seeds 2, 3; c lacks seed 3; d lacks seeds 0, 3" in lacking
    assert extra == "Without a pair in the baseline, and left out: d on seed 7."


def test_no_seed_in_common_is_said() -> None:
    assert "No candidate has a seed in common with a" in verdict(A, rows("b", 0.9, [7, 8])).sentence


def test_one_seed_has_no_interval() -> None:
    found = verdict(A[:1], B[:1], C[:1])
    assert found.verdict == "not distinguishable"
    assert "no interval (test split, 1 seed, none of them fresh)" in found.sentence
    assert ONE_SEED in found.notes


def test_equal_differences_have_none_either_and_equal_figures_compare_nothing() -> None:
    same = verdict(
        A, [{**row, "trial": "b", "val": row["val"] + 0.5, "test": row["test"] + 0.5} for row in A]
    )
    assert ALL_EQUAL in same.notes
    nothing = verdict(A, [{**row, "trial": "b"} for row in A])
    assert nothing.verdict == "nothing was compared"


def test_smaller_may_be_better() -> None:
    found = verdict(A, B, C, direction="minimize")
    assert (found.best, found.verdict) == ("c", "worse")
    with pytest.raises(
        UserError, match=r"direction: got none; expected max or min\. Say --direction min if less"
    ):
        judge_table(
            pd.DataFrame(A + B).rename(columns={"val": "val_loss"}).drop(columns="test"), baseline="a"
        )


@pytest.mark.parametrize(
    "name",
    [
        *("logloss", "cross_entropy", "crossentropy", "xent", "mape", "rmsle", "neg_log_likelihood", "hinge"),
        *("eer", "fpr95", "bpd", "lpips", "medae", "wasserstein", "cost", "misclassification"),
    ],
)
def test_what_may_be_better_when_less_is_asked_for_its_direction(name: str) -> None:
    with pytest.raises(UserError, match=rf"^direction: got none; .* Say --direction min if less '{name}' is"):
        judge_table(metric_called(name), baseline="a")


@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "top5", "mAP", "score", "r2", "per_class"])
def test_what_is_better_when_more_is_judged_at_once(name: str) -> None:
    assert "larger is better" in " ".join(judge_table(metric_called(name), baseline="a").told)


def metric_called(name: str) -> pd.DataFrame:
    return pd.DataFrame(A + B).rename(columns={"val": f"val_{name}"}).drop(columns="test")


def test_the_value_of_optuna_is_asked_for_its_direction() -> None:
    frame = pd.DataFrame(A + B).rename(columns={"val": "value"}).drop(columns="test")
    with pytest.raises(UserError, match=r"^direction: got none"):
        judge_table(frame, baseline="a", val="value")
    assert judge_table(frame, baseline="a", val="value", direction="maximize").best == "b"


def test_a_smallest_effect_may_make_it_equivalent() -> None:
    found = verdict(A, rows("b", 0.801, wave=2), min_effect=0.05)
    assert found.verdict == "equivalent"
    assert found.sentence.endswith("; the whole interval lies within +-0.05.")


@pytest.mark.parametrize("drop", ["params", "param_C"])
def test_cross_validations_of_scikit_learn_have_a_run_for_each_split(drop: str) -> None:
    search = GridSearchCV(SVC(), {"C": [0.01, 10.0], "kernel": ["linear"]}, cv=3, return_train_score=True)
    x = np.repeat(np.eye(3), 9, axis=0) + np.arange(27)[:, None] / 30
    found = search.fit(x, [0] * 9 + [1] * 9 + [2] * 9).cv_results_
    frame = pd.DataFrame(found).drop(columns=drop if drop == "params" else ["param_C", "param_kernel"])
    names = (
        ["C=0.01 kernel=linear", "C=10.0 kernel=linear"] if drop == "params" else map(str, found["params"])
    )
    plain, best = names
    judged = judge_table(frame, baseline=plain)
    assert {row.name: row.val for row in judged.rows} == pytest.approx(
        dict(zip((plain, best), found["mean_test_score"], strict=True))
    )
    assert [row.n_seeds for row in judged.rows] == [3, 3]
    assert judged.told[0] == "read as cv_results_ of scikit-learn: a run for each split"
    assert judged.notes[-1] == OF_FOLDS
    assert "seed: column 'fold'" in judged.told


def test_of_several_scores_of_a_cross_validation_one_is_asked_for() -> None:
    scores = {f"split{i}_test_{name}": [0.1, 0.2] for i in range(2) for name in ("acc", "f1")}
    with pytest.raises(UserError, match=r"metric: got none; expected one\. There are 'acc', 'f1'"):
        judge_table(pd.DataFrame({"param_C": [1, 2], **scores}), baseline="C=1")


def test_a_run_that_stands_twice_is_refused() -> None:
    with pytest.raises(
        UserError, match="table, line 4: got a seed 0 again, as in line 1; expected each run once"
    ):
        verdict(A, A, B)


STUDY = "tags.sweeper.study"


def test_of_several_studies_one_is_asked_for() -> None:
    one, other = ([{**row, STUDY: name} for row in (*A, *B)] for name in ("esmm-1", "esmm-2"))
    other = [{**row, "val": row["test"] - 0.5} for row in other]
    advice = rf"There are the studies 'esmm-1', 'esmm-2': name one, --where {STUDY}=NAME"
    with pytest.raises(UserError, match=advice) as caught:
        verdict(one, other)
    assert len(caught.value.faults) == 6
    assert str(caught.value.faults[-1]) == "table: and 1 more such as these"
    found = verdict(one, other, where=f"{STUDY}=esmm-1")
    assert (found.sentence, found.rows) == (verdict(one).sentence, verdict(one).rows)
    assert found.told[0] == f"rows: 6 of 12, where {STUDY}=esmm-1"


def test_a_run_of_a_database_is_told_by_its_id() -> None:
    runs = [{**row, "run_id": f"{i:04x}"} for i, row in enumerate([*A, *B, *B[:1]], 10)]
    with pytest.raises(UserError, match=r"^table, run 0010: got b seed 0 again, as in run 000d; expected"):
        verdict(runs)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (["trial"], "where: got 'trial'; expected COLUMN=VALUE"),
        (["trail=a"], "where: got column 'trail'; expected one of table; did you mean 'trial'?"),
        (["kind=small"], "where: got 'kind=small'; expected a value of column 'kind'; did you mean 'smal'?"),
        (["seed=x"], "where: got 'seed=x'; expected a value of column 'seed'. There are '0', '1', '2', '3', "
         "'4' and 2 more"),
        (["kind=smal", "trial=b"], "where: got 'trial=b'; expected a value of column 'trial'. There are 'a'"),
    ],
)  # fmt: skip
def test_rows_that_are_not_there_are_asked_for_in_a_line(where: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        verdict(rows("a", 0.8, range(7), kind="smal"), [{**B[0], "kind": ""}], where=where)
    assert str(caught.value) == said


def test_signs_in_names_and_values_are_kept() -> None:
    runs = [{**row, "a=b": text} for text, of in (("x=1", A), ("x=1", B), ("y", C)) for row in of]
    assert [row.name for row in verdict(runs, where="a=b=x=1").rows] == ["b", "a"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"val": "good"}, "line 1, column 'val': got 'good'; expected a number, or nothing"),
        ({"seed": "x"}, "line 1, column 'seed': got 'x'; expected a whole number"),
        ({"val": "80%"}, "column 'val': got some values with a percent sign and some without"),
    ],
)
def test_cells_that_cannot_be_read_are_named(changed: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        verdict([{**A[0], **changed}, *A[1:]], B)


def test_what_a_spreadsheet_does_to_figures_changes_nothing(tmp_path: Path) -> None:
    """Semicolons, decimal commas, percent signs, an index, seeds as 1.0, names in capitals, blank lines."""
    head = ";Trial;Seed;Val;Test;Comment"
    lines = [
        f"{i};{row['trial']};{row['seed']}.0;"
        + ";".join(f"{100 * row[k]:.1f}%".replace(".", ",") for k in ("val", "test"))
        for i, row in enumerate([*A, *B, *C])
    ]
    path = tmp_path / "runs.csv"
    path.write_text(
        "\ufeff" + "\n\n".join([head, *(f"{line};so; so" for line in lines)]).replace(";so; so", ";x")
    )
    found, plain = judge_table(path, baseline="a"), verdict(A, B, C)
    assert found.best == plain.best
    for one, other in zip(found.rows, plain.rows, strict=True):
        assert one.test == pytest.approx(100 * (other.test or 0))
    assert "in percent, so that differences are percentage points: test, val" in found.told
    assert "with a decimal comma: column 'Val' and column 'Test'" in found.told


def examples(*runs: list[dict[str, Any]], n: int = 500) -> dict[str, Any]:
    """Zeros and ones by run, whose mean is its value on test."""
    rng = np.random.default_rng(0)
    return {
        f"{row['trial']}/{row['seed']}": rng.permutation(np.arange(n) < round(n * row["test"]))
        for of_one in runs
        for row in of_one
    }


def test_examples_put_the_error_of_the_split_into_the_interval(tmp_path: Path) -> None:
    np.savez(tmp_path / "examples.npz", **examples(A, B, C))
    with_them, without = verdict(A, B, C, examples=tmp_path / "examples.npz"), verdict(A, B, C)
    wide, narrow = (next(r.compared for r in one.rows if r.is_best) for one in (with_them, without))
    assert wide is not None
    assert narrow is not None
    assert (wide.ci_low or 0) < (narrow.ci_low or 0)
    assert [any("seed noise only" in note for note in one.notes) for one in (with_them, without)] == [
        False,
        True,
    ]


def test_examples_of_a_table_in_percent_are_in_percent() -> None:
    runs = [
        [{**row, "val": f"{100 * row['val']}%", "test": f"{100 * row['test']}%"} for row in of]
        for of in (A, B)
    ]
    plain, percent = verdict(A, B, examples=examples(A, B)), verdict(*runs, examples=examples(A, B))
    one, other = (next(r.compared for r in found.rows if r.is_best) for found in (plain, percent))
    assert one is not None
    assert other is not None
    assert other.ci_low == pytest.approx(100 * (one.ci_low or 0))


def test_of_many_faults_it_is_said_how_many_there_are_more() -> None:
    with pytest.raises(UserError, match=r"\ntable: and 2 more such as these$"):
        verdict([{**A[0], "val": "x"}] * 7)
    with pytest.raises(UserError, match=r"\nexamples: and 1 more such as these$"):
        verdict(A, B, examples={f"a/{seed}": [0.0, 1.0] for seed in range(9, 15)})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"a/9": [0.0, 1.0]},
            "examples: got 'a/9'; expected trial/seed of a run in the table; did you mean 'a",
        ),
        ({"a/0": [[0.8, 0.8]]}, "examples 'a/0': got an array of shape"),
        ({"a/0": [0.8, float("nan")]}, "examples 'a/0': got values that are not finite"),
        (
            {"a/0": [0.1, 0.3]},
            "examples 'a/0': got a mean of 0.2; expected the run's value on test, 0.8. Only",
        ),
        ({"a/0": [0.8, 0.8], "b/0": [0.83] * 3}, "examples: got arrays of 2 to 3 values"),
        (Path("none.npz"), "examples: got 'none.npz'; expected an .npz file. There is none"),
    ],
)
def test_examples_that_do_not_fit_are_refused(given: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        verdict(A, B, examples=given)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"confirm_seeds": [9]}, "confirm_seeds: got 9; expected seeds of the table"),
        (
            {"confirm_seeds": [0, 1, 2]},
            "confirm_seeds: got no other run of a; expected some seeds to choose by",
        ),
        ({"direction": "up"}, "direction: got 'up'; expected max or min"),
    ],
)
def test_what_is_asked_for_must_fit_the_table(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        verdict(A, B, **asked)


def test_a_baseline_alone_is_refused() -> None:
    with pytest.raises(UserError, match="baseline: got 'a', the only trial"):
        verdict(A)


@pytest.mark.parametrize("split", ["val", "test"])
def test_percents_among_shares_are_named(split: str) -> None:
    odd = [*B[:2], {**B[2], split: 82}]
    name = "validation" if split == "val" else split
    said = f"Some values on {name} are at most 1, others many times that; the fewer are b seed 2 (82)."
    assert verdict(A, odd, C).notes[0].startswith(said)
    assert not any("percents" in note for note in verdict(A, odd, C, direction="minimize").notes)


@pytest.mark.parametrize(
    ("a", "b", "odd"),
    [
        ({0: 0.801, 1: 0.81, 2: 80.0}, {0: 0.8, 1: 0.82, 2: 82.0}, [("a", 2), ("b", 2)]),
        ({0: 80.1, 1: 81.0}, {0: 80.0, 1: 0.82}, [("b", 1)]),
        ({0: 0.8, 1: 1.0}, {0: 20.0, 1: 1.0}, [("b", 0)]),
        ({0: 0.8, 1: 1.0}, {0: 19.0, 1: 1.0}, []),
        ({0: 0.8, 1: 0.9}, {0: 101.0, 1: 0.9}, []),
        ({0: -0.8, 1: 0.9}, {0: 80.0, 1: 0.9}, []),
        ({0: 0.0, 1: 0.0}, {0: 80.0, 1: 70.0}, []),
        ({0: 80.0, 1: 90.0}, {0: 81.0, 1: 99.0}, []),
    ],
)
def test_a_factor_of_twenty_tells_percents_from_shares(
    a: dict[int, float], b: dict[int, float], odd: list[tuple[str, int]]
) -> None:
    assert mixed_units({"a": a, "b": b}) == odd


def test_a_run_that_collapsed_is_named() -> None:
    low = [*B[:2], {**B[2], "val": 0.2}]
    assert any("Far worse than their siblings: b seed 2" in note for note in verdict(A, low, C).notes)
