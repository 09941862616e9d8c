"""A Ray of a head and two nodes on loopback, with token authentication: `with running_ray() as ray`.

Each node is a raylet of its own with two cores and two GPUs that are none; the head has no cores, so that
nothing but the head is lost with it. Everything that Ray writes is in a folder of its own.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.cluster.packages import why_no_module
from tests.cluster.processes import Part, free_ports, last_words
from tests.faults.harness import wait_for

NODES = ("n1", "n2")
UP_S = 120.0
JOINED = "Ray runtime started"
RAYLET = "raylet/raylet"
MEMORY = f"--object-store-memory={80 * 2**20}"


def why_no_ray() -> str:
    """In a line, what Ray lacks here; empty where it can be started."""
    return why_no_module("ray", "ray")


class Ray:
    """A Ray that runs, whose nodes and head can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self._port,) = free_ports(1)
        (folder / "token").touch(0o600)
        (folder / "token").write_text(secrets.token_hex(32))
        place = [f"--port={self._port}", f"--temp-dir={folder}/rt", "--include-dashboard=false"]
        join = [f"--address={self.address}", "--num-cpus=2", "--num-gpus=2"]
        self.head = self._part("head", "--head", *place, "--num-cpus=0")
        self.nodes = {node: self._part(node, *join) for node in NODES}

    @property
    def address(self) -> str:
        """As `ray.init` takes it."""
        return f"127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """What somebody who uses this Ray needs."""
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.folder / "token")}
        quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        kept = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        return {**kept, **token, **quiet}

    def stop(self) -> None:
        """Everything at once."""
        for part in (*self.nodes.values(), self.head):
            part.kill()

    def kill_node(self, node: str) -> None:
        """As when its power fails: the raylet and all that it started."""
        self.nodes[node].kill()

    def start_node(self, node: str) -> None:
        """A node of that name; for Ray, another one."""
        self._begin(self.nodes[node])

    def kill_raylet(self, node: str) -> None:
        """Ray's own server of a node and nothing else; what it started is Ray's to end."""
        self.nodes[node].kill_one(RAYLET)

    def kill_head(self) -> None:
        """As when the head's power fails; what it knew of actors goes with it."""
        self.head.kill()

    def heal(self, is_used: bool = False) -> None:
        """As at the beginning: head and both nodes there, and all that they have free unless it `is_used`."""
        if not self.head.pids(RAYLET):
            self.stop()
            self._begin(self.head)
        for node in self.nodes.values():
            if not node.pids(RAYLET):
                self._begin(node)
        free = (
            "pass"
            if is_used
            else "assert all(ray.available_resources().get(kind) == 4 for kind in ('CPU', 'GPU'))"
        )
        wait_for(lambda: self._asks(free), UP_S, self.words)

    def words(self) -> str:
        """The end of what its parts said."""
        return last_words([self.head, *self.nodes.values()])

    def _begin(self, part: Part) -> None:
        """One after the other: of two that join at once, Ray may take one for the other."""
        n_before = part.log.read_text().count(JOINED) if part.log.exists() else 0
        part.start()
        wait_for(lambda: part.log.read_text().count(JOINED) > n_before, UP_S, self.words)

    def _asks(self, statement: str) -> bool:
        """Whether a driver of this Ray runs `statement` without an error."""
        connect = f"import ray; ray.init({self.address!r}, logging_level='ERROR', log_to_driver=False)"
        with (self.folder / "asked.log").open("w") as words, suppress(subprocess.TimeoutExpired):
            command = [sys.executable, "-c", f"{connect}; {statement}"]
            done = subprocess.run(command, env=self.environment, stdout=words, stderr=words, timeout=60)
            return done.returncode == 0
        return False

    def _part(self, name: str, *options: str) -> Part:
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--node-ip-address=127.0.0.1"]
        environment = {**self.environment, "SWEEPER_NODE": name}
        return Part(name, [*ray, *options, MEMORY, "--disable-usage-stats"], environment, self.folder)


@contextmanager
def running_ray() -> Iterator[Ray]:
    """A Ray for as long as this lasts."""
    with TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        ray = Ray(Path(folder))
        try:
            ray.heal()
            yield ray
        finally:
            ray.stop()


def main() -> int:
    """Until the end of standard input, with what its users need on the first lines."""
    if problem := why_no_ray():
        print(problem, file=sys.stderr)
        return 1
    with running_ray() as ray:
        ours = {name: value for name, value in ray.environment.items() if name.startswith("RAY_")}
        print(*(f"export {name}={value}" for name, value in ours.items()), sep="\n")
        print(f"# executor.address={ray.address}", flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
