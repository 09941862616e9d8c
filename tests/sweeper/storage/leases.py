"""Time that passes for leases, which end by the clock of their database."""

import sqlalchemy as sa

from sweeper.storage.storage import Storage


def age_leases(storage: Storage, seconds: float) -> None:
    """As if so much time had passed: all leases of its database end so much earlier."""
    with storage._engine.begin() as connection:
        connection.execute(sa.text("UPDATE sweeper_runs SET expires = expires - :by"), {"by": seconds})


def left_s(storage: Storage) -> float:
    """How long the only lease that there is still lasts, by SQLite's clock."""
    query = "SELECT expires - (julianday('now') - 2440587.5) * 86400.0 FROM sweeper_runs"
    with storage._engine.connect() as connection:
        return float(connection.exec_driver_sql(query).scalar_one())
