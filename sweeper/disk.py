"""Whether an error says that a disk is full. Without any library, since workers ask too."""

import errno

FULL = {errno.ENOSPC, errno.EDQUOT}


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the user's share of it, has no space left."""
    said = "disk is full" in str(error)  # SQLite has no error number for it
    return said or (isinstance(error, OSError) and error.errno in FULL)
