"""Curves and pruning of a Lightning app in which nothing is changed."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from sweeper.client import CHANNEL
from sweeper.client.lightning import lightning_callbacks, pytorch_lightning_callbacks
from sweeper.messages import Finished, Reply, Reported, Stopped
from sweeper.worker.runners import run_job
from tests.sweeper.worker.programs import program_job
from tests.sweeper.worker.toy_jobs import Listener, folder_of

APP = Path(__file__).with_name("lightning_app.py")
GROUPS = {
    "lightning": "lightning.pytorch.callbacks_factory",
    "pytorch_lightning": "pytorch_lightning.callbacks_factory",
}
LOGGED = {
    "val_loss": torch.tensor(0.5),
    "test/acc": torch.tensor(0.75),
    "confusion": torch.zeros(2, 2),
}


def test_outside_of_a_study_lightning_gets_no_callbacks() -> None:
    assert lightning_callbacks() == pytorch_lightning_callbacks() == []


@pytest.mark.parametrize(
    ("changes", "hook", "told"),
    [
        ({}, "on_validation_end", ["val_loss"]),
        ({}, "on_test_end", ["test/acc"]),
        ({"sanity_checking": True}, "on_validation_end", None),
        ({"is_global_zero": False}, "on_validation_end", None),
        ({"is_global_zero": False}, "on_test_end", None),
        ({"state": SimpleNamespace(fn="validate")}, "on_validation_end", None),
    ],
)
def test_the_first_process_reports_what_is_logged(
    changes: dict[str, Any], hook: str, told: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[int, dict[str, float]]] = []
    monkeypatch.setenv(CHANNEL, "/nowhere")
    monkeypatch.setitem(sys.modules, "pytorch_lightning", SimpleNamespace(Callback=object))
    monkeypatch.setattr("sweeper.client.lightning.report", lambda *given: heard.append(given))
    facts = {"sanity_checking": False, "is_global_zero": True, "state": SimpleNamespace(fn="fit")}
    trainer = SimpleNamespace(global_step=7, callback_metrics=LOGGED, **{**facts, **changes})
    (callback,) = pytorch_lightning_callbacks()
    getattr(callback, hook)(trainer, None)
    assert [(step, list(figures)) for step, figures in heard] == ([] if told is None else [(7, told)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("library", "replies"),
    [("lightning", ()), ("lightning", ("continue", "prune")), ("pytorch_lightning", ())],
)
def test_an_unchanged_app_has_curves_and_can_be_pruned(
    library: str, replies: tuple[Reply, ...], tmp_path: Path
) -> None:
    pytest.importorskip(library)
    assert "sweeper" in entry_points(group=GROUPS[library]).names, "install sweeper again"
    job = program_job(tmp_path, APP.read_text(), library, objectives=["loss"])
    run_job(job, listener := Listener(replies))
    reports = [message for message in listener.messages if isinstance(message, Reported)]
    if replies:
        assert isinstance(listener.last, Stopped), folder_of(job).log.read_text()
        assert [one.step for one in reports] == [2, 4]
        return
    assert isinstance(listener.last, Finished), folder_of(job).log.read_text()
    assert [one.step for one in reports] == [2, 4, 6, 6]
    assert [sorted(one.metrics) for one in reports[1::2]] == [["train/loss", "val/loss"], ["test/loss"]]
    assert sorted(listener.last.metrics) == ["test/loss", "train/loss", "val/loss"]
