"""`python -m tests.cluster [quick] [words of pytest]`: tests on throw-away clusters, where they can be had.

With SWEEPER_CLUSTER_INSTALL=1 what is missing is installed first: Debian's packages where this is root, and
the extras of this project. What cannot be had is said, its tests are skipped, and nothing fails for it.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from tests.cluster.packages import ALLOWED
from tests.cluster.postgres import missing as why_no_postgres
from tests.cluster.ray import why_no_ray
from tests.cluster.slurm import why_no_slurm
from tests.faults.harness import ROOT

NO_TESTS = 5
"""The exit code of pytest where all that it found was deselected."""
EXTRAS = {"ray": "ray", "postgres": "psycopg"}
CLUSTERS = {"SLURM": why_no_slurm, "Ray": why_no_ray, "PostgreSQL": why_no_postgres}
INSTALL_S = 300.0


def install_extras() -> list[str]:
    """Why those that are missing could not be installed, a line each."""
    missing = [extra for extra, module in EXTRAS.items() if find_spec(module) is None]
    if not missing or os.environ.get(ALLOWED) != "1":
        return []
    where = ["-c", str(ROOT / "constraints.txt"), "-e", f"{ROOT}[{','.join(missing)}]"]
    try:
        command = [sys.executable, "-m", "pip", "install", "--quiet", *where]
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return [f"pip install took more than {INSTALL_S:g} s"]
    return [] if done.returncode == 0 else done.stderr.strip().splitlines()[-1:]


def main(arguments: Sequence[str]) -> int:
    """The exit code of pytest, 0 where there was nothing to run."""
    for line in install_extras():
        print(f"extras: {line}")
    for engine, problem in CLUSTERS.items():
        print(f"{engine}: {problem() or 'here'}")
    sys.stdout.flush()
    is_quick = arguments[:1] == ["quick"]
    marked = "cluster and not slow" if is_quick else "cluster"
    others = arguments[1:] if is_quick else arguments
    words = ["-m", "pytest", "-m", marked, "-rs", "--durations=5", *(others or ["tests/cluster"])]
    code = subprocess.run([sys.executable, *words], cwd=ROOT).returncode
    return 0 if code == NO_TESTS else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
