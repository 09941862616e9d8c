"""An exception in the words that a leaderboard shows: what happened and what to try."""

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from sweeper.client import place_of
from sweeper.errors import OUT_OF_MEMORY, DiskFullError, RunError, SweeperError, causes_of, is_full
from sweeper.worker.failure import Failure

LESS_MEMORY = "Try a smaller trainer.batch_size or a smaller model."
BAD_INDEX = "Often an index out of range: a label, the id of an embedding. On a CPU the message says which."

UNITS = {"bytes": 2**-30, "KiB": 2**-20, "MiB": 2**-10, "GiB": 1.0, "TiB": 2.0**10, "PiB": 2.0**20}
_SIZE = r"([\d.]+) ?(bytes|[KMGTP]iB)"
_ASKED = re.compile(rf"(?:[Tt]ried to allocate|Unable to allocate) {_SIZE}")
_GPU = re.compile(rf"GPU (\d+) has a total capacity of {_SIZE} of which {_SIZE} is free")
_OTHERS = re.compile(rf"\bProcess \d+ has {_SIZE} memory in use")
_NO_ROOM = re.compile(
    r"CUDA out of memory|HIP out of memory|(?:CUDA|HIP) error: out of memory|can't allocate memory"
    r"|CU(?:BLAS|SOLVER|SPARSE|FFT|DNN)_(?:STATUS_)?\w*ALLOC\w*_FAILED"
)
_DEVICE = re.compile(
    r"(?:CUDA|HIP) (?:driver )?error|device-side assert|illegal memory access|cu(?:DNN|BLAS|FFT) error"
)


@dataclass(frozen=True)
class Circumstances:
    """What a message should name and an exception does not know, as far as it was known when it came."""

    folder: Path | None = None
    batch_size: int | None = None
    n_parameters: int | None = None


def failure_of(error: BaseException, known: Circumstances | None = None) -> Failure:
    """What `error` means for the run it ended."""
    known, name = known or Circumstances(), type(error).__name__
    if isinstance(error, RunError):
        return Failure(name, error.reason, error.advice, error.step)
    if isinstance(error, SweeperError):
        return Failure(name, str(error))
    if is_out_of_memory(error):
        return Failure(OUT_OF_MEMORY, _out_of_memory(error, known), LESS_MEMORY)
    if is_full(error):
        return Failure(DiskFullError.__name__, _disk_full(error, known), "Free some and run it again.")
    if "not implemented for 'Half'" in str(error):
        return Failure(name, _first_line(error), "Try trainer.precision=bf16.")
    advice = BAD_INDEX if "device-side assert" in str(error) else ""
    return Failure(name, f"{name}: {_first_line(error)}{_place(error)}", advice)


def needs_fresh_worker(error: BaseException) -> bool:
    """Whether the process that met `error` should run no further job.

    After most errors of a GPU every later call of the process fails with the same words. One that ran out of
    memory could go on, but may hold what earlier jobs left there, and the next try deserves all of it.
    """
    return any(is_out_of_memory(each) or _is_of_device(each) for each in causes_of(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the machine, had less memory than was asked for."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # torch raises a plain RuntimeError where its CPU allocator or a library of the GPU's finds no room
    return isinstance(error, RuntimeError) and _NO_ROOM.search(str(error)) is not None


def _is_of_device(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and _DEVICE.search(str(error)) is not None


def _out_of_memory(error: BaseException, known: Circumstances) -> str:
    """`out of memory: 22.78 GiB did not fit (GPU 0 has 31.47 GiB, 12.73 GiB free; batch size 512)`."""
    text = str(error)
    asked = _ASKED.search(text)
    what = f": {_gib(asked)} did not fit" if asked else f": {_first_line(error)}" if text else ""
    facts = "; ".join(filter(None, [_room(text), _load(known)]))
    return f"out of memory{what}" + (f" ({facts})" if facts else "")


def _room(text: str) -> str:
    """What there was: on the GPU in question, as torch said or as it says now, or in the machine."""
    if gpu := _GPU.search(text):
        others = sum(_size(*found) for found in _OTHERS.findall(text))
        shared = f", {others:,.2f} GiB held by other processes" if others else ""
        return f"GPU {gpu[1]} has {_gib(gpu, 2)}, {_gib(gpu, 4)} free{shared}"
    with suppress(RuntimeError):  # a device that has just failed may fail again
        if _DEVICE.search(text) and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            free, total = torch.cuda.mem_get_info()
            return f"the GPU has {total / 2**30:,.2f} GiB, {free / 2**30:,.2f} GiB free"
    return ""


def _load(known: Circumstances) -> str:
    counts = {"batch size": known.batch_size, "parameters": known.n_parameters}
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count is not None)


def _gib(found: re.Match[str], first: int = 1) -> str:
    return f"{_size(found[first], found[first + 1]):,.2f} GiB"


def _size(number: str, unit: str) -> float:
    return float(number) * UNITS[unit]


def _disk_full(error: BaseException, known: Circumstances) -> str:
    """A write that fails knows no file name, an open that fails does."""
    path = getattr(error, "filename", None) or known.folder
    if path is None:
        return "no space left"
    absolute = Path(path).absolute()
    there = next(folder for folder in (absolute, *absolute.parents) if folder.exists())
    return f"no space left for {path} ({shutil.disk_usage(there).free / 2**20:.1f} MiB free)"


def _place(error: BaseException) -> str:
    """` (my_task.py:12)`, of the task's own code."""
    place = place_of(error)
    return f" ({place})" if place else ""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["without a message"])[0]
