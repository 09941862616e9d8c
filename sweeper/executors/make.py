"""From configuration to executor."""

from sweeper.devices import arrange
from sweeper.executors.base import Executor
from sweeper.executors.inline import InlineExecutor
from sweeper.executors.local import LocalExecutor
from sweeper.schema import Inline, Local


def make_executor(config: Inline | Local) -> tuple[Executor, tuple[str, ...]]:
    """The configured executor, and what to say about the devices that it found.

    Raises UserError where a device that is named is not there.
    """
    arrangement = arrange(config)
    if isinstance(config, Inline):
        return InlineExecutor(arrangement.slots[0]), arrangement.warnings
    executor = LocalExecutor(
        arrangement.placements, job_timeout_s=config.job_timeout_s, silence_s=config.silence_s
    )
    return executor, arrangement.warnings
