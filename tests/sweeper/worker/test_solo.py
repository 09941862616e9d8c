"""The training loop on a toy task: what it reports and leaves, and that interruptions change nothing."""

import hashlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from sweeper.messages import Finished, Message, Reply, Reported, Started, Stopped
from sweeper.trial import JobSpec
from sweeper.worker import solo
from sweeper.worker.batches import EpochIndices
from sweeper.worker.checkpoint import Checkpoints, read_checkpoint, write_checkpoint
from sweeper.worker.lifeline import Lifeline
from sweeper.worker.serve import run_job
from tests.sweeper.worker.toy_jobs import CONFIG, Listener, folder_of, rows_of, toy_config, toy_job
from tests.sweeper.worker.toy_task import ToyTask

VARIANTS: dict[str, dict[str, Any]] = {
    "dropout": {},
    "last_model": {"trainer.restore_best": False},
    "plateau": {
        "trainer.schedule.name": "plateau",
        "trainer.min_delta": 0.02,
        "trainer.restore_best": False,
        "trainer.schedule.plateau_factor": 0.3,
    },
    "patience": {"trainer.patience": 3, "trainer.min_delta": 0.03, "trainer.max_steps": 400},
    "sgd_cosine_bf16": {
        "optimizer": {"name": "sgd", "lr": 0.5, "weight_decay": 0.0, "momentum": 0.9, "nesterov": True},
        "trainer.schedule.name": "cosine",
        "trainer.schedule.lr_warmup_steps": 7,
        "trainer.grad_clip_norm": 0.1,
        "trainer.precision": "bf16",
        "trainer.restore_best": False,
    },
    "fp16": {"trainer.precision": "fp16", "trainer.grad_clip_norm": 1.0, "trainer.restore_best": False},
}


