"""`python -m sweeper.watch.registering request.json`: put a run's model into MLflow's model registry.

A process of its own, since it needs torch, which a study's process never loads. Exit code 0: done; 1: failed,
the last line on standard error says why.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sweeper.layout import RunFolder
from sweeper.watch.run_store import import_mlflow

ARTIFACT = "model"
"""The folder of models among a run's artifacts."""
MAX_DESCRIPTION = 2000
"""Characters; MLflow takes 5,000 bytes."""


class Registration(BaseModel):
    """Whose model goes where: that in a run's `folder` into a version of `name`, as an artifact of `run_id`.

    The new version has the `alias`, which another version loses.
    """

    uri: str
    name: str
    alias: str
    run_id: str
    folder: str
    tags: dict[str, str]
    description: str

    @property
    def address(self) -> str:
        """By which MLflow loads it, also when another model has the alias later."""
        return f"models:/{self.name}@{self.alias}"

    @property
    def place(self) -> str:
        """Its folder among the run's artifacts: another model of the study, registered later, has its own."""
        return f"{ARTIFACT}/{self.tags['sweeper.model'][:12]}"

    @property
    def mark(self) -> str:
        """What a study remembers of it: alias and digest of the model."""
        return f"{self.alias} {self.tags['sweeper.model']}"


def register(asked: Registration) -> str:
    """The new version. Raises what MLflow, torch and the task raise."""
    import_mlflow()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(tracking_uri=asked.uri, registry_uri=asked.uri)
    with tempfile.TemporaryDirectory() as folder:
        inputs = _save(RunFolder(Path(asked.folder)), Path(folder) / ARTIFACT)
        client.log_artifacts(asked.run_id, str(Path(folder) / ARTIFACT), asked.place)
    try:
        client.create_registered_model(asked.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    place = f"runs:/{asked.run_id}/{asked.place}"
    words = f"{asked.description} {inputs}"
    found = client.create_model_version(
        asked.name, place, asked.run_id, tags=asked.tags, description=words[:MAX_DESCRIPTION]
    )
    client.set_registered_model_alias(asked.name, asked.alias, found.version)
    return str(found.version)


def _save(run: RunFolder, place: Path) -> str:
    """By MLflow's own way of pickling: whoever loads it has this package installed, and trusts the store.

    Returns what the model is given, in words.
    """
    import mlflow.pytorch
    from mlflow.models import ModelSignature

    from sweeper.worker import portable  # torch

    found = portable(run)
    signature = ModelSignature(inputs=_schema(found.example), outputs=_schema(found.outputs))
    mlflow.pytorch.save_model(
        found.module,
        str(place),
        signature=signature,
        input_example={name: tensor.numpy() for name, tensor in found.example.items()},
        serialization_format="pickle",
        pip_requirements=["torch", "sweeper"],
        extra_files=list(map(str, found.tools)) or None,
    )
    return f"Given {', '.join(found.example)}. Of batches the task says: {found.batch}"


def _schema(tensors: dict[str, Any]) -> Any:
    """The types and shapes of tensors, by name; the first axis is a batch's, of any length."""
    from mlflow.types import Schema, TensorSpec

    return Schema(
        [TensorSpec(tensor.numpy().dtype, (-1, *tensor.shape[1:]), name) for name, tensor in tensors.items()]
    )


def main(request: str) -> int:
    """The exit code; see the top."""
    try:
        register(Registration.model_validate_json(Path(request).read_text(encoding="utf-8")))
    except Exception as error:  # whatever a task or a server does wrong is a reason in one line
        lines = str(error).strip().splitlines() or [""]
        print(f"{type(error).__name__}: {lines[0][:200]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
