"""Memory that preparing and opening 10 million synthetic impressions takes beyond their columns.

python -m benchmarks.esmm_load            prints one JSON line last
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from types import SimpleNamespace

import yaml

ROOT = Path(__file__).parents[1]
GIB = 1 << 30
TOUCHED_ROWS = 1 << 20


def load_peak_gib_beyond_columns(n_rows: int) -> float:
    """Peak memory, in GiB, of a fresh process that generates `n_rows` training rows and reads all columns.

    The larger of two measures: the peak resident set less the size of the memory-mapped columns, and the peak
    of memory that no file stands behind. The first alone would be too small if the system had paged columns
    out.
    """
    return measure(n_rows)["load_peak_gib_beyond_columns"]


def measure(n_rows: int) -> dict[str, float]:
    """The measures of a fresh process, by name."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.esmm_load", str(n_rows), folder]
        done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _load(n_rows: int, folder: Path) -> dict[str, float]:
    """Generate and read, in this process."""
    from sweeper_tasks.esmm.data import prepare
    from sweeper_tasks.esmm.data_config import SyntheticData

    section = yaml.safe_load((ROOT / "conf" / "data" / "esmm" / "synthetic.yaml").read_text())
    config = SimpleNamespace(data=SyntheticData(**(section | {"n_train": n_rows})))
    with _AnonymousPeak() as anonymous:
        start = time.perf_counter()
        prepared = prepare(config, folder)
        seconds = time.perf_counter() - start
        columns = [prepared.array(path.stem) for path in sorted(prepared.folder.glob("*.npy"))]
        for column in columns:
            for first in range(0, len(column), TOUCHED_ROWS):
                column[first : first + TOUCHED_ROWS].max()
    n_bytes = sum(column.nbytes for column in columns)
    resident = _status("VmHWM")
    return {
        "rows": n_rows,
        "seconds": round(seconds, 2),
        "columns_gib": round(n_bytes / GIB, 3),
        "peak_resident_gib": round(resident / GIB, 3),
        "peak_anonymous_gib": round(anonymous.n_bytes / GIB, 3),
        "load_peak_gib_beyond_columns": round(max(resident - n_bytes, anonymous.n_bytes) / GIB, 3),
    }


class _AnonymousPeak:
    """The largest `RssAnon` seen while it is open, looked at every 5 ms."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self._ended = Event()
        self._thread = Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._ended.wait(0.005):
            self.n_bytes = max(self.n_bytes, _status("RssAnon"))

    def __enter__(self) -> "_AnonymousPeak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def _status(key: str) -> int:
    """A memory figure of this process, in bytes (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(f"{key}:")).split()[1]) * 1024


def main() -> None:
    """With arguments, measure in this process; without, in a fresh one."""
    if len(sys.argv) == 3:
        print(json.dumps(_load(int(sys.argv[1]), Path(sys.argv[2]))))
    else:
        print(json.dumps(measure(10_000_000)))


if __name__ == "__main__":
    main()
