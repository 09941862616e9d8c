"""The task behind the contract: what it inherits, what it reports, and what a temperature changes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from sweeper.errors import UserError
from sweeper_tasks.diagnosis.model import Batch, Heads
from sweeper_tasks.diagnosis.task import TRAIN_SUBSET, DiagnosisTask, _fixed_subset
from tests.contracts.test_task_contract import Parts, TaskContract, metric_names, seeded
from tests.tasks.diagnosis.tiny import LOSSES, ROWS, THREE, tiny_config, tiny_prepared, tiny_task

STEP = torch.tensor(0)


@pytest.mark.parametrize("loss", [*sorted(LOSSES), "auto"])
class TestDiagnosis(TaskContract):
    """Every strategy; without dropout, which would draw alone what it draws stacked."""

    objective = "auprc"
    task_class = DiagnosisTask

    @pytest.fixture
    def parts(self, tmp_path: Path, loss: str) -> Parts:
        return tiny_config(loss), tiny_prepared(tmp_path)


class TestDiagnosisOfThreeClasses(TaskContract):
    """More than one disease, the bounded Kullback-Leibler divergence, one alpha a class."""

    objective = "auprc"
    task_class = DiagnosisTask

    @pytest.fixture
    def parts(self, tmp_path: Path) -> Parts:
        config = tiny_config("focal_smooth", divergence="kl", alpha="auto")
        return config, tiny_prepared(tmp_path, THREE)


def test_without_a_temperature_nothing_is_calibrated(tmp_path: Path) -> None:
    config, prepared = tiny_config(temperature=False), tiny_prepared(tmp_path)
    names = config.metric_names(prepared.facts)
    assert names == metric_names(tiny_task(prepared, config), "val")
    calibrated = tiny_config().metric_names(prepared.facts)
    assert calibrated is not None
    assert calibrated - names == {*("temperature", "brier_calibrated", "ece_calibrated", "ce_calibrated")}


class Says(nn.Module):
    """A model that says the same of every patient whatever it sees."""

    def __init__(self, main: Tensor, aux: Tensor) -> None:
        super().__init__()
        self.main, self.aux = main, aux

    def forward(self, batch: Batch) -> Heads:
        """Logits, row by row."""
        return Heads(self.main[: len(batch.labels)], self.aux[: len(batch.labels)])


def test_a_model_that_errs_on_the_first_patient_of_40(tmp_path: Path) -> None:
    """Main logits 3 apart, right but for one; the auxiliary head is wrong about two others.

    The heads agree on 37 of 40; a right patient costs log(1 + exp(-3)), the wrong one 3 more.
    """
    prepared = tiny_prepared(tmp_path)
    labels = torch.tensor(prepared.array("val_labels")).long()
    main, aux = (3 * one_hot(labels, 2).float() for _ in range(2))
    main[0], aux[1:3] = main[0].flip(0), aux[1:3].flip(1)
    got = tiny_task(prepared).evaluate(Says(main, aux), "val", coefficients(), STEP)
    assert got.metrics["head_agreement"] == pytest.approx(37 / 40)
    assert got.metrics["ce"] == pytest.approx(np.log1p(np.exp(-3)) + 3 / 40)
    assert got.records["score"][1] == pytest.approx([3, -3] if labels[1] == 0 else [-3, 3])
    assert np.array_equal(got.records["label"], labels.numpy())


def coefficients() -> dict[str, Tensor]:
    values = {"main_weight": 0.7, "aux_weight": 0.3, "gamma": 2.5, "alpha.0": 0.8, "alpha.1": 0.2}
    return {f"loss.{key}": torch.tensor(value) for key, value in values.items()}


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_the_temperature_is_that_of_validation_on_every_split(tmp_path: Path, split: str) -> None:
    task = tiny_task(tiny_prepared(tmp_path))
    model = seeded(task)
    got, val = (task.evaluate(model, s, task.coefficients(), STEP).metrics for s in (split, "val"))
    assert got["temperature"] == val["temperature"] != 1
    assert got["ce_calibrated"] != got["ce"]
    assert val["ce_calibrated"] < val["ce"]


def test_without_the_option_nothing_else_changes(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    tasks = [tiny_task(prepared, tiny_config(temperature=on)) for on in (True, False)]
    model = seeded(tasks[0])
    with_it, without = (task.evaluate(model, "test", task.coefficients(), STEP).metrics for task in tasks)
    added = {"temperature", "ce_calibrated", "brier_calibrated", "ece_calibrated"}
    assert with_it.keys() - without.keys() == added
    assert without == {name: with_it[name] for name in without}


def test_every_strategy_logs_the_same_metrics(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    found = []
    for loss in sorted(LOSSES):
        task = tiny_task(prepared, tiny_config(loss))
        evaluation = task.evaluate(seeded(task), "train", task.coefficients(), STEP)
        assert evaluation.records == {}
        found.append({name: v for name, v in evaluation.metrics.items() if not name.startswith("loss")})
    assert all(metrics == found[0] for metrics in found)  # the same untrained model


def test_a_new_model_says_the_shares_of_the_classes(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path, THREE)
    task = tiny_task(prepared)
    counts = prepared.facts["counts"]["train"]
    model = seeded(task)
    for head in (model.main, model.aux):
        assert isinstance(head, nn.Linear)
        shares = [count / sum(counts) for count in counts]
        assert head.bias.softmax(0).tolist() == pytest.approx(shares)


def test_auto_trains_as_the_strategy_that_it_chose(tmp_path: Path) -> None:
    """Of the tiny cohort the ill are above a tenth: balanced, with noise adversarial."""
    prepared = tiny_prepared(tmp_path)
    for needs, name in (({}, "balanced"), ({"has_noise": True}, "adversarial")):
        auto, named = (tiny_task(prepared, tiny_config(loss, data=needs)) for loss in ("auto", name))
        model, batch = seeded(named), named.train_batch(torch.arange(20))
        one, other = (task.loss(model(batch), batch, task.coefficients(), STEP)[0] for task in (auto, named))
        assert torch.equal(one, other)
        assert all(path.startswith(f"loss.{name}.") for path in auto.coefficients())


def test_alpha_is_a_coefficient_a_class(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path, THREE)
    found = tiny_task(prepared, tiny_config(alpha=0.2)).coefficients()
    assert [found[f"loss.alpha.{c}"].item() for c in range(3)] == pytest.approx([0.8, 0.2, 0.2])
    with pytest.raises(UserError, match=r"loss.alpha: got a list of 2; expected 3 numbers"):
        tiny_task(prepared, tiny_config(alpha=[0.2, 0.8]))


def test_probabilities_and_outputs_say_the_same(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path, THREE))
    outputs = seeded(task)(task.train_batch(torch.arange(10)))
    p = task.probabilities(outputs)
    again = task.probabilities(task.outputs_of(p))
    assert all(one.dtype == torch.float64 for one in p)
    for one, other in zip(p, again, strict=True):
        torch.testing.assert_close(one, other)
    never = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert all(logits.isfinite().all() for logits in task.outputs_of((never, never)))


def test_categories_and_numbers_both_reach_the_heads(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path))
    model, batch = seeded(task), task.train_batch(torch.arange(20))
    for changed in (
        batch._replace(numbers=batch.numbers + 1),
        batch._replace(categories=0 * batch.categories),
    ):
        assert not torch.equal(model(batch).main, model(changed).main)


def test_the_subset_of_train_keeps_the_prevalence() -> None:
    labels: NDArray[np.uint8] = np.repeat([0, 1, 2], [98_000, 1_990, 10]).astype(np.uint8)
    rows = _fixed_subset(labels).numpy()
    assert np.bincount(labels[rows]).tolist() == [
        round(n * TRAIN_SUBSET / 100_000) for n in (98_000, 1_990, 10)
    ]
    assert len(set(rows.tolist())) == len(rows)
    assert _fixed_subset(labels[-ROWS["train"] :]).tolist() == list(range(ROWS["train"]))
