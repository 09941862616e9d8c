"""Several models as one: the mean of what they state, evaluated as one model is."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import JsonValue
from torch import Tensor, nn

from sweeper.ensemble_spec import EnsembleFigures, EnsembleSpec, Member, model_digest
from sweeper.layout import EnsembleFolder, RunFolder
from sweeper.task.prepared import MANIFEST
from sweeper.trial import JobSpec
from sweeper.worker.average import Average, evaluate, mean_of
from sweeper.worker.checkpoint import write_checkpoint
from sweeper.worker.ensemble import LEFT_BEHIND, main
from sweeper.worker.serve import run_job
from sweeper_tasks.segmentation.batch import Batch
from tests.sweeper.worker.toy_jobs import Listener, toy_job
from tests.tasks.captcha import tiny as captcha
from tests.tasks.esmm import tiny as esmm
from tests.tasks.segmentation import tiny as segmentation

STEP = torch.tensor(0)
UNDER_A_SOFTMAX = ("segmentation", "captcha ce", "captcha focal_ce")
TASK: dict[str, JsonValue] = {
    "name": "segmentation",
    "target": None,
    "metric": "f_score",
    "direction": "maximize",
    "baseline": [],
    "default_sweep": None,
    "config_target": None,
    "prepare_target": None,
}


class Brush(nn.Module):
    """Says the truth, or one class everywhere, as surely as `logit` against 0."""

    def __init__(self, logit: float, only: int | None = None) -> None:
        super().__init__()
        self.logit, self.only = logit, only

    def forward(self, batch: Batch) -> Tensor:
        """Logits [B, C, H, W]."""
        said = batch.masks if self.only is None else torch.full_like(batch.masks, self.only)
        return self.logit * nn.functional.one_hot(said, segmentation.N_CLASSES).movedim(-1, 1).float()


def test_the_mean_of_two_tables_is_the_known_one() -> None:
    """Of (0.6, 0.4) and (0.1, 0.9) it is (0.35, 0.65): the second choice wins, and the tables stay."""
    tables = [torch.tensor([0.6, 0.4]), torch.tensor([0.1, 0.9])]
    (mean,) = mean_of((table,) for table in tables)
    torch.testing.assert_close(mean, torch.tensor([0.35, 0.65]))
    assert tables[0].tolist() == pytest.approx([0.6, 0.4])


def test_the_surer_model_decides_until_it_is_outvoted(tmp_path: Path) -> None:
    """With 19 classes a logit of 8 is p = 0.994 and one of 4 is p = 0.752, the others 0.0003 and 0.014.

    Truth (8) and background (4): truth (0.994 + 0.014) / 2 = 0.504 against (0.0003 + 0.752) / 2 = 0.376.
    Twice the background: truth 0.341 against 0.501, so that the result is that of background everywhere.
    """
    task = segmentation.tiny_task(segmentation.tiny_prepared(tmp_path))
    truth, blank = Brush(8.0), Brush(4.0, only=0)

    def f_score(*models: nn.Module) -> float:
        average = Average([task] * len(models), models)
        return task.evaluate(average, "test", task.coefficients(), STEP).metrics["f_score"]

    assert f_score(truth, blank) == 1.0
    assert f_score(truth, blank, blank) == f_score(blank) < 0.2


def tasks_of(folder: Path) -> dict[str, Any]:
    read, faces = captcha.tiny_prepared(folder / "c"), segmentation.tiny_prepared(folder / "s")
    found: dict[str, Any] = {
        f"captcha {loss}": captcha.tiny_task(read, captcha.tiny_config(loss)) for loss in captcha.LOSSES
    }
    found["segmentation"] = segmentation.tiny_task(faces, segmentation.tiny_config(loss="focal_dice"))
    found["esmm"] = esmm.tiny_task(esmm.tiny_prepared(folder / "e"))
    return found


def test_a_model_repeated_three_times_is_that_model(tmp_path: Path) -> None:
    for name, task in tasks_of(tmp_path).items():
        torch.manual_seed(0)
        model = task.build_model()
        alone = task.evaluate(model, "val", task.coefficients(), STEP)
        thrice = task.evaluate(Average([task] * 3, [model] * 3), "val", task.coefficients(), STEP)
        assert thrice.metrics == pytest.approx(alone.metrics, rel=1e-6, abs=1e-6), name
        for key, record in alone.records.items():
            np.testing.assert_allclose(thrice.records[key], record, rtol=1e-5, atol=1e-5, err_msg=name)


def test_the_loss_of_an_average_is_below_the_average_loss(tmp_path: Path) -> None:
    """Jensen: -log is convex, and the two models differ."""
    for name, task in tasks_of(tmp_path).items():
        models = []
        for seed in (0, 1):
            torch.manual_seed(seed)
            models.append(task.build_model())
        key = "ce" if name in UNDER_A_SOFTMAX else "bce"
        losses = [task.evaluate(m, "val", task.coefficients(), STEP).metrics[key] for m in models]
        both = task.evaluate(Average([task] * 2, models), "val", task.coefficients(), STEP).metrics[key]
        assert both < sum(losses) / 2, name


def request(folder: Path, n: int = 2) -> EnsembleSpec:
    """Tiny segmentation models of different seeds, as runs leave them."""
    prepared = segmentation.tiny_prepared(folder / "prepared")
    manifest = {"digest": "sha256:tiny", "n_train": prepared.n_train, "real": False, "facts": prepared.facts}
    (prepared.folder / MANIFEST).write_text(json.dumps(manifest))
    config = segmentation.tiny_config()
    task = segmentation.tiny_task(prepared, config)
    members = []
    for seed in range(n):
        torch.manual_seed(seed)
        run = RunFolder(folder / "trials" / "0000-baseline" / f"seed{seed}")
        write_checkpoint(run.best, {"identity": "", "step": 3, "model": task.build_model().state_dict()})
        members.append(
            Member(
                trial=0,
                name="baseline",
                seed=seed,
                val=0.5,
                folder=str(run.path),
                model=model_digest(run),
                config={"task": TASK, **config.model_dump(mode="json", by_alias=True)},
            )
        )
    return EnsembleSpec(
        study="s",
        metric="f_score",
        members=tuple(members),
        prepared=str(prepared.folder),
        device="cpu",
        n_threads=1,
    )


def written(spec: EnsembleSpec, folder: Path) -> EnsembleFolder:
    place = EnsembleFolder(folder / "ensemble")
    place.path.mkdir()
    place.request.write_text(spec.model_dump_json())
    return place


def test_a_request_is_evaluated_from_what_runs_left(tmp_path: Path) -> None:
    spec = request(tmp_path)
    place = written(spec, tmp_path)
    assert main([str(place.request)]) == 0
    figures = EnsembleFigures.model_validate_json(place.result.read_text())
    assert {"val/f_score", "test/f_score", "test/ce"} <= figures.metrics.keys()
    with np.load(place.records) as records:
        assert len(records["influence_f_score"]) == segmentation.PICTURES["test"]
        assert records["f_score"].mean() == pytest.approx(figures.metrics["test/f_score"], rel=1e-6)
    turned, _ = evaluate(spec.model_copy(update={"members": spec.members[::-1]}))
    assert turned == pytest.approx(figures.metrics, rel=1e-5)


def test_a_damaged_or_another_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = request(tmp_path)
    place = written(spec, tmp_path)
    one, other = (RunFolder(Path(member.folder)).best for member in spec.members)
    one.write_bytes(other.read_bytes())
    assert main([str(place.request)]) == 1
    assert "trial 0 baseline seed 0:" in last_line(capsys)
    one.write_bytes(other.read_bytes()[:-1])
    assert main([str(place.request)]) == 1
    assert "is damaged: its checksum does not match" in last_line(capsys)
    assert not place.result.exists()


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_task_without_probabilities_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job: JobSpec = toy_job(tmp_path, changes={"trainer.max_steps": 5})
    run_job(job, Listener())
    (run,) = job.members
    model = model_digest(RunFolder(Path(run.folder)))
    member = Member(trial=1, name="run", seed=0, val=0.5, folder=run.folder, model=model, config=run.config)
    spec = EnsembleSpec(
        study="toy", metric="nll", members=(member,), prepared=job.prepared, device="cpu", n_threads=1
    )
    assert main([str(written(spec, tmp_path).request)]) == 1
    assert "ToyTask states no probabilities that could be averaged" in last_line(capsys)


def test_what_is_no_request_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "none.json")]) == 2
    assert "got no request" in last_line(capsys)


def test_the_process_leaves_when_the_study_is_gone(tmp_path: Path) -> None:
    """The other end of its pipe is closed, as it is when a parent is killed; its own end is named to it."""
    theirs, ours = os.pipe()
    never = tmp_path / "request.json"
    os.mkfifo(never)  # reading the request waits for ever
    command = [sys.executable, "-m", "sweeper.worker.ensemble", str(never), str(theirs)]
    process = subprocess.Popen(command, pass_fds=[theirs])
    os.close(theirs)
    os.close(ours)
    assert process.wait(60) == LEFT_BEHIND
