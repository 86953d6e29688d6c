"""Reservations in SQLite: which request was taken up, by which response."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from antiphon.records import Owner, Reservation
from antiphon.store.sqlite.database import SQLite

_RESERVE: Final = """
    INSERT INTO reservations (tenant, user, name, digest, response_id, until, expires_at, deleted)
    VALUES (:tenant, :user, :name, :digest, :response_id, :until, :expires_at, :deleted)
    ON CONFLICT DO UPDATE SET digest = :digest, response_id = :response_id, until = :until, expires_at = :expires_at,
        deleted = :deleted
    WHERE reservations.expires_at <= :now OR reservations.response_id = :replaced"""
_THERE: Final = """
    SELECT digest, response_id, until, expires_at, deleted FROM reservations
    WHERE tenant = :tenant AND user = :user AND name = :name"""
_RELEASE: Final = """
    DELETE FROM reservations
    WHERE tenant = :tenant AND user = :user AND name = :name AND response_id = :response_id"""
_BURY: Final = """
    UPDATE reservations SET deleted = 1
    WHERE tenant = ? AND user = ? AND name = ? AND response_id = ?"""
_SWEEP: Final = "DELETE FROM reservations WHERE expires_at <= ?"


class SQLiteReservations:
    """The reservations of the port ``ResponseStore``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def reserve(self, wanted: Reservation, now: float, replaced: Reservation | None = None) -> Reservation | None:
        """Take a request up if nobody has, or if ``replaced`` still has it; one conditional write.

        Return what is there instead; None if it is now the wanted one, written just now or before.
        """
        values = {**_values(wanted), "now": now, "replaced": replaced.response_id if replaced else ""}
        return await self._database.write(lambda db: _reserve(db, wanted, values))

    async def release(self, held: Reservation) -> None:
        """Remove a reservation, if it is still this one."""
        await self._database.write(lambda db: db.execute(_RELEASE, _values(held)), small=True)


def bury(db: Connection, owner: Owner, name: str, response_id: str) -> None:
    """Note that the response was deleted, if the reservation is still that response's."""
    db.execute(_BURY, (owner.tenant, owner.user, name, response_id))


def sweep(db: Connection, now: float) -> None:
    """Remove what has expired."""
    db.execute(_SWEEP, (now,))


def _reserve(db: Connection, wanted: Reservation, values: dict[str, Any]) -> Reservation | None:
    if db.execute(_RESERVE, values).rowcount:
        return None
    digest, response_id, until, expires_at, deleted = db.execute(_THERE, values).fetchone()
    if response_id == wanted.response_id:
        return None
    return Reservation(wanted.owner, wanted.name, digest, response_id, until, expires_at, bool(deleted))


def _values(reservation: Reservation) -> dict[str, Any]:
    return {
        "tenant": reservation.owner.tenant,
        "user": reservation.owner.user,
        "name": reservation.name,
        "digest": reservation.digest,
        "response_id": reservation.response_id,
        "until": reservation.until,
        "expires_at": reservation.expires_at,
        "deleted": reservation.deleted,
    }
