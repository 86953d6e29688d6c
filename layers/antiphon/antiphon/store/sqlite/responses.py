"""Stored responses in SQLite.

A turn is one row, never cut. A cancellation is a mark in the row's status: the document stays as the writer wrote it.
Rows past their time are removed at a process's first claim and now and then after it.
"""

from __future__ import annotations

import itertools
import time
from sqlite3 import Connection
from typing import Any, Final

from antiphon.errors import SlotTaken, Superseded
from antiphon.ids import deleted_id, parse_response_id, place_of
from antiphon.ports import Clock, Page
from antiphon.records import DELETED, IN_PROGRESS, Owner, StoredResponse, Stretch, without_content
from antiphon.store import turns
from antiphon.store.sqlite import agents, audit, meter, reservations, runs, usage
from antiphon.store.sqlite.database import SQLite
from antiphon.store.sqlite.reservations import SQLiteReservations

SWEEP_EVERY: Final = 500

Values = dict[str, Any]

_CLAIM: Final = """
    INSERT INTO responses (tenant, user, segment, depth, id, status, lease, tag, size, expires_at, document, body,
        listed_at)
    VALUES (:tenant, :user, :segment, :depth, :id, :status, :lease, :tag, :size, :expires_at, :document, :body,
        :listed_at)
    ON CONFLICT DO UPDATE SET id = :id, status = :status, lease = :lease, tag = :tag, size = :size,
        expires_at = :expires_at, document = :document, body = :body, listed_at = :listed_at
    WHERE responses.expires_at <= :created_at"""
_COMMIT: Final = """
    UPDATE responses SET status = :status, tag = :tag, size = :size, expires_at = :expires_at, document = :document,
        body = :body
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth
        AND status IN ('in_progress', 'cancelling') AND lease = :lease"""
_CHECKPOINT: Final = f"{_COMMIT} AND status = 'in_progress'"
_TAKE_OVER: Final = """
    UPDATE responses SET status = :status, lease = :lease, tag = :tag, size = :size, document = :document, body = :body
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth
        AND status IN ('in_progress', 'queued') AND lease = :seen"""
_CANCEL: Final = """
    UPDATE responses SET status = 'cancelling'
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth AND id = :id
        AND status IN ('in_progress', 'cancelling')"""
_STATUS: Final = """
    SELECT status FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth AND id = :id"""
_STATE: Final = """
    SELECT lease, tag FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth"""
_DELETE: Final = """
    DELETE FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth AND id = :id
    RETURNING expires_at, document"""
_ONE: Final = """
    SELECT document, body, size FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth = :depth AND id = :id"""
_STRETCH: Final = """
    SELECT document, body, size FROM responses
    WHERE tenant = :tenant AND user = :user AND segment = :segment AND depth BETWEEN :first AND :last
    ORDER BY depth"""
_SOME: Final = """
    SELECT document, expires_at FROM responses
    WHERE tenant = :tenant AND user = :user AND listed_at IS NOT NULL AND (listed_at, id) < (:at, :id)
    ORDER BY listed_at DESC, id DESC LIMIT :limit"""
_END_OF_TIME: Final = 2**62
_SWEEP: Final = "DELETE FROM responses WHERE expires_at <= ?"


