"""Synthetic impressions: what is drawn is what was promised, and the truth about it is known."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy.special import logit
from sklearn.metrics import roc_auc_score

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.esmm.columns import SPLITS
from sweeper_tasks.esmm.data import prepare
from sweeper_tasks.esmm.population import sparse_fields
from sweeper_tasks.esmm.streamed_auc import StreamedAuc
from sweeper_tasks.esmm.synthetic import BLOCK, blocks, make_world

SMALL = {"n_train": 20_000, "n_val": 8_000, "n_test": 8_000, "n_users": 300, "n_items": 200}
OPTIONS = ("synthetic", "synthetic_rare", "csv", "hillstrom", "ali_ccp_csv", "ali_ccp")


@pytest.fixture(scope="module")
def small(data_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("cache")
    return prepare(SimpleNamespace(data=data_of("synthetic", **SMALL)), folder)


@pytest.mark.parametrize("option", OPTIONS)
def test_each_preset_warms_up_in_the_documented_proportion_and_lets_the_focal_term_act(
    data_of: Any, option: str
) -> None:
    preset = data_of(option).preset
    assert preset.warmup_steps / preset.max_steps == 2000 / 10000
    assert preset.warmup_steps_short == preset.warmup_steps / 2
    assert 1 - preset.warmup_steps / preset.max_steps >= 0.6
    assert 4 <= preset.max_steps / preset.eval_every <= 10


def test_the_default_holds_a_thousand_conversions_in_val_and_in_test(data_of: Any) -> None:
    data = data_of("synthetic")
    world = make_world(data)
    for split, n in (("val", data.n_val), ("test", data.n_test)):
        assert sum(int(part["conversion"].sum()) for part in blocks(data, world, split, n)) >= 1000


def test_the_rare_option_has_the_documented_rates(data_of: Any) -> None:
    """24.7 negatives a click are a rate of 1 / 25.7 = 3.89 %; 4800 a conversion are 1 / 4801 = 0.0208 %."""
    data = data_of("synthetic_rare")
    parts = list(blocks(data, make_world(data), "val", 4 * BLOCK))
    p_ctr, p_cvr = (np.concatenate([part[name] for part in parts]) for name in ("p_ctr", "p_cvr"))
    assert p_ctr.mean() == pytest.approx(1 / 25.7, rel=0.02)
    assert (p_ctr * p_cvr).mean() == pytest.approx(1 / 4801, rel=0.05)


def test_the_shape_is_that_of_ali_ccp(small: Prepared, data_of: Any) -> None:
    default = data_of("synthetic")
    fields = sparse_fields(default.n_users, default.n_items)
    assert len(fields) >= 23
    assert sum(fields.values()) <= 30_000
    sizes = np.array([field["vocabulary"] for field in small.facts["sparse_fields"]])
    for split in SPLITS:
        ids = small.array(f"{split}_sparse")
        assert ids.dtype == np.int32
        assert ids.min() >= 0
        assert (ids.max(axis=0) < sizes).all()


def test_users_and_items_follow_a_long_tail(small: Prepared) -> None:
    users = np.bincount(small.array("train_sparse")[:, 0], minlength=301)[1:]
    assert users[:30].sum() > 5 * users[-30:].sum() > 0


def test_no_conversion_without_a_click(small: Prepared) -> None:
    for split in SPLITS:
        assert not (small.array(f"{split}_conversion") & ~small.array(f"{split}_click") & 1).any()


def test_labels_are_drawn_from_the_stored_truth(small: Prepared) -> None:
    """In each tenth of the true rate, the positives deviate by less than 5 standard errors."""
    for p_name, label_name, seen in (("p_ctr", "click", None), ("p_cvr", "conversion", "click")):
        rows = slice(None) if seen is None else small.array(f"train_{seen}") == 1
        p, label = small.array(f"train_{p_name}")[rows], small.array(f"train_{label_name}")[rows]
        for tenth in np.array_split(np.argsort(p), 10):
            error = np.sqrt((p[tenth] * (1 - p[tenth])).sum())
            assert abs(label[tenth].sum() - p[tenth].sum()) < 5 * error


def test_the_best_auc_is_that_of_the_truth(small: Prepared) -> None:
    for split in SPLITS:
        arrays = (small.array(f"{split}_{name}") for name in ("p_ctr", "p_cvr", "click", "conversion"))
        p_ctr, p_cvr, click, conversion = arrays
        clicked = click == 1
        assert small.facts["best_auc"][split] == pytest.approx(
            {
                "ctcvr": roc_auc_score(conversion, p_ctr * p_cvr),
                "ctr": roc_auc_score(click, p_ctr),
                "cvr": roc_auc_score(conversion[clicked], p_cvr[clicked]),
            },
            abs=1e-4,
        )


def test_a_signal_of_zero_leaves_nothing_to_learn(data_of: Any, tmp_path: Path) -> None:
    data = data_of("synthetic", **SMALL, ctr_signal=0, cvr_signal=0)
    facts = prepare(SimpleNamespace(data=data), tmp_path).facts
    assert facts["best_auc"]["test"] == {"ctcvr": 0.5, "ctr": 0.5, "cvr": 0.5}


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.0, 0.9])
def test_the_true_logits_have_the_promised_deviations_and_correlation(
    data_of: Any, correlation: float
) -> None:
    data = data_of("synthetic", **SMALL, correlation=correlation, ctr_signal=1.2, cvr_signal=0.8)
    part = next(blocks(data, make_world(data), "train", BLOCK))
    ctr, cvr = (logit(part[name].astype(np.float64)) for name in ("p_ctr", "p_cvr"))
    assert (ctr.std(), cvr.std()) == pytest.approx((1.2, 0.8), rel=0.02)
    assert np.corrcoef(ctr, cvr)[0, 1] == pytest.approx(correlation, abs=0.02)


def test_a_larger_split_begins_with_the_rows_of_a_smaller_one(data_of: Any) -> None:
    data = data_of("synthetic", **SMALL)
    world = make_world(data)
    (short,), long = blocks(data, world, "val", 1000), list(blocks(data, world, "val", BLOCK + 5))
    assert len(long[1]["click"]) == 5
    assert all(np.array_equal(long[0][name][:1000], column) for name, column in short.items())


def test_splits_are_drawn_apart(small: Prepared) -> None:
    assert not np.array_equal(small.array("val_sparse"), small.array("test_sparse"))


def test_dense_features_are_normalised_by_the_training_split(small: Prepared) -> None:
    dense = small.array("train_dense")
    assert dense.mean(axis=0) == pytest.approx(0, abs=1e-4)
    assert dense.std(axis=0) == pytest.approx(1, abs=1e-4)
    assert small.array("test_dense").mean(axis=0) != pytest.approx(0, abs=1e-6)


def test_facts_count_what_the_arrays_hold(small: Prepared) -> None:
    click, conversion = small.array("train_click"), small.array("train_conversion")
    assert small.n_train == small.facts["rows"]["train"] == 20_000
    assert small.facts["clicks"]["train"] == click.sum()
    ratio = (conversion == 0).sum() / (conversion == 1).sum()
    assert small.facts["pos_weight"]["ctcvr"] == pytest.approx(ratio)
    assert not small.real


def test_the_digest_knows_the_parameters_and_nothing_else(
    data_of: Any, tmp_path: Path, small: Prepared
) -> None:
    def digest(**changes: Any) -> str:
        data = data_of("synthetic", **(SMALL | {"n_train": 2000, "n_val": 2000, "n_test": 2000} | changes))
        return prepare(SimpleNamespace(data=data), tmp_path / str(changes.get("cache_dir"))).digest

    first = digest()
    preset = {"batch_size": 1, "max_steps": 2, "eval_every": 1, "warmup_steps": 0, "warmup_steps_short": 0}
    assert digest(cache_dir="elsewhere", name="esmm/synthetic_rare", preset=preset) == first
    assert len({first, digest(generator_seed=2), digest(ctr_signal=1.0), digest(n_val=2001)}) == 4


def test_the_same_data_are_generated_once(data_of: Any, small: Prepared) -> None:
    written = (small.folder / "train_click.npy").stat().st_mtime_ns
    again = prepare(SimpleNamespace(data=data_of("synthetic", **SMALL)), small.folder.parent)
    assert again == small
    assert (again.folder / "train_click.npy").stat().st_mtime_ns == written


def test_a_split_too_small_for_a_conversion_is_refused_with_all_its_faults(
    data_of: Any, tmp_path: Path
) -> None:
    data = data_of("synthetic", **(SMALL | {"n_val": 1, "n_test": 2}))
    with pytest.raises(UserError, match="Use larger splits") as raised:
        prepare(SimpleNamespace(data=data), tmp_path)
    assert {fault.where for fault in raised.value.faults} == {"data (val split)", "data (test split)"}
    assert not list(tmp_path.iterdir())


def test_a_streamed_auc_by_hand() -> None:
    """Positives 0.9, 0.2 against negatives 0.5, 0.1: of 4 pairs 0.9 wins both, 0.2 wins one; 3 / 4."""
    auc = StreamedAuc()
    auc.add(np.array([0.9, 0.5]), np.array([1, 0]))
    auc.add(np.array([0.2, 0.1]), np.array([1, 0]))
    assert auc.value() == 0.75


@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(0, 1)), min_size=1, max_size=60), st.integers(0, 60)
)
def test_a_streamed_auc_is_the_sorted_one_ties_included(rows: list[tuple[int, int]], cut: int) -> None:
    p, label = np.array([a / 100 for a, _ in rows]), np.array([b for _, b in rows])
    auc = StreamedAuc()
    for part in (slice(cut), slice(cut, None)):
        auc.add(p[part], label[part])
    expected = roc_auc_score(label, p) if 0 < label.sum() < len(label) else 0.5
    assert auc.value() == pytest.approx(expected)
