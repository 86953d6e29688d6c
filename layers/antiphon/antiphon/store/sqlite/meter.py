"""Counters in SQLite: one row for each subject and period."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from antiphon.ports.usage import Subject
from antiphon.records import Period
from antiphon.store.sqlite.database import SQLite

_TAKE: Final = """
    INSERT INTO meters (tenant, user, name, amount, expires_at) VALUES (:tenant, :subject, :name, 1, :expires_at)
    ON CONFLICT DO UPDATE SET amount = meters.amount + 1 WHERE meters.amount < :limit"""
_SWEEP: Final = "DELETE FROM meters WHERE expires_at <= ?"


class SQLiteMeter:
    """The port ``Meter``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def take(self, subject: Subject, period: Period, limit: int) -> bool:
        """Count one, unless ``limit`` (at least 1) is reached; one conditional write. Return whether it was counted."""
        of = {"tenant": subject.tenant, "subject": f"{subject.kind}#{subject.id}"}
        values = {**of, "name": period.name, "expires_at": period.ends, "limit": limit}
        return await self._database.write(lambda db: db.execute(_TAKE, values).rowcount > 0, small=True)


def sweep(db: Connection, now: float) -> None:
    """Remove the counters of periods that have ended."""
    db.execute(_SWEEP, (now,))
