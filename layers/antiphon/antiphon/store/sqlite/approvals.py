"""Approvals in SQLite: one row each."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from antiphon.ports import Page
from antiphon.records import DAY, Approval, dump, load
from antiphon.store.sqlite.database import SQLite

KEEP_SECONDS: Final = 30 * DAY
"""How long an approval is kept after it has expired."""

_INSERT: Final = """
    INSERT INTO approvals (tenant, id, revision, is_pending, created_at, expires_at, document)
    VALUES (:tenant, :id, :revision, :is_pending, :created_at, :expires_at, :document) ON CONFLICT DO NOTHING"""
_UPDATE: Final = """
    UPDATE approvals SET revision = :revision, is_pending = :is_pending, document = :document
    WHERE tenant = :tenant AND id = :id AND revision = :revision - 1"""
_GET: Final = "SELECT document FROM approvals WHERE tenant = ? AND id = ?"
_DELETE: Final = "DELETE FROM approvals WHERE tenant = ? AND id = ?"
_PENDING: Final = """
    SELECT document FROM approvals
    WHERE tenant = :tenant AND is_pending AND (created_at, id) > (:created_at, :id)
    ORDER BY created_at, id LIMIT :limit"""
_SWEEP: Final = "DELETE FROM approvals WHERE expires_at <= ?"


class SQLiteApprovals:
    """The port ``ApprovalStore``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def save(self, approval: Approval) -> bool:
        """Store an approval, if the stored one has the revision before it, or none is stored and it is the first."""
        return await self._database.write(lambda db: _save(db, approval))

    async def get(self, tenant: str, approval_id: str) -> Approval | None:
        """Read an approval."""
        row = await self._database.read(lambda db: db.execute(_GET, (tenant, approval_id)).fetchone())
        return load(Approval, row[0]) if row else None

    async def delete(self, tenant: str, approval_id: str) -> None:
        """Remove an approval; nothing happens if there is none."""
        await self._database.write(lambda db: db.execute(_DELETE, (tenant, approval_id)), erases=True)

    async def pending(
        self, tenant: str, limit: int, after: Approval | None = None, *, since: int = 0
    ) -> Page[Approval]:
        """List approvals that nobody has decided, oldest first, from a time on."""
        values: dict[str, Any] = {"tenant": tenant, "limit": limit + 1, "created_at": since, "id": ""}
        if after is not None:
            values |= {"created_at": after.created_at, "id": after.id}
        rows = await self._database.read(lambda db: db.execute(_PENDING, values).fetchall())
        return Page([load(Approval, row[0]) for row in rows[:limit]], len(rows) > limit)


def _save(db: Connection, approval: Approval) -> bool:
    values = {
        "tenant": approval.owner.tenant,
        "id": approval.id,
        "revision": approval.revision,
        "is_pending": approval.state == "pending",
        "created_at": approval.created_at,
        "expires_at": approval.expires_at + KEEP_SECONDS,
        "document": dump(approval),
    }
    if approval.revision == 0:
        db.execute(_SWEEP, (approval.created_at,))
    if db.execute(_UPDATE if approval.revision else _INSERT, values).rowcount > 0:
        return True
    stored = db.execute(_GET, (approval.owner.tenant, approval.id)).fetchone()
    return stored is not None and load(Approval, stored[0]) == approval
