"""Encoders of Hugging Face: a tiny random one that is saved here, its own tokens, and what can be missing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import UserError
from sweeper.task.prepared import Prepared
from sweeper_tasks.sentiment.batch import Batch
from sweeper_tasks.sentiment.config import SentimentConfig
from sweeper_tasks.sentiment.data import prepare
from sweeper_tasks.sentiment.task import SentimentTask
from tests.tasks.sentiment.tiny import tiny_config, tiny_task

transformers: Any = pytest.importorskip("transformers", reason="needs pip install 'transformers>=5'")
STEP = torch.tensor(0)
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*MARKS, "the", "is", "not", "good", "bad", "battery", "camera", "price", "and", "but", ","]
DATA = {"n_train": 60, "n_val": 40, "n_test": 40, "max_tokens": 12}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random BERT of two layers and a tokenizer of 16 words."""
    folder = tmp_path_factory.mktemp("bert")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    vocabulary = {word: i for i, word in enumerate(WORDS)}
    transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=16, **sizes)
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(0)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


def config_for(encoder: Path, loss: str = "ce", **data: Any) -> SentimentConfig:
    return tiny_config(loss, "pretrained", data=DATA | data, encoder=encoder)


@pytest.fixture
def prepared(encoder: Path, tmp_path: Path) -> Prepared:
    return prepare(config_for(encoder), tmp_path)


def test_texts_become_the_encoders_own_tokens_with_its_marks(prepared: Prepared) -> None:
    """[CLS] is 2 and [SEP] 3 in its vocabulary: a text that is cut keeps both."""
    tokens = prepared.array("train_tokens").astype(int)
    lengths = (tokens != 0).sum(axis=1)
    assert (tokens[:, 0] == 2).all()
    assert all(row[n - 1] == 3 for row, n in zip(tokens, lengths, strict=True))
    assert prepared.facts["cut_to_max_tokens"]["train"] > 0
    assert (prepared.facts["padding"], prepared.facts["vocabulary_size"]) == (0, 16)


def test_it_trains_from_its_stored_weights(encoder: Path, prepared: Prepared) -> None:
    task = tiny_task(prepared, config_for(encoder, "multilabel_focal"))
    torch.manual_seed(0)
    model = task.build_model()
    stored = transformers.AutoModel.from_pretrained(encoder).embeddings.word_embeddings.weight
    assert torch.equal(model.get_parameter("encoder.embeddings.word_embeddings.weight"), stored)
    batch, coefficients = task.train_batch(torch.arange(16)), task.coefficients()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    losses = []
    for _ in range(15):
        loss, _ = task.loss(model(batch), batch, coefficients, STEP)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        assert all(p.grad is not None for p in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_same_seed_builds_the_same_model_and_evaluates_it_alike(
    encoder: Path, prepared: Prepared
) -> None:
    task = tiny_task(prepared, config_for(encoder))
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(task.evaluate(task.build_model(), "val", {}, STEP).metrics)
    assert found[0] == found[1]


def test_padding_is_not_read(encoder: Path, prepared: Prepared) -> None:
    model = tiny_task(prepared, config_for(encoder)).build_model().eval()
    tokens = torch.tensor([[2, 7, 10, 3, 0, 0, 0, 0]])
    long, short = (model(Batch(some, some)) for some in (tokens, tokens[:, :4]))
    torch.testing.assert_close(long, short)


def test_another_tokenizer_is_another_data_set_and_other_weights_are_not(
    encoder: Path, tmp_path: Path
) -> None:
    digest = prepare(config_for(encoder), tmp_path / "cache").digest
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in encoder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes() + b"x" * (file.suffix == ".safetensors"))
    assert prepare(config_for(copy), tmp_path / "cache").digest == digest
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    (copy / "tokenizer_config.json").write_text(json.dumps(settings | {"do_lower_case": False}))
    assert prepare(config_for(copy), tmp_path / "cache").digest != digest


def told(config: SentimentConfig, tmp_path: Path) -> str:
    with pytest.raises(UserError, match="expected") as caught:
        prepare(config, tmp_path)
    return str(caught.value)


def test_an_absent_model_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    said = told(config_for(Path("nobody/no-such-encoder")), tmp_path)
    assert said.startswith("model.encoder: got 'nobody/no-such-encoder'; expected a folder, or a model")
    assert "hf download nobody/no-such-encoder" in said
    assert "model.encoder=<folder>" in said
    assert "There is no such folder" in told(config_for(tmp_path / "missing folder"), tmp_path)


def test_a_folder_without_weights_or_configuration_is_named(encoder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "without config.json; expected" in told(config_for(tmp_path / "empty"), tmp_path)
    (tmp_path / "empty" / "config.json").write_text("{}")
    assert "without weights; expected" in told(config_for(tmp_path / "empty"), tmp_path)


def test_texts_longer_than_the_encoder_can_read_are_refused(encoder: Path, tmp_path: Path) -> None:
    assert "data.max_tokens: got 17; expected at most 16" in told(
        config_for(encoder, max_tokens=17), tmp_path
    )


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper_tasks.sentiment.pretrained_tokens.find_spec", lambda name: None)
    said = told(config_for(tmp_path), tmp_path)
    assert said == (
        "model: got 'sentiment/pretrained' without the package transformers; expected it to be installed. "
        "pip install 'transformers>=5'"
    )


def test_it_is_the_task_that_everybody_else_trains(encoder: Path, prepared: Prepared) -> None:
    task = SentimentTask(config_for(encoder), prepared, torch.device("cpu"))
    torch.manual_seed(0)
    evaluation = task.evaluate(task.build_model(), "test", {}, STEP)
    assert 0 <= evaluation.metrics["macro_f1"] <= 1
    assert len(evaluation.records["influence_macro_f1"]) == 40
