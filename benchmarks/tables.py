"""How fast tables are prepared, against `pandas.read_csv` of the same file; time of the CPU.

Each case is a process of its own, so that its peak of memory is that of the case alone. `bare` is what a
process takes that has imported the libraries and read nothing.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import TypeAdapter

ROWS = (50_000, 300_000, 2_000_000)
CONF = Path(__file__).parents[1] / "conf" / "data"
ROLES: dict[str, dict[str, Any]] = {
    "esmm": {"sparse": ["user", "item", "group", "city", "device", "hour"], "dense": "rest"},
    "diagnosis": {"label": "diagnosis"},
}


def write(path: Path, kind: str, n: int) -> None:
    """A table of `n` rows and 12 columns: ids, categories, numbers, labels."""
    rng = np.random.default_rng(0)
    click = rng.random(n) < 0.3
    columns: dict[str, Any] = {
        "user": rng.integers(0, max(n // 20, 50), n),
        "item": rng.integers(0, 5000, n),
        "group": rng.choice(["a", "b", "cc", "a long name"], n),
        "city": rng.choice([f"city {i}" for i in range(300)], n),
        "device": rng.choice(["ios", "android", "web"], n),
        "hour": rng.integers(0, 24, n),
        "price": np.round(rng.lognormal(2, 1, n), 2),
        "age": rng.normal(40, 12, n).round(1),
        "score": rng.random(n).round(6),
        "rate": rng.random(n).round(4),
    }
    if kind == "esmm":
        columns |= {"click": click.astype(int), "conversion": (click & (rng.random(n) < 0.2)).astype(int)}
    else:
        columns |= {"pressure": rng.integers(90, 180, n), "diagnosis": np.where(click, "ill", "well")}
    pd.DataFrame(columns).to_csv(path, index=False)


def preparation(kind: str, path: Path, folder: Path) -> Callable[[], Any]:
    """What is measured: a table on its way to the prepared columns in `folder`."""
    section = yaml.safe_load((CONF / kind / "csv.yaml").read_text())
    section |= ROLES[kind] | {"cache_dir": str(folder), "path": str(path)}
    if kind == "esmm":
        from sweeper_tasks.esmm import tables
        from sweeper_tasks.esmm.data_config import CsvData

        data = TypeAdapter(CsvData).validate_python(section)
        return lambda: tables.build(data, {"table": path}, folder)
    from sweeper_tasks.diagnosis import cohort, table
    from sweeper_tasks.diagnosis.data_config import CsvData as Patients

    patients = TypeAdapter(Patients).validate_python(section)
    return lambda: cohort.build(table.read(patients, {"table": path}), folder)


def reading(path: Path) -> Callable[[], Any]:
    """Our reader alone."""
    from sweeper_tasks.tables.keys import DEFAULTS
    from sweeper_tasks.tables.reading import read_sheet

    return lambda: read_sheet(path, DEFAULTS)


def case(what: str, kind: str, path: Path, n: int) -> dict[str, float]:
    """Seconds and the peak of memory in MiB of one case."""
    with tempfile.TemporaryDirectory() as folder:
        if what == "write":
            write(path, kind, n)
        ways: dict[str, Callable[[], Any]] = {
            "write": int,
            "bare": int,
            "pandas": partial(pd.read_csv, path),
            "reader": reading(path),
            "prepared": preparation(kind, path, Path(folder)),
        }
        work = ways[what]
        started = time.process_time()
        work()
        seconds = time.process_time() - started
    return {"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measured(what: str, kind: str, path: Path, n: int) -> dict[str, float]:
    """The case in a process of its own. It starts with the peak of this one, which therefore stays small."""
    command = [sys.executable, __file__, "--case", what, kind, str(path), str(n)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def main() -> None:
    """Print a row for each kind of table, number of rows and way of reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS)
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        what, kind, path, n_rows = options.case
        print(json.dumps(case(what, kind, Path(path), int(n_rows))))
        return
    print("| data | rows | what | seconds | rows/s | peak MiB | of pandas.read_csv |")
    print("|---|---|---|---|---|---|---|")
    for kind in ROLES:
        for n in options.rows:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "table.csv"
                measured("write", kind, path, n)
                found = {
                    what: measured(what, kind, path, n) for what in ("bare", "pandas", "reader", "prepared")
                }
            for what, one in found.items():
                speed = f"{n / one['seconds']:,.0f}" if what != "bare" else ""
                ratio = f"{one['seconds'] / found['pandas']['seconds']:.2f}" if what != "bare" else ""
                cells = (kind, f"{n:,}", what, f"{one['seconds']:.2f}", speed, f"{one['peak']:.0f}", ratio)
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
