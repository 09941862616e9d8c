"""From configuration to executor."""

from sweeper.executors.base import Executor
from sweeper.executors.devices import Arrangement
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.schema import Inline, Local, Remote


def make_executor(config: Inline | Local | Remote, arrangement: Arrangement) -> Executor:
    """The configured executor on the places that it has been given."""
    if isinstance(config, Inline):
        return InlineExecutor(arrangement.slots[0])
    if isinstance(config, Remote):
        raise NotImplementedError
    return LocalExecutor(
        arrangement.placements, job_timeout_s=config.job_timeout_s, silence_s=config.silence_s
    )
