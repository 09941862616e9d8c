"""What the page of a study costs while the study runs, and how large it is.

    python benchmarks/page.py [--pairs 5] [--runs 1000] [--ms 34] [--executor "executor=local ..."]

Sweeps of runs that do nothing (see `overhead.py`), in pairs: with report.html kept up to date as it is by
default, and with study.page_every_s=null, which writes it at the end alone. The order changes from pair to
pair, so that what else a machine does falls on both alike.

- `ms_per_run_page`: the time from one run's start to the next, with the page; the median of the pairs.
- `page_ratio`: that time over the same without a page, the geometric mean of the pairs; `page_ratio_low`,
  `page_ratio_high`: its 95 % interval (Student's, of the logarithms).
- `page_cpu_ratio` and its interval: likewise, of the processor time of the whole command and its workers,
  which others on the machine hardly touch.
- `page_share`: processor time of the page's thread over the time of a study, acted out with a run each
  `--ms` milliseconds; a bound to the slow-down, which nothing else on the machine hides (`page_thread.py`).
- `page_mib`, `page_write_s`: the page at the end of the last study, and how long it takes to write it again.
- `page_live_mib`, `page_live_write_s`: the same of the page while the study runs, with all its trials.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tasks"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script has its own folder there instead

from benchmarks.noop_sweeps import DEFAULT_PAGE, NO_PAGE, Timing, described, ours
from benchmarks.page_thread import page_share
from sweeper.layout import ResultsFolder, StudyFolder, write_atomic
from sweeper.reports import KnownRuns, LiveStudy, live_page, prepare_figures, read_summary, rebuild_page
from sweeper.studies import all_studies

MS_PER_RUN = 34.0
"""What a sweep of runs that do nothing takes from one to the next, on two slots; see overhead.py."""
LOCAL = "executor=local executor.devices=cpu executor.n_slots=2"
N_WRITES = 3
CONFIDENCE = 0.95
Pair = tuple[Timing, Timing]
"""With the page, and without."""


def in_pairs(n_pairs: int, n_runs: int, executor: Sequence[str], work: Path) -> list[Pair]:
    """The timings; the study with a page of the last pair is left in `work/with-<pair>/results`."""
    return [_pair(i, n_runs, executor, work) for i in range(n_pairs)]


def _pair(index: int, n_runs: int, executor: Sequence[str], work: Path) -> Pair:
    found: dict[str, Timing] = {}
    every_s = {"with": DEFAULT_PAGE, "without": NO_PAGE}
    for name in sorted(every_s, reverse=index % 2 == 1):
        folder = work / f"{name}-{index}"
        folder.mkdir()
        found[name] = ours(folder, n_runs, "none", executor, every_s[name])
        print(f"pair {index + 1}: {described(f'{name} its page', found[name])}", flush=True)
    return found["with"], found["without"]


def figures_of(pairs: Sequence[Pair]) -> dict[str, float]:
    """The keys that come from timings. An interval needs two pairs."""
    wall = [one.ms_per_run / other.ms_per_run for one, other in pairs]
    cpu = [one.cpu_s / other.cpu_s for one, other in pairs]
    return {
        "ms_per_run_page": statistics.median(one.ms_per_run for one, _ in pairs),
        **_interval("page_ratio", wall),
        **_interval("page_cpu_ratio", cpu),
    }


def _interval(name: str, ratios: Sequence[float]) -> dict[str, float]:
    """Geometric mean, and its interval from the spread of the logarithms."""
    logs = [math.log(ratio) for ratio in ratios]
    middle = statistics.fmean(logs)
    if len(logs) < 2:
        return {name: math.exp(middle)}
    reach = stats.t.ppf((1 + CONFIDENCE) / 2, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    return {
        name: math.exp(middle),
        f"{name}_low": math.exp(middle - reach),
        f"{name}_high": math.exp(middle + reach),
    }


def sizes_of(results: ResultsFolder) -> dict[str, float]:
    """Size and time of writing of the only study's page, at the end and as if it still ran."""
    (folder,) = all_studies(results)
    prepare_figures()  # once a process
    final_s = _fastest_s(lambda: rebuild_page(folder))
    final = folder.report_html.stat().st_size
    beside = folder.path / "live.html"
    live_s = _fastest_s(lambda: write_atomic(beside, _live(folder), flush=False))
    return {
        "page_mib": final / 2**20,
        "page_write_s": final_s,
        "page_live_mib": beside.stat().st_size / 2**20,
        "page_live_write_s": live_s,
    }


def _live(folder: StudyFolder) -> str:
    """The page of the study as if it ran, of the runs in its folder."""
    summary = read_summary(folder)
    known = KnownRuns(folder, summary.metric[0], summary.seeds).trials()
    study = LiveStudy(
        study=summary.study,
        objective=summary.objectives[0],
        seeds=summary.seeds,
        command="",
        trials=[one for _, one in sorted(known.items())],
        slots=[],
        n_runs=len(known),
        n_done=len(known),
        n_known=0,
        since_s=1.0,
        left_s=None,
        until="",
        spans=[],
        said=[],
        warnings=[],
        failures=[],
        announced=[],
    )
    return live_page(study, datetime.now().astimezone(), 4.0)


def _fastest_s(write: Callable[[], None]) -> float:
    found = []
    for _ in range(N_WRITES):
        began = time.perf_counter()
        write()
        found.append(time.perf_counter() - began)
    return min(found)


def page_figures(
    n_pairs: int, n_runs: int, executor: Sequence[str], work: Path, ms_per_run: float = MS_PER_RUN
) -> dict[str, float]:
    """All keys, measured below `work`; without pairs those that need none."""
    found = {"page_share": page_share(n_runs, ms_per_run, work)}
    print(f"the thread of the page takes {found['page_share']:.2%} of {n_runs} runs' time", flush=True)
    if not n_pairs:
        return found
    pairs = in_pairs(n_pairs, n_runs, executor, work)
    return found | figures_of(pairs) | sizes_of(ResultsFolder(work / f"with-{n_pairs - 1}" / "results"))


def main() -> None:
    """Measure, print a line a sweep and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--pairs", type=int, default=5, help="of sweeps, with and without; 0: page_share alone"
    )
    parser.add_argument("--ms", type=float, default=MS_PER_RUN, help="a run of the study that is acted out")
    parser.add_argument("--runs", type=int, default=1000, help="runs of a sweep")
    parser.add_argument("--executor", default=LOCAL, help="our executor's overrides")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        executor = arguments.executor.split()
        found = page_figures(arguments.pairs, arguments.runs, executor, Path(work), arguments.ms)
    print(json.dumps({key: round(value, 4) for key, value in found.items()}))


if __name__ == "__main__":
    main()
