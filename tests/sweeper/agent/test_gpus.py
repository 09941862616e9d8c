"""Which GPUs CUDA would show, by records; and the door to NVML itself."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from sweeper.agent.gpus import Gpu, Gpus, gpus_found, gpus_here, gpus_shown, torch_has_cuda

GIB = 2**30
SMALL = Gpu(0, "GPU-1111aaaa-0001", "small", 16 * GIB, 0)
LARGE = Gpu(1, "GPU-1111bbbb-0002", "large", 80 * GIB, 0)
OTHER = Gpu(2, "GPU-2222cccc-0003", "large", 80 * GIB, 0)
THREE = (SMALL, LARGE, OTHER)
NO_GPU = "which names no GPU (here: 0 to 2); CUDA ignores it and what follows it"


@pytest.mark.parametrize(
    ("visible", "shown"),
    [
        (None, THREE),
        ("0,1,2", THREE),
        ("2, 0", (OTHER, SMALL)),
        ("GPU-2222cccc-0003,GPU-1111a", (OTHER, SMALL)),
        ("1,-1,2", (LARGE,)),
        ("1,,2", (LARGE,)),
        ("", ()),
        ("-1", ()),
        ("NoDevFiles", ()),
    ],
)
def test_cuda_shows_what_its_variable_names_in_that_order(
    visible: str | None, shown: tuple[Gpu, ...]
) -> None:
    gpus = gpus_shown(THREE, visible, "PCI_BUS_ID")
    assert (gpus.shown, gpus.problem) == (shown, "")


@pytest.mark.parametrize(
    ("visible", "shown", "problem"),
    [
        ("1,7,2", (LARGE,), f"got 7, {NO_GPU}"),
        ("GPU-1111", (), f"got GPU-1111, {NO_GPU}"),
        ("large", (), f"got large, {NO_GPU}"),
        ("1,2,1", (), "got 1 twice; CUDA shows no GPU at all then"),
        ("0,GPU-1111aaaa", (), "got GPU-1111aaaa twice; CUDA shows no GPU at all then"),
    ],
)
def test_an_entry_that_cuda_would_not_take_is_told(
    visible: str, shown: tuple[Gpu, ...], problem: str
) -> None:
    gpus = gpus_shown(THREE, visible, "PCI_BUS_ID")
    assert gpus.shown == shown
    assert gpus.problem == f"CUDA_VISIBLE_DEVICES: {problem}"


def test_mig_instances_are_taken_as_they_are() -> None:
    [instance] = gpus_shown((LARGE,), "MIG-1111bbbb/1/0").shown
    assert (instance.uuid, instance.is_filled) == ("MIG-1111bbbb/1/0", False)


def test_hidden_gpus_are_a_matter_only_for_those_who_name_them() -> None:
    assert gpus_shown(THREE, "") == Gpus(doubt="CUDA_VISIBLE_DEVICES: got '', which hides all GPUs")
    assert gpus_shown((), "") == Gpus()


@pytest.mark.parametrize(
    ("found", "visible", "order", "told_as"),
    [
        (THREE, None, None, "doubt"),
        (THREE, "0,1", "FASTEST_FIRST", "problem"),
        (THREE, "0,1", "PCI_BUS_ID", ""),
        (THREE, "GPU-2222", None, ""),
        ((LARGE, OTHER), "0", None, ""),
    ],
)
def test_numbers_of_gpus_that_differ_are_in_doubt_unless_cuda_counts_by_bus(
    found: tuple[Gpu, ...], visible: str | None, order: str | None, told_as: str
) -> None:
    """A problem where the variable has numbers; else of interest only to those who write numbers later."""
    gpus = gpus_shown(found, visible, order)
    told = {"doubt": gpus.doubt, "problem": gpus.problem}
    assert {name for name, text in told.items() if "Set CUDA_DEVICE_ORDER=PCI_BUS_ID" in text} == (
        {told_as} - {""}
    )


@pytest.mark.parametrize(("used", "is_filled"), [(0, False), (40, False), (40.1, True), (80, True)])
def test_a_gpu_is_filled_when_less_than_half_of_its_memory_is_free(used: float, is_filled: bool) -> None:
    gpu = Gpu(0, "GPU-1", "large", 80 * GIB, int(used * GIB))
    assert gpu.is_filled == is_filled
    assert gpu.memory == f"{used:.1f} of 80.0 GiB in use"


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a driver's answers in place of NVML's; an exception is raised instead of returned."""

    def put(**answers: Any) -> None:
        for name, answer in answers.items():
            monkeypatch.setattr(pynvml, f"nvml{name}", _function(answer))

    put(Init=None, Shutdown=None)
    return put


def _function(answer: Any) -> Callable[..., Any]:
    def function(*arguments: Any) -> Any:
        found = answer(*arguments) if callable(answer) else answer
        if isinstance(found, Exception):
            raise found
        return found

    return function


def test_records_are_what_nvml_says(nvml: Callable[..., None]) -> None:
    """The second GPU shares the memory of the CPU, and its driver does not say how much."""
    memory = {0: SimpleNamespace(total=80 * GIB, used=3 * GIB), 1: pynvml.NVMLError_NotSupported()}
    nvml(
        DeviceGetCount=2,
        DeviceGetHandleByIndex=lambda index: index,
        DeviceGetUUID=lambda index: f"GPU-{index}",
        DeviceGetName=lambda index: f"kind {index}",
        DeviceGetMemoryInfo=memory.get,
    )
    assert gpus_found() == Gpus((Gpu(0, "GPU-0", "kind 0", 80 * GIB, 3 * GIB), Gpu(1, "GPU-1", "kind 1")))


@pytest.mark.parametrize("error", [pynvml.NVMLError_LibraryNotFound(), pynvml.NVMLError_DriverNotLoaded()])
def test_without_a_driver_there_is_no_gpu_and_nothing_to_say(
    nvml: Callable[..., None], error: Exception
) -> None:
    nvml(Init=error)
    assert gpus_found() == Gpus()


def test_a_driver_that_is_broken_is_told(nvml: Callable[..., None]) -> None:
    nvml(Init=pynvml.NVMLError_LibRmVersionMismatch())
    assert gpus_found().problem.startswith("NVML: RM has detected an NVML/RM version mismatch")
    nvml(Init=None, DeviceGetCount=1, DeviceGetHandleByIndex=pynvml.NVMLError_GpuIsLost())
    assert gpus_found() == Gpus(problem="NVML: GPU is lost; GPUs cannot be found")


def test_nvml_and_cuda_mean_the_same_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    gpus = gpus_here().shown
    if not gpus:
        pytest.skip("no NVIDIA GPU on this machine")
    import torch

    if torch.version.cuda is None:
        pytest.skip("this torch is built without CUDA")
    names = [torch.cuda.get_device_properties(index).name for index in range(torch.cuda.device_count())]
    assert sorted(gpu.name for gpu in gpus) == sorted(names)
    assert all(gpu.uuid.startswith("GPU-") and gpu.total_bytes > 0 for gpu in gpus)


def test_whether_torch_is_built_for_gpus_is_known_without_importing_it() -> None:
    import torch

    assert torch_has_cuda() == (torch.version.cuda is not None)
