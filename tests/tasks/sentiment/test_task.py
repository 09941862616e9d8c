"""The task behind the contract: what it inherits, what it reports, and how it masks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.task.base import Averageable
from sweeper_tasks.sentiment.batch import Batch, Sizes
from sweeper_tasks.sentiment.facts import facts_of
from sweeper_tasks.sentiment.metrics import macro_f1_influence
from sweeper_tasks.sentiment.model import build_model
from sweeper_tasks.sentiment.task import SentimentTask
from tests.contracts.test_task_contract import Parts, TaskContract, metric_names, seeded
from tests.tasks.sentiment.tiny import (
    ASPECTS,
    LOSSES,
    MAX_TOKENS,
    MIN_SUPPORT,
    PADDING,
    ROWS,
    VOCABULARY,
    tiny_config,
    tiny_prepared,
    tiny_task,
)

STEP = torch.tensor(0)
SIZES = Sizes(VOCABULARY, PADDING, MAX_TOKENS, len(ASPECTS), 3)


@pytest.mark.parametrize("absent", ["masked", "class"])
@pytest.mark.parametrize("loss", sorted(LOSSES))
class TestTransformer(TaskContract):
    """Every loss in both modes; without dropout, which would draw alone what it draws stacked."""

    objective = "macro_f1"
    task_class = SentimentTask

    @pytest.fixture
    def parts(self, tmp_path: Path, loss: str, absent: str) -> Parts:
        return tiny_config(loss, absent=absent), tiny_prepared(tmp_path)


class TestTextCnn(TaskContract):
    """The other network that is trained from scratch."""

    objective = "macro_f1"
    task_class = SentimentTask

    @pytest.fixture
    def parts(self, tmp_path: Path) -> Parts:
        config = tiny_config("multilabel_focal", "textcnn", focal_alpha="per_aspect")
        return config, tiny_prepared(tmp_path)


@pytest.mark.parametrize("split", ["val", "test"])
def test_an_aspect_without_a_cell_that_counts_has_no_metric(tmp_path: Path, split: str) -> None:
    prepared = tiny_prepared(tmp_path)
    labels = {s: np.load(tmp_path / f"{s}_labels.npy") for s in ROWS}
    labels["val"][:, 1] = -1
    np.save(tmp_path / "val_labels.npy", labels["val"])
    facts = dict(prepared.facts) | facts_of(labels, ASPECTS, MIN_SUPPORT)
    names = tiny_config().metric_names(facts, split)
    assert names == metric_names(tiny_task(replace(prepared, facts=facts)), split)
    assert ("f1_price" in names) == (split == "test")


class Says(nn.Module):
    """A model that gives the same logits, row by row, whatever it reads."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, batch: Batch) -> Tensor:
        """The first rows."""
        return self.logits[: len(batch.labels)]


def truth(folder: Path, n_classes: int) -> Tensor:
    """Logits that are sure of the right class of every aspect on val; of class 0 where none is right."""
    labels = torch.from_numpy(np.load(folder / "val_labels.npy")).long()
    right = torch.where(labels < 0, 3 if n_classes == 4 else 0, labels)
    return 40 * torch.nn.functional.one_hot(right, n_classes).float()


@pytest.mark.parametrize("absent", ["masked", "class"])
def test_a_model_that_is_always_right(tmp_path: Path, absent: str) -> None:
    task = tiny_task(tiny_prepared(tmp_path), tiny_config(absent=absent))
    got = task.evaluate(Says(truth(tmp_path, 3 + (absent == "class"))), "val", {}, STEP)
    assert got.metrics["macro_f1"] == got.metrics["micro_f1"] == got.metrics["accuracy"] == 1
    assert got.metrics["ce"] == got.metrics["loss"] == pytest.approx(0, abs=1e-9)
    assert np.array_equal(got.records["predicted"], got.records["true"])


