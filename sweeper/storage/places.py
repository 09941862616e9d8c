"""When the place that results go to gives out: a full disk, a closed folder, a failing database."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from sweeper.errors import Fault, StudyError, UserError, causes_of, is_full
from sweeper.storage.engine import StorageFailure

OPTUNA_LACKS = "Record does not exist"
DELETED = (
    "study.storage: the study was deleted from the database while it ran. Its run folders are left alone"
)
CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR}


@contextmanager
def place_faults_named(results_dir: str) -> Iterator[None]:
    """Within, a full disk or a failing database is a StudyError, a closed folder a UserError; a line each."""
    try:
        yield
    except (UserError, StudyError):
        raise
    except Exception as error:
        causes = list(causes_of(error))
        if any(is_full(cause) for cause in causes):
            raise StudyError(_full(results_dir)) from error
        if closed := next((cause for cause in causes if _is_closed(cause, results_dir)), None):
            raise UserError(_closed(results_dir, closed)) from error
        if failed := next((cause for cause in causes if isinstance(cause, StorageFailure)), None):
            raise StudyError(str(failed)) from error
        if any(isinstance(cause, KeyError) and OPTUNA_LACKS in str(cause) for cause in causes):
            raise StudyError(DELETED) from error
        raise


def is_of_place(error: BaseException) -> bool:
    """Whether the disk or the database gave out: no fault of what was being tried."""
    return any(
        isinstance(cause, StudyError | SQLAlchemyError)
        or is_full(cause)
        or (isinstance(cause, KeyError) and OPTUNA_LACKS in str(cause))
        for cause in causes_of(error)
    )


def refuse_closed(folder: Path, results_dir: str) -> None:
    """Raises UserError where nothing can be written in a folder of the results."""
    existing = _existing(folder)
    if not existing.is_dir():
        raise UserError(_closed(results_dir, NotADirectoryError(errno.ENOTDIR, f"{existing} is a file")))
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(
            _closed(results_dir, PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(existing)))
        )


def read_only_folder(path: Path) -> bool:
    """Whether nothing can be written in a folder, or, where it is yet to be made, in the one above it."""
    folder = _existing(path)
    return folder.is_dir() and not os.access(folder, os.W_OK | os.X_OK)


def closed_database(shown: str, folder: Path) -> Fault:
    """The fault of a database file in a folder that cannot be written; `shown` is its URL for people."""
    problem = f"cannot open '{shown}', since the folder '{_existing(folder)}' cannot be written"
    return Fault("study.storage", problem, "Choose another: study.storage=sqlite:///<file>")


def _is_closed(error: BaseException, results_dir: str) -> bool:
    """Whether it is the results folder, or one above it, that refuses; not a data file of the user's."""
    if not isinstance(error, OSError):
        return "readonly database" in str(error)
    if not _existing(Path(results_dir)).is_dir():
        return error.errno in {errno.ENOTDIR, errno.EEXIST}
    if error.errno not in CLOSED or not isinstance(error.filename, (str, Path)):
        return False
    path, results = Path(error.filename).absolute(), Path(results_dir).absolute()
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return path == results or path in results.parents
    return path == results or path in results.parents or results in path.parents


def _full(results_dir: str) -> str:
    free = shutil.disk_usage(_existing(Path(results_dir))).free / 2**20
    return (
        f"study.results_dir: no space left for '{results_dir}' ({free:.1f} MiB free). What was written is "
        "whole; free some space and run the same command again"
    )


def _closed(results_dir: str, error: BaseException) -> Fault:
    problem = f"got '{results_dir}', which cannot be written ({error}); expected a folder of yours"
    if not (found := _existing(Path(results_dir))).is_dir():
        problem = f"got '{results_dir}', but {found} is a file; expected a folder"
    return Fault("study.results_dir", problem, "Choose another: study.results_dir=<folder>")


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.absolute(), *path.absolute().parents) if os.path.exists(folder))
