"""One configuration without `-m`, in a real process."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.worker.checkpoint import read_checkpoint

SMALL = (
    *("data.n_train=2000", "data.n_val=500", "data.n_test=500", "data.n_users=100", "data.n_items=100"),
    *("trainer.max_steps=2", "trainer.eval_every=2", "trainer.batch_size=256", "aux_focal.warmup_steps=1"),
)
ROOT = Path(__file__).parents[3]
WATCHED = """
import os, runpy, sys
from importlib.abc import MetaPathFinder

class Watch(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            print("torch finds", os.environ["OMP_NUM_THREADS"], repr(os.environ["CUDA_VISIBLE_DEVICES"]))
            sys.meta_path.remove(self)

sys.meta_path.insert(0, Watch())
runpy.run_module("sweeper", run_name="__main__")
"""


def test_one_run_trains_as_a_run_of_a_study_would_with_its_environment_there_before_torch(
    tmp_path: Path,
) -> None:
    """On the CPU, with three threads as the executor's slots have, whatever the user's environment says."""
    command = [sys.executable, "-c", WATCHED, *SMALL, "executor.devices=cpu", "executor.n_threads=3"]
    environment = {
        "PYTHONPATH": f"{ROOT}:{ROOT}/tasks",
        "PATH": "",
        "OMP_NUM_THREADS": "7",
    }
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [line for line in done.stdout.splitlines() if not line.startswith("warning: ")]
    assert told[0].startswith("data  ")  # what the splits hold
    assert next(line for line in told if line.startswith("torch")) == "torch finds 3 ''"
    assert "steps on cpu" in done.stdout
    [job] = tmp_path.rglob("job.json")
    assert json.loads(job.read_text())["needs"] == {"device": "cpu", "n_threads": 3, "is_alone": False}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_has_a_run_write_a_checkpoint_from_which_the_same_command_goes_on_bitwise(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    """Between two evaluations, of which the run would otherwise lose all steps."""
    words = (*SMALL, "trainer.max_steps=600", "trainer.eval_every=500", "executor.devices=cpu")
    command = [sys.executable, "-m", "sweeper", *words, "executor.n_threads=1"]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT}/tasks", "PATH": "", "PYTHONUNBUFFERED": "1"}
    for folder in ("whole", "told"):
        (tmp_path / folder).mkdir()
    subprocess.run(command, cwd=tmp_path / "whole", env=environment, check=True, capture_output=True)
    there: dict[str, Any] = {"cwd": tmp_path / "told", "env": environment, "text": True}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **there) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "600 steps on cpu" in line)
        process.send_signal(number)
        said = process.stdout.read()
    assert process.returncode == code, said
    assert "writes a checkpoint after this step" in said
    step = re.search(r"stopped at step (\d+), with a checkpoint; the same command goes on from there", said)
    assert step is not None, said
    assert "nothing was lost" not in said
    done = subprocess.run(command, capture_output=True, check=True, **there)
    assert f"resumed from the checkpoint of step {step[1]}" in done.stdout
    one, other = (
        read_checkpoint(next((tmp_path / folder).rglob("best.pt")))["model"] for folder in ("whole", "told")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
