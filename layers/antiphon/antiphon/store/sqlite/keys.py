"""API keys in SQLite."""

from __future__ import annotations

from dataclasses import replace
from sqlite3 import Connection

from antiphon.errors import AlreadyExists
from antiphon.records import Key, dump, load
from antiphon.store.sqlite.database import SQLite


class SQLiteKeys:
    """The port ``KeyStore``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""
        sql = "SELECT document FROM keys WHERE digest = ?"
        row = await self._database.read(lambda db: db.execute(sql, (digest,)).fetchone())
        return load(Key, row[0]) if row else None

    async def add(self, key: Key) -> None:
        """Store a new key.

        Raises:
            AlreadyExists: there is a key with this digest.
        """
        sql = "INSERT INTO keys (digest, tenant, id, document) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        values = (key.digest, key.tenant, key.id, dump(key))
        if not await self._database.write(lambda db: db.execute(sql, values).rowcount):
            raise AlreadyExists("there is such a key")

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""
        sql = "SELECT document FROM keys WHERE tenant = ?"
        rows = await self._database.read(lambda db: db.execute(sql, (tenant,)).fetchall())
        return sorted((load(Key, row[0]) for row in rows), key=lambda key: (-key.created_at, key.id))

    async def revoke(self, tenant: str, key_id: str, at: int) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. A first revocation stays."""
        return await self._database.write(lambda db: _revoke(db, tenant, key_id, at))

    async def last_used(self, tenant: str) -> dict[str, int]:
        """Return when the tenant's keys were last used, in seconds since the epoch, by digest."""
        sql = "SELECT digest, at FROM used WHERE tenant = ?"
        return dict(await self._database.read(lambda db: db.execute(sql, (tenant,)).fetchall()))

    async def touch(self, tenant: str, digest: str, at: int) -> None:
        """Note that a key was used; an earlier use never replaces a later one."""
        sql = """INSERT INTO used (tenant, digest, at) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"""
        await self._database.write(lambda db: db.execute(sql, (tenant, digest, at)))

    async def aclose(self) -> None:
        """Close the file, which all stores of the process share."""
        await self._database.aclose()


def _revoke(db: Connection, tenant: str, key_id: str, at: int) -> Key | None:
    row = db.execute("SELECT document FROM keys WHERE tenant = ? AND id = ?", (tenant, key_id)).fetchone()
    if row is None:
        return None
    key = load(Key, row[0])
    if key.revoked_at is None:
        key = replace(key, revoked_at=at)
        db.execute("UPDATE keys SET document = ? WHERE digest = ?", (dump(key), key.digest))
    return key
