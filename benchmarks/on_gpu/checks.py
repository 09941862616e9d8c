"""What works on the device and how fast; each check is a function of the rig that gives rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pydantic import JsonValue

from benchmarks.on_gpu.jobs import ballast_config
from benchmarks.on_gpu.rig import CheckError, Rig, Story, import_path, steps_together, write_job
from benchmarks.on_gpu.rows import Row, Rows
from benchmarks.on_gpu.weights import largest_difference, weights
from sweeper.agent import gpus_here
from sweeper.messages import Stopped
from sweeper.wording import plural

SHORT_STEPS = 10
NEARLY = 1e-3
"""Two runs of one job whose weights differ by more have not learnt the same."""
TORCH_SEES = """
import json, torch
gpus = [str(torch.cuda.get_device_properties(n).uuid) for n in range(torch.cuda.device_count())]
print(json.dumps({"gpus": gpus, "torch": str(torch.__version__), "cuda": torch.version.cuda}))
"""


def imports(rig: Rig) -> Rows:
    """An executor, a worker and a job in a process that can import nothing of the command line."""
    path = write_job(rig.folder / "confined.json", rig.job("confined", rig.esmm(steps=SHORT_STEPS)))
    found = json.loads(_python("-m", "benchmarks.on_gpu.confined", str(path)).splitlines()[-1])
    kind = found["last"]["kind"]
    yield Row("a job without the command line's libraries", kind, kind == "finished")
    executor: list[JsonValue] = found["executor"]
    yield Row("an executor imports", ", ".join(map(str, executor)), "torch" not in executor)
    worker = sorted(set(found["job"]) - set(found["executor"]))
    yield Row("a worker imports beside it", ", ".join(worker), facts={"imports": found["job"]})


def starts(rig: Rig) -> Rows:
    """The same short job in a new process and in one that is warm."""
    short = rig.esmm(steps=SHORT_STEPS)
    cold, warm = (rig.run(rig.job(name, short))[0].finished() for name in ("cold", "warm"))
    ratio = cold.seconds / warm.seconds
    facts = {
        "cold_s": round(cold.seconds, 3),
        "warm_s": round(warm.seconds, 4),
        "cold_over_warm": round(ratio, 1),
    }
    yield Row(f"a job of {SHORT_STEPS} steps, new worker", f"{cold.seconds:.2f} s")
    value = f"{warm.seconds:.3f} s, {ratio:.0f} times less"
    yield Row(f"a job of {SHORT_STEPS} steps, warm worker", value, ratio > 2, facts)


def discovery(rig: Rig) -> Rows:
    """What NVML finds, what torch finds, and what a worker sees of it."""
    if rig.gpu is not None:
        by_nvml = sorted(gpu.uuid.removeprefix("GPU-") for gpu in gpus_here().shown)
        torch = json.loads(_python("-c", TORCH_SEES))
        is_same = by_nvml == sorted(torch["gpus"])
        counts = f"NVML {len(by_nvml)}, torch {len(torch['gpus'])}"
        facts = {"n_gpus": len(by_nvml), "torch": torch["torch"], "cuda": torch["cuda"]}
        yield Row("GPUs found", f"{counts}, UUIDs {'equal' if is_same else 'differ'}", is_same, facts)
    story = rig.run(rig.job("sees", ballast_config()))[0].finished()
    seen = story.witness["gpus"]
    expected = [] if rig.gpu is None else [rig.gpu.uuid.removeprefix("GPU-")]
    yield Row("a worker sees", f"{len(seen)} GPUs: {', '.join(seen) or 'none'}", seen == expected)


def speed(rig: Rig) -> Rows:
    """1, 2 and more jobs at a time on one device."""
    alone = 0.0
    for n in rig.sizes.n_slots:
        _all_warm(rig, n)
        stories = rig.run(*(rig.job(f"speed-{n}-{i}", rig.esmm()) for i in range(n)))
        together = steps_together(stories)
        alone = alone or together
        each = [story.steps_per_s for story in stories]
        value = f"{together:.0f} steps/s together ({together / alone:.2f} x 1 slot)"
        value += f"; each in training {', '.join(f'{speed:.0f}' for speed in each)}"
        facts: dict[str, JsonValue] = {f"steps_per_s_{n}": round(together, 1)}
        facts[f"steps_per_s_each_{n}"] = [round(speed, 1) for speed in each]
        yield Row(f"ESMM, {plural(n, 'slot')}", value, facts=facts)


def parent(rig: Rig) -> Rows:
    """Workers hold CUDA contexts; their parent, which is this process, must not."""
    has_torch = "torch" in sys.modules
    has_driver = "libcuda.so" in Path("/proc/self/maps").read_text()
    value = f"torch {'IMPORTED' if has_torch else 'not imported'}"
    value += f", libcuda {'LOADED' if has_driver else 'not loaded'}"
    yield Row("no CUDA in the parent", value, not has_torch and not has_driver)
    if rig.gpu is not None:
        pids = _pids_on(rig.gpu.uuid)
        value = f"{len(pids)}, {'and this one' if os.getpid() in pids else 'not this one'}"
        yield Row("processes on the GPU that NVML lists", value, os.getpid() not in pids)


def equality(rig: Rig) -> Rows:
    """The same job in two workers at once; and once more, interrupted halfway."""
    config, half = rig.esmm(), rig.sizes.steps // 2 + 3
    _all_warm(rig, 2)
    first, again = rig.run(rig.job("first", config), rig.job("again", config))
    yield _compared("two runs of one job", "repeated", first.finished(), again.finished())
    rig.run(rig.job("broken", config, stop_at=half))[0].ended(Stopped)
    resumed = rig.run(rig.job("broken", config, attempt=2))[0].finished()
    yield _compared(f"resumed at {resumed.started().resumed_step}, and in one go", "resumed", first, resumed)


def precision(rig: Rig) -> Rows:
    """float32, and mixed precision with bfloat16 and float16."""
    reference = 0.0
    for name in ("fp32", "bf16", "fp16"):
        story = rig.run(rig.job(name, rig.esmm(precision=name)))[0]
        metrics, found = story.result.metrics, story.steps_per_s
        reference = reference or found
        value = f"{found:.0f} steps/s in training ({found / reference:.2f} x fp32)"
        value += f", test ctcvr_auc {metrics['test/ctcvr_auc']:.4f}"
        yield Row(f"precision {name}", value, facts={f"steps_per_s_{name}": round(found, 1)})


def _compared(name: str, key: str, one: Story, other: Story) -> Row:
    difference = largest_difference(weights(one.folder.best), weights(other.folder.best))
    value = "equal bit by bit" if difference == 0 else f"NOT equal; weights differ by up to {difference:.1e}"
    facts: dict[str, JsonValue] = {f"{key}_is_bitwise": difference == 0, f"{key}_difference": str(difference)}
    return Row(name, value, difference <= NEARLY, facts)


def _all_warm(rig: Rig, n_slots: int) -> None:
    """The first slots have a worker with the data of the ESMM jobs."""
    short = rig.esmm(steps=SHORT_STEPS)
    for story in rig.run(*(rig.job(f"warm-up-{i}", short) for i in range(n_slots))):
        story.finished()


def _pids_on(uuid: str) -> tuple[int, ...]:
    """The processes with a context on a GPU."""
    import pynvml

    pynvml.nvmlInit()
    try:
        handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)
        return tuple(process.pid for process in pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
    finally:
        pynvml.nvmlShutdown()


def _python(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], env=import_path(), capture_output=True, text=True)
    if done.returncode != 0:
        raise CheckError((done.stderr.strip().splitlines() or ["no word"])[-1])
    return done.stdout
