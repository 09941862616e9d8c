"""A SLURM of two nodes on loopback, in a folder of its own: `with running_slurm() as slurm`.

Controller, both nodes and munge are processes of ours, and everything that they write is in the folder. Each
node has two cores and two GPUs that are none. Jobs of the partition `high` preempt those of `low`, which is
the default: they are signalled, have 10 s, and are queued again.
"""

import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

from tests.cluster.packages import why_not
from tests.cluster.processes import Part, free_ports, last_words
from tests.faults.harness import wait_for

NODES = ("n1", "n2")
UP_S = 60.0
SBIN = "/usr/sbin"
CONF = Template("""\
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge.socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd-%n.pid
SlurmctldPort=$port
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000
SlurmdTimeout=15
SlurmctldTimeout=15
InactiveLimit=0
KillWait=10
MinJobAge=60
JobRequeue=1
GresTypes=gpu
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port_n1 CPUs=2 RealMemory=1000 Gres=gpu:2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$port_n2 CPUs=2 RealMemory=1000 Gres=gpu:2
PartitionName=low Nodes=n1,n2 Default=YES MaxTime=60 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=10
PartitionName=high Nodes=n1,n2 MaxTime=60 State=UP PriorityTier=10 PreemptMode=OFF
""")


def why_no_slurm() -> str:
    """In a line, what SLURM lacks here; empty where it can be started."""
    if os.geteuid() != 0:
        return "a throw-away SLURM needs root"
    return why_not(("slurmctld", "slurmd", "sbatch", "munged"), ("slurm-wlm", "munge"))


class Slurm:
    """A SLURM that runs, whose parts can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        munge = [f"--{file}-file={folder}/munge.{file}" for file in ("key", "pid", "log", "seed")]
        socket_ = f"--socket={folder}/munge.socket"
        self._munge = self._part("munged", f"{SBIN}/munged", "--foreground", "--force", socket_, *munge)
        self._controller = self._part("slurmctld", f"{SBIN}/slurmctld", "-D")
        self.nodes = {node: self._part(node, f"{SBIN}/slurmd", "-D", "-N", node) for node in NODES}

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need to find this one."""
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """All parts; returns when both nodes take jobs."""
        _write_configuration(self.folder)
        self._munge.start()
        wait_for((self.folder / "munge.socket").exists, UP_S, self.words)
        self._controller.start()
        self.heal()

    def stop(self) -> None:
        """Everything at once, jobs included."""
        for part in self._parts():
            part.kill()

    def run(self, *command: str) -> str:
        """What one of SLURM's commands prints; it must succeed."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout.strip()

    def queue(self) -> list[str]:
        """`<job>_<task> <state> <node or reason>` of each that waits, runs or is ending."""
        return self.run("squeue", "-h", "-r", "-o", "%i %T %R").splitlines()

    def jobs(self) -> list[str]:
        """`<job>_<task> <name> <state>` of each."""
        return self.run("squeue", "-h", "-r", "-o", "%i %j %T").splitlines()

    def states(self) -> dict[str, str]:
        """Each node's state, as `idle`, `mixed` or `down*`."""
        return dict(
            line.split() for line in self.run("sinfo", "-h", "-N", "-p", "low", "-o", "%N %T").splitlines()
        )

    def kill_node(self, node: str) -> None:
        """As when its power fails: the node's server and all that it runs, at once."""
        self.nodes[node].kill()

    def preempt(self, node: str, seconds: int = 600) -> str:
        """A job of higher priority that wants the whole node; its number."""
        options = ["--partition=high", f"--nodelist={node}", "--cpus-per-task=2", "--output=/dev/null"]
        return self.run("sbatch", "--parsable", *options, f"--wrap=sleep {seconds}")

    def cancel_all(self, timeout_s: float = 40.0) -> None:
        """Leaves the queue empty, without waiting for what runs to end in order."""
        self.run("scancel", "--user=root", "--full", "--signal=KILL")
        self.run("scancel", "--user=root")
        wait_for(lambda: not self.queue(), timeout_s, lambda: f"still there: {self.queue()}")

    def heal(self) -> None:
        """As at the beginning: no jobs, both nodes idle."""
        for node in self.nodes.values():
            if not node.pids("slurmd"):
                node.start()
        wait_for(self._answers, UP_S, self.words)
        self.cancel_all()
        wait_for(self._is_idle, UP_S, lambda: f"{self.states()} {self.words()}")

    def words(self) -> str:
        """The end of what its parts said."""
        return last_words(self._parts())

    def _parts(self) -> list[Part]:
        return [*self.nodes.values(), self._controller, self._munge]

    def _answers(self) -> bool:
        with suppress(AssertionError):
            return set(self.states()) == set(NODES)
        return False

    def _is_idle(self) -> bool:
        states = self.states()
        for node, state in states.items():
            if state.startswith(("down", "drain")):
                with suppress(AssertionError):  # a node that has just registered has nothing to resume
                    self.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return set(states.values()) == {"idle"}

    def _part(self, name: str, *command: str) -> Part:
        return Part(name, command, self.environment, self.folder)


@contextmanager
def running_slurm() -> Iterator[Slurm]:
    """A SLURM for as long as this lasts."""
    with TemporaryDirectory(prefix="slurm-") as folder:
        slurm = Slurm(Path(folder))
        try:
            slurm.start()
            yield slurm
        finally:
            slurm.stop()


def _write_configuration(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "state").mkdir()
    for node in NODES:
        (folder / f"spool-{node}").mkdir()
    (folder / "munge.key").touch(0o600)
    (folder / "munge.key").write_bytes(secrets.token_bytes(128))
    for number in range(2):  # a GPU has to be a device of characters
        os.mknod(folder / f"gpu{number}", 0o600 | 0o020000, os.makedev(1, 3))
    ports = dict(zip(("port", "port_n1", "port_n2"), free_ports(3), strict=True))
    host = socket.gethostname().partition(".")[0]
    (folder / "slurm.conf").write_text(CONF.substitute(folder=folder, host=host, **ports))
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    gpus = [f"NodeName={node} Name=gpu File={folder}/gpu[0-1]\n" for node in NODES]
    (folder / "gres.conf").write_text("".join(gpus))


def main() -> int:
    """Until the end of standard input, with the environment that its commands need on the first line."""
    if problem := why_no_slurm():
        print(problem, file=sys.stderr)
        return 1
    with running_slurm() as slurm:
        print(f"export SLURM_CONF={slurm.folder / 'slurm.conf'}", flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