class SQLiteResponses(SQLiteReservations):
    """The port ``ResponseStore``.

    Args:
        database: the file.
        clock: the time for a sweep and a deletion; every other time comes with the call.
    """

    def __init__(self, database: SQLite, clock: Clock = time.time) -> None:
        super().__init__(database)
        self._clock = clock
        self._claims = itertools.count()

    async def claim(self, response: StoredResponse) -> None:
        """Take a place in a conversation for a response in progress; one conditional write.

        Raises:
            SlotTaken: another turn has this id.
        """
        if next(self._claims) % SWEEP_EVERY == 0:
            await self.sweep()
        await self._database.write(lambda db: _claim(db, response), small=turns.is_small(response))

    async def checkpoint(self, response: StoredResponse) -> bool:
        """Store what a response in progress has come to; one conditional write.

        Return whether it is stored: not if it was cancelled or has ended, or another writer holds the lease.
        """
        small = turns.is_small(response)
        return await self._database.write(
            lambda db: db.execute(_CHECKPOINT, row_values(response)).rowcount > 0, small=small
        )

    async def commit(self, response: StoredResponse) -> None:
        """Store how a response ended, once, if its lease is still this writer's.

        Raises:
            Superseded: it was ended or deleted meanwhile.
        """
        await self._database.write(lambda db: _commit(db, response), small=turns.is_small(response))

    async def take_over(self, seen: StoredResponse, taken: StoredResponse) -> bool:
        """Hand a response that has not ended to another writer, with one conditional write.

        Return whether ``taken`` is stored now: not if the lease of ``seen`` has changed, or it was cancelled.
        """
        values = {**row_values(taken), "seen": seen.lease}
        return await self._database.write(lambda db: db.execute(_TAKE_OVER, values).rowcount > 0)

    async def cancel(self, owner: Owner, response_id: str) -> bool:
        """Ask the writer of a response to end it; one conditional write. Return whether it was in progress."""
        key = _key(owner, response_id)
        return bool(key) and await self._database.write(lambda db: db.execute(_CANCEL, key).rowcount > 0, small=True)

    async def is_wanted(self, response: StoredResponse) -> bool:
        """Return whether a response is still in progress: not cancelled, ended or deleted; one read."""
        key = _key(response.owner, response.id)
        rows = await self._database.read(lambda db: db.execute(_STATUS, key).fetchall(), small=True)
        return rows == [(IN_PROGRESS,)]

    async def get(self, owner: Owner, response_id: str, now: float) -> StoredResponse | None:
        """Read a response, consistently; None if it is absent, expired or another owner's."""
        return await self._database.read(lambda db: _get(db, owner, response_id, now))

    async def some(
        self, owner: Owner, limit: int, now: float, *, after: StoredResponse | None = None
    ) -> Page[StoredResponse]:
        """List at most ``limit`` responses of an owner, newest first, without their content, in one trip."""
        at, last = (_END_OF_TIME, "") if after is None else (after.created_at, after.id)
        values = {"tenant": owner.tenant, "user": owner.user, "at": at, "id": last, "limit": limit + 1}
        found = await self._database.read(lambda db: db.execute(_SOME, values).fetchall())
        alive = [document for document, expires_at in found[:limit] if not turns.is_expired(expires_at, now)]
        return Page([turns.unpack_document(document) for document in alive], len(found) > limit)

    async def chain(self, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
        """Read a response with all turns before it, oldest first, in one go.

        None if the response, or any turn before it, is absent.

        Raises:
            ChainTooLarge: it is over ``max_bytes``, as stored or as JSON; no more of it is read.
        """
        return await self._database.read(lambda db: _chain(db, owner, response_id, now, max_bytes))

    async def delete(self, owner: Owner, response_id: str) -> bool:
        """Remove a response and all its content; return whether it existed. Its reservation is marked as deleted."""
        return await self._database.write(lambda db: _delete(db, owner, response_id, self._clock()), erases=True)

    async def sweep(self) -> int:
        """Remove what has expired; return how many rows."""
        now = self._clock()
        return await self._database.write(lambda db: _sweep(db, now), erases=True)

    async def aclose(self) -> None:
        """Close the file, which all stores of the process share."""
        await self._database.aclose()


def _claim(db: Connection, response: StoredResponse) -> None:
    values = row_values(response)
    if not db.execute(_CLAIM, values).rowcount:
        lease, _ = db.execute(_STATE, values).fetchone()
        if lease != response.lease:
            raise SlotTaken("another turn has this id")


def _commit(db: Connection, response: StoredResponse) -> None:
    values = row_values(response)
    if not db.execute(_COMMIT, values).rowcount:
        state = db.execute(_STATE, values).fetchone()
        if state is None or state[1] != values["tag"]:
            raise Superseded(read_one(db, response.owner, response.id))


def _delete(db: Connection, owner: Owner, response_id: str, now: float) -> bool:
    key = _key(owner, response_id)
    row = db.execute(_DELETE, key).fetchone() if key else None
    if row is None:
        return False
    expires_at, document = row
    found = turns.unpack_document(document)
    reservations.bury(db, owner, found.reservation, response_id)
    runs.erase(db, owner, response_id)
    if place_of(response_id).in_conversation:
        db.execute(_CLAIM, row_values(without_content(found, deleted_id(response_id), DELETED)))
    return not turns.is_expired(expires_at, now)


def _sweep(db: Connection, now: float) -> int:
    reservations.sweep(db, now)
    meter.sweep(db, now)
    runs.sweep(db, now)
    usage.sweep(db, now)
    agents.sweep(db, now)
    audit.sweep(db, now)
    return db.execute(_SWEEP, (now,)).rowcount


def _get(db: Connection, owner: Owner, response_id: str, now: float) -> StoredResponse | None:
    found = read_one(db, owner, response_id)
    return found if found and not turns.is_expired(found.expires_at, now) else None


def _chain(db: Connection, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
    room = turns.Room(max_bytes)
    head = read_one(db, owner, response_id, room)
    if head is None or turns.is_expired(head.expires_at, now):
        return None
    turns.check_size(head.lineage, head.size, max_bytes)
    chain = [turn for stretch in head.lineage for turn in read_stretch(db, owner, stretch, room)]
    chain.append(head)
    return turns.whole_chain(chain, now)


def read_one(db: Connection, owner: Owner, response_id: str, room: turns.Room | None = None) -> StoredResponse | None:
    """Read a response, expired or not."""
    key = _key(owner, response_id)
    row = db.execute(_ONE, key).fetchone() if key else None
    return read_row(row, room) if row else None


def read_stretch(db: Connection, owner: Owner, stretch: Stretch, room: turns.Room) -> list[StoredResponse]:
    """Read the turns of a stretch, oldest first."""
    place = {"segment": stretch.segment, "first": stretch.first, "last": stretch.last}
    return [read_row(row, room) for row in db.execute(_STRETCH, {"tenant": owner.tenant, "user": owner.user, **place})]


def read_row(row: tuple[bytes, bytes, int], room: turns.Room | None = None) -> StoredResponse:
    """Read a turn from its columns ``document``, ``body`` and ``size``."""
    document, body, size = row
    return turns.unpack(document, body, size=size, room=room)


def _key(owner: Owner, response_id: str) -> Values:
    """Return the key of a response; an empty one for a string that cannot be an id."""
    place = parse_response_id(response_id)
    if place is None:
        return {}
    return {
        "tenant": owner.tenant,
        "user": owner.user,
        "segment": place.segment,
        "depth": place.depth,
        "id": response_id,
    }


def row_values(response: StoredResponse) -> Values:
    """Return the columns of a turn."""
    packed = turns.pack(response)
    return {
        **_key(response.owner, response.id),
        "status": response.status,
        "lease": response.lease,
        "tag": packed.tag,
        "size": len(packed.document) + len(packed.body),
        "expires_at": response.expires_at,
        "created_at": response.created_at,
        "listed_at": response.created_at if response.agent else None,
        "document": packed.document,
        "body": packed.body,
    }
