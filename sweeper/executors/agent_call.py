"""What a launcher has to know to start agents, and how it words things. Pure, JSON both ways."""

from shlex import quote
from typing import Literal

from pydantic import Field

from sweeper.models import StrictModel, Strings

Engine = Literal["slurm", "ray"]
TOKEN = "SWEEPER_AGENT_TOKEN"
"""The variable that an agent reads its token from, where it is not given a file."""
AGENT = "sweeper.agent"
PER_S, MOST_STAGGER_S = 50, 10.0
"""Agents that are started at once reach the study so many a second, unless there are very many."""


class AgentCall(StrictModel):
    """Which agents are wanted, and how one is started.

    `address`: where they find the study; `token_file`: a file that only its owner can read, with what proves
    that they may; the token itself is in no text that is made of this. `options`: further words for an agent.
    `folder`: where their logs go. `python`, `cwd` and `environment`: the interpreter, the folder and the
    variables with which an agent imports what the study does. `gpus`: of each agent. `wait_s`: what is
    missing for so long is said. `jobs`: those of an earlier launcher of this study, which are looked after
    instead of starting others.
    """

    study: str
    address: str
    token_file: str
    options: Strings = ()
    folder: str
    python: str
    cwd: str
    environment: dict[str, str]
    n_agents: int = Field(ge=1)
    n_threads: int = Field(ge=1)
    gpus: float = Field(default=0.0, ge=0)
    wait_s: float = Field(gt=0)
    sbatch: Strings = ()
    cluster: str = "auto"
    jobs: Strings = ()

    @property
    def command(self) -> tuple[str, ...]:
        """An agent's command line, but for where it gets the token from."""
        stagger = ("--stagger", f"{min(MOST_STAGGER_S, self.n_agents / PER_S):g}")
        return (self.python, "-P", "-m", AGENT, self.address, *stagger, *self.options)

    @property
    def command_with_file(self) -> tuple[str, ...]:
        """An agent's command line."""
        return (*self.command, "--token-file", self.token_file)


class LauncherWord(StrictModel):
    """What a launcher tells the study. `launched`: by which `jobs`; `refused`: why nothing was started."""

    kind: Literal["launched", "refused", "said"]
    text: str = ""
    jobs: Strings = ()
    where: str = ""
    advice: str = ""


def invitation(call: AgentCall) -> list[str]:
    """How somebody starts an agent by hand, in lines; the token stays in its file."""
    agent = [call.python, "-m", AGENT, call.address, *call.options]
    by_file = " ".join(map(quote, [*agent, "--token-file", call.token_file]))
    inside = " ".join(map(quote, ["python", "-m", AGENT, call.address, *call.options]))
    return [
        f"to start an agent, type where it is to run: cd {quote(call.cwd)} && {by_file}",
        f"in a container: {inside}, with {TOKEN} set to what is in {call.token_file}",
    ]