@pytest.fixture
def saves_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint at each evaluation, as where evaluations are far apart."""
    monkeypatch.setattr(solo, "CHECKPOINT_AGE_S", 0.0)


def trained(job: JobSpec, *replies: Reply) -> Listener:
    """Run the job here."""
    listener = Listener(replies)
    run_job(job, listener)
    return listener


def finished(listener: Listener) -> Finished:
    """The last message, which has to be the result."""
    assert isinstance(listener.last, Finished), listener.last
    return listener.last


def assert_same_result(one: JobSpec, other: JobSpec) -> None:
    """Parameters, evaluations and records agree to the last bit."""
    models = [read_checkpoint(folder_of(job).best)["model"] for job in (one, other)]
    assert models[0].keys() == models[1].keys()
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    assert rows_of(one) == rows_of(other)
    records = [np.load(folder_of(job).records) for job in (one, other)]
    assert all(np.array_equal(records[0][name], records[1][name]) for name in ("score", "label"))


def without_time(message: Finished) -> dict[str, Any]:
    return message.model_dump(exclude={"job_id", "attempt", "seconds"})


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_resumed_after_any_stop_equals_the_uninterrupted_one_bitwise(
    variant: str, tmp_path: Path
) -> None:
    whole = toy_job(tmp_path, "whole", changes=VARIANTS[variant])
    expected = finished(trained(whole))
    for n_reports in (1, 2, 5):
        name = f"stopped-{n_reports}"
        replies: list[Reply] = [*["continue"] * (n_reports - 1), "stop"]  # type: ignore[list-item]
        first = trained(toy_job(tmp_path, name, changes=VARIANTS[variant]), *replies)
        assert isinstance(first.last, Stopped)
        assert first.last.why == "interrupted"
        again = toy_job(tmp_path, name, attempt=2, changes=VARIANTS[variant])
        assert without_time(finished(trained(again))) == without_time(expected)
        assert_same_result(whole, again)


def test_a_run_stopped_at_every_evaluation_equals_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = toy_job(tmp_path, "whole")
    expected = finished(trained(whole))
    for attempt in range(1, 8):
        trained(toy_job(tmp_path, "pieces", attempt=attempt), "stop")
    last = toy_job(tmp_path, "pieces", attempt=8)
    assert without_time(finished(trained(last))) == without_time(expected)
    assert_same_result(whole, last)


@pytest.mark.parametrize(
    ("dying_step", "age_s", "resumed_step"),
    [(3, 0.0, 0), (5, 0.0, 5), (18, 0.0, 15), (39, 0.0, 35), (18, 60.0, 5), (39, 60.0, 5)],
)
def test_a_crash_between_evaluations_costs_steps_but_no_bit(
    dying_step: int, age_s: float, resumed_step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solo, "CHECKPOINT_AGE_S", age_s)
    whole = toy_job(tmp_path, "whole")
    trained(whole)
    calls, train_batch = itertools.count(), ToyTask.train_batch

    def dying(task: ToyTask, indices: torch.Tensor) -> Any:
        if next(calls) == dying_step:
            raise KeyboardInterrupt("power cut")
        return train_batch(task, indices)

    with monkeypatch.context() as patch:
        patch.setattr(ToyTask, "train_batch", dying)
        with pytest.raises(KeyboardInterrupt, match="power cut"):
            trained(toy_job(tmp_path, "crashed"))
    again = toy_job(tmp_path, "crashed", attempt=2)
    listener = trained(again)
    assert isinstance(listener.messages[0], Started)
    assert listener.messages[0].resumed_step == resumed_step
    assert_same_result(whole, again)


@pytest.mark.parametrize("variant", ["dropout", "plateau", "fp16"])
@pytest.mark.parametrize("n_steps", [1, 5, 13, 39])
def test_a_run_told_to_leave_at_any_step_goes_on_from_that_step_bitwise(
    variant: str, n_steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ctrl-C, SIGTERM and a parent that stops tell it: nothing since the last evaluation is lost."""
    whole = toy_job(tmp_path, "whole", changes=VARIANTS[variant])
    expected = finished(trained(whole))
    told = toy_job(tmp_path, "told", changes=VARIANTS[variant])
    lifeline, calls, train_batch = Lifeline(), itertools.count(1), ToyTask.train_batch

    def telling(task: ToyTask, indices: torch.Tensor) -> Any:
        lifeline.must_leave = next(calls) == n_steps
        return train_batch(task, indices)

    with monkeypatch.context() as patch:
        patch.setattr(ToyTask, "train_batch", telling)
        listener = Listener()
        run_job(told, listener, lifeline)
    assert isinstance(listener.last, Stopped)
    assert (listener.last.why, listener.last.step) == ("interrupted", n_steps)
    resumed = trained(told)
    assert isinstance(resumed.messages[0], Started)
    assert resumed.messages[0].resumed_step == n_steps
    assert without_time(finished(resumed)) == without_time(expected)
    assert_same_result(whole, told)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_job_run_by_hand_writes_a_checkpoint_at_a_signal(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    changes = {"trainer.max_steps": 1200, "trainer.eval_every": 600, "loss.pause_ms": 2.0}
    whole, told = (toy_job(tmp_path, name, changes=changes) for name in ("whole", "told"))
    trained(whole)
    path = tmp_path / "job.json"
    path.write_text(told.model_dump_json())
    command = [sys.executable, "-m", "sweeper.worker", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        next(line for line in worker.stdout if "starts at step 0" in line)
        worker.send_signal(number)
        said = worker.stdout.read()
    assert worker.returncode == code
    assert "interrupted at step" in said
    listener = trained(told)
    assert isinstance(listener.messages[0], Started)
    assert 0 <= listener.messages[0].resumed_step < 600
    assert_same_result(whole, told)


def test_a_killed_process_is_resumed_to_the_same_result(tmp_path: Path) -> None:
    changes = {"trainer.max_steps": 1200, "trainer.eval_every": 40}
    whole, killed = (toy_job(tmp_path, name, changes=changes) for name in ("whole", "killed"))
    trained(whole)
    path = tmp_path / "job.json"
    path.write_text(killed.model_dump_json())
    worker = subprocess.Popen(
        [sys.executable, "-m", "sweeper.worker", str(path)], stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout is not None
        next(line for line in worker.stdout if " step 80:" in line)
        os.kill(worker.pid, signal.SIGKILL)
    assert worker.returncode == -signal.SIGKILL
    listener = trained(killed)
    assert isinstance(listener.messages[0], Started)
    assert 40 <= listener.messages[0].resumed_step < 1200
    assert_same_result(whole, killed)


def test_the_loop_equals_a_plain_torch_loop_bitwise(tmp_path: Path) -> None:
    """Seed, model, then AdamW on the batches of `EpochIndices`: nothing else may touch the arithmetic."""
    job = toy_job(tmp_path, seed=3, changes={"trainer.restore_best": False, "trainer.eval_every": 40})
    trained(job)
    x, y = (torch.from_numpy(np.load(f"{job.prepared}/train_{name}.npy")) for name in "xy")
    torch.manual_seed(3)
    hidden = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.3))
    model = nn.Sequential(hidden, nn.Linear(8, 1), nn.Flatten(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, weight_decay=0.01, fused=True)
    batches = EpochIndices(100, 16, 3, torch.device("cpu"))
    for step in range(40):
        chosen = batches.at(step)
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(model(x[chosen]), y[chosen])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    kept = read_checkpoint(folder_of(job).best)["model"]
    assert all(torch.equal(kept[f"net.{name}"], value) for name, value in model.state_dict().items())


def test_evaluations_are_every_n_steps_and_after_the_last(tmp_path: Path) -> None:
    """42 steps, an evaluation every 20; 100 examples are 6 batches of 16: step 20 is in the fourth epoch."""
    job = toy_job(tmp_path, changes={"trainer.max_steps": 42, "trainer.eval_every": 20})
    listener = trained(job)
    assert [message.step for message in listener.messages if isinstance(message, Reported)] == [20, 40, 42]
    found = [(row["epoch"], row["split"], row["global_step"]) for row in rows_of(job)]
    assert found == [(step // 6, split, step) for step in (20, 40, 42) for split in ("train", "val")]


def test_reports_and_the_metrics_file_say_the_same(tmp_path: Path) -> None:
    job = toy_job(tmp_path)
    listener = trained(job)
    reports = [message for message in listener.messages if isinstance(message, Reported)]
    rows = rows_of(job)
    for report, train, val in zip(reports, rows[::2], rows[1::2], strict=True):
        expected = {
            f"{row['split']}/{name}": row[name] for row in (train, val) for name in ("nll", "accuracy")
        }
        assert report.metrics == expected
        assert report.steps_per_s > 0
        assert train["lr"] == val["lr"] == CONFIG["optimizer"]["lr"]


def test_the_best_model_is_restored_and_measured(tmp_path: Path) -> None:
    result = finished(trained(job := toy_job(tmp_path, changes={"trainer.max_steps": 200})))
    train, nll = (
        {row["global_step"]: row["nll"] for row in rows_of(job) if row["split"] == split}
        for split in ("train", "val")
    )
    assert result.best_step == min(nll, key=nll.__getitem__) < 200
    assert result.metrics["val/nll"] == nll[result.best_step]
    assert result.metrics["train/nll"] == train[result.best_step]
    records = np.load(folder_of(job).records)
    hits = (records["score"] > 0) == (records["label"] > 0)
    assert result.metrics["test/accuracy"] == pytest.approx(hits.mean())


def test_what_the_kept_model_was_measured_as_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Train and validation at the evaluations, test once; all again only where their rows are lost."""
    measured: list[str] = []
    original = ToyTask.evaluate

    def watched(task: ToyTask, model: Any, split: str, *rest: Any) -> Any:
        measured.append(split)
        return original(task, model, split, *rest)

    monkeypatch.setattr(ToyTask, "evaluate", watched)
    whole = finished(trained(toy_job(tmp_path / "whole")))
    assert measured == [*("train", "val") * 8, "test"]
    replies: tuple[Reply, ...] = ("continue",) * 7
    trained(job := toy_job(tmp_path / "lost"), *replies, "stop")
    folder_of(job).metrics.write_text("")
    measured.clear()
    again = finished(trained(job))
    assert measured == ["train", "val", "test"]
    assert again.metrics == whole.metrics


def test_without_restore_best_the_last_model_is_kept(tmp_path: Path) -> None:
    result = finished(trained(job := toy_job(tmp_path, changes={"trainer.restore_best": False})))
    assert result.best_step == 40
    assert result.metrics["val/nll"] == rows_of(job)[-1]["nll"]


def test_a_finished_run_leaves_only_the_kept_model(tmp_path: Path) -> None:
    trained(job := toy_job(tmp_path))
    names = sorted(path.name for path in folder_of(job).path.iterdir())
    assert names == [".lock", "best.pt", "log.txt", "metrics.jsonl", "records.npz"]


def test_early_stopping_counts_evaluations_since_the_last_improvement(tmp_path: Path) -> None:
    """No gain of 10 nats follows the first evaluation: with patience 3 the run ends at evaluation 1 + 3."""
    result = finished(trained(toy_job(tmp_path, changes={"trainer.patience": 3, "trainer.min_delta": 10.0})))
    assert (result.ended_by, result.steps_trained) == ("patience", 20)


def test_a_run_out_of_time_is_evaluated_and_finished(tmp_path: Path) -> None:
    changes = {"trainer.max_seconds": 0.05, "trainer.max_steps": 10**6, "trainer.eval_every": 10**6}
    result = finished(trained(job := toy_job(tmp_path, changes=changes)))
    assert result.ended_by == "max_seconds"
    assert 0 < result.steps_trained == rows_of(job)[-1]["global_step"] < 10**6


def test_epochs_count_whole_batches(tmp_path: Path) -> None:
    """100 examples are 6 whole batches of 16: two epochs are 12 steps."""
    result = finished(trained(toy_job(tmp_path, changes={"trainer.max_steps": None, "trainer.epochs": 2})))
    assert result.steps_trained == 12


def test_a_pruned_run_says_so_and_keeps_its_checkpoint(tmp_path: Path) -> None:
    listener = trained(job := toy_job(tmp_path), "continue", "prune")
    assert isinstance(listener.last, Stopped)
    assert (listener.last.why, listener.last.step, listener.last.steps_trained) == ("pruned", 10, 10)
    assert read_checkpoint(folder_of(job).checkpoint)["training"]["step"] == 10


@pytest.mark.parametrize(("age_s", "expected"), [(0.0, [5, 10, 15]), (60.0, [5, 15])])
def test_evaluations_soon_after_a_checkpoint_write_none_until_the_run_leaves(
    age_s: float, expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = Checkpoints.write

    def noted(checkpoints: Checkpoints, content: dict[str, Any]) -> None:
        written.append(content["training"]["step"])
        write(checkpoints, content)

    monkeypatch.setattr(Checkpoints, "write", noted)
    monkeypatch.setattr(solo, "CHECKPOINT_AGE_S", age_s)
    trained(toy_job(tmp_path), "continue", "continue", "stop")
    assert written == expected


def test_the_learning_rate_in_force_is_logged(tmp_path: Path) -> None:
    """Warm-up over 10 steps to 0.05: step index 4 has 5/10 of it, index 9 all."""
    trained(
        job := toy_job(tmp_path, changes={"trainer.schedule.lr_warmup_steps": 10, "trainer.max_steps": 15})
    )
    rates = [row["lr"] for row in rows_of(job) if row["split"] == "val"]
    assert rates == pytest.approx([0.025, 0.05, 0.05])


@pytest.mark.usefixtures("saves_often")
def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_it_is_said(tmp_path: Path) -> None:
    whole = toy_job(tmp_path, "whole")
    trained(whole)
    job = toy_job(tmp_path, "damaged")
    trained(job, "continue", "continue", "stop")
    raw = bytearray(folder_of(job).checkpoint.read_bytes())
    raw[len(raw) // 2] ^= 1
    folder_of(job).checkpoint.write_bytes(raw)
    listener = trained(job)
    assert isinstance(listener.messages[0], Started)
    assert listener.messages[0].resumed_step == 10
    assert any("checkpoint.pt: is damaged" in note for note in listener.messages[0].incidents)
    assert_same_result(whole, job)


def test_the_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    trained(toy_job(tmp_path), "stop")
    listener = trained(toy_job(tmp_path, changes={"loss.scale": 2.0}))
    assert isinstance(listener.messages[0], Started)
    assert listener.messages[0].resumed_step == 0
    assert any("another configuration" in note for note in listener.messages[0].incidents)


def renamed(content: dict[str, Any]) -> None:
    """As by code that calls a layer by another name: what fits is loaded before the misfit shows."""
    model = content["training"]["model"]
    model["net.head.weight"] = model.pop("net.1.weight")
    model["net.0.0.weight"] += 1.0


def reshaped(content: dict[str, Any]) -> None:
    content["training"]["model"]["net.1.weight"] = torch.zeros(1, 9)


def regrouped(content: dict[str, Any]) -> None:
    """As by an optimizer that had two groups of parameters."""
    groups = content["training"]["optimizer"]["param_groups"]
    groups.append({**groups[0], "params": []})


def renamed_state(content: dict[str, Any]) -> None:
    content["training"]["best_so_far"] = content["training"].pop("progress")


def without_state(content: dict[str, Any]) -> None:
    content["state"] = content.pop("training")


@pytest.mark.parametrize("change", [renamed, reshaped, regrouped, renamed_state, without_state])
def test_a_checkpoint_of_other_code_is_told_and_the_run_starts_again(
    change: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    """It is as if there had been none: not a weight, not a random number of it is left."""
    whole, job = toy_job(tmp_path, "whole"), toy_job(tmp_path, "changed")
    trained(whole)
    trained(job, "continue", "stop")
    for path in (folder_of(job).checkpoint, folder_of(job).previous_checkpoint):
        content = read_checkpoint(path)
        change(content)
        write_checkpoint(path, content)
    listener = trained(job)
    started = listener.messages[0]
    assert isinstance(started, Started)
    assert started.resumed_step == 0
    assert [("does not fit the present code" in text) for text in started.incidents] == [True, True, False]
    assert started.incidents[-1] == "no usable checkpoint is left: starts again at step 0"
    assert_same_result(whole, job)


def test_a_checkpoint_that_torch_cannot_read_is_skipped(tmp_path: Path) -> None:
    """Whole, by its digest, but not written by torch."""
    trained(job := toy_job(tmp_path), "continue", "stop")
    body = b"not a pickle"
    folder_of(job).checkpoint.write_bytes(body + hashlib.sha256(body).digest())
    started = trained(job).messages[0]
    assert isinstance(started, Started)
    assert started.resumed_step == 5
    assert "cannot be read (" in started.incidents[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"trainer.success": ["nll < 0.1"]},
        {"trainer.max_steps": None, "trainer.epochs": 7},  # 100 examples are 6 batches of 16
        {"task.report_target": "elsewhere:report_parts", "task.baseline": ["loss.scale=2"]},
    ],
)
def test_what_trains_nothing_else_keeps_the_checkpoints(changes: dict[str, Any], tmp_path: Path) -> None:
    trained(toy_job(tmp_path, changes={"trainer.max_steps": 42}), "continue", "stop")
    started = trained(toy_job(tmp_path, changes={"trainer.max_steps": 42, **changes})).messages[0]
    assert isinstance(started, Started)
    assert (started.resumed_step, started.incidents) == (10, ())


@pytest.mark.parametrize("changes", [{"trainer.patience": 9}, {"task.direction": "maximize"}])
def test_what_trains_otherwise_does_not(changes: dict[str, Any], tmp_path: Path) -> None:
    trained(toy_job(tmp_path), "continue", "stop")
    started = trained(toy_job(tmp_path, changes=changes)).messages[0]
    assert isinstance(started, Started)
    assert started.resumed_step == 0


def test_a_damaged_line_among_the_evaluations_costs_that_line_only(tmp_path: Path) -> None:
    trained(job := toy_job(tmp_path), "continue", "stop")
    with folder_of(job).metrics.open("ab") as file:
        file.write(b'{"epoch": 1, "spl\xff\n[1]\n')
    finished(trained(job))
    assert [row["global_step"] for row in rows_of(job)] == [step for step in range(5, 41, 5) for _ in "tv"]


def test_a_checkpoint_from_elsewhere_is_resumed_with_a_word_about_rounding(tmp_path: Path) -> None:
    trained(job := toy_job(tmp_path), "stop")
    content = read_checkpoint(folder_of(job).checkpoint)
    content["environment"]["threads"] = 64
    write_checkpoint(folder_of(job).checkpoint, content)
    listener = trained(job)
    assert isinstance(listener.messages[0], Started)
    assert listener.messages[0].incidents == (
        "checkpoint written with threads 64, resumed with 1: equal up to rounding only",
    )


def test_started_tells_what_is_on_and_where_the_run_goes_on(tmp_path: Path) -> None:
    first = trained(toy_job(tmp_path), "continue", "stop").messages[0]
    second = trained(toy_job(tmp_path)).messages[0]
    assert isinstance(first, Started)
    assert isinstance(second, Started)
    assert (first.resumed_step, first.total_steps, first.device) == (0, 40, "cpu")
    assert first.notes == ("toy: loss.scale=1.0",)
    assert second.notes == ("toy: loss.scale=1.0", "resumed from the checkpoint of step 10")


def test_a_run_leaves_with_a_checkpoint_where_it_is_to_stop(tmp_path: Path) -> None:
    stopped = trained(toy_job(tmp_path, stop_at=13)).last
    assert isinstance(stopped, Stopped)
    assert (stopped.why, stopped.step) == ("interrupted", 13)
    assert finished(trained(toy_job(tmp_path))).steps_trained == 40


def test_seconds_add_up_over_interruptions(tmp_path: Path) -> None:
    stopped = trained(toy_job(tmp_path), "stop").last
    content = read_checkpoint(folder_of(toy_job(tmp_path)).checkpoint)
    write_checkpoint(folder_of(toy_job(tmp_path)).checkpoint, {**content, "seconds": 100.0})
    assert isinstance(stopped, Stopped)
    assert stopped.seconds < 100 < finished(trained(toy_job(tmp_path))).seconds


def test_another_seed_is_another_run_and_the_same_seed_the_same(tmp_path: Path) -> None:
    jobs = [toy_job(tmp_path, name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))]
    results = [without_time(finished(trained(job))) for job in jobs]
    assert results[0] == results[1]
    assert_same_result(jobs[0], jobs[1])
    assert results[0]["metrics"] != results[2]["metrics"]


def test_metrics_that_are_not_numbers_are_left_out_and_logged(tmp_path: Path) -> None:
    trained(job := toy_job(tmp_path))
    rows = rows_of(job)
    assert rows
    assert all("undefined" not in row for row in rows)
    assert "left out at step 5, not finite on val: undefined" in folder_of(job).log.read_text()


def test_two_members_of_a_job_are_trained_one_after_the_other(tmp_path: Path) -> None:
    one, two = toy_job(tmp_path, "one"), toy_job(tmp_path, "two", seed=1)
    both = one.model_copy(update={"members": (*one.members, *two.members)})
    messages: list[Message] = trained(both).messages
    assert [message.seed for message in messages if isinstance(message, Finished)] == [0, 1]


def test_the_job_and_its_config_survive_json(tmp_path: Path) -> None:
    job = toy_job(tmp_path)
    assert JobSpec.model_validate_json(job.model_dump_json()) == job
    assert json.loads(job.model_dump_json())["members"][0]["config"] == toy_config()
