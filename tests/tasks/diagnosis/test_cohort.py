"""What is made of any source's patients, and the two embedded sources."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.diagnosis.cohort import SPLITS, Cohort
from sweeper_tasks.diagnosis.config import DiagnosisConfig
from sweeper_tasks.diagnosis.data import prepare
from sweeper_tasks.diagnosis.synthetic_cohort import draw
from tests.tasks.diagnosis.tiny import DATA, SHARED, built, tiny_cohort, tiny_config


def of_four(tmp_path: Path, **columns: Any) -> Prepared:
    """Eight patients, four of them in training: healthy, healthy, healthy, ill."""
    labels = np.array(["healthy", "healthy", "healthy", "ill", "ill", "healthy", "ill", "healthy"])
    split = np.array([0, 0, 0, 0, 1, 1, 2, 2], dtype=np.uint8)
    return built(Cohort(pd.DataFrame(columns), labels, split, real=True), tmp_path)


def test_numbers_are_standardised_by_training_and_missing_ones_are_flagged(tmp_path: Path) -> None:
    """Training 1, 3, 5 and one missing: mean 3, variance 8/3. Without a gap in training there is no flag."""
    one = [1.0, 3.0, np.nan, 5.0, 103.0, np.nan, 3.0, 3.0]
    two = [0.0, 2.0, 0.0, 2.0, np.nan, 1.0, 1.0, 1.0]
    prepared = of_four(tmp_path, one=one, two=two)
    step = (8 / 3) ** -0.5
    expected = [[-2 * step, -1, 0], [0, 1, 0], [0, -1, 1], [2 * step, 1, 0]]
    assert prepared.array("train_numbers") == pytest.approx(np.array(expected))
    assert prepared.array("val_numbers") == pytest.approx(np.array([[100 * step, 0, 0], [0, 0, 1]]))
    assert prepared.facts["indicators"] == ["one"]
    assert prepared.facts["missing_values"] == {"one": 2, "two": 1}


def test_categories_count_from_1_and_what_training_never_saw_is_0(tmp_path: Path) -> None:
    colour = pd.Series(["b", "a", "a", np.nan, "a", "c", np.nan, "b"], dtype=object)
    prepared = of_four(tmp_path, colour=colour)
    found = [prepared.array(f"{split}_categories")[:, 0].tolist() for split in SPLITS]
    assert found == [[2, 1, 1, 0], [1, 0], [0, 2]]
    assert prepared.facts["categories"] == [{"name": "colour", "vocabulary": 3}]


def test_columns_that_say_nothing_are_left_out_with_the_reason(tmp_path: Path) -> None:
    prepared = of_four(
        tmp_path,
        value=np.arange(8.0),
        flat=[7.0] * 7 + [8.0],
        empty=[np.nan] * 4 + [1.0] * 4,
        flagged=[1.0, np.nan] * 4,
        word=pd.Series(["x"] * 8, dtype=object),
    )
    assert prepared.facts["dropped"] == {
        "flat": "constant in training",
        "empty": "without any value in training",
        "word": "constant in training",
    }
    assert prepared.facts["numbers"] == ["value", "flagged"]  # there or not is something to know
    assert prepared.array("train_numbers")[:, 1:].tolist() == [[0, 0], [0, 1], [0, 0], [0, 1]]


def test_a_column_of_names_is_left_out_and_rare_categories_are_one(tmp_path: Path) -> None:
    cohort = tiny_cohort()
    counts = sorted(cohort.findings["colour"][:60].value_counts())
    names = pd.Series([f"name {i}" for i in range(len(cohort.labels))], dtype=object)
    cohort = replace(cohort, findings=cohort.findings.assign(name=names), min_count=counts[0] + 1)
    facts = built(cohort, tmp_path).facts
    assert facts["dropped"]["name"] == f"no value of it is there data.min_count ({counts[0] + 1}) times"
    n_kept = sum(count > counts[0] for count in counts)
    assert facts["categories"] == [{"name": "colour", "vocabulary": 1 + n_kept}]
    assert 0 < n_kept < 3


def test_the_commonest_class_of_training_is_class_0(tmp_path: Path) -> None:
    prepared = built(tiny_cohort(("zebra", "ant", "bee")), tmp_path)
    counts = prepared.facts["counts"]["train"]
    assert prepared.facts["classes"][0] == "zebra"
    assert counts == sorted(counts, reverse=True)
    assert np.bincount(prepared.array("train_labels")).tolist() == counts


def test_the_trivial_predictor_reaches_the_prevalence(tmp_path: Path) -> None:
    facts = built(tiny_cohort(), tmp_path).facts
    for split in SPLITS:
        healthy, ill = facts["counts"][split]
        assert facts["trivial"][split]["auprc"] == pytest.approx(ill / (healthy + ill))
        assert facts["trivial"][split]["auroc"] == 0.5


def faults(cohort: Cohort, tmp_path: Path) -> str:
    with pytest.raises(UserError, match="expected") as caught:
        built(cohort, tmp_path)
    return str(caught.value)


def test_a_table_without_anything_to_tell_apart_is_refused(tmp_path: Path) -> None:
    cohort, n = tiny_cohort(), len(tiny_cohort().labels)
    told = faults(replace(cohort, labels=np.full(n, "healthy")), tmp_path)
    assert "data.label: got one class only ('healthy'); expected 2 to 100 classes" in told
    told = faults(replace(cohort, findings=pd.DataFrame({"flat": np.ones(n)})), tmp_path)
    assert told.startswith("data: got no column that tells patients apart; expected at least one. flat: cons")


@pytest.mark.parametrize("n_values", [150, 70, 101])
def test_a_column_that_is_no_diagnosis_is_told_in_one_line(tmp_path: Path, n_values: int) -> None:
    cohort = tiny_cohort()
    ages = (np.arange(len(cohort.labels)) % n_values).astype(str)
    assert faults(replace(cohort, labels=ages, label="age"), tmp_path) == (
        f"data.label: got 'age' with {n_values} different values; expected a diagnosis. Is it the right "
        "column? A diagnosis has 2 to 100 classes, each in all splits"
    )


def test_most_classes_with_one_row_are_no_diagnosis_either(tmp_path: Path) -> None:
    """Six of eight have one row; with five of seven they may be misspelt, and are named."""
    cohort = tiny_cohort()
    labels = cohort.labels.astype(object)
    labels[:6] = [f"name {i}" for i in range(6)]
    assert "got 'name' with 8 different values" in faults(
        replace(cohort, labels=labels, label="name"), tmp_path
    )
    labels[5] = "healthy"
    assert "got no row of class 'name 4'" in faults(replace(cohort, labels=labels, label="name"), tmp_path)


def test_a_class_that_a_split_lacks_is_named(tmp_path: Path) -> None:
    cohort = tiny_cohort()
    labels = cohort.labels.astype(object)
    labels[:2] = "dying"
    told = faults(replace(cohort, labels=labels), tmp_path)
    assert (
        "data (val split): got no row of class 'dying' (2 in all); expected at least one. Leave out" in told
    )
    assert "data (test split): got no row of class 'dying'" in told


def test_a_class_that_may_be_another_ones_name_misspelt_is_told_so(tmp_path: Path) -> None:
    cohort = tiny_cohort()
    labels = cohort.labels.astype(object)
    labels[0] = "helthy"
    told = faults(replace(cohort, labels=labels), tmp_path)
    assert (
        "class 'helthy' (1 in all); expected at least one. Correct it where it should be 'healthy'; " in told
    )


def test_a_synthetic_cohort_is_always_the_same_and_has_its_prevalence() -> None:
    one, same = (draw(tiny_config().data) for _ in range(2))  # type: ignore[arg-type]
    assert one.findings.equals(same.findings)
    assert np.array_equal(one.labels, same.labels)
    other = draw(tiny_config(data={"generator_seed": 2}).data)  # type: ignore[arg-type]
    assert not np.array_equal(one.labels, other.labels)
    large = draw(tiny_config(data={"n_train": 100_000, "prevalence": 0.02}).data)  # type: ignore[arg-type]
    assert (large.labels == "ill").mean() == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("is_informative", [True, False])
def test_missingness_says_something_where_it_is_informative(is_informative: bool) -> None:
    """The number of labs that were taken, alone, ranks patients; without the option it does not."""
    data = {"n_train": 40_000, "informative_missingness": is_informative}
    cohort = draw(tiny_config(data=data).data)  # type: ignore[arg-type]
    taken = cohort.findings.notna().sum(axis=1)
    auroc = roc_auc_score(cohort.labels == "ill", taken)
    assert (auroc > 0.7) if is_informative else (auroc == pytest.approx(0.5, abs=0.03))
    missing = cohort.findings.filter(like="lab_").isna().to_numpy().mean()
    assert missing == pytest.approx(0.3, abs=0.06)


def test_label_noise_swaps_as_many_ill_as_healthy_and_spares_the_test_split() -> None:
    clean, noisy = (draw(tiny_config(data={"label_noise": rate}).data) for rate in (0.0, 0.2))  # type: ignore[arg-type]
    differ, is_test = clean.labels != noisy.labels, clean.split == 2
    assert clean.findings.equals(noisy.findings)
    assert not differ[is_test].any()
    n_ill = int((clean.labels[~is_test] == "ill").sum())
    assert differ[~is_test].sum() == pytest.approx(2 * 0.2 * n_ill, rel=0.3)
    assert differ[~is_test].any()


def test_nothing_does_better_than_the_true_risk_and_a_linear_model_does_worse(tmp_path: Path) -> None:
    config = tiny_config(data={"n_train": 8000, "n_test": 8000})
    prepared = prepare(config, tmp_path)
    best = prepared.facts["best"]["test"]["auprc"]
    train, test = (prepared.array(f"{split}_numbers") for split in ("train", "test"))
    linear = LogisticRegression(max_iter=500).fit(train, prepared.array("train_labels"))
    got = average_precision_score(prepared.array("test_labels"), linear.decision_function(test))
    assert prepared.facts["trivial"]["test"]["auprc"] + 0.1 < got < best - 0.05


def test_breast_cancer_is_split_60_20_20_within_each_diagnosis(tmp_path: Path) -> None:
    """357 benign, 212 malignant: 71 + 42 biopsies in validation and in test each."""
    own = {"name": "diagnosis/breast_cancer", "val_rate": 0.2, "test_rate": 0.2, "split_seed": 0}
    sections = tiny_config().model_dump() | {"data": SHARED | own}
    prepared = prepare(DiagnosisConfig.model_validate(sections), tmp_path)
    assert prepared.facts["classes"] == ["benign", "malignant"]
    assert prepared.facts["counts"] == {"train": [215, 128], "val": [71, 42], "test": [71, 42]}
    assert prepared.array("train_numbers").mean(axis=0) == pytest.approx(np.zeros(30), abs=1e-5)
    assert prepared.real
    moved = prepare(
        DiagnosisConfig.model_validate(sections | {"data": SHARED | own | {"split_seed": 1}}), tmp_path
    )
    assert moved.digest != prepared.digest


def test_what_only_auto_asks_and_where_data_lie_do_not_change_the_digest(tmp_path: Path) -> None:
    one = prepare(tiny_config(), tmp_path)
    assert prepare(tiny_config(data={"has_noise": True, "cache_dir": "x"}), tmp_path).digest == one.digest
    assert prepare(tiny_config(data={"label_noise": 0.1}), tmp_path).digest != one.digest
    assert one.facts["rows"] == {split: DATA[f"n_{split}"] for split in SPLITS}
