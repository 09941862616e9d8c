"""The model that a study of each task registers: loaded and used where nothing of a study runs."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports import read_summary
from sweeper.schema import TaskSection
from sweeper.task import Prepared, config_of, task_entry
from sweeper.trial import JobSpec
from sweeper.watch import registering
from sweeper.worker.checkpoint import read_checkpoint
from tests.browser.browser import until
from tests.sweeper.small_esmm import SMALL

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]  # MLflow's own

SHORT = ("study.n_seeds=1", "study.confirm_seeds=2", "study.name=small", "study.page_every_s=null")
HERE = ("executor=local", "executor.devices=cpu", "executor.n_slots=1", "executor.n_threads=1")
SIZES = ("data.n_train=60", "data.n_val=40", "data.n_test=40", "trainer.max_steps=4", "trainer.eval_every=2")
STUDIES = {
    "esmm": (
        *(word for word in SMALL if not word.startswith("tracking")),
        "aux_focal.lambda=choice(0.2)",
    ),
    "captcha": (*SIZES, "loss=choice(captcha/ce)"),
    "diagnosis": (
        *("data=diagnosis/breast_cancer", "trainer.max_steps=4", "trainer.eval_every=2"),
        "loss=choice(diagnosis/focal_smooth)",
    ),
    "segmentation": (
        *(word for word in SIZES if "max_steps" not in word),
        *(
            "trainer.epochs=choice(1)",
            "trainer.schedule.lr_warmup_steps=2",
            "loss=choice(segmentation/focal_dice)",
        ),
    ),
    "sentiment": (
        *SIZES,
        *("data.n_train=300", "data.n_val=200", "data.n_test=200", "loss=choice(sentiment/multilabel_focal)"),
    ),
}
INPUTS = {
    "esmm": ["sparse", "dense"],
    "captcha": ["images"],
    "diagnosis": ["numbers"],
    "segmentation": ["images"],
    "sentiment": ["tokens"],
}
OUTPUTS = {"esmm": ["ctr_logits", "cvr_logits"], "diagnosis": ["main", "aux"]}
LOAD = """
import json, logging, sys, mlflow, numpy, torch
from mlflow.models import Model
logging.getLogger("mlflow").setLevel(logging.ERROR)
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pytorch.load_model(sys.argv[2])
found = Model.load(sys.argv[2])
signature = found.signature
example = found.load_input_example(mlflow.artifacts.download_artifacts(sys.argv[2]))
names, outputs = signature.inputs.input_names(), signature.outputs.input_names()
given, said = numpy.load("given.npz"), numpy.load("said.npz")
def answers(*asked):
    with torch.no_grad():
        answer = model(*asked)
    return answer if isinstance(answer, tuple) else (answer,)
by_name, in_order = answers(dict(given)), answers(*(torch.from_numpy(given[name]) for name in names))
print(json.dumps({
    "inputs": names,
    "outputs": outputs,
    "shapes": [example[name].shape[1:] == given[name].shape[1:] for name in names],
    "has_data": [bool(example[name].any()) for name in names],
    "answers": [len(one) for one in answers(example)],
    "same": [bool(numpy.array_equal(said[k], a) and numpy.array_equal(said[k], b))
             for k, a, b in zip(outputs, by_name, in_order, strict=True)],
    "started": [name for name in sys.modules if name.startswith(("sweeper.study", "sweeper.ex", "hydra"))],
}))
"""


def said_of_a_batch(run: RunFolder, folder: Path, names: list[str]) -> None:
    """Keep five examples of training, and what the run's own model says of them, for another process."""
    job = JobSpec.model_validate_json(run.job.read_text())
    config: Any = job.members[0].config
    entry = task_entry(TaskSection.model_validate(config["task"]))
    prepared = Prepared.open(Path(job.prepared))
    task: Any = entry.task_class()(config_of(entry.config_class(), config), prepared, torch.device("cpu"))
    model = task.build_model()
    model.load_state_dict(read_checkpoint(run.best)["model"])
    batch = task.train_batch(torch.arange(5))
    with torch.no_grad():
        outputs = model.eval()(batch)
    each = outputs if isinstance(outputs, tuple) else (outputs,)
    np.savez(folder / "given.npz", **{name: getattr(batch, name).numpy() for name in names})
    outs = OUTPUTS.get(config["task"]["name"], ["output_0"])
    np.savez(folder / "said.npz", **{k: one.numpy() for k, one in zip(outs, each, strict=True)})


