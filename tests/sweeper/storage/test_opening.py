"""What is said where a database cannot be opened at all."""

from typing import Any

import pytest
import sqlalchemy as sa

from sweeper.errors import UserError
from sweeper.storage.engine import StorageFailure, engine_options
from sweeper.storage.storage import Storage
from sweeper.storage.waiting import Waiting, is_passing


@pytest.mark.parametrize(
    ("url", "driver", "advice"),
    [
        (
            "postgresql+psycopg://u:S3cr3t-x@h/db",
            "psycopg",
            'Use pip install "sweeper[postgres]" and study.storage=postgresql+psycopg://...',
        ),
        (
            "mysql+pymysql://u:S3cr3t-x@h/db",
            "pymysql",
            'Use pip install "sweeper[mysql]" and study.storage=mysql+pymysql://...',
        ),
    ],
)
def test_a_missing_driver_is_named_with_what_installs_it(
    url: str, driver: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialect = sa.make_url(url).get_dialect()

    def not_installed(*_: Any) -> Any:
        raise ModuleNotFoundError(f"No module named '{driver}'")

    monkeypatch.setattr(dialect, "import_dbapi", not_installed)
    with pytest.raises(UserError) as caught:
        Storage(url, "s", "o")
    said = str(caught.value)
    assert "whose driver is not installed" in said
    assert said.endswith(advice)
    assert "\n" not in said
    assert "S3cr3t" not in said


@pytest.mark.parametrize("url", ["mssql+pyodbc://u:S3cr3t-x@h/db", "oracle://u:S3cr3t-x@h/db"])
def test_a_database_that_studies_are_not_kept_in_is_refused(url: str) -> None:
    said = (
        r"a database that studies are not kept in; .* Or use postgresql\+psycopg://\.\.\. or mysql\+pymysql"
    )
    with pytest.raises(UserError, match=said) as caught:
        Storage(url, "s", "o")
    assert "S3cr3t" not in str(caught.value)


def test_what_a_user_says_of_a_connection_stands() -> None:
    waiting = Waiting("server")
    given = engine_options(sa.make_url("postgresql+psycopg://h/db?connect_timeout=3"), waiting)[
        "connect_args"
    ]
    assert "connect_timeout" not in given
    assert given["keepalives_idle"] == 30
    assert engine_options(sa.make_url("mysql+pymysql://h/db"), waiting)["connect_args"]["read_timeout"] == 60


class RefusedError(Exception):
    """What a driver raises, with PostgreSQL's state."""

    def __init__(self, sqlstate: str) -> None:
        self.sqlstate = sqlstate
        super().__init__("said no")


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (RefusedError("40P01"), True),
        (RefusedError("42501"), False),
        (Exception(1213, "Deadlock found"), True),
        (Exception(1146, "no such table"), False),
    ],
)
def test_what_a_server_undid_for_another_transaction_is_tried_again(error: Exception, passes: bool) -> None:
    assert is_passing(StorageFailure("server", error)) == passes
    raised, left = list[bool](), [StorageFailure("server", error)]

    def once() -> str:
        if left:
            raised.append(True)
            raise left.pop()
        return "done"

    if passes:
        assert Waiting("server").repeated(once) == "done"
    else:
        with pytest.raises(StorageFailure, match="failed while the study ran"):
            Waiting("server").repeated(once)
