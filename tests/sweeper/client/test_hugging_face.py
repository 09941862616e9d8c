"""Curves of Hugging Face's Trainer, as it calls its callbacks."""

from typing import Any

import pytest

HANDED_OUT = {
    "eval_accuracy": 0.9,
    "eval_loss": 0.2,
    "eval_runtime": 3.0,
    "eval_samples_per_second": 10.0,
    "epoch": 1.0,
}


@pytest.mark.parametrize("is_first", [True, False])
def test_the_first_process_reports_each_evaluation(is_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    from sweeper.client import hugging_face

    heard: list[Any] = []
    monkeypatch.setattr(hugging_face, "report", lambda *given: heard.append(given))
    state = transformers.TrainerState(global_step=20, is_world_process_zero=is_first)
    callbacks = hugging_face.StudyCallback()
    callbacks.on_evaluate(None, state, None, metrics=HANDED_OUT)
    callbacks.on_predict(None, state, None, metrics={"test_accuracy": 0.8})
    told = [(20, {"eval_accuracy": 0.9, "eval_loss": 0.2}), (20, {"test_accuracy": 0.8})]
    assert heard == (told if is_first else [])
