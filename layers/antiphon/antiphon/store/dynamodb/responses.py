"""Stored responses in the table ``responses``.

    claim    parts -> head, if the place is free                        one conditional write decides
    take over
             head under this lease -> head under another
    cancel   head is marked, if in progress                             status "cancelling"; the document stays as it is
    checkpoint, commit
             parts -> head, if in progress under this lease -> the parts of the head before it go
    chain    head -> everything else at once, by its lineage
    delete   head is read -> its reservation is marked -> its log and its parts go -> head goes, if it still is that one
             -> what its writer has logged since goes

Parts are stored before the head that names them, so a writer that dies leaves no head without its content; what it
leaves has no head and goes with its TTL. A deletion that dies half-way can be sent again.

A running response asks every ``watch_seconds`` whether it was cancelled: an eventually consistent read of its head,
half a read unit for each 4 KB of it. The longest run on Lambda, 15 minutes, asks 450 times: 225 units for a usual head.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections.abc import Sequence
from typing import Any, Final

from antiphon.errors import SlotTaken, StorageUnavailable, Superseded
from antiphon.ids import deleted_id, parse_response_id, place_of
from antiphon.ports import Clock, Page
from antiphon.records import DELETED, IN_PROGRESS, QUEUED, Owner, StoredResponse, Stretch, without_content
from antiphon.store import turns
from antiphon.store.dynamodb import layout, rows, runs
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row
from antiphon.store.dynamodb.reservations import DynamoDBReservations

_FREE: Final = "attribute_not_exists(pk) OR #expires_at <= :now"
_OURS: Final = "#status IN (:status, :cancelling) AND #lease = :lease"
_RUNNING: Final = "#status = :status AND #lease = :lease"
_WANTED: Final = "#status IN (:status, :queued) AND #lease = :lease"
_RUNS: Final = "#id = :id AND #status IN (:status, :cancelling)"
_CANCELLING: Final = "cancelling"
_SAME: Final = "#tag = :tag"
_STATUSES: Final = {":status": {"S": IN_PROGRESS}, ":cancelling": {"S": _CANCELLING}}


class DynamoDBResponses(DynamoDBReservations):
    """The port ``ResponseStore``.

    Args:
        database: how DynamoDB is called.
        table: the table's name.
        clock: returns the time, for deletions; every other operation gets the time as an argument.
    """

    def __init__(self, database: DynamoDB, table: str, clock: Clock = time.time) -> None:
        super().__init__(database, table)
        self._clock = clock

    async def claim(self, response: StoredResponse) -> None:
        """Take a place in a conversation for a response in progress; one conditional write.

        Raises:
            SlotTaken: another turn has this id.
        """
        now = {":now": {"N": str(response.created_at)}}
        try:
            await self._put(response, ConditionExpression=_FREE, **_names("expires_at"), ExpressionAttributeValues=now)
        except ConditionFailed as failed:
            if failed.row.get("lease") != {"S": response.lease}:
                raise SlotTaken("another turn has this id") from None

    async def checkpoint(self, response: StoredResponse) -> bool:
        """Store what a response in progress has come to; one conditional write.

        Return whether it is stored: not if it was cancelled or another writer holds the lease.
        """
        values = {":status": {"S": IN_PROGRESS}, ":lease": {"S": response.lease}}
        names = _names("status", "lease")
        try:
            await self._put(response, ConditionExpression=_RUNNING, **names, ExpressionAttributeValues=values)
        except ConditionFailed:
            return False
        return True

    async def commit(self, response: StoredResponse) -> None:
        """Store how a response ended, once, if its lease is still this writer's.

        Raises:
            Superseded: it was ended or deleted by somebody else meanwhile.
        """
        values = {**_STATUSES, ":lease": {"S": response.lease}}
        names = _names("status", "lease")
        try:
            await self._put(response, ConditionExpression=_OURS, **names, ExpressionAttributeValues=values)
        except ConditionFailed as failed:
            there = failed.row.get("id") == {"S": response.id}
            raise Superseded(await self._whole(failed.row) if there else None) from None

    async def take_over(self, seen: StoredResponse, taken: StoredResponse) -> bool:
        """Hand a response that has not ended to another writer, with one conditional write.

        Return whether ``taken`` is stored now: not if the lease of ``seen`` has changed, or it was cancelled.
        """
        values = {":status": {"S": IN_PROGRESS}, ":queued": {"S": QUEUED}, ":lease": {"S": seen.lease}}
        names = _names("status", "lease")
        try:
            await self._put(taken, ConditionExpression=_WANTED, **names, ExpressionAttributeValues=values)
        except ConditionFailed:
            return False
        return True

    async def cancel(self, owner: Owner, response_id: str) -> bool:
        """Ask the writer of a response in progress to end it; one conditional write. Whether it was in progress."""
        place = parse_response_id(response_id)
        if place is None:
            return False
        try:
            await self._database.call(
                "UpdateItem",
                TableName=self._table,
                Key=layout.turn(owner, place),
                UpdateExpression="SET #status = :cancelling",
                ConditionExpression=_RUNS,
                **_names("id", "status"),
                ExpressionAttributeValues={**_STATUSES, ":id": {"S": response_id}},
            )
        except ConditionFailed:
            return False
        return True

    async def is_wanted(self, response: StoredResponse) -> bool:
        """Return whether a response is still in progress for its writer: not cancelled, ended or deleted; one read.

        The read is eventually consistent: seconds after the claim it is seen, and the writer asks again.
        """
        answer = await self._database.call(
            "GetItem",
            TableName=self._table,
            Key=layout.turn(response.owner, place_of(response.id)),
            ProjectionExpression="#id, #status",
            **_names("id", "status"),
        )
        return answer.get("Item") == {"id": {"S": response.id}, "status": {"S": IN_PROGRESS}}

    async def get(self, owner: Owner, response_id: str, now: float) -> StoredResponse | None:
        """Read a response, consistently; None if it is absent, expired or another owner's."""
        head = await self._head(owner, response_id)
        if not head or rows.is_expired(head, now):
            return None
        found = await self._whole(head)
        if found is None and await self._head(owner, response_id) not in (None, head):
            return await self.get(owner, response_id, now)  # it was committed while we read the claim's parts
        return found

    async def some(
        self, owner: Owner, limit: int, now: float, *, after: StoredResponse | None = None
    ) -> Page[StoredResponse]:
        """List at most ``limit`` responses of an owner, newest first, without their content, in two trips."""
        start = None if after is None else {**layout.turn(owner, place_of(after.id)), **layout.listed_turn(after)}
        found, more = await self._database.page(
            self._table,
            "gsi1pk = :pk",
            limit,
            index=layout.GSI,
            start=start,
            newest_first=True,
            pk=layout.turns_of(owner),
        )
        keys = [layout.key(row["pk"]["S"], row["sk"]["S"]) for row in found]
        heads = [head for head in await self._database.batch_get(self._table, keys) if not rows.is_expired(head, now)]
        listed = [turns.unpack_document(head["document"]["B"]) for head in heads]
        listed.sort(key=lambda turn: (turn.created_at, turn.id), reverse=True)
        return Page(listed, more)

    async def chain(self, owner: Owner, response_id: str, now: float, max_bytes: int) -> list[StoredResponse] | None:
        """Read a response with all turns before it, oldest first, in at most two sequential trips.

        None if the response, or any turn before it, is absent.

        Raises:
            ChainTooLarge: it is over ``max_bytes``: as stored, which shows before the second trip, or as JSON.
        """
        head = await self._head(owner, response_id)
        if not head or rows.is_expired(head, now):
            return None
        lineage = turns.unpack_document(head["document"]["B"]).lineage
        turns.check_size(lineage, rows.number(head, "size") or 0, max_bytes)
        last, earlier = await asyncio.gather(self._rows(head), self._stretches(owner, lineage))
        chain = await self._database.work(rows.glue_all, [*earlier, last], max_bytes)
        return turns.whole_chain(chain, now) if chain else None

    async def delete(self, owner: Owner, response_id: str) -> bool:
        """Remove a response and its content, and mark its reservation as deleted. Return whether there was one.

        Its log goes first, so that the head leads to it if this dies, and once more: its writer may have added to it.
        """
        head = await self._head(owner, response_id)
        if head is None:
            return False
        document = turns.unpack_document(head["document"]["B"])
        if document.reservation:
            await self._bury(owner, document.reservation, response_id)
        if document.logged:
            await self._remove_log(owner, response_id)
        was_there = await self._remove(document, head)
        if document.logged:
            await self._remove_log(owner, response_id)
        return was_there

    async def _remove(self, document: StoredResponse, head: Row) -> bool:
        """Remove a turn, whose log is gone. Return whether it had not expired."""
        owner, response_id = document.owner, document.id
        if place_of(response_id).in_conversation:
            return await self._empty(document, head)
        await self._remove_parts(head)
        try:
            await self._database.call(
                "DeleteItem",
                TableName=self._table,
                Key=layout.key(head["pk"]["S"], head["sk"]["S"]),
                ConditionExpression=_SAME,
                **_names("tag"),
                ExpressionAttributeValues={":tag": head["tag"]},
            )
        except ConditionFailed:  # it was committed, or removed, since we looked
            await self.delete(owner, response_id)
        return not rows.is_expired(head, self._clock())

    async def _empty(self, found: StoredResponse, head: Row) -> bool:
        """Remove the content of a turn of a conversation; its place stays taken."""
        try:
            await self._put_over(head, without_content(found, deleted_id(found.id), DELETED))
        except ConditionFailed:  # it was committed, or removed, since we looked
            await self.delete(found.owner, found.id)
        return not rows.is_expired(head, self._clock())

    async def _put_over(self, head: Row, turn: StoredResponse) -> None:
        """Store a turn in the place of a head that was read.

        Raises:
            ConditionFailed: another writer was first.
        """
        values = {":tag": head["tag"]}
        await self._put(turn, ConditionExpression=_SAME, **_names("tag"), ExpressionAttributeValues=values)

    async def aclose(self) -> None:
        """Close the connections, which all stores of the process share."""
        await self._database.aclose()

    async def _put(self, response: StoredResponse, **condition: Any) -> None:
        """Store parts, then head; then drop the parts that lost their head. Our own earlier try counts as success."""
        place = place_of(response.id)
        head, rest = await self._database.work(rows.cut, response, place)
        await asyncio.gather(*(self._database.put(self._table, row) for row in rest))
        try:
            answer = await self._database.call(
                "PutItem",
                TableName=self._table,
                Item=head,
                ReturnValues="ALL_OLD",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ConditionFailed as failed:
            if failed.row.get("tag") == head["tag"]:
                return
            await self._drop_parts(head)
            raise
        before = answer.get("Attributes", {})
        if before.get("tag") != head["tag"]:  # else it is this very write, sent again
            await self._drop_parts(before)

    async def _drop_parts(self, head: Row) -> None:
        """Remove the parts of a head that is gone; what cannot be removed now goes with its TTL."""
        with contextlib.suppress(StorageUnavailable):
            await self._remove_parts(head)

    async def _remove_parts(self, head: Row) -> None:
        chunks = rows.number(head, "chunks")
        if chunks:
            names = rows.part_names(int(head["sk"]["S"]), chunks, head["tag"]["S"])
            await self._database.batch_delete(self._table, [layout.key(head["pk"]["S"], name) for name in names])

    async def _remove_log(self, owner: Owner, response_id: str) -> None:
        await runs.erase(self._database, self._table, owner, response_id)

    async def _head(self, owner: Owner, response_id: str) -> Row | None:
        place = parse_response_id(response_id)
        head = await self._database.get(self._table, layout.turn(owner, place)) if place else None
        return head if head and head["id"]["S"] == response_id else None

    async def _whole(self, head: Row) -> StoredResponse | None:
        return await self._database.work(rows.glue, *await self._rows(head))

    async def _rows(self, head: Row) -> rows.Found:
        chunks = rows.number(head, "chunks") or 0
        return head, await self._parts(head["pk"]["S"], int(head["sk"]["S"]), chunks)

    async def _parts(self, pk: str, depth: int, chunks: int) -> list[Row]:
        """Read all further parts at a place at once; those of other writes, if any, are left to the reader."""
        where = "pk = :pk AND begins_with(sk, :part)"
        names = [layout.part(depth, index) for index in range(1, chunks + 1)]
        found = await asyncio.gather(*(self._database.query(self._table, where, pk=pk, part=name) for name in names))
        return [row for page in found for row in page]

    async def _stretches(self, owner: Owner, lineage: Sequence[Stretch]) -> list[rows.Found]:
        return list(itertools.chain(*await asyncio.gather(*(self._stretch(owner, stretch) for stretch in lineage))))

    async def _stretch(self, owner: Owner, stretch: Stretch) -> list[rows.Found]:
        """Read a stretch in one trip: one Query for its turns, one more for each further part."""
        pk, (first, last) = layout.turns(owner, stretch.segment), layout.bounds(stretch)
        where = "pk = :pk AND sk BETWEEN :first AND :last"
        heads, rest = await asyncio.gather(
            self._database.query(self._table, where, pk=pk, first=first, last=last),
            self._parts(pk, stretch.first, stretch.chunks),
        )
        return [(head, rest) for head in heads]


def _names(*attributes: str) -> dict[str, dict[str, str]]:
    """Name attributes by ``#name``: some of ours are reserved words of DynamoDB's expressions."""
    return {"ExpressionAttributeNames": {f"#{name}": name for name in attributes}}
