"""Whether what a study needs of a GPU works on this one, and how fast it is.

    python benchmarks/gpu.py                    on a machine with an NVIDIA GPU; a few minutes
    python benchmarks/gpu.py --device cpu       a rehearsal: the same in small, as far as a CPU can
    python benchmarks/gpu.py --only speed,memory

Prints a row for each check (what, `ok` or `FAIL`, what was found), then one JSON line with all numbers. Exit
code 1 where a check failed, 2 where there is no GPU. It needs torch, numpy, scipy, pydantic, joblib,
lazy-loader and nvidia-ml-py, nothing else: `imports` checks that.

- `imports`: an executor, a worker and a whole ESMM job where Hydra, Optuna, MLflow and others are not.
- `starts`: a job of ten steps, from its submission to its result, in a new worker and in a warm one.
- `discovery`: the GPUs that NVML finds and those that torch finds; a worker sees exactly its own.
- `speed`: ESMM jobs, 1, 2 and 4 at a time on the device, in warm workers. Together: all steps over the time
  from the first start to the last result, evaluations and checkpoints included. Each: while it trains.
- `parent`: this process never touches CUDA, while its workers do.
- `equality`: weights of two runs of one job, and of an interrupted run, bit by bit.
- `precision`: steps a second in fp32, bf16, fp16.
- `memory`: a job that takes all there is fails with the sizes; the next one runs, alone on the device.
- `killed`, `orphaned`: kill -9 of a worker, and of a parent.
"""

import argparse
import datetime
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from pydantic import JsonValue

from benchmarks.on_gpu.checks import discovery, equality, imports, parent, precision, speed, starts
from benchmarks.on_gpu.faults import killed, memory, orphaned
from benchmarks.on_gpu.rig import Rig, rig_on
from benchmarks.on_gpu.rows import Row, Rows
from sweeper.agent import Gpu, gpus_here

SECTIONS: dict[str, Callable[[Rig], Rows]] = {
    section.__name__: section
    for section in (imports, starts, discovery, speed, parent, equality, precision, memory, killed, orphaned)
}
"""In this order each finds what it is about: `parent` workers with contexts, `memory` idle neighbours."""


def facts_of(gpu: Gpu | None) -> dict[str, JsonValue]:
    """What was measured on, with what, and when."""
    here: dict[str, JsonValue] = {
        "device": gpu.name if gpu else f"cpu ({platform.machine()})",
        "torch": version("torch"),
        "python": platform.python_version(),
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }
    if gpu is not None:
        here |= {"memory_gib": round(gpu.total_bytes / 2**30, 1), "driver": driver_version()}
    return here


def driver_version() -> str:
    """Of the NVIDIA driver."""
    import pynvml

    pynvml.nvmlInit()
    try:
        return str(pynvml.nvmlSystemGetDriverVersion())
    finally:
        pynvml.nvmlShutdown()


def rows_of(rig: Rig, names: Sequence[str]) -> Rows:
    """The rows of the named sections; a section that breaks off ends with a row that says why."""
    for name in names:
        began = time.monotonic()
        try:
            yield from SECTIONS[name](rig)
        except Exception as error:  # the sections after it are worth having all the same
            yield Row(f"{name} broke off", f"{type(error).__name__}: {error}", False)
        print(f"  {name}: {time.monotonic() - began:.1f} s", flush=True)


def line_of(row: Row) -> str:
    """A row of the table; the value is last, since it may be long."""
    return f"{row.name:42s} {'ok' if row.is_ok else 'FAIL':4s}  {row.value}"


def check(device: str, names: Sequence[str], folder: Path) -> bool:
    """Make the checks, print table and JSON line; whether all is well."""
    rig = rig_on(device, folder)
    here = facts_of(rig.gpu)
    print(", ".join(f"{name} {value}" for name, value in here.items()), flush=True)
    rows: list[Row] = []
    try:
        for row in rows_of(rig, names):
            rows.append(row)
            print(line_of(row), flush=True)
    finally:
        rig.executor.close()
    failed: list[JsonValue] = [row.name for row in rows if not row.is_ok]
    numbers = {key: value for row in rows for key, value in row.facts.items()}
    print(json.dumps({**here, **numbers, "failed": failed}))
    return not failed


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, in the order given")
    given = parser.parse_args(arguments)
    names = given.only.split(",")
    if unknown := [name for name in names if name not in SECTIONS]:
        parser.error(f"--only: got {', '.join(unknown)}; expected some of {', '.join(SECTIONS)}")
    if given.device == "gpu" and not (found := gpus_here()).shown:
        why = f" ({found.problem or found.doubt})" if found.problem or found.doubt else ""
        print(
            f"--device: got gpu; expected an NVIDIA GPU, and there is none{why}. Use --device cpu.",
            file=sys.stderr,
        )
        return 2
    with tempfile.TemporaryDirectory() as folder:
        return 0 if check(given.device, names, Path(folder)) else 1


if __name__ == "__main__":
    sys.exit(main())
