"""The manifests of the guide: YAML that says what the agent and the study take. No cluster has read them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.agent.__main__ import address_of

FOLDER = Path(__file__).parents[1] / "docs" / "guides" / "kubernetes"
FILES = sorted(FOLDER.glob("*.yaml"))


def documents() -> dict[str, dict[str, Any]]:
    """All objects of the manifests by kind and name."""
    loaded = [document for path in FILES for document in yaml.safe_load_all(path.read_text())]
    return {f"{one['kind']} {one['metadata']['name']}": one for one in loaded}


def container(job: str) -> dict[str, Any]:
    """The one container of a Job."""
    (only,) = documents()[job]["spec"]["template"]["spec"]["containers"]
    assert isinstance(only, dict)
    return only


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_document_has_what_every_object_has(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text()):
        assert {"apiVersion", "kind", "metadata", "spec"} <= document.keys()


def test_agents_dial_the_port_that_the_study_listens_at_by_its_service_s_name() -> None:
    service = documents()["Service sweeper-study"]
    (port,) = service["spec"]["ports"]
    address = address_of(container("Job sweeper-agents")["command"][3])
    assert (address.host, address.port) == (service["metadata"]["name"], port["port"])
    assert f"executor.port={port['targetPort']}" in container("Job sweeper-study")["args"]
    labels = documents()["Job sweeper-study"]["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= labels.items()


def test_the_token_comes_from_one_secret_and_is_in_no_command() -> None:
    found = []
    for job in ("Job sweeper-study", "Job sweeper-agents"):
        variables = {one["name"]: one for one in container(job)["env"]}
        found.append(variables["SWEEPER_AGENT_TOKEN"]["valueFrom"]["secretKeyRef"])
        assert "token" not in str([container(job)["command"], container(job).get("args")])
    assert found[0] == found[1]


def test_as_many_pods_are_started_as_the_study_expects() -> None:
    spec = documents()["Job sweeper-agents"]["spec"]
    assert f"executor.agents={spec['parallelism']}" in container("Job sweeper-study")["args"]
    assert spec["completions"] == spec["parallelism"]


def test_study_and_agents_work_in_the_same_folder_of_the_same_volume() -> None:
    mounts = [container(job)["volumeMounts"] for job in ("Job sweeper-study", "Job sweeper-agents")]
    folders = [container(job)["workingDir"] for job in ("Job sweeper-study", "Job sweeper-agents")]
    assert mounts[0] == mounts[1]
    assert folders == [mounts[0][0]["mountPath"]] * 2
    claim = documents()["PersistentVolumeClaim sweeper-work"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
