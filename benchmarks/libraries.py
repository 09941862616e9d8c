"""What a library would cost where we have a few lines of our own: both do the same, side by side.

    python benchmarks/libraries.py

A figure is the processor time of one call, user and system, the best of several rounds, since other work on
the machine only ever adds to it. `same` says that both give equal values. The last rows are what importing a
library costs in a fresh process that has NumPy already.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path[:0] = [str(Path(__file__).resolve().parent.parent / folder) for folder in ("", "tasks")]

from sweeper.worker import Channel, Leave  # noqa: E402

ROUNDS = 7
MAX_BYTES = 2**24
IMPORTED = ("scipy.stats", "sklearn.metrics", "filelock", "multiprocessing.connection", "nh3")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """Seconds of one call; `same`: whether both gave the same."""

    what: str
    own_s: float
    library_s: float
    same: bool


def ranks_and_areas() -> Iterator[Row]:
    """The area under the ROC curve, average precision."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    from sweeper.task import Ranking

    def auc(scores: Floats, labels: Floats) -> float:
        return Ranking(scores, labels).auc() or 0.0

    def average_precision(scores: Floats, labels: Floats) -> float:
        return Ranking(scores, labels).average_precision() or 0.0

    rng = np.random.default_rng(0)
    areas = {"AUC": (auc, roc_auc_score), "average precision": (average_precision, average_precision_score)}
    for n in (2_000, 20_000, 100_000):
        scores, labels = rng.standard_normal(n), (rng.random(n) < 0.03).astype(np.float64)
        for what, (own, theirs) in areas.items():
            same = abs(own(scores, labels) - theirs(labels, scores)) < 1e-12
            yield compared(
                f"{what}, {n:,}", partial(own, scores, labels), partial(theirs, labels, scores), same
            )


def locks(folder: Path) -> Iterator[Row]:
    """Taking and leaving a lock that nobody else wants."""
    from filelock import FileLock

    from sweeper.locks import file_lock

    def own() -> None:
        with file_lock(folder / "own", 1.0):
            pass

    def library() -> None:
        with FileLock(folder / "library", timeout=1.0):
            pass

    yield compared("file lock", own, library, same=True, n=500)


def frames() -> Iterator[Row]:
    """One frame from one end of a pair of sockets to the other: a report's size, and a large job's."""
    for n_bytes in (300, 20_000):
        one, other = (Channel(end) for end in socket.socketpair())
        raw_one, raw_other = (Connection(os.dup(end.fileno())) for end in socket.socketpair())
        frame = Leave(job_id="j" * n_bytes)

        own, library = partial(_through_ours, one, other, frame), partial(_through, raw_one, raw_other, frame)
        yield compared(f"frame of {n_bytes:,} bytes", own, library, same=True, n=1000)
        for end in (one, other, raw_one, raw_other):
            end.close()


def _through_ours(one: Channel, other: Channel, frame: Leave) -> None:
    one.send(frame)
    other.receive()


def _through(one: Connection, other: Connection, frame: Leave) -> None:
    one.send_bytes(frame.model_dump_json(by_alias=True).encode())
    other.recv_bytes(MAX_BYTES)


def compared(
    what: str, own: Callable[[], object], library: Callable[[], object], same: bool, n: int = 3
) -> Row:
    """The row of two calls, each repeated `n` times a round; rounds take turns."""
    rounds = [(_seconds(own, n), _seconds(library, n)) for _ in range(ROUNDS)]
    return Row(what, min(first for first, _ in rounds), min(second for _, second in rounds), same)


def import_s(module: str) -> float:
    """Processor time of importing a module."""
    code = f"import numpy, time; t = time.process_time(); import {module}; print(time.process_time() - t)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
        for _ in range(3)
    )


def _seconds(call: Callable[[], object], n: int) -> float:
    began = time.process_time()
    for _ in range(n):
        call()
    return (time.process_time() - began) / n


def main() -> None:
    """Measure and print two tables."""
    print(f"{'':<30}{'own ms':>10}{'library ms':>12}{'ratio':>8}  same")
    with tempfile.TemporaryDirectory() as folder:
        for row in (*ranks_and_areas(), *locks(Path(folder)), *frames()):
            own, library = 1e3 * row.own_s, 1e3 * row.library_s
            print(f"{row.what:<30}{own:>10.3f}{library:>12.3f}{library / own:>8.1f}  {row.same}", flush=True)
    print(f"\n{'import of':<30}{'s':>10}")
    for module in IMPORTED:
        print(f"{module:<30}{import_s(module):>10.3f}", flush=True)


if __name__ == "__main__":
    main()
