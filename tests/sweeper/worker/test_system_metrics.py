"""CPU and memory of a run: what is sampled, of whom, and that no run fails for it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sweeper.trial import JobSpec
from sweeper.worker.reporter import Reporter
from sweeper.worker.system_metrics import Machine, system_metrics_of
from tests.sweeper.plain_jobs import plain_job

OF_MACHINE = {
    "system/cpu_utilization_percentage",
    "system/system_memory_usage_megabytes",
    "system/system_memory_usage_percentage",
}
OF_PROCESS = {"system/process_cpu_percentage", "system/process_memory_megabytes"}


def reporter_of(job: JobSpec, folder: Path) -> Reporter:
    (run,) = job.members
    return Reporter(job, run.model_copy(update={"folder": str(folder)}), lambda message: "continue")


def job(*, asks: bool = True) -> JobSpec:
    return plain_job().model_copy(update={"has_system_metrics": asks})


def sampled(folder: Path, work: Callable[[], None], **changes: Any) -> list[dict[str, Any]]:
    """The samples of a run that does `work`."""
    asked = job(**changes)
    with system_metrics_of(asked, reporter_of(asked, folder), every_s=0.1):
        work()
    file = folder / "system.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def has_samples(folder: Path, n: int) -> Callable[[], bool]:
    file = folder / "system.jsonl"
    return lambda: file.exists() and file.read_text().count("\n") >= n


def test_samples_have_mlflows_names_and_the_time(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    before = time.time() * 1000
    rows = sampled(tmp_path, lambda: until(has_samples(tmp_path, 3)))
    assert [set(row["metrics"]) for row in rows] == [OF_MACHINE | OF_PROCESS] * len(rows)
    times = [row["time_ms"] for row in rows]
    assert times == sorted(times)
    assert before - 1 <= times[0] <= times[-1] <= time.time() * 1000
    assert all(0 <= row["metrics"]["system/cpu_utilization_percentage"] <= 100 for row in rows)


def test_what_a_runs_own_processes_use_is_told_apart_from_the_machine(tmp_path: Path) -> None:
    """A child that holds 200 MB and computes: both are counted as the run's while it lives."""
    pytest.importorskip("psutil")
    begun = tmp_path / "begun"
    code = f"x = bytearray(200_000_000); open({str(begun)!r}, 'w').close()\nwhile True: pass"

    def work() -> None:
        until(has_samples(tmp_path, 1))
        with subprocess.Popen([sys.executable, "-c", code]) as child:
            until(begun.exists)
            n = (tmp_path / "system.jsonl").read_text().count("\n")
            until(has_samples(tmp_path, n + 3))
            child.kill()

    rows = sampled(tmp_path, work)
    memory = [row["metrics"]["system/process_memory_megabytes"] for row in rows]
    assert max(memory) > memory[0] + 190
    assert max(row["metrics"]["system/process_cpu_percentage"] for row in rows) > 5


def test_a_job_that_does_not_ask_is_not_sampled(tmp_path: Path) -> None:
    assert sampled(tmp_path, lambda: time.sleep(0.3), asks=False) == []


def test_without_the_package_the_run_goes_on_and_its_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert sampled(tmp_path, lambda: None) == []
    assert "psutil is missing" in (tmp_path / "log.txt").read_text()


def test_a_folder_that_cannot_be_written_costs_the_samples_only(tmp_path: Path) -> None:
    pytest.importorskip("psutil")
    (tmp_path / "system.jsonl").mkdir()
    asked = job()
    with system_metrics_of(asked, reporter_of(asked, tmp_path), every_s=0.05):
        time.sleep(0.3)


class Nvml(ModuleType):
    """A driver with two GPUs, which are busy by 10 and by 20 %."""

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.busy = {0: 10, 1: 20}

    def nvmlInit(self) -> None:  # noqa: N802
        """There is nothing to do."""

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        """The GPU's number."""
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        """Of `GPU-b` the second, as NVML does it."""
        return {"GPU-a": 0, "GPU-b": 1}[uuid]

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> SimpleNamespace:  # noqa: N802
        """In percent."""
        return SimpleNamespace(gpu=self.busy[gpu])

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> SimpleNamespace:  # noqa: N802
        """In bytes."""
        return SimpleNamespace(used=2_000_000_000, total=8_000_000_000)

    def nvmlDeviceGetPowerUsage(self, gpu: int) -> int:  # noqa: N802
        """In milliwatts."""
        return 300_500


@pytest.mark.parametrize(
    ("device", "visible", "busy"),
    [
        ("cuda:0", "GPU-b", 20),
        ("cuda:0", "1", 20),
        ("cuda:1", "GPU-b,GPU-a", 10),
        ("cuda:1", None, 20),
        ("cpu", "", None),
        ("cuda:0", "GPU-gone", None),
    ],
)
def test_the_gpu_is_the_one_that_the_run_sees_as_its_own(
    device: str, visible: str | None, busy: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = {key: value for key, value in Machine(device).sample().items() if "gpu" in key}
    expected = {
        "system/gpu_0_utilization_percentage": busy,
        "system/gpu_0_memory_usage_megabytes": 2000,
        "system/gpu_0_memory_usage_percentage": 25,
        "system/gpu_0_power_usage_watts": 300.5,
    }
    assert found == ({} if busy is None else expected)
