"""A study's agents as actors of a Ray cluster; `import ray` is the library's.

An actor keeps one agent as its child, which hears its standard input end when the actor is gone, however that
happens. Actors belong to this process and go with it; none is detached, none stays.
"""

import logging
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sweeper.agent import VISIBLE
from sweeper.errors import Fault, UserError, in_a_line
from sweeper.executors.agent_call import TOKEN, AgentCall
from sweeper.executors.replacing import Replacing
from sweeper.executors.waiting import Waiting
from sweeper.wording import duration, number, plural
from sweeper.worker import ending

LEAVE_S = 15.0
"""How long agents may take to leave by themselves, once the study is over."""
ASK_S = 1.0
CONNECT_S = 10.0
EXTRA = 'pip install "sweeper[ray]"'


@dataclass
class _Agent:
    """One actor: `end` becomes its agent's end, `place` is there once the actor has one."""

    index: int
    actor: Any
    end: Any
    place: Any
    since: float = field(default_factory=time.monotonic)


class RayAgents:
    """Follows `launcher.Launching`."""

    def __init__(self, call: AgentCall) -> None:
        self._call = call
        self._agents: list[_Agent] = []
        self._due: list[tuple[float, int]] = []
        self._replacing, self._waiting = Replacing(), Waiting(call.wait_s)
        self._told_of: set[str] = set()

    @property
    def jobs(self) -> Sequence[str]:
        """None: actors do not outlive this process."""
        return ()

    def launch(self) -> None:
        """Connect to the cluster and ask for all actors; they come as it has room for them."""
        self._ray = _connected(self._call.cluster)
        self._start = _starter(self._ray, self._call)
        for index in range(self._call.n_agents):
            self._add(index)

    def look(self) -> list[str]:
        """Which agents have ended and how, and what those that have no place ask for."""
        ended, _ = self._ready([agent.end for agent in self._agents], timeout_s=0.0)
        over = [agent for agent in self._agents if agent.end in ended]
        said = [line for agent in over for line in self._told_end(agent)]
        for agent in over:
            self._agents.remove(agent)
            self._ray.kill(agent.actor)
        now = time.monotonic()
        for index in [index for at, index in self._due if at <= now]:
            self._add(index)
        self._due = [(at, index) for at, index in self._due if at > now]
        return said + self._waiting.told(now, self._waited_for())

    def cancel(self) -> None:
        """Agents leave by themselves when the study is over; what is left is ended with its actor."""
        ends = [agent.end for agent in self._agents if agent.place in self._ready(self._places())[0]]
        if ends:
            self._ray.wait(ends, num_returns=len(ends), timeout=LEAVE_S)
        for agent in self._agents:
            self._ray.kill(agent.actor)
        self._ray.shutdown()

    def _add(self, index: int) -> None:
        actor = self._start(index)
        self._agents.append(_Agent(index, actor, actor.keep.remote(), actor.place.remote()))

    def _places(self) -> list[Any]:
        return [agent.place for agent in self._agents]

    def _ready(self, references: list[Any], timeout_s: float = ASK_S) -> tuple[list[Any], list[Any]]:
        if not references:
            return [], []
        ready, others = self._ray.wait(references, num_returns=len(references), timeout=timeout_s)
        return ready, others

    def _waited_for(self) -> str:
        has_place, without = self._ready(self._places())
        self._ask_again(has_place)
        if not without:
            return ""
        each = _in_words({"CPU": self._call.n_threads, "GPU": self._call.gpus})
        has, free = self._ray.cluster_resources(), self._ray.available_resources()
        asked = f"{len(has_place)} of {plural(self._call.n_agents, 'agent')} have a place"
        rest = f"the cluster has {_in_words(has)}, of which {_in_words(free)} are free"
        return f"{asked}; each asks for {each}; {rest}"

    def _ask_again(self, answered: list[Any]) -> None:
        """An actor that had a place may have lost it with its node."""
        for agent in self._agents:
            if agent.place in answered:
                agent.place = agent.actor.place.remote()

    def _told_end(self, agent: _Agent) -> list[str]:
        age_s = time.monotonic() - agent.since
        try:
            code, words = self._ray.get(agent.end)
            how = ending(code, words, who=f"agent {agent.index}")
        except Exception as error:  # the actor itself is gone, and Ray does not bring it back
            code, how = 1, f"agent {agent.index}: {in_a_line(error)}"
        delay_s = self._replacing.delay_s(str(agent.index), age_s, is_killed=code <= 0)
        if delay_s is None:
            then = "no other is started in its place"
        else:
            then = "another one is started"
            self._due.append((time.monotonic() + delay_s, agent.index))
        kind = how.replace(str(agent.index), "#") + then
        is_news = kind not in self._told_of
        self._told_of.add(kind)
        return [f"{how}, after {duration(age_s)}; {then}"] if is_news else []


