"""When the database knows nothing of a study whose results are still on disk: it is told of them again."""

from sweeper.layout import RunFolder, StudyFolder
from sweeper.reports import read_runs, read_summary
from sweeper.results import GIVEN_UP, RunResult
from sweeper.search import TrialBook
from sweeper.storage import RunBook, Storage


def recovered(storage: Storage, folder: StudyFolder, trials: TrialBook) -> list[str]:
    """What to say loudly where the database was lost, after all that `trials.csv` lists is known again.

    A run is known by configuration, data and seed, so that it is found under whatever number its trial gets
    now. Runs that no table lists (the study was killed) go on from their last checkpoint.
    """
    if not folder.runs or storage.runs():
        return []
    n_known = 0
    if folder.summary.exists():
        summary = read_summary(folder)
        if summary.provenance.code_hash is not None:
            trials.remember("code_hash", summary.provenance.code_hash)
        book = RunBook(storage, folder, lambda _: "")
        for look in summary.looks:
            storage.add_look(str(summary.data.digest), look)
        for trial, run in read_runs(folder, summary):
            if _is_whole(run):
                book.adopt(trial, run)
                n_known += 1
    return [
        f"study.storage: the database knows nothing of this study, whose folder {folder.path} holds "
        f"{len(folder.runs)} runs (was it deleted?); {n_known} results are taken over from that folder, "
        "other runs go on from their checkpoints where these fit. Delete the folder to start afresh"
    ]


def _is_whole(run: RunResult) -> bool:
    """Whether this is a result of its own, with the records that the verdict is made of."""
    if run.reused or run.folder is None:
        return False
    has_records = RunFolder(run.folder).records.exists()
    return run.state in GIVEN_UP or (run.state == "COMPLETE" and has_records)
