"""Conversations in SQLite: a record each, in a row of ``responses`` behind all turns of its segment.

A place is never free again, so a claim fails if anything was added since the conversation was read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any, Final

from antiphon.ids import CONVERSATION_DEPTH, parse_conversation_id, place_of
from antiphon.ports import Opened
from antiphon.records import Conversation, Owner, StoredResponse, Stretch, dump, load
from antiphon.store import turns
from antiphon.store.sqlite import runs
from antiphon.store.sqlite.responses import SQLiteResponses, read_one, read_row, read_stretch, row_values

RECORD_DEPTH: Final = 999_999
"""The place of a conversation's record."""

_RECORD: Final = """
    SELECT document, expires_at FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :record"""
_SAVE_FIRST: Final = """
    INSERT INTO responses (tenant, user, segment, depth, id, status, lease, tag, size, expires_at, document, body)
    VALUES (:tenant, :user, :segment, :record, :id, 'conversation', '', :revision, 0, :expires_at, :document, '')
    ON CONFLICT DO NOTHING"""
_SAVE_NEXT: Final = """
    UPDATE responses SET tag = :revision, expires_at = :expires_at, document = :document
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :record AND tag = :before"""
_SOME: Final = """
    SELECT document, body, size FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth BETWEEN :first AND :last
    ORDER BY depth {order} LIMIT :limit"""
_OVER: Final = """
    UPDATE responses SET id = :id, status = :status, lease = :lease, tag = :tag, size = :size,
        expires_at = :expires_at, document = :document, body = :body, listed_at = :listed_at
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth"""
_IDS: Final = """
    SELECT id FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth NOT IN (:last, :record)"""
_CLEAR: Final = """
    DELETE FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth <> :last"""

Values = dict[str, Any]


class SQLiteConversations(SQLiteResponses):
    """The port ``ConversationStore``."""

    async def save_conversation(self, record: Conversation) -> bool:
        """Store a record, if the stored one has the revision before it, or none is stored and it is the first.

        Return whether it is stored.
        """
        return await self._database.write(lambda db: _save(db, record))

    async def open_conversation(self, owner: Owner, conversation_id: str, now: float) -> Opened | None:
        """Read a conversation, consistently, in one go; None if it is absent, expired, deleted or another owner's."""
        where = _where(owner, conversation_id)
        return await self._database.read(lambda db: _open(db, where, now)) if where else None

    async def turns(self, owner: Owner, lineage: Sequence[Stretch], max_bytes: int) -> list[StoredResponse]:
        """Read the turns of some stretches, oldest first, in one go. What is not there any more is left out.

        Raises:
            ChainTooLarge: they are over ``max_bytes``, as stored or as JSON.
        """
        turns.check_size(lineage, 0, max_bytes)
        room = turns.Room(max_bytes)
        return await self._database.read(
            lambda db: [turn for stretch in lineage for turn in read_stretch(db, owner, stretch, room)]
        )

    async def some_turns(
        self, owner: Owner, conversation_id: str, after: int | None, *, newest_first: bool, limit: int
    ) -> list[StoredResponse]:
        """Read at most ``limit`` turns of a conversation in order; none at its end."""
        where = _where(owner, conversation_id)
        first, last = CONVERSATION_DEPTH, RECORD_DEPTH - 1
        if after is not None:
            first, last = (first, after - 1) if newest_first else (after + 1, last)
        if not where:
            return []
        values = {**where, "first": first, "last": last, "limit": limit}
        return await self._database.read(lambda db: _some(db, values, newest_first=newest_first))

    async def rewrite(
        self, owner: Owner, response_id: str, change: Callable[[StoredResponse], StoredResponse]
    ) -> StoredResponse | None:
        """Change a turn that has ended, in the place where it is. None if it is absent or still in progress."""
        return await self._database.write(lambda db: _rewrite(db, owner, response_id, change), erases=True)

    async def clear_conversation(self, owner: Owner, conversation_id: str, last: str) -> None:
        """Remove all turns of a conversation but its last, whose id is given, and its record. It can be sent again."""
        where = {**_where(owner, conversation_id), "last": place_of(last).depth}
        await self._database.write(lambda db: _clear(db, owner, where), erases=True)


def _save(db: Connection, record: Conversation) -> bool:
    document = dump(record)
    values = {
        **_where(record.owner, record.id),
        "id": record.id,
        "revision": str(record.revision),
        "before": str(record.revision - 1),
        "expires_at": record.expires_at,
        "document": document,
    }
    return db.execute(_SAVE_NEXT if record.revision else _SAVE_FIRST, values).rowcount > 0


def _open(db: Connection, where: Values, now: float) -> Opened | None:
    row = db.execute(_RECORD, where).fetchone()
    if row is None or turns.is_expired(row[1], now):
        return None
    values = {**where, "first": CONVERSATION_DEPTH, "last": RECORD_DEPTH - 1, "limit": 1}
    newest = _some(db, values, newest_first=True)
    return Opened(load(Conversation, row[0]), newest[0] if newest else None)


def _some(db: Connection, values: Values, *, newest_first: bool) -> list[StoredResponse]:
    order = "DESC" if newest_first else "ASC"
    return [read_row(row) for row in db.execute(_SOME.format(order=order), values)]


def _rewrite(
    db: Connection, owner: Owner, response_id: str, change: Callable[[StoredResponse], StoredResponse]
) -> StoredResponse | None:
    found = read_one(db, owner, response_id)
    if found is None or not found.has_ended:
        return None
    changed = change(found)
    runs.erase(db, owner, response_id)
    db.execute(_OVER, row_values(changed))
    return changed


def _clear(db: Connection, owner: Owner, where: Values) -> None:
    for (response_id,) in db.execute(_IDS, where).fetchall():
        runs.erase(db, owner, response_id)
    db.execute(_CLEAR, where)


def _where(owner: Owner, conversation_id: str) -> Values:
    """Return the values that choose a conversation; none for a string that cannot be an id."""
    segment = parse_conversation_id(conversation_id)
    if segment is None:
        return {}
    return {"tenant": owner.tenant, "user": owner.user, "segment": segment, "record": RECORD_DEPTH}
