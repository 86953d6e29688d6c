"""The audit log in SQLite. Triggers keep its rows from being changed, or removed before their time is up."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from antiphon.audit import AuditEntry, Document, Trail
from antiphon.ports import AuditFilter, AuditPage
from antiphon.records import Actor, dump, load
from antiphon.store.sqlite.database import SQLite

_NOTE: Final = """
    INSERT INTO audit (tenant, id, actor, kind, target, document, expires_at)
    VALUES (:tenant, :id, :actor, :kind, :target, :document, :expires_at)"""
_SOME: Final = """
    SELECT document FROM audit {index}
    WHERE tenant = :tenant AND id >= :since AND id < :before AND expires_at > :now {filters}
    ORDER BY id DESC LIMIT :limit"""
_SWEEP: Final = "DELETE FROM audit WHERE expires_at <= min(?, CAST(strftime('%s', 'now') AS INTEGER))"
_FIELDS: Final = ("target", "actor", "kind")
"""What entries are found by, the narrowest first; each has an index."""
_LAST: Final = "~"
"""Sorts behind every id."""


class AuditedFile:
    """A store whose changes are written together with their entries in the audit log.

    Args:
        database: the file.
        trail: makes the entries.
    """

    def __init__(self, database: SQLite, trail: Trail) -> None:
        self._database = database
        self._trail = trail


class SQLiteAudit(AuditedFile):
    """The port ``AuditLog``."""

    async def note(
        self,
        tenant: str,
        by: Actor,
        action: str,
        target: str,
        before: Document | None = None,
        after: Document | None = None,
    ) -> None:
        """Add an entry; see the port."""
        entry = self._trail.note(by, tenant, action, target, before, after)
        await self._database.write(lambda db: note(db, entry))

    async def some(
        self,
        tenant: str,
        limit: int,
        wanted: AuditFilter = AuditFilter(),  # noqa: B008 (frozen)
        *,
        since: float = 0,
        after: str | None = None,
    ) -> AuditPage:
        """List at most ``limit`` entries, newest first, in one trip."""
        given = {name: value for name in _FIELDS if (value := getattr(wanted, name)) is not None}
        index = next((f"INDEXED BY audit_by_{name}" for name in given), "")  # else SQLite would walk all entries
        sql = _SOME.format(index=index, filters=" ".join(f"AND {name} = :{name}" for name in given))
        values = {
            **given,
            "tenant": tenant,
            "since": f"{int(since * 1_000_000):016}",
            "before": _LAST if after is None else after,
            "now": self._trail.now(),
            "limit": limit + 1,
        }
        rows = await self._database.read(lambda db: db.execute(sql, values).fetchall())
        return AuditPage([load(AuditEntry, row[0]) for row in rows[:limit]], len(rows) > limit)


def note(db: Connection, entry: AuditEntry) -> None:
    """Add an entry, as a part of the change that it is of."""
    values = {
        "tenant": entry.tenant,
        "id": entry.id,
        "actor": entry.actor.user,
        "kind": entry.kind,
        "target": entry.target,
        "document": dump(entry),
        "expires_at": entry.expires_at,
    }
    db.execute(_NOTE, values)


def sweep(db: Connection, now: float) -> None:
    """Remove the entries whose time is up."""
    db.execute(_SWEEP, (now,))
