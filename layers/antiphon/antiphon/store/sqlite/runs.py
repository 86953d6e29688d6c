"""Logs and runs for workers in SQLite: one row for each batch, one for each run."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from antiphon.records import LogBatch, OpenRun, Owner
from antiphon.store import turns
from antiphon.store.sqlite.database import SQLite

_APPEND: Final = """
    INSERT INTO logs (tenant, user, response_id, number, epoch, at, data, last, expires_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
_READ: Final = """
    SELECT number, epoch, at, data, last FROM logs
    WHERE tenant = :tenant AND user = :user AND response_id = :response_id AND number >= :first ORDER BY number"""
_LATEST: Final = """
    SELECT number, epoch, at, data, last FROM logs
    WHERE tenant = :tenant AND user = :user AND response_id = :response_id ORDER BY number DESC LIMIT 1"""
_ERASE: Final = "DELETE FROM logs WHERE tenant = :tenant AND user = :user AND response_id = :response_id"
_OPEN: Final = "INSERT OR REPLACE INTO runs (tenant, user, response_id, at) VALUES (:tenant, :user, :response_id, :at)"
_CLOSE: Final = "DELETE FROM runs WHERE tenant = :tenant AND user = :user AND response_id = :response_id"
_LIST: Final = "SELECT tenant, user, response_id, at FROM runs ORDER BY at"
_LIST_OF: Final = "SELECT tenant, user, response_id, at FROM runs WHERE tenant = ? AND user = ?"
_SWEEP: Final = "DELETE FROM logs WHERE expires_at <= ?"


class SQLiteRuns:
    """The port ``RunStore``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def append(self, owner: Owner, response_id: str, batch: LogBatch, expires_at: int) -> bool:
        """Add a batch to the log of a response.

        Return whether it is the log's batch of this number, written now or by an earlier try.
        """
        return await self._database.write(
            lambda db: _append(db, owner, response_id, batch, expires_at), small=len(batch.data) <= turns.SMALL
        )

    async def read(self, owner: Owner, response_id: str, first: int) -> list[LogBatch]:
        """Read the batches of a log from a number on, in order."""
        values = {**_of(owner, response_id), "first": first}
        rows = await self._database.read(lambda db: db.execute(_READ, values).fetchall())
        return [_batch(row) for row in rows]

    async def latest(self, owner: Owner, response_id: str) -> LogBatch | None:
        """Read the last batch of a log; None if the log is empty."""
        row = await self._database.read(lambda db: db.execute(_LATEST, _of(owner, response_id)).fetchone())
        return _batch(row) if row else None

    async def erase(self, owner: Owner, response_id: str) -> None:
        """Remove the log of a response."""
        await self._database.write(lambda db: erase(db, owner, response_id), erases=True)

    async def open(self, run: OpenRun) -> None:
        """Note a response for a worker; one write."""
        values = {**_of(run.owner, run.response_id), "at": run.at}
        await self._database.write(lambda db: db.execute(_OPEN, values))

    async def close(self, owner: Owner, response_id: str) -> None:
        """Remove the note; one write."""
        await self._database.write(lambda db: db.execute(_CLOSE, _of(owner, response_id)))

    async def list_open(self, owner: Owner | None = None) -> list[OpenRun]:
        """List the noted responses of an owner, or those of all owners."""
        query, values = (_LIST, ()) if owner is None else (_LIST_OF, (owner.tenant, owner.user))
        rows = await self._database.read(lambda db: db.execute(query, values).fetchall())
        return [OpenRun(Owner(tenant, user), response_id, at) for tenant, user, response_id, at in rows]


def erase(db: Connection, owner: Owner, response_id: str) -> None:
    """Remove the log of a response."""
    db.execute(_ERASE, _of(owner, response_id))


def sweep(db: Connection, now: float) -> None:
    """Remove the batches whose time has passed."""
    db.execute(_SWEEP, (now,))


def _append(db: Connection, owner: Owner, response_id: str, batch: LogBatch, expires_at: int) -> bool:
    number, epoch, at, data, last = batch.number, batch.epoch, batch.at, batch.data, batch.last
    row = (owner.tenant, owner.user, response_id, number, epoch, at, data, last, expires_at)
    if db.execute(_APPEND, row).rowcount:
        return True
    there = db.execute(_READ, {**_of(owner, response_id), "first": number}).fetchone()
    return _batch(there) == batch


def _batch(row: tuple[int, int, float, bytes, int]) -> LogBatch:
    number, epoch, at, data, last = row
    return LogBatch(number, epoch, at, bytes(data), bool(last))


def _of(owner: Owner, response_id: str) -> dict[str, Any]:
    return {"tenant": owner.tenant, "user": owner.user, "response_id": response_id}
