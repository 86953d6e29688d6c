"""What is stored of one user in SQLite, and how it is removed."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from antiphon.ids import place_of
from antiphon.ports import Page
from antiphon.records import Approval, Conversation, Key, Owner, load
from antiphon.store.sqlite.conversations import RECORD_DEPTH
from antiphon.store.sqlite.database import SQLite

_AT_ONCE: Final = 200
"""Rows of a table that one transaction removes: others have to wait for it."""

_CONVERSATIONS: Final = f"""
    SELECT document FROM responses WHERE tenant = ? AND user = ? AND depth = {RECORD_DEPTH} AND id > ?
    ORDER BY id LIMIT ?"""  # noqa: S608 (a number of ours)
_OWNER: Final = "tenant = ? AND json_extract(CAST(document AS TEXT), '$.owner.user') = ?"
_APPROVALS: Final = f"SELECT document FROM approvals WHERE {_OWNER} AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 (as above)
_SEGMENT: Final = (
    """DELETE FROM logs WHERE tenant = :tenant AND user = :user AND response_id IN (
        SELECT id FROM responses WHERE tenant = :tenant AND user = :user AND segment = :segment)""",
    "DELETE FROM responses WHERE tenant = :tenant AND user = :user AND segment = :segment",
)
_OTHERS: Final = (
    *(
        f"""DELETE FROM {table} WHERE (tenant, user, {rest}) IN (
            SELECT tenant, user, {rest} FROM {table} WHERE tenant = ? AND user = ? LIMIT {_AT_ONCE})"""  # noqa: S608
        for table, rest in (
            ("responses", "segment, depth"),
            ("reservations", "name"),
            ("runs", "response_id"),
            ("logs", "response_id, number"),
        )
    ),
    f"""DELETE FROM approvals WHERE (tenant, id) IN (
        SELECT tenant, id FROM approvals WHERE {_OWNER} LIMIT {_AT_ONCE})""",  # noqa: S608
)
_SUBJECT: Final = (
    "DELETE FROM usage WHERE tenant = :tenant AND kind = :kind AND id = :id",
    "DELETE FROM meters WHERE tenant = :tenant AND user = :kind || '#' || :id",
)
_HAS_OUTBOX: Final = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'outbox'"
_OUTBOX: Final = "DELETE FROM outbox WHERE tenant = ? AND user = ?"
_KEY: Final = (
    "DELETE FROM used WHERE tenant = ? AND digest = ?",
    "DELETE FROM keys WHERE tenant = ? AND digest = ?",
)


class SQLitePersonal:
    """The port ``PersonalData``."""

    def __init__(self, database: SQLite) -> None:
        self._database = database

    async def conversations(self, owner: Owner, limit: int, *, after: str = "") -> Page[Conversation]:
        """List at most ``limit`` conversations by id, those behind the id ``after``."""
        values = (owner.tenant, owner.user, after, limit + 1)
        rows = await self._database.read(lambda db: db.execute(_CONVERSATIONS, values).fetchall())
        return Page([load(Conversation, row[0]) for row in rows[:limit]], len(rows) > limit)

    async def approvals(self, owner: Owner, limit: int, *, after: str = "") -> Page[Approval]:
        """List at most ``limit`` approvals by id, those behind the id ``after``, decided ones included."""
        values = (owner.tenant, owner.user, after, limit + 1)
        rows = await self._database.read(lambda db: db.execute(_APPROVALS, values).fetchall())
        return Page([load(Approval, row[0]) for row in rows[:limit]], len(rows) > limit)

    async def erase_turns(self, owner: Owner, response_ids: Sequence[str]) -> None:
        """Remove the segments in which responses are: all turns of them, with their logs."""
        segments = {place_of(response_id).segment for response_id in response_ids}

        def work(db: Connection) -> None:
            for segment in segments:
                for statement in _SEGMENT:
                    db.execute(statement, {"tenant": owner.tenant, "user": owner.user, "segment": segment})

        await self._database.write(work, erases=True)

    async def erase_others(self, owner: Owner) -> int:
        """Remove some of what is stored beside listed responses; return how many rows, 0 if nothing is left."""

        def work(db: Connection) -> int:
            return sum(db.execute(statement, (owner.tenant, owner.user)).rowcount for statement in _OTHERS)

        return await self._database.write(work, erases=True)

    async def erase_account(self, owner: Owner, keys: Sequence[Key], first_day: str, last_day: str) -> None:  # noqa: ARG002 - a file finds all days
        """Remove the roll-ups and counters of a user and its keys, its deliveries, and the keys, in one transaction."""
        subjects = [("user", owner.user), *(("key", key.id) for key in keys)]

        def work(db: Connection) -> None:
            for kind, name in subjects:
                for statement in _SUBJECT:
                    db.execute(statement, {"tenant": owner.tenant, "kind": kind, "id": name})
            if db.execute(_HAS_OUTBOX).fetchone():
                db.execute(_OUTBOX, (owner.tenant, owner.user))
            for key in keys:
                for statement in _KEY:
                    db.execute(statement, (owner.tenant, key.digest))

        await self._database.write(work, erases=True)
