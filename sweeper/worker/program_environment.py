"""The environment of a program: the one that the user gave this study, and what names the run."""

import os
from collections.abc import Mapping
from pathlib import Path

from sweeper.client import CHANNEL, MARK
from sweeper.program_spec import ProgramSpec

OWN_PATH = "SWEEPER_PYTHONPATH"
"""The environment variable in which a worker finds the `PYTHONPATH` of who started the study."""
FAULTS = "PYTHONFAULTHANDLER"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def program_environment(
    spec: ProgramSpec,
    folder: str,
    channel: Path,
    n_threads: int | None,
    own: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """The whole environment.

    A worker's own `PYTHONPATH` is no business of a program that may run in another Python; the folder of the
    channel comes last in it, for programs in whose environment there is no `sweeper` to import. Libraries
    take as many threads as the slot has, and Python tells where it was at a segmentation fault, unless the
    user says otherwise.
    """
    known = {name: value for name, value in own.items() if name != OWN_PATH}
    path = spec.environment.get("PYTHONPATH", own.get(OWN_PATH, own.get("PYTHONPATH", "")))
    threads = {} if n_threads is None else dict.fromkeys(THREADS, str(n_threads))
    return {
        FAULTS: "1",
        **threads,
        **known,
        **spec.environment,
        "PYTHONPATH": os.pathsep.join(filter(None, [path, str(channel.parent)])),
        CHANNEL: str(channel),
        MARK: folder,
    }
