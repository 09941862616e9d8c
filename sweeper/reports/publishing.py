"""A study's report, fit to be committed: small, with what its verdict rests on, no absolute paths, no data.

Of the records only influence values are copied: they suffice for the interval, and labels and predictions by
example are a piece of the data, which not everyone may pass on.
"""

import io
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.layout import ResultsFolder, RunFolder, StudyFolder
from sweeper.records import INFLUENCE, read_records
from sweeper.reports.page_data import read_page_data, write_page_data
from sweeper.reports.page_final import rebuild_page
from sweeper.reports.summary_model import Summary
from sweeper.task import EXAMPLES

MAX_BYTES = 5 * 2**20
"""A published study is smaller than this, but for its page, which holds its pictures once more."""

OF_THE_DATA = "shows pieces of the data"
_IMAGE = re.compile(rf'!\[[^\]]*\]\(plots/{EXAMPLES}[^)]*\)|<img [^>]*src="plots/{EXAMPLES}[^>]*>')
_AFTER_SCHEME = re.compile(r"(\w:///?)((?:/[\w.@+~-]+){2,})")
_PATH = re.compile(r"(?<![\w./:<~-])((?:/[\w.@+~-]+){2,})")


def publish(results: ResultsFolder, folder: StudyFolder, summary: Summary) -> tuple[Path, list[str]]:
    """Copy report, tables, plots and influence values into `results/published/<study>/`.

    Returns where that is, and what was left out. An earlier publication of the study is replaced, once the
    new one is complete.
    """
    final = results.published / folder.path.name
    beside = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        _copy_texts(folder, beside)
        if folder.plots.exists():
            shutil.copytree(folder.plots, beside / "plots", ignore=shutil.ignore_patterns(f"{EXAMPLES}*"))
        write_page_data(StudyFolder(beside), read_page_data(folder, summary))
        left_out = _copy_records(folder, beside / "records", summary, MAX_BYTES - _size(beside))
        if folder.report_md.exists():
            rebuild_page(StudyFolder(beside))
        left_out += [f"{path}: {OF_THE_DATA}" for path in sorted(folder.plots.glob(f"{EXAMPLES}*"))]
        shutil.rmtree(final, ignore_errors=True)
        beside.rename(final)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return final, left_out


def trial_of(run: RunFolder) -> int:
    """The number of the trial that a run's folder belongs to."""
    return int(run.path.parent.name.partition("-")[0])


def without_absolute_paths(text: str, base: Path) -> str:
    """`text` with every absolute path in it made relative to `base`; URLs of servers stay."""
    text = _AFTER_SCHEME.sub(lambda found: found[1] + os.path.relpath(found[2], base), text)
    return _PATH.sub(lambda found: os.path.relpath(found[1], base), text)


def _copy_texts(folder: StudyFolder, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in (folder.summary, folder.report_md, folder.trials_csv, folder.best_yaml):
        if path.exists():
            text = _IMAGE.sub(f"(Not published: {OF_THE_DATA}.)", path.read_text(encoding="utf-8"))
            (target / path.name).write_text(without_absolute_paths(text, Path.cwd()), encoding="utf-8")


def _copy_records(folder: StudyFolder, target: Path, summary: Summary, limit: int) -> list[str]:
    """Influence values of baseline and best, an ensemble and the run beside it, as exact as `limit` allows.

    On all seeds: the error of the test split is estimated from screening and confirmation runs together.
    Those of an attribution come besides, where there is room for them.
    """
    wanted = {run.records: _target(target, run) for run in _judged(folder, summary)}
    if summary.ensemble:
        wanted[folder.ensemble.records] = target / "ensemble.npz"
    besides = {run.records: _target(target, run) for run in _attributed(folder, summary)}
    there = {path: copy for path, copy in (besides | wanted).items() if read_records(path) is not None}
    missing = [
        f"{path.parent}: no records that can be read" for path in besides | wanted if path not in there
    ]
    too_much = f"more than {MAX_BYTES / 2**20:g} MiB, even in half precision"
    if _write_within(there, limit):
        return missing
    of_verdict = {path: copy for path, copy in there.items() if path in wanted}
    if len(of_verdict) < len(there) and _write_within(of_verdict, limit):
        return [*missing, f"the influence values of the attribution: {too_much}"]
    return [*missing, f"the influence values: {too_much}"]


def _write_within(copies: Mapping[Path, Path], limit: int) -> bool:
    """Whether there was room for all of them; nothing is written else."""
    for precision in (np.float32, np.float16):
        packed = {copy: _pack(path, precision) for path, copy in copies.items()}
        if sum(map(len, packed.values())) <= limit:
            _write_all(packed.items())
            return True
    return False


def _attributed(folder: StudyFolder, summary: Summary) -> list[RunFolder]:
    """The confirmation runs that an attribution was made of."""
    found = summary.attribution
    numbers = set(found.trials.values()) if found else set()
    if found and found.control:
        numbers.add(found.control.trial)
    seeds = set(found.seeds) if found else set()
    return [run for run in folder.runs if trial_of(run) in numbers and _seed_of(run) in seeds]


def _judged(folder: StudyFolder, summary: Summary) -> list[RunFolder]:
    """The runs of baseline and best, and the best single run that an ensemble is compared with."""
    numbers = {summary.baseline.trial, *(entry.trial for entry in summary.best)}
    seeds = {*summary.seeds, *summary.confirm_seeds}
    beside = summary.ensemble.best_run if summary.ensemble else None
    return [
        run
        for run in folder.runs
        if (trial_of(run) in numbers and _seed_of(run) in seeds)
        or (beside is not None and (trial_of(run), _seed_of(run)) == (beside.trial, beside.seed))
    ]


def _pack(path: Path, precision: type[np.floating[Any]]) -> bytes:
    """Half precision has three digits: enough for a variance that sums over thousands of examples."""
    with np.load(path, allow_pickle=False) as loaded:
        names = [name for name in loaded.files if name.startswith(INFLUENCE)]
        arrays = {name: loaded[name].astype(precision) for name in names}
    packed = io.BytesIO()
    np.savez_compressed(packed, **arrays)
    return packed.getvalue()


def _write_all(packed: Iterable[tuple[Path, bytes]]) -> None:
    for path, content in packed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _target(folder: Path, run: RunFolder) -> Path:
    return folder / run.path.parent.name / f"{run.path.name}.npz"


def _seed_of(run: RunFolder) -> int:
    return int(run.path.name.removeprefix("seed"))


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