def test_masked_says_nothing_of_aspects_that_are_not_named_and_class_answers_for_them(
    tmp_path: Path,
) -> None:
    """Always positive: masked is right about every positive; as a class it is wrong about all not named."""
    prepared = tiny_prepared(tmp_path)
    positive = torch.zeros(50, 3, 4)
    positive[..., 0] = 9
    masked, with_class = (
        tiny_task(prepared, tiny_config(absent=absent)).evaluate(Says(positive[..., :k]), "val", {}, STEP)
        for absent, k in (("masked", 3), ("class", 4))
    )
    n_named = (masked.records["true"] >= 0).sum()
    assert (masked.records["predicted"] >= 0).sum() == n_named
    assert (with_class.records["predicted"] == 0).all()
    assert masked.metrics["accuracy"] == with_class.metrics["accuracy"]
    assert masked.metrics["f1_positive"] > with_class.metrics["f1_positive"]
    assert masked.metrics["ce"] == pytest.approx(with_class.metrics["ce"])


def test_the_influence_is_that_of_the_objective(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path))
    records = task.evaluate(seeded(task), "test", {}, STEP).records
    expected = macro_f1_influence(records["true"], records["predicted"], MIN_SUPPORT)
    assert records["influence_macro_f1"] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert records["influence_macro_f1"].std() > 0


@pytest.mark.parametrize("alpha", [None, "auto", "per_aspect", [0.8, 1.0, 2.5]])
def test_alpha_has_one_form_whatever_is_written(tmp_path: Path, alpha: Any) -> None:
    task = tiny_task(tiny_prepared(tmp_path), tiny_config("multilabel_focal", focal_alpha=alpha))
    paths = {f"loss.focal_alpha.{a}.{c}" for a in range(len(ASPECTS)) for c in range(3)}
    assert task.coefficients().keys() == paths | {"loss.focal_gamma"}


def test_every_loss_logs_the_same_metrics(tmp_path: Path) -> None:
    prepared, found = tiny_prepared(tmp_path), []
    for loss in LOSSES:
        task = tiny_task(prepared, tiny_config(loss))
        found.append(task.evaluate(seeded(task), "train", task.coefficients(), STEP))
    assert found[0].metrics.keys() == found[1].metrics.keys()
    assert found[0].metrics["ce"] == found[1].metrics["ce"] == found[0].metrics["loss"]
    assert found[1].metrics["loss"] < found[1].metrics["ce"]
    assert all(evaluation.records == {} for evaluation in found)


@pytest.mark.parametrize("model", ["transformer_small", "textcnn"])
def test_padding_is_not_read(model: str) -> None:
    """Another vector for the padding changes no logit."""
    torch.manual_seed(0)
    network = build_model(tiny_config(model=model).model, SIZES).eval()
    tokens = torch.tensor([[5, 9, 4, PADDING, PADDING, PADDING]])
    before = network(Batch(tokens, tokens))
    with torch.no_grad():
        network.get_parameter("words.weight")[PADDING] += 3.0
    torch.testing.assert_close(network(Batch(tokens, tokens)), before)


@pytest.mark.parametrize("model", ["transformer_small", "textcnn"])
def test_the_order_of_words_matters(model: str) -> None:
    torch.manual_seed(0)
    network = build_model(tiny_config(model=model).model, SIZES).eval()
    one, other = torch.tensor([[5, 9, 4, 8, 0, 0]]), torch.tensor([[4, 9, 5, 8, 0, 0]])
    assert not torch.allclose(network(Batch(one, one)), network(Batch(other, other)))


def test_a_text_without_words_has_finite_logits_and_gradients() -> None:
    network = build_model(tiny_config().model, SIZES)
    tokens = torch.full((2, MAX_TOKENS), PADDING)
    network(Batch(tokens, tokens)).sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


def test_probabilities_can_be_averaged_and_made_outputs_again(tmp_path: Path) -> None:
    task = tiny_task(tiny_prepared(tmp_path))
    assert isinstance(task, Averageable)
    logits = torch.tensor([[[900.0, 0, -900]]])
    (p,) = task.probabilities(logits)
    assert p.sum(dim=-1).item() == pytest.approx(1)
    outputs = task.outputs_of((p,))
    assert outputs.isfinite().all()
    torch.testing.assert_close(task.probabilities(outputs)[0], p)


def test_a_worker_opens_its_data_once(tmp_path: Path) -> None:
    prepared = tiny_prepared(tmp_path)
    first = tiny_task(prepared)
    for split in ("train", "val", "test"):  # a second job must not need the files
        (tmp_path / f"{split}_tokens.npy").unlink()
    second = tiny_task(prepared, tiny_config("multilabel_focal"))
    rows = torch.arange(4)
    assert torch.equal(first.train_batch(rows).tokens, second.train_batch(rows).tokens)
