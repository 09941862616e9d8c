"""From configuration to executor."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.executors.base import Executor
from sweeper.executors.devices import Arrangement
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.schema import ByHand, Inline, Local, Ray, Slurm

AGENTS_PER_S = 50
"""So many of those that an engine starts dial a study within a second."""


@dataclass(frozen=True)
class Workplace:
    """What agents know of a study: its name, its `folder`, and the task's `target`, None for a program.

    `n_expected`: so many runs will start soon.
    """

    study: str
    folder: Path
    target: str | None
    n_expected: int = 0


def make_executor(
    config: Inline | Local | ByHand | Ray | Slurm, arrangement: Arrangement, workplace: Workplace
) -> Executor:
    """The configured executor on the places that it has been given. Raises UserError where there is none."""
    if isinstance(config, Inline):
        return InlineExecutor(arrangement.slots[0])
    if isinstance(config, ByHand | Ray | Slurm):
        return _with_agents(config, workplace)
    return LocalExecutor(
        arrangement.placements,
        None if workplace.target is None else "task",  # a program brings its own imports
        workplace.n_expected,
        job_timeout_s=config.job_timeout_s,
        silence_s=config.silence_s,
    )


def _with_agents(config: ByHand | Ray | Slurm, workplace: Workplace) -> Executor:
    from sweeper.executors.launching import agent_call, agents_of
    from sweeper.executors.remote import RemoteExecutor  # and asyncio, which others do without

    executor = RemoteExecutor(config, workplace.folder, workplace.target)
    try:
        call = agent_call(
            config,
            study=workplace.study,
            address=executor.address,
            token_file=executor.token_file,
            folder=executor.token_file.parent,
            options=_staggered(config.agents),
        )
        executor.launched_by(agents_of(config, call))
    except BaseException:
        executor.abandon()
        raise
    return executor


def _staggered(n_agents: int) -> tuple[str, ...]:
    """Many agents that an engine starts at the same moment do not dial at the same moment."""
    return ("--stagger", f"{n_agents / AGENTS_PER_S:g}") if n_agents > AGENTS_PER_S else ()
