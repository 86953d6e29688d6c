"""Conversations in the table ``responses``: a record in the partition of the turns, behind all of them.

    open     record and newest turn                                     one Query, from the end
    save     record, if it has the revision that was read               one conditional write decides
    claim    the place after the newest turn, if it is free             as for any response
    rewrite  parts -> head, if it still is the one that was read -> the parts of the head before it go
    clear    all rows but the last turn's and the record's, then the record

A place is never free again, so a claim fails if anything was added since the conversation was read.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from antiphon.ids import CONVERSATION_DEPTH, parse_conversation_id, place_of
from antiphon.ports import Opened
from antiphon.records import Conversation, Owner, StoredResponse, Stretch, dump, load
from antiphon.store import turns
from antiphon.store.dynamodb import layout, rows
from antiphon.store.dynamodb.client import ConditionFailed
from antiphon.store.dynamodb.layout import Row
from antiphon.store.dynamodb.responses import DynamoDBResponses
from antiphon.store.turns import Room

_BEHIND: Final = "pk = :pk AND sk BETWEEN :first AND :last"
_FIRST: Final = "attribute_not_exists(pk)"
_NEXT: Final = "revision = :before"


class DynamoDBConversations(DynamoDBResponses):
    """The port ``ConversationStore``."""

    async def save_conversation(self, record: Conversation) -> bool:
        """Store a record, if the stored one has the revision before it, or none is stored and it is the first.

        One conditional write. Return whether it is stored.
        """
        row, before = _row(record), {":before": {"N": str(record.revision - 1)}}
        condition: dict[str, Any] = {"ConditionExpression": _FIRST}
        if record.revision:
            condition = {"ConditionExpression": _NEXT, "ExpressionAttributeValues": before}
        try:
            await self._database.call(
                "PutItem",
                TableName=self._table,
                Item=row,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ConditionFailed as failed:
            return failed.row == row  # it is this very write, sent again
        return True

    async def open_conversation(self, owner: Owner, conversation_id: str, now: float) -> Opened | None:
        """Read a conversation, consistently, in one trip; None if it is absent, expired, deleted or another owner's."""
        segment = parse_conversation_id(conversation_id)
        if segment is None:
            return None
        first, record = layout.depth(CONVERSATION_DEPTH), layout.depth(layout.RECORD_DEPTH)
        found = await self._some(owner, segment, first, record, newest_first=True, limit=2)
        if not found or found[0]["sk"]["S"] != record or rows.is_expired(found[0], now):
            return None
        newest = await self._database.work(_newest, found[1]) if len(found) > 1 else None
        return Opened(_record(found[0]), newest)

    async def turns(self, owner: Owner, lineage: Sequence[Stretch], max_bytes: int) -> list[StoredResponse]:
        """Read the turns of some stretches, oldest first, in one trip. What is not there any more is left out.

        Raises:
            ChainTooLarge: they are over ``max_bytes``: as stored, which shows before the trip, or as JSON.
        """
        turns.check_size(lineage, 0, max_bytes)
        found = await self._stretches(owner, lineage)
        return await self._glued(owner, found, Room(max_bytes))

    async def some_turns(
        self, owner: Owner, conversation_id: str, after: int | None, *, newest_first: bool, limit: int
    ) -> list[StoredResponse]:
        """Read at most ``limit`` turns of a conversation in order; fewer if they are large, none at its end."""
        segment = parse_conversation_id(conversation_id)
        if segment is None:
            return []
        first, last = CONVERSATION_DEPTH, layout.RECORD_DEPTH - 1
        if after is not None:
            first, last = (first, after - 1) if newest_first else (after + 1, last)
        if first > last:
            return []
        bounds = layout.depth(first), layout.depth(last)
        heads = await self._some(owner, segment, *bounds, newest_first=newest_first, limit=limit)
        found = [await self._rows(head) for head in heads]
        return await self._glued(owner, found)

    async def rewrite(
        self, owner: Owner, response_id: str, change: Callable[[StoredResponse], StoredResponse]
    ) -> StoredResponse | None:
        """Change a turn that has ended, in the place where it is. None if it is absent or still in progress."""
        head = await self._head(owner, response_id)
        if head is None or not turns.unpack_document(head["document"]["B"]).has_ended:
            return None
        found = await self._whole(head)
        if found is None:  # it was rewritten while we read its parts
            return await self.rewrite(owner, response_id, change)
        changed = change(found)
        try:
            await self._put_over(head, changed)
        except ConditionFailed:
            return await self.rewrite(owner, response_id, change)
        if found.logged:
            await self._remove_log(owner, response_id)
        return changed

    async def clear_conversation(self, owner: Owner, conversation_id: str, last: str) -> None:
        """Remove all turns of a conversation but its last, whose id is given, then its record. It can be sent again."""
        segment = parse_conversation_id(conversation_id)
        if segment is None:
            return
        kept = {layout.depth(place_of(last).depth), layout.depth(layout.RECORD_DEPTH)}
        found = [row for row in await self._keys(layout.turns(owner, segment)) if row["sk"]["S"] not in kept]
        documents = [turns.unpack_document(row["document"]["B"]) for row in found if "document" in row]
        for response_id in (document.id for document in documents if document.logged):
            await self._remove_log(owner, response_id)
        keys = [layout.key(row["pk"]["S"], row["sk"]["S"]) for row in found]
        await self._database.batch_delete(self._table, keys)
        record = layout.record(owner, segment)
        await self._database.call("DeleteItem", TableName=self._table, Key=record)

    async def _glued(self, owner: Owner, found: Sequence[rows.Found], room: Room | None = None) -> list[StoredResponse]:
        """Read turns. One that was rewritten while we read its parts is read again."""
        read = await self._database.work(rows.glue_each, found, room)
        whole = [turn or await self.get(owner, head["id"]["S"], 0) for (head, _), turn in zip(found, read, strict=True)]
        return [turn for turn in whole if turn is not None]

    async def _some(
        self, owner: Owner, segment: str, first: str, last: str, *, newest_first: bool, limit: int
    ) -> list[Row]:
        """Read one page of heads between two depths, both included."""
        values = {":pk": layout.turns(owner, segment), ":first": first, ":last": last}
        page = await self._database.call(
            "Query",
            TableName=self._table,
            KeyConditionExpression=_BEHIND,
            ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
            ConsistentRead=True,
            ScanIndexForward=not newest_first,
            Limit=limit,
        )
        found: list[Row] = page["Items"]
        return found

    async def _keys(self, pk: str) -> list[Row]:
        """List the rows of a partition, of each its key and its document alone."""
        arguments: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ProjectionExpression": "pk, sk, #document",
            "ExpressionAttributeNames": {"#document": "document"},
            "ConsistentRead": True,
        }
        pages: list[list[Row]] = []
        while True:
            page = await self._database.call("Query", **arguments)
            pages.append(page["Items"])
            if "LastEvaluatedKey" not in page:
                return list(itertools.chain(*pages))
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _newest(head: Row) -> StoredResponse:
    """Read a turn from its head; without its content if there is more of it elsewhere."""
    size, chunks = rows.number(head, "size") or 0, rows.number(head, "chunks") or 0
    body = b'{"input":[],"response":{"output":[]}}' if chunks else bytes(head["body"]["B"])
    return turns.unpack(head["document"]["B"], body, size=size, chunks=chunks)


def _row(record: Conversation) -> Row:
    segment = parse_conversation_id(record.id)
    assert segment is not None
    return {
        **layout.record(record.owner, segment),
        **layout.owned(record.owner, layout.CONVERSATION, record.id),
        layout.TTL: {"N": str(record.expires_at)},
        "document": {"B": dump(record)},
        "revision": {"N": str(record.revision)},
    }


def _record(row: Row) -> Conversation:
    return load(Conversation, bytes(row["document"]["B"]))
