"""What a study's folder knows and its database does not: the database is told of it."""

import json
from collections.abc import Iterator
from typing import Any

from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports import read_runs, read_summary
from sweeper.results import GIVEN_UP, RunResult
from sweeper.search import TrialBook
from sweeper.storage import Claim, Outcome, RunBook, Storage, read_outcome
from sweeper.study.begun import SCREENED
from sweeper.wording import plural


def completed(storage: Storage, folder: StudyFolder, trials: TrialBook) -> list[str]:
    """What to say where runs had ended and the database was not told, after it has been.

    It was away when they ended, or their session was killed just then. What the folder says is believed for
    the very attempt that the database holds unfinished.
    """
    left = storage.left_behind()
    specs = trials.specs() if left else []
    n_known = 0
    for row, owner in left:
        claim = Claim(row.fingerprint, row.seed, row.attempt)
        same = (spec for spec in specs if spec.fingerprint == row.fingerprint)
        found = (read_outcome(folder.run(spec, row.seed)) for spec in same)
        ended = next((one.row for one in found if one and one.is_of(storage.study, claim, owner)), None)
        n_known += ended is not None and storage.settle(claim, ended.state, ended.result, owner)
    if not n_known:
        return []
    ends = f"{plural(n_known, 'run')} had ended of which the database was not told"
    return [f"study.storage: {ends}; taken over from the run folders"]


def recovered(storage: Storage, folder: StudyFolder, trials: TrialBook) -> list[str]:
    """What to say loudly where the database was lost, after all that the folder lists is known again.

    A run is known by configuration, data and seed, so that it is found under whatever number its trial gets
    now. What `trials.csv` does not list (the study was killed) the run's own folder may tell. Other runs go
    on from their last checkpoint.
    """
    if not folder.runs or storage.runs():
        return []
    if folder.summary.exists():
        _recover_listed(storage, folder, trials)
    for outcome in _outcomes(storage, folder):
        storage.adopt(outcome.row, "")
    return [
        f"study.storage: the database knows nothing of this study, whose folder {folder.path} holds "
        f"{len(folder.runs)} runs (was it deleted?); {len(storage.runs())} results are taken over from that "
        "folder, other runs go on from their checkpoints where these fit. Delete the folder to start afresh"
    ]


def _recover_listed(storage: Storage, folder: StudyFolder, trials: TrialBook) -> None:
    summary = read_summary(folder)
    if summary.provenance.code_hash is not None:
        trials.remember("code_hash", summary.provenance.code_hash)
    trials.remember_more(SCREENED, summary.seeds)
    book = RunBook(storage, folder, lambda _: "")
    for look in summary.looks:
        storage.add_look(str(summary.data.digest), look)
    for place, budget in enumerate(summary.budgets):
        storage.add_budget(str(summary.data.digest), place, budget)
    for trial, run in read_runs(folder, summary):
        if _is_whole(run):
            book.adopt(trial, run)


def _outcomes(storage: Storage, folder: StudyFolder) -> Iterator[Outcome]:
    for run in folder.runs:
        outcome = read_outcome(run)
        if outcome is None or outcome.study != storage.study or not _is_last(run, outcome):
            continue
        if outcome.row.state in GIVEN_UP or _has_records(run):
            yield outcome


def _is_last(run: RunFolder, outcome: Outcome) -> bool:
    """Whether no later attempt has begun since."""
    try:
        (member,) = _job(run)["members"]
        return bool(member["attempt"] == outcome.row.attempt)
    except (ValueError, TypeError, KeyError):
        return False


def _has_records(run: RunFolder) -> bool:
    """Whether the records are there; a program hands over values by example, or figures alone."""
    if run.records.exists():
        return True
    return _job(run).get("runner") == "program" and not run.app_results.with_suffix(".npz").exists()


def _job(run: RunFolder) -> dict[str, Any]:
    """What the run's folder holds of its last job; nothing where that cannot be read."""
    try:
        job = json.loads(run.job.read_text())
    except (OSError, ValueError):
        return {}
    return job if isinstance(job, dict) else {}


def _is_whole(run: RunResult) -> bool:
    """Whether this is a result of its own, with the records that the verdict is made of."""
    if run.reused or run.folder is None:
        return False
    return run.state in GIVEN_UP or (run.state == "COMPLETE" and _has_records(RunFolder(run.folder)))
