"""CPU, memory and GPU while a run trains: a line every few seconds in `system.jsonl`, under MLflow's names.

`system/cpu_utilization_percentage`, `system/system_memory_usage_*` and `system/gpu_0_*` are of the whole
machine and of the whole GPU, as MLflow has them, whoever else uses them; `system/process_*` are of the run
alone, with all processes that it has started. `gpu_0` is the run's own GPU. What cannot be read is left out,
and a run never fails for it.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

from sweeper.trial import JobSpec
from sweeper.worker.reporter import Reporter

FIRST_S, EVERY_S = 1.0, 10.0
"""From a run's begin to the first sample, so that short runs have one; and from each to the next."""
LEAST_S = 0.5
"""In less time no share of a CPU is told from noise."""
CLOSE_S = 5.0
MEGABYTE = 1e6
PREFIX = "system/"


@contextmanager
def system_metrics_of(job: JobSpec, reporter: Reporter, every_s: float = EVERY_S) -> Iterator[None]:
    """Within, samples are added to the run's folder, where the job asks for them and psutil is there."""
    machine = _machine(job.needs.device, reporter.log) if job.has_system_metrics else None
    if machine is None:
        yield
        return
    is_over = Event()
    told = (machine, reporter.folder.system, is_over, every_s)
    thread = Thread(target=_sample_on, args=told, name="system metrics", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(CLOSE_S)


def _machine(device: str, log: Callable[[str], None]) -> "Machine | None":
    try:
        return Machine(device)
    except ImportError:
        log("system metrics: the package psutil is missing here; none are kept")
        return None


def _sample_on(machine: "Machine", file: Path, is_over: Event, every_s: float) -> None:
    machine.sample()  # the next one says what was used since, of the thread that asks
    pause_s, last = min(FIRST_S, every_s), time.monotonic()
    while True:
        ends = is_over.wait(pause_s)
        if time.monotonic() - last >= min(LEAST_S, every_s):
            last = time.monotonic()
            row = {"time_ms": int(time.time() * 1000), "metrics": machine.sample()}
            with suppress(OSError), file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row, allow_nan=False) + "\n")
        if ends:
            return
        pause_s = every_s


class Machine:
    """The machine, this process and the GPU of `device`, for one thread. ImportError without psutil."""

    def __init__(self, device: str) -> None:
        import psutil

        self._psutil: Any = psutil
        self._self = psutil.Process()
        self._gpu = _gpu_of(device)
        self._before = (time.monotonic(), self._cpu_seconds())

    def sample(self) -> dict[str, float]:
        """By MLflow's names; percentages of CPU are of one core for the process, of all for the machine."""
        found: dict[str, float] = {}
        for read in (self._of_machine, self._of_process, self._of_gpu):
            with suppress(Exception):  # a process that has just ended, a driver that has gone
                found |= {PREFIX + name: float(value) for name, value in read().items()}
        return found

    def _of_machine(self) -> dict[str, float]:
        memory = self._psutil.virtual_memory()
        return {
            "cpu_utilization_percentage": self._psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / MEGABYTE,
            "system_memory_usage_percentage": memory.percent,
        }

    def _of_process(self) -> dict[str, float]:
        began, before = self._before
        self._before = now, used = time.monotonic(), self._cpu_seconds()
        n_bytes = sum(self._read(one, lambda one: one.memory_info().rss) for one in self._processes())
        share = max(0.0, used - before) / max(now - began, 1e-9)  # what has ended takes its seconds along
        return {"process_cpu_percentage": 100 * share, "process_memory_megabytes": n_bytes / MEGABYTE}

    def _of_gpu(self) -> dict[str, float]:
        if self._gpu is None:
            return {}
        import pynvml

        memory = pynvml.nvmlDeviceGetMemoryInfo(self._gpu)
        return {
            "gpu_0_utilization_percentage": pynvml.nvmlDeviceGetUtilizationRates(self._gpu).gpu,
            "gpu_0_memory_usage_megabytes": memory.used / MEGABYTE,
            "gpu_0_memory_usage_percentage": 100 * memory.used / memory.total,
            "gpu_0_power_usage_watts": pynvml.nvmlDeviceGetPowerUsage(self._gpu) / 1000,
        }

    def _processes(self) -> list[Any]:
        return [self._self, *self._self.children(recursive=True)]

    def _cpu_seconds(self) -> float:
        return sum(
            self._read(one, lambda one: one.cpu_times().user + one.cpu_times().system)
            for one in self._processes()
        )

    def _read(self, process: Any, value_of: Callable[[Any], float]) -> float:
        try:
            return value_of(process)
        except self._psutil.Error:  # it has ended since it was listed
            return 0.0


def _gpu_of(device: str) -> Any:
    """NVML's handle of the GPU that is `device` here; None without one, or where it cannot be found."""
    kind, _, index = device.partition(":")
    if kind != "cuda":
        return None
    with suppress(Exception):
        import pynvml

        pynvml.nvmlInit()
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        name = visible.split(",")[int(index or 0)].strip() if visible else index or "0"
        by_index, by_uuid = pynvml.nvmlDeviceGetHandleByIndex, pynvml.nvmlDeviceGetHandleByUUID
        return by_index(int(name)) if name.isdigit() else by_uuid(name)
    return None