@pytest.mark.parametrize("task", list(STUDIES))
def test_a_registered_model_predicts_in_another_process_as_the_run_did(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said(["-m", "sweeper", "-m", f"task={task}", *STUDIES[task], *SHORT, *HERE], tmp_path)
    from mlflow import MlflowClient

    uri, folder = f"sqlite:///{tmp_path}/results/mlflow.db", StudyFolder.of(tmp_path / "results", "small")
    alias = "champion" if read_summary(folder).verdict == "better" else "candidate"
    client = MlflowClient(uri, registry_uri=uri)
    mark = f"tags.`sweeper.registered` LIKE '{alias} %'"  # by a process that may outlive the study's
    until(lambda: client.search_runs([experiment_of(client, task)], mark), 300, "a registered model")
    version = client.get_model_version_by_alias(f"sweeper-{task}", alias)
    (run,) = (one for one in folder.runs if is_of(one, version.tags))
    said_of_a_batch(run, tmp_path, INPUTS[task])
    loaded = said(["-c", LOAD, uri, f"models:/sweeper-{task}@{alias}"], tmp_path)
    outputs = OUTPUTS.get(task, ["output_0"])
    assert json.loads(loaded.splitlines()[-1]) == {
        "inputs": INPUTS[task],
        "outputs": outputs,
        "shapes": [True] * len(INPUTS[task]),
        "has_data": [False] * len(INPUTS[task]),
        "answers": [2] * len(outputs),
        "same": [True] * len(outputs),
        "started": [],
    }
    place = f"model/{version.tags['sweeper.model'][:12]}"
    files = [one.path for one in client.list_artifacts(str(version.run_id), f"{place}/extra_files")]
    assert files == ([f"{place}/extra_files/tokenizer.json"] if task == "sentiment" else [])
    assert f"Given {', '.join(INPUTS[task])}. Of batches the task says: " in str(version.description)


def test_a_replay_registers_the_model_once_wherever_it_is_called(tmp_path: Path) -> None:
    """The study has logged nothing. Its data are named relative to the folder in which it ran."""
    run = ["-m", "sweeper", "-m", "task=esmm", *STUDIES["esmm"], *SHORT, *HERE, "tracking=none"]
    (there := tmp_path / "there").mkdir()
    (here := tmp_path / "here").mkdir()
    assert said([*run], there)
    replay = ["-m", "sweeper.studies", "--results-dir", str(there / "results"), "replay", "small"]
    assert "model:" not in said([*replay, "--no-model"], here)
    first, second = said(replay, here), said(replay, here)
    from mlflow import MlflowClient

    uri = f"sqlite:///{there}/results/mlflow.db"
    (found,) = MlflowClient(uri, registry_uri=uri).search_model_versions("name = 'sweeper-esmm'")
    alias = "champion" if found.tags["sweeper.verdict"] == "better" else "candidate"
    assert f"model: models:/sweeper-esmm@{alias}" in first
    assert f"model: models:/sweeper-esmm@{alias}" in second
    assert found.tags["sweeper.study"] == "small"
    assert MlflowClient(uri).get_run(str(found.run_id)).data.tags["sweeper.kind"] == "study"


def test_a_later_model_of_a_study_leaves_the_earlier_version_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are artifacts of the study's one run; the last one has the alias."""
    from mlflow import MlflowClient

    def save(run: RunFolder, place: Path) -> str:
        place.mkdir()
        (place / "weights").write_text(run.path.name)
        return "Given nothing."

    monkeypatch.setattr(registering, "_save", save)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri, registry_uri=uri)
    run = client.create_run(client.create_experiment("e", artifact_location=f"{tmp_path}/kept")).info.run_id
    for name, digest in (("first", "a" * 64), ("second", "b" * 64)):
        tags = {"sweeper.model": digest}
        registering.register(
            registering.Registration(
                uri=uri,
                name="m",
                alias="candidate",
                run_id=run,
                folder=name,
                tags=tags,
                description="A model.",
            )
        )
    places = [client.get_model_version_download_uri("m", version) for version in ("1", "2")]
    kept = [(tmp_path / "kept" / run / "artifacts" / p.partition(f"{run}/")[2]) for p in places]
    assert [(place / "weights").read_text() for place in kept] == ["first", "second"]
    assert str(client.get_model_version_by_alias("m", "candidate").version) == "2"


def said(words: list[str], folder: Path) -> str:
    """What a command prints that ends well."""
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def experiment_of(client: Any, task: str) -> str:
    return str(client.get_experiment_by_name(f"sweeper/{task}").experiment_id)


def is_of(run: RunFolder, tags: dict[str, str]) -> bool:
    """Whether a version with these tags is of this run."""
    trial, seed = tags["sweeper.trial"], tags["sweeper.seed"]
    return run.path.parent.name.startswith(f"{int(trial):04d}-") and run.path.name == f"seed{seed}"
