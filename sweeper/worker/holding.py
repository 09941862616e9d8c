"""A run's folder belongs to one worker at a time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from sweeper.errors import FolderHeldError
from sweeper.layout import RunFolder
from sweeper.locks import file_lock

FOLDER_PATIENCE_S = 20.0
"""A worker whose parent died leaves within ten seconds; so long it is waited for."""


@contextmanager
def run_folder_held(folder: RunFolder) -> Iterator[int]:
    """Within, no other worker writes there. Raises FolderHeldError where a late one will not leave.

    The descriptor of the lock: a process that inherits it holds the folder for as long as it lives.
    """
    with ExitStack() as stack:
        try:
            descriptor = stack.enter_context(file_lock(folder.lock, FOLDER_PATIENCE_S))
        except TimeoutError as error:
            reason = "a worker of an earlier attempt still holds the run's folder"
            raise FolderHeldError(reason, advice=f"Find it with: fuser {folder.lock}") from error
        yield descriptor
