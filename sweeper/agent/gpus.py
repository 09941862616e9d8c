"""The GPUs of this machine, and those that CUDA shows: found through NVML, without a CUDA context."""

import itertools
import os
import runpy
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER, NVML_ORDER = "CUDA_DEVICE_ORDER", "PCI_BUS_ID"
NOTHING_VISIBLE = ("", "-1", "NoDevFiles")
"""What hides all GPUs: nothing, a number that none has, and what Slurm writes for jobs without GPUs."""

NO_DRIVER = ("NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded")


@dataclass(frozen=True)
class Gpu:
    """One GPU. `index` is its number in `nvidia-smi`; -1, and memory unknown (0), for a MIG instance."""

    index: int
    uuid: str
    name: str
    total_bytes: int = 0
    used_bytes: int = 0

    @property
    def is_filled(self) -> bool:
        """Whether less than half of its memory is free."""
        return 2 * self.used_bytes > self.total_bytes

    @property
    def memory(self) -> str:
        """`120.0 of 139.8 GiB in use`."""
        return f"{self.used_bytes / 2**30:.1f} of {self.total_bytes / 2**30:.1f} GiB in use"


@dataclass(frozen=True)
class Gpus:
    """GPUs by the number that a user gives them, 0 for the first that CUDA shows.

    `problem`: why these may not be the GPUs that the user thinks of, in one line, or nothing; `doubt`: the
    same, of interest only where GPUs are named by their numbers.
    """

    shown: tuple[Gpu, ...] = ()
    problem: str = ""
    doubt: str = ""


NONE = Gpus()


def gpus_here() -> Gpus:
    """The GPUs that CUDA shows to this process."""
    found = gpus_found()
    shown = gpus_shown(found.shown, os.environ.get(VISIBLE), os.environ.get(ORDER))
    return Gpus(shown.shown, found.problem or shown.problem, shown.doubt)


def gpus_found() -> Gpus:
    """All GPUs that the driver knows, in its order (by PCI bus); where there is no driver, none."""
    try:
        import pynvml  # here, so that nothing but the search for GPUs depends on it
    except ImportError:
        return Gpus(problem="NVML: the package nvidia-ml-py is missing, so GPUs cannot be found")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        is_news = type(error).__name__ not in NO_DRIVER
        return Gpus(problem=f"NVML: {error}; GPUs cannot be found" if is_news else "")
    try:
        return Gpus(tuple(_records(pynvml)))
    except pynvml.NVMLError as error:
        return Gpus(problem=f"NVML: {error}; GPUs cannot be found")
    finally:
        pynvml.nvmlShutdown()


def _records(nvml: Any) -> Iterator[Gpu]:
    for index in range(nvml.nvmlDeviceGetCount()):
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        gpu = Gpu(index, nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle))
        try:
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError:  # GPUs that share the memory of the CPU do not say
            yield gpu
        else:
            yield Gpu(gpu.index, gpu.uuid, gpu.name, int(memory.total), int(memory.used))


def gpus_shown(found: tuple[Gpu, ...], visible: str | None, order: str | None = None) -> Gpus:
    """What CUDA shows of `found` under these values of CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER.

    Entries are numbers, UUIDs or unique beginnings of UUIDs; MIG instances are taken as they are. As in
    CUDA, an entry that names no GPU ends the list, and one that names a GPU again empties it.

    Numbers are those of NVML. CUDA counts so too, unless GPUs differ and CUDA_DEVICE_ORDER is not
    PCI_BUS_ID: then its fastest comes first, and only CUDA knows which that is.
    """
    doubt = _numbering_doubt(found, order)
    if visible is None:
        return Gpus(found, doubt=doubt)
    entries = [entry.strip() for entry in visible.split(",")]
    shown: list[Gpu] = []
    for entry in itertools.takewhile(lambda entry: entry not in NOTHING_VISIBLE, entries):
        gpu = _named(found, entry)
        if gpu is None:
            return Gpus(tuple(shown), _misnamed(found, entry))
        if gpu in shown:
            return Gpus((), f"{VISIBLE}: got {entry} twice; CUDA shows no GPU at all then")
        shown.append(gpu)
    if found and not shown:
        return Gpus(doubt=f"{VISIBLE}: got '{visible}', which hides all GPUs")
    return Gpus(tuple(shown), doubt if any(entry.isdecimal() for entry in entries) else "")


def _numbering_doubt(found: tuple[Gpu, ...], order: str | None) -> str:
    if order == NVML_ORDER or len({gpu.name for gpu in found}) < 2:
        return ""
    return (
        f"{ORDER}: got {order or 'nothing'}, and the GPUs here differ; they are numbered as by nvidia-smi, "
        f"which CUDA may do otherwise. Set {ORDER}={NVML_ORDER}, or name UUIDs in {VISIBLE}"
    )


def _named(found: tuple[Gpu, ...], entry: str) -> Gpu | None:
    if entry.startswith("MIG-"):
        return Gpu(-1, entry, "MIG instance")
    if entry.startswith("GPU-"):
        alike = [gpu for gpu in found if gpu.uuid.startswith(entry)]
        return alike[0] if len(alike) == 1 else None
    return next((gpu for gpu in found if entry.isdecimal() and gpu.index == int(entry)), None)


def _misnamed(found: tuple[Gpu, ...], entry: str) -> str:
    there = f"0 to {len(found) - 1}" if found else "none"
    return f"{VISIBLE}: got {entry}, which names no GPU (here: {there}); CUDA ignores it and what follows it"


def torch_has_cuda() -> bool:
    """Whether the installed torch is built for NVIDIA GPUs, by its version file: an import takes seconds."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return True  # the worker will say what is the matter
    version = runpy.run_path(str(Path(spec.origin).with_name("version.py")))
    return version.get("cuda", "unknown") is not None
