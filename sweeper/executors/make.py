"""From configuration to executor."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.executors.base import Executor
from sweeper.executors.devices import Arrangement
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.schema import Inline, Local, Remote


@dataclass(frozen=True)
class Workplace:
    """What agents share with the study: its `folder`, and the task's `target`, None for a program."""

    folder: Path
    target: str | None


def make_executor(
    config: Inline | Local | Remote, arrangement: Arrangement, workplace: Workplace
) -> Executor:
    """The configured executor on the places that it has been given. Raises UserError where there is none."""
    if isinstance(config, Inline):
        return InlineExecutor(arrangement.slots[0])
    if isinstance(config, Remote):
        from sweeper.executors.remote import RemoteExecutor  # and asyncio, which others do without

        return RemoteExecutor(config, workplace.folder, workplace.target)
    return LocalExecutor(
        arrangement.placements, job_timeout_s=config.job_timeout_s, silence_s=config.silence_s
    )
