"""Counters in SQLite: one row for each owner and period."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from antiphon.records import Owner, Period
from antiphon.store.sqlite.database import SQLite

_ADD: Final = """
    INSERT INTO meters (tenant, user, name, amount, expires_at) VALUES (:tenant, :user, :name, :amount, :expires_at)
    ON CONFLICT DO UPDATE SET amount = meters.amount + :amount"""
_TAKE: Final = f"{_ADD} WHERE meters.amount < :limit"
_COUNT: Final = "SELECT amount FROM meters WHERE tenant = :tenant AND user = :user AND name = :name"
_SWEEP: Final = "DELETE FROM meters WHERE expires_at <= ?"


class SQLiteMeter:
    """The port ``Meter``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def take(self, owner: Owner, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Return whether it was counted."""
        values = {**_values(owner, period), "amount": 1, "limit": limit}
        return await self._database.write(lambda db: db.execute(_TAKE, values).rowcount > 0)

    async def add(self, owner: Owner, period: Period, amount: int) -> None:
        """Count more, whatever was counted; one write."""
        await self._database.write(lambda db: db.execute(_ADD, {**_values(owner, period), "amount": amount}))

    async def count(self, owner: Owner, period: Period) -> int:
        """Read what was counted, consistently; one trip."""
        row = await self._database.read(lambda db: db.execute(_COUNT, _values(owner, period)).fetchone())
        return int(row[0]) if row else 0


def sweep(db: Connection, now: float) -> None:
    """Remove the counters of periods that have ended."""
    db.execute(_SWEEP, (now,))


def _values(owner: Owner, period: Period) -> dict[str, Any]:
    return {"tenant": owner.tenant, "user": owner.user, "name": period.name, "expires_at": period.ends}
