"""Who says what time it is."""

import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from sweeper.storage.clock import DatabaseClock
from sweeper.storage.storage import LEASE_S, open_storage
from tests.sweeper.storage.leases import age_leases


def test_a_session_whose_clock_is_90_s_ahead_takes_no_live_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, now = f"sqlite:///{tmp_path}/studies.db", time.time
    with open_storage(url, "s", "me") as storage, open_storage(url, "s", "hasty") as hasty:
        assert storage.claim("f", 0, 1, "w") is not None
        monkeypatch.setattr(time, "time", lambda: now() + 90)
        assert hasty.claim("f", 0, 1, "w") is None
        assert hasty.standing()[1] == {("f", 0): "me"}
        age_leases(storage, LEASE_S + 1)
        assert hasty.standing()[1] == {}
        assert hasty.claim("f", 0, 1, "w") is not None


def test_it_tells_the_seconds_since_the_epoch() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        found = connection.execute(sa.select(DatabaseClock())).scalar_one()
    assert found == pytest.approx(time.time(), abs=5)


@pytest.mark.parametrize(
    ("dialect", "words"),
    [
        (sqlite, "((julianday('now') - 2440587.5) * 86400.0)"),
        (postgresql, "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"),
        (mysql, "(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(6)) / 1e6)"),
    ],
)
def test_each_server_is_asked_in_its_own_words(dialect: object, words: str) -> None:
    query = sa.select(DatabaseClock() + 60.0)
    assert words in str(query.compile(dialect=dialect.dialect()))  # type: ignore[attr-defined]
