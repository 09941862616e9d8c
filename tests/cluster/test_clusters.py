"""The throw-away clusters themselves: what a test does to them is over when the next one begins."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.keeper import below
from tests.cluster.packages import why_not
from tests.cluster.processes import Part
from tests.cluster.ray import Ray
from tests.cluster.slurm import Slurm
from tests.faults.harness import wait_for

ORPHAN = "import subprocess, sys; subprocess.Popen(['sleep', '300'], start_new_session=True)"


def part(folder: Path) -> Part:
    """One whose only process leaves at once, and leaves another one behind."""
    return Part("part", [sys.executable, "-c", ORPHAN], os.environ, folder)


def test_a_part_is_killed_with_what_its_dead_processes_have_left(tmp_path: Path) -> None:
    orphaned = part(tmp_path)
    orphaned.start()
    wait_for(lambda: orphaned.pids("sleep") and not orphaned.pids("python"), 10.0)
    (pid,) = orphaned.pids()
    orphaned.kill()
    assert not Path(f"/proc/{pid}").exists()


def test_a_part_that_has_just_been_started_can_be_killed(tmp_path: Path) -> None:
    restless = part(tmp_path)
    for _ in range(5):
        restless.start()
        restless.kill()
        assert restless.pids() == []


def test_a_part_does_not_outlive_whoever_started_it(tmp_path: Path) -> None:
    script = (
        "import os, sys, time; from pathlib import Path; from tests.cluster.processes import Part\n"
        "part = Part('part', ['sleep', '301'], os.environ, Path(sys.argv[1])); part.start()\n"
        "while not part.pids('sleep'): time.sleep(0.05)\n"
        "print(*part.pids(), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        (pid,) = map(int, owner.stdout.readline().split())
        assert pid in below(owner.pid)
        owner.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists(), 10.0)


def test_what_is_missing_is_named_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWEEPER_CLUSTER_INSTALL", raising=False)
    assert why_not(("sh",), ("dash",)) == ""
    assert why_not(("sh", "no-such-program"), ("some-package",)) == (
        "no-such-program not found; apt-get install -y --no-install-recommends some-package "
        "(make cluster-test does so with SWEEPER_CLUSTER_INSTALL=1, as root)"
    )


@pytest.mark.cluster
def test_a_node_of_slurm_dies_with_its_jobs_and_comes_back(slurm: Slurm) -> None:
    slurm.run("sbatch", "--nodelist=n1", "--output=/dev/null", "--wrap=sleep 302")
    wait_for(lambda: slurm.nodes["n1"].pids("sleep 302"), 20.0)
    slurm.kill_node("n1")
    assert slurm.nodes["n1"].pids() == []
    slurm.heal()
    assert (slurm.queue(), slurm.states()) == ([], {"n1": "idle", "n2": "idle"})


@pytest.mark.slow
@pytest.mark.cluster
def test_a_job_of_the_high_partition_takes_the_place_of_a_low_one(slurm: Slurm) -> None:
    slurm.run("sbatch", "--nodelist=n1", "--requeue", "--output=/dev/null", "--wrap=sleep 303")
    wait_for(lambda: slurm.nodes["n1"].pids("sleep 303"), 20.0)
    job = slurm.preempt("n1")
    wait_for(lambda: f"{job} RUNNING n1" in slurm.queue(), 40.0, lambda: str(slurm.queue()))
    assert [line for line in slurm.queue() if "PENDING" in line]


@pytest.mark.cluster
def test_a_dead_node_of_ray_is_replaced(ray: Ray) -> None:
    ray.kill_node("n2")
    assert ray.nodes["n2"].pids() == []
    ray.heal()
    assert ray.nodes["n2"].pids("raylet/raylet")
