"""What an agent tells of its host, and which of them a study takes."""

import socket
import sys
import time
from pathlib import Path

import pytest

from sweeper.agent import code_hash, introduction
from sweeper.agent.gpus import Gpu, Gpus
from sweeper.agent.introduction import Hello, Probe, hello, own_path, probed, refusal
from sweeper.errors import UserError

GPUS = Gpus((Gpu(0, "GPU-a", "H200"), Gpu(1, "GPU-b", "H200")))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with two GPUs, and a torch that can use them."""
    monkeypatch.setattr(introduction, "gpus_found", lambda: GPUS)
    monkeypatch.setattr(introduction, "torch_has_cuda", lambda: True)


def test_an_agent_of_this_installation_is_taken() -> None:
    assert refusal(hello({}), code_hash(), is_program=False) is None


def test_a_program_brings_its_own_torch() -> None:
    other = hello({}).model_copy(update={"torch": "1.0"})
    assert refusal(other, code_hash(), is_program=False) is not None
    assert refusal(other, code_hash(), is_program=True) is None


def test_fields_of_a_later_version_are_no_fault() -> None:
    assert Hello.model_validate({**hello({}).model_dump(), "more": 1}) == hello({}).model_copy(
        update={"clock": pytest.approx(time.time(), abs=60)}
    )


@pytest.mark.parametrize(
    ("environ", "device", "place"),
    [
        ({"CUDA_VISIBLE_DEVICES": "1"}, "cuda:0", "gpu 1"),
        ({"CUDA_VISIBLE_DEVICES": "0,1"}, "cuda:0", "gpu 0+1"),
        ({"CUDA_VISIBLE_DEVICES": "GPU-b", "SLURM_JOB_ID": "7"}, "cuda:0", "gpu 1"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "cpu", "cpu"),
        ({"CUDA_VISIBLE_DEVICES": "NoDevFiles", "SLURM_JOB_ID": "7"}, "cpu", "cpu"),
        ({"SLURM_JOB_ID": "7"}, "cpu", "cpu"),
    ],
)
@pytest.mark.usefixtures("two_gpus")
def test_an_agent_has_the_gpus_that_its_engine_gave_it(
    environ: dict[str, str], device: str, place: str
) -> None:
    """A job that asked SLURM for none has none, though the host shows some."""
    said = hello({"CUDA_DEVICE_ORDER": "PCI_BUS_ID", **environ})
    assert (said.device, said.place) == (device, place)


@pytest.mark.usefixtures("two_gpus")
def test_by_hand_on_a_host_with_two_gpus_it_has_to_be_said_which() -> None:
    with pytest.raises(UserError, match=r"Say which one it is to use: CUDA_VISIBLE_DEVICES=0, or CUDA_VIS"):
        hello({})


def test_by_hand_on_a_host_with_one_gpu_that_one_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introduction, "gpus_found", lambda: Gpus(GPUS.shown[:1]))
    monkeypatch.setattr(introduction, "torch_has_cuda", lambda: True)
    assert hello({}).place == "gpu 0"


@pytest.mark.parametrize(
    ("environ", "label"),
    [
        ({"SLURMD_NODENAME": "n1", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}, "n1 cpu"),
        ({}, f"{socket.gethostname()} cpu"),
    ],
)
def test_a_label_names_the_engines_node(environ: dict[str, str], label: str) -> None:
    assert hello({"CUDA_VISIBLE_DEVICES": "", **environ}).label == label


def test_what_a_study_imports_from_is_told_without_its_python() -> None:
    assert str(Path(__file__).parents[3]) in own_path()
    assert not any("site-packages" in entry or entry.startswith(sys.prefix) for entry in own_path())


def test_a_study_that_works_in_a_folder_that_is_not_there_is_told_so(tmp_path: Path) -> None:
    words = tmp_path / "words"
    words.write_text("abc")
    probe = Probe(file=str(words), cwd=str(tmp_path / "none"), path=(), target=None)
    found = probed(probe)
    assert found.problem.startswith(f"the study works in {tmp_path / 'none'} (No such file or directory) on ")
    assert (tmp_path / "words.answer").read_text() == "cba"


def test_the_code_of_a_task_is_looked_for_where_the_study_imports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "words").write_text("abc")
    module = tmp_path / "code" / "task_of_somebody.py"
    module.parent.mkdir()
    codes = []
    for text in ("A = 1\n", "A = 2\n"):
        module.write_text(text)
        probe = Probe(
            file=str(tmp_path / "words"),
            cwd=str(tmp_path),
            path=(str(module.parent),),
            target="task_of_somebody:Task",
        )
        codes.append(probed(probe).code)
    assert len({*codes, ""}) == 3
