"""Losses of the first 20 steps of every sentiment loss: a change that should not alter arithmetic keeps them.

To make them anew after a change that should: `python -m tests.golden.test_sentiment`. The tokenizer is
trained by `tokenizers`: another version of it may alter them too.
"""

import json
import math
import tempfile
from pathlib import Path

import pytest

from tests.golden.first_losses import first_losses

GOLDEN = Path(__file__).with_name("sentiment.json")
FOCAL = "'loss=sentiment/multilabel_focal','loss.focal_gamma=2.0'"
SMALL = (
    *("sweep=sentiment_alpha", "data.n_train=300", "data.n_val=60", "data.n_test=60", "data.min_support=1"),
    *("data.max_tokens=16", "data.vocabulary_size=200", "data.typo_rate=0.05", "data.negation_rate=0.2"),
    *("trainer.max_steps=20", "trainer.batch_size=16", "trainer.schedule.lr_warmup_steps=2"),
    *(
        "model=sentiment/transformer_small",
        "model.width=16",
        "model.dropout=0.1",
        "optimizer.lr=0.004",
        "tracking=none",
    ),
    f"+study.trials.per-aspect=[{FOCAL},'loss.focal_alpha=per_aspect']",
    f"+study.trials.fourth-class=[{FOCAL},'loss.focal_alpha=auto','loss.absent=class']",
    f"+study.trials.textcnn=[{FOCAL},'loss.focal_alpha=auto','model=sentiment/textcnn']",
)


def test_the_first_losses_are_what_they_were(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())
    found = first_losses(SMALL, tmp_path)
    assert found.keys() == golden.keys()
    for name, expected in golden.items():
        assert found[name] == pytest.approx(expected, rel=1e-4), name


def test_the_first_losses_follow_from_their_formulas() -> None:
    """An untrained model says about 1/3: ce is about ln 3, gamma 2 takes about half of it away."""
    golden = {name: values[0] for name, values in json.loads(GOLDEN.read_text()).items()}
    assert golden["baseline"] == pytest.approx(math.log(3), rel=0.2)
    assert golden["gamma-2-alpha-null"] == pytest.approx(golden["baseline"] / 2, rel=0.2)
    assert golden["gamma-3-alpha-auto"] < golden["gamma-2-alpha-auto"] < golden["gamma-1-alpha-auto"]
    assert len(set(golden.values())) == len(golden) == 9


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        GOLDEN.write_text(json.dumps(first_losses(SMALL, Path(folder)), indent=1) + "\n")
