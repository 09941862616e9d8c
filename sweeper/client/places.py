"""Where in somebody's own code an exception comes from."""

import os


def place_of(error: BaseException) -> str:
    """`my_task.py:12`: the last line of one's own code that led to the error; empty where there is none."""
    import traceback  # what an app that never fails need not wait for

    others = others_code()
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith(("<", *others))]
    return f"{os.path.basename(own[-1].filename)}:{own[-1].lineno}" if own else ""


def others_code() -> tuple[str, ...]:
    """Where the code of Python, of installed packages and of this program lies."""
    import sysconfig

    places = [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    ways = (*places, ours)
    return tuple(f"{path}{os.sep}" for given in ways for path in (given, os.path.realpath(given)))
