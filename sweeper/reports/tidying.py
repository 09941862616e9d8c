"""What may be removed of a study, and what never: anything that a session at work needs."""

from collections.abc import Collection
from contextlib import nullcontext, suppress

from sweeper.ensemble_spec import member_folders
from sweeper.errors import Fault, UserError
from sweeper.layout import RunFolder, StudyFolder, folder_name
from sweeper.locks import file_lock
from sweeper.reports.replay import read_rows
from sweeper.reports.standing import StudyStatus, name_of, shown_name
from sweeper.results import ENDED
from sweeper.schema import KeepModels
from sweeper.wording import plural


def kept_trials(keep: KeepModels, baseline: int, champions: Collection[int]) -> set[int]:
    """The numbers of the trials whose models stay, of all their runs; with `all` others' stay as well."""
    return {*champions, *(() if keep == "champion" else (baseline,))}


def models_in(folder: StudyFolder) -> tuple[int, int]:
    """How many trained models a study holds, and their bytes."""
    sizes = [run.best.stat().st_size for run in folder.runs if run.best.exists()]
    return len(sizes), sum(sizes)


def remove_checkpoints(folder: RunFolder) -> list[int]:
    """The sizes of the files removed; none where a worker writes into the folder now."""
    sizes: list[int] = []
    # a worker makes the lock before it writes: where there is none, nobody was ever at work
    lock = file_lock(folder.lock, 0.0) if folder.lock.exists() else nullcontext()
    with suppress(TimeoutError, FileNotFoundError), lock:
        for path in folder.checkpoints:
            size = path.stat().st_size
            path.unlink()
            sizes.append(size)
    return sizes


def is_held(folder: RunFolder) -> bool:
    """Whether a worker writes into the folder now."""
    if not folder.lock.exists():
        return False
    try:
        with file_lock(folder.lock, 0.0):
            return False
    except TimeoutError:
        return True


def cleanable(study: StudyStatus, keep: KeepModels) -> tuple[list[RunFolder], int]:
    """The ended runs whose checkpoints nobody needs; how many others need theirs to resume.

    Those that `keep` names and those of the ensemble's members stay.

    The study has a summary.
    """
    assert study.summary is not None
    rows = read_rows(study.folder)
    best = kept_trials(keep, study.summary.baseline.trial, study.summary.champions)
    ended = {row["folder"] for row in rows if row["state"] in ENDED}
    chosen = {row["folder"] for row in rows if int(row["trial"]) in best}
    chosen |= {str(path.relative_to(study.folder.path)) for path in member_folders(study.folder)}
    with_files = [run for run in study.folder.runs if run.checkpoints]
    there = {str(run.path.relative_to(study.folder.path)): run for run in with_files}
    return [there[name] for name in there if name in ended - chosen], len(there.keys() - ended)


def refuse_what_runs(study: StudyStatus) -> None:
    """Raises UserError while a session, or a late worker, is at the study."""
    name = shown_name(study.folder)
    if n := study.activity.n_running:
        problem = f"is running on {study.where} ({plural(n, 'run')} now)"
        raise UserError(Fault(name, problem, "Stop it there first, with Ctrl-C, or wait for its end"))
    if held := [run for run in study.folder.runs if is_held(run)]:
        raise UserError(Fault(name, f"a worker writes into {held[0].path} now", "Wait for its end"))


def names_in_storage(study: StudyStatus) -> list[str]:
    """The name under which database and MLflow know the study of this folder; none where it is another's.

    A folder that was copied or renamed still says what its study is called, but that one may have a folder.
    """
    if study.activity.names:
        return sorted(study.activity.names)
    name, folder = name_of(study.folder), study.folder.path
    own = folder.with_name(folder_name(name))
    return [] if own != folder and own.exists() and not own.samefile(folder) else [name]
