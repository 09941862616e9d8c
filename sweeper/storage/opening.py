"""How a database is opened: Optuna's tables and ours, or one line that says why not."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from sweeper.errors import Fault, UserError, is_full, redact
from sweeper.storage.database import Database
from sweeper.storage.engine import engine_options, name_failures, outlast, stay_with_file
from sweeper.storage.journal import choose_journal
from sweeper.storage.optuna_adapter import opened_without_alembic, own_schema, schema_of, writer_of
from sweeper.storage.places import closed_database, read_only_folder
from sweeper.storage.tables import collisions_outlived, prepare_tables
from sweeper.storage.turns import database_lock
from sweeper.storage.waiting import Waiting

DIALECTS = {"sqlite": "", "postgresql": "postgres", "mysql": "mysql", "mariadb": "mysql"}
"""What studies are kept in, each with the extra of ours that brings a driver."""
DRIVERS = {"postgres": "postgresql+psycopg://...", "mysql": "mysql+pymysql://..."}
IN_MEMORY = "sqlite://"
MAKING_S = 60.0
"""So long one session waits while others make, or bring up to date, the tables on a server."""


def open_database(url: str, waiting: Waiting) -> tuple[optuna.storages.RDBStorage, str]:
    """Optuna's storage at `url`, ours beside it; and what is to be said of its place, "" where nothing is.

    Raises UserError where it cannot be reached or used.
    """
    parsed = _parse(url)
    try:
        options = engine_options(parsed, waiting)
        _make_folder(parsed)
        with _alone(parsed, options, waiting):
            storage = _optunas(parsed, options)
            said = choose_journal(storage.engine)
            _refuse_other_version(storage)
            prepare_tables(storage.engine, redact(url))
    except (sa.exc.SQLAlchemyError, ImportError, OSError, RuntimeError, TypeError) as error:
        if is_full(error):
            raise  # not the URL's fault
        raise UserError(_unreachable(url, error)) from error
    stay_with_file(storage.engine)
    outlast(storage.engine, waiting)
    name_failures(storage.engine, redact(url))
    return storage, said


def url_to_look_at(url: str) -> str:
    """`url`; where its file is not there yet, that of an empty database in memory, so that none is made.

    Raises UserError where the file could not be made.
    """
    folder = _folder_of(parsed := _parse(url))
    if folder is None or Path(str(parsed.database)).exists():
        return url
    if read_only_folder(folder):
        raise UserError(closed_database(redact(url), folder))
    return IN_MEMORY


def _parse(url: str) -> URL:
    expected = "expected a SQLAlchemy URL such as sqlite:///results/studies.db"
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise UserError(Fault("study.storage", f"got '{redact(url)}'; {expected}")) from None
    if parsed.get_backend_name() not in DIALECTS:
        problem = f"got '{redact(url)}', a database that studies are not kept in; {expected}"
        raise UserError(Fault("study.storage", problem, f"Or use {' or '.join(DRIVERS.values())}"))
    return parsed


@contextmanager
def _alone(url: URL, options: dict[str, object], waiting: Waiting) -> Iterator[None]:
    """Within, no other session makes tables on the server: they would trip over each other's."""
    if url.get_backend_name() == "sqlite":
        yield
        return
    engine = sa.create_engine(url, **{**options, "poolclass": NullPool})
    with database_lock(Database(engine, waiting), "", "opening", MAKING_S):
        yield


def _optunas(url: URL, options: dict[str, object]) -> optuna.storages.RDBStorage:
    """Optuna's storage with its tables, of whatever version."""
    text = url.render_as_string(hide_password=False)
    text = text.replace("{", "{{").replace("}", "}}")  # Optuna takes it for a template
    with opened_without_alembic():
        return collisions_outlived(
            lambda: optuna.storages.RDBStorage(text, options, skip_compatibility_check=True)
        )


def _refuse_other_version(storage: optuna.storages.RDBStorage) -> None:
    found, own = schema_of(storage), own_schema(storage)
    if found == own:
        return
    writer = writer_of(storage)
    facts = f"written by Optuna {writer} (schema {found}); this is Optuna {optuna.__version__} (schema {own})"
    if found in storage.get_all_versions():
        advice = "Upgrade a copy of it with `optuna storage upgrade`, or choose another study.storage"
    else:
        advice = "Install that Optuna or a newer one, or choose another study.storage"
    raise UserError(Fault("study.storage", f"'{_shown(storage)}' was {facts}", advice))


def _shown(storage: optuna.storages.RDBStorage) -> str:
    return redact(str(storage.engine.url))


def _make_folder(url: URL) -> None:
    if folder := _folder_of(url):
        folder.mkdir(parents=True, exist_ok=True)


def _folder_of(url: URL) -> Path | None:
    """The folder of the database's file, if it has one."""
    is_file = url.drivername.startswith("sqlite") and url.database
    return Path(str(url.database)).parent if is_file else None


def _unreachable(url: str, error: Exception) -> Fault:
    parsed = make_url(url)
    if (folder := _folder_of(parsed)) and read_only_folder(folder):
        return closed_database(redact(url), folder)
    extra = DIALECTS[parsed.get_backend_name()]
    if extra and _lacks_driver(error):
        problem = f"got '{redact(url)}', whose driver is not installed ({error})"
        advice = f'Use pip install "sweeper[{extra}]" and study.storage={DRIVERS[extra]}'
        return Fault("study.storage", problem, advice)
    cause = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig else error
    reason = redact(str(cause).strip().splitlines()[0]) if str(cause).strip() else type(cause).__name__
    problem = f"cannot open '{redact(url)}' ({reason})"
    return Fault("study.storage", problem, "Check the path or the server, and that its driver is installed")


def _lacks_driver(error: Exception) -> bool:
    return isinstance(error, ImportError | sa.exc.NoSuchModuleError)
