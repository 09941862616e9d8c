"""From configuration to executor."""

from sweeper.executors.base import Executor
from sweeper.executors.devices import Arrangement, arrange
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.schema import Inline, Local


def make_executor(config: Inline | Local) -> tuple[Executor, Arrangement]:
    """The configured executor, and the places that it has, with what is to be said about them.

    Raises UserError where a device that is named is not there.
    """
    arrangement = arrange(config)
    if isinstance(config, Inline):
        return InlineExecutor(arrangement.slots[0]), arrangement
    executor = LocalExecutor(
        arrangement.placements, job_timeout_s=config.job_timeout_s, silence_s=config.silence_s
    )
    return executor, arrangement
