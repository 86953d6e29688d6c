"""API keys in SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from sqlite3 import Connection
from typing import Final

from antiphon.errors import AlreadyExists
from antiphon.ports import Page
from antiphon.records import SERVER, Actor, Budget, Key, dump, load
from antiphon.store.sqlite.audit import AuditedFile, note

_SOME: Final = """
    SELECT document FROM keys
    WHERE tenant = :tenant AND (created_at, id) < (:at, :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit"""
_OF_A_USER: Final = """
    SELECT document FROM keys
    WHERE tenant = :tenant AND user = :user AND (created_at, id) < (:at, :id)
    ORDER BY created_at DESC, id DESC LIMIT :limit"""
_END_OF_TIME: Final = 2**62


class SQLiteKeys(AuditedFile):
    """The port ``KeyStore``."""

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""
        sql = "SELECT document FROM keys WHERE digest = ?"
        row = await self._database.read(lambda db: db.execute(sql, (digest,)).fetchone(), small=True)
        return load(Key, row[0]) if row else None

    async def add(self, key: Key, by: Actor = SERVER) -> None:
        """Store a new key.

        Raises:
            AlreadyExists: there is a key with this digest.
        """
        sql = """INSERT INTO keys (digest, tenant, id, document, user, created_at) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT DO NOTHING"""
        values = (key.digest, key.tenant, key.id, dump(key), key.user, key.created_at)

        def work(db: Connection) -> None:
            if not db.execute(sql, values).rowcount:
                raise AlreadyExists("there is such a key")
            note(db, self._trail.entry(by, "created", None, key))

        await self._database.write(work)

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""
        sql = "SELECT document FROM keys WHERE tenant = ?"
        rows = await self._database.read(lambda db: db.execute(sql, (tenant,)).fetchall())
        return sorted((load(Key, row[0]) for row in rows), key=lambda key: (-key.created_at, key.id))

    async def some(self, tenant: str, limit: int, *, user: str | None = None, after: Key | None = None) -> Page[Key]:
        """List at most ``limit`` keys, newest first, of a user or of all, that follow the key ``after``; one trip."""
        at, last = (_END_OF_TIME, "") if after is None else (after.created_at, after.id)
        values = {"tenant": tenant, "user": user, "at": at, "id": last, "limit": limit + 1}
        sql = _SOME if user is None else _OF_A_USER
        rows = await self._database.read(lambda db: db.execute(sql, values).fetchall())
        return Page([load(Key, row[0]) for row in rows[:limit]], len(rows) > limit)

    async def find(self, tenant: str, key_id: str) -> Key | None:
        """Read a key by its id; None if there is none."""
        return await self._database.read(lambda db: _find(db, tenant, key_id))

    async def limit(self, tenant: str, key_id: str, budget: Budget, by: Actor = SERVER) -> Key | None:
        """Set what may be used with a key that is not revoked; None if there is none."""

        def work(db: Connection) -> Key | None:
            stored = _find(db, tenant, key_id)
            if stored is None or stored.revoked_at is not None:
                return None
            key = replace(stored, budget=budget)
            if key == stored:
                return key
            db.execute("UPDATE keys SET document = ? WHERE digest = ?", (dump(key), key.digest))
            note(db, self._trail.entry(by, "limited", stored, key))
            return key

        return await self._database.write(work)

    async def revoke(self, tenant: str, key_id: str, at: int, by: Actor = SERVER) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. A first revocation stays."""

        def work(db: Connection) -> Key | None:
            stored = _find(db, tenant, key_id)
            if stored is None or stored.revoked_at is not None:
                return stored
            key = replace(stored, revoked_at=at)
            db.execute("UPDATE keys SET document = ? WHERE digest = ?", (dump(key), key.digest))
            note(db, self._trail.entry(by, "revoked", stored, key))
            return key

        return await self._database.write(work)

    async def last_used(self, tenant: str, digests: Sequence[str]) -> dict[str, int]:
        """Return when some of the tenant's keys were last used, in seconds since the epoch, by digest; one trip."""

        def work(db: Connection) -> dict[str, int]:
            sql = "SELECT digest, at FROM used WHERE tenant = ? AND digest = ?"
            found = (db.execute(sql, (tenant, digest)).fetchone() for digest in digests)
            return {row[0]: row[1] for row in found if row}

        return await self._database.read(work)

    async def touch(self, tenant: str, digest: str, at: int) -> None:
        """Note that a key was used; an earlier use never replaces a later one."""
        sql = """INSERT INTO used (tenant, digest, at) VALUES (?, ?, ?)
            ON CONFLICT DO UPDATE SET at = max(at, excluded.at)"""
        await self._database.write(lambda db: db.execute(sql, (tenant, digest, at)), small=True)

    async def aclose(self) -> None:
        """Close the file, which all stores of the process share."""
        await self._database.aclose()


def _find(db: Connection, tenant: str, key_id: str) -> Key | None:
    row = db.execute("SELECT document FROM keys WHERE tenant = ? AND id = ?", (tenant, key_id)).fetchone()
    return load(Key, row[0]) if row else None