def _connected(address: str) -> Any:
    """The library, connected to that cluster. Raises UserError with Ray's own words."""
    if find_spec("ray") is None:
        raise UserError(Fault("executor", "got ray; the package ray is not installed", f"Use {EXTRA}."))
    import ray

    _refuse_silent(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        advice = "Start the study where this cluster can be reached, with its versions of Ray and Python."
        problem = f"got '{address}'; Ray says: {in_a_line(error)}"
        raise UserError(Fault("executor.address", problem, advice)) from error
    return ray


def _refuse_silent(address: str) -> None:
    """Raises UserError where nobody is at `host:port`, which Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        problem = f"got '{address}', where no Ray answers ({getattr(error, 'strerror', None) or error})"
        raise UserError(Fault("executor.address", problem, "Is its head there, and its port?")) from error


def _starter(ray: Any, call: AgentCall) -> Callable[[int], Any]:
    """Asks for the actor of agent `index`. It comes back on another node when its own is lost."""
    options = {"num_cpus": call.n_threads, "num_gpus": call.gpus, "max_restarts": -1, "max_task_retries": -1}
    keeper = ray.remote(_keeper()).options(**options, max_concurrency=2)
    token = Path(call.token_file).read_text().strip()
    unseen = {} if call.gpus else {VISIBLE: ""}
    environment = {**call.environment, **unseen, TOKEN: token, "SWEEPER_ENGINE": "Ray"}

    def start(index: int) -> Any:
        log = os.path.join(call.folder, f"agent-{index}.log")
        return keeper.remote((*call.command, "--lifeline"), call.cwd, environment, log)

    return start


def _keeper() -> type:
    """The actor's class, made here so that Ray hands it over as it is: nodes need not have this module."""

    class AgentKeeper:
        """Keeps one agent as a child."""

        def __init__(self, command: Sequence[str], cwd: str, environment: dict[str, str], log: str) -> None:
            self._command, self._cwd, self._log = command, cwd, log
            self._environment = environment

        def place(self) -> str:
            """Where this actor is."""
            import socket

            return socket.gethostname()

        def keep(self) -> tuple[int, str]:
            """Start the agent and wait for its end: its exit code and last words."""
            import os
            import subprocess
            import tempfile

            try:
                os.makedirs(os.path.dirname(self._log), exist_ok=True)
                words = open(self._log, "ab+")  # noqa: SIM115
            except OSError:  # no shared folder here
                words = tempfile.TemporaryFile()  # noqa: SIM115
            with words:
                child = subprocess.Popen(
                    self._command,
                    cwd=self._cwd if os.path.isdir(self._cwd) else None,
                    env={**os.environ, **self._environment},
                    stdin=subprocess.PIPE,
                    stdout=words,
                    stderr=words,
                    start_new_session=True,
                )
                code = child.wait()
                words.seek(max(0, words.seek(0, os.SEEK_END) - 2000))
                return code, words.read().decode(errors="replace")

    return AgentKeeper


def _in_words(resources: dict[str, float]) -> str:
    """`2 CPU, 0.5 GPU`."""
    return ", ".join(f"{number_of(resources.get(kind, 0))} {kind}" for kind in ("CPU", "GPU"))


def number_of(amount: float) -> str:
    """A count, or a fraction."""
    return str(int(amount)) if float(amount).is_integer() else number(amount)
