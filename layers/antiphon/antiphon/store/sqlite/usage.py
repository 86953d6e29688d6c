"""Roll-ups in SQLite: one row for each subject, day and counter."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from sqlite3 import Connection
from typing import Any, Final

from antiphon.ports.usage import Counters, DayOfUse, Dimension, PageOfUse, Subject
from antiphon.store.sqlite.database import SQLite

_ADD: Final = """
    INSERT INTO usage (tenant, kind, id, day, name, amount, expires_at)
    VALUES (:tenant, :kind, :id, :day, :name, :amount, :expires_at)
    ON CONFLICT DO UPDATE SET amount = usage.amount + :amount"""
_OF: Final = """
    SELECT id, day, name, amount FROM usage
    WHERE tenant = :tenant AND kind = :kind AND id = :id AND day BETWEEN :first AND :last ORDER BY day"""
_IDS: Final = """
    SELECT DISTINCT id FROM usage
    WHERE tenant = :tenant AND kind = :kind AND id > :after AND day BETWEEN :first AND :last
    ORDER BY id LIMIT :limit"""
_BETWEEN: Final = """
    SELECT id, day, name, amount FROM usage
    WHERE tenant = :tenant AND kind = :kind AND id > :after AND id <= :until AND day BETWEEN :first AND :last
    ORDER BY id, day"""
_SWEEP: Final = "DELETE FROM usage WHERE expires_at <= ?"


class SQLiteUsage:
    """The port ``UsageStore``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def add(self, response_id: str, day: str, expires_at: int, used: Sequence[tuple[Subject, Counters]]) -> None:  # noqa: ARG002 - a file has no hot items
        """Add what a response used, in one transaction."""
        rows = [
            {**_key(subject), "day": day, "name": name, "amount": amount, "expires_at": expires_at}
            for subject, counters in used
            for name, amount in counters.items()
        ]
        await self._database.write(lambda db: db.executemany(_ADD, rows), small=True)

    async def of(self, subject: Subject, first: str, last: str) -> list[DayOfUse]:
        """Read the days of one subject from a first to a last one, in order."""
        values = {**_key(subject), "first": first, "last": last}
        return await self._database.read(lambda db: _days(db, _OF, values), small=True)

    async def page(
        self, tenant: str, kind: Dimension, first: str, last: str, *, after: str | None, limit: int
    ) -> PageOfUse:
        """Read the days of the next subjects of a kind, in the order of their ids."""
        values = {
            "tenant": tenant,
            "kind": kind,
            "first": first,
            "last": last,
            "after": after or "",
            "limit": limit + 1,
        }
        return await self._database.read(lambda db: _page(db, values, limit))


def sweep(db: Connection, now: float) -> None:
    """Remove the days whose time is over."""
    db.execute(_SWEEP, (now,))


def _key(subject: Subject) -> dict[str, Any]:
    return {"tenant": subject.tenant, "kind": subject.kind, "id": subject.id}


def _page(db: Connection, values: dict[str, Any], limit: int) -> PageOfUse:
    ids = [found for (found,) in db.execute(_IDS, values)]
    if not ids:
        return PageOfUse([], None)
    shown = ids[:limit]
    rows = _days(db, _BETWEEN, {**values, "until": shown[-1]})
    return PageOfUse(rows, shown[-1] if len(ids) > limit else None)


def _days(db: Connection, query: str, values: dict[str, Any]) -> list[DayOfUse]:
    rows = db.execute(query, values).fetchall()
    grouped = groupby(rows, lambda row: (row[0], row[1]))
    return [DayOfUse(found, day, {name: amount for *_, name, amount in of}) for (found, day), of in grouped]
