"""What is stored of one user in both tables, and how it is removed.

    turns     the index lists them; each of their segments is a partition, which goes as a whole, with logs
    others    the index lists conversations, approvals, reservations and turns that no agent ran; notes for workers
    account   roll-ups and counters by their partitions, deliveries that failed, then the keys

What the index has of a row that is gone is left out a moment later. Parts of a turn whose writer died before it wrote
the head, with nothing else in their segment, are in no list: they go with their TTL.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from antiphon.ids import parse_conversation_id, place_of
from antiphon.ports import Page, Subject
from antiphon.records import Approval, Conversation, EventDelivery, Key, Owner, StoredResponse, load
from antiphon.store import turns
from antiphon.store.dynamodb import layout, runs
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.layout import Row
from antiphon.store.dynamodb.usage import partitions

_LISTED: Final = "gsi1pk = :pk AND begins_with(gsi1sk, :kind)"
_AT_ONCE: Final = 100


class _Segment(NamedTuple):
    """What a segment has: the keys of all its rows, and its turns without their content."""

    keys: list[Row]
    turns: list[StoredResponse]


class DynamoDBPersonal:
    """The port ``PersonalData``.

    Args:
        database: the client.
        core: the table of keys, people and counters.
        responses: the table of responses.
    """

    def __init__(self, database: DynamoDB, core: str, responses: str) -> None:
        self._database = database
        self._core = core
        self._responses = responses

    async def conversations(self, owner: Owner, limit: int, *, after: str = "") -> Page[Conversation]:
        """List at most ``limit`` conversations by id, those behind the id ``after``, in two trips."""
        segment = parse_conversation_id(after)
        start = layout.record(owner, segment) if segment else None
        found, more = await self._listed(owner, layout.CONVERSATION, limit, start, after)
        return Page([load(Conversation, bytes(row["document"]["B"])) for row in found], more)

    async def approvals(self, owner: Owner, limit: int, *, after: str = "") -> Page[Approval]:
        """List at most ``limit`` approvals by id, those behind the id ``after``, in two trips."""
        start = layout.approval(owner.tenant, after) if after else None
        found, more = await self._listed(owner, layout.APPROVAL, limit, start, after)
        return Page([load(Approval, bytes(row["document"]["B"])) for row in found], more)

    async def erase_turns(self, owner: Owner, response_ids: Sequence[str]) -> None:
        """Remove the segments in which responses are: all turns of them, with their logs and reservations."""
        await self._erase_partitions(
            owner, {layout.turns(owner, place_of(response_id).segment) for response_id in response_ids}
        )

    async def erase_others(self, owner: Owner) -> int:
        """Remove some of what is stored beside listed responses; return how many rows, 0 if nothing is left."""
        rows, _ = await self._database.page(
            self._responses, "gsi1pk = :pk", _AT_ONCE, index=layout.GSI, pk=layout.owned_by(owner)
        )
        kinds = (layout.CONVERSATION, layout.TURN)
        segments = {row["pk"]["S"] for row in rows if row["gsi1sk"]["S"].startswith(kinds)}
        single = [_key(row) for row in rows if not row["gsi1sk"]["S"].startswith(kinds)]
        waiting = await self._waiting(single)
        noted = await self._database.query(
            self._responses, "pk = :pk AND begins_with(sk, :owner)", pk=layout.RUNS, owner=layout.runs_of(owner)
        )
        await self._erase_partitions(owner, segments)
        await self._remove(self._responses, [*waiting, *single, *(_key(row) for row in noted)])
        return len(rows) + len(noted)

    async def erase_account(self, owner: Owner, keys: Sequence[Key], first_day: str, last_day: str) -> None:
        """Remove the roll-ups and counters of a user and its keys, deliveries that failed, and last of all the keys."""
        subjects = [Subject(owner.tenant, "user", owner.user), *(Subject(owner.tenant, "key", key.id) for key in keys)]
        for subject in subjects:
            await self._erase_subject(subject, first_day, last_day)
        await self._erase_deliveries(owner)
        await self._remove(self._core, [layout.key(layout.used(key.tenant), key.digest) for key in keys])
        await self._remove(self._core, [layout.api_key(key.digest) for key in keys])
        await self._remove(self._core, [_key(layout.listed_key(key)) for key in keys])

    async def _listed(
        self, owner: Owner, kind: str, limit: int, start: Row | None, after: str
    ) -> tuple[list[Row], bool]:
        """Read a page of one kind of what an owner has."""
        begin = {**start, **layout.owned(owner, kind, after)} if start else None
        found, more = await self._database.page(
            self._responses, _LISTED, limit, index=layout.GSI, start=begin, pk=layout.owned_by(owner), kind=kind
        )
        rows = await self._database.batch_get(self._responses, [_key(row) for row in found])
        place = {row["pk"]["S"]: number for number, row in enumerate(found)}
        return sorted(rows, key=lambda row: place[row["pk"]["S"]]), more

    async def _waiting(self, keys: Sequence[Row]) -> list[Row]:
        """Return the keys of the rows by which approvals are listed that nobody has decided."""
        asked = [key for key in keys if key["sk"]["S"] == "APPROVAL"]
        rows = await self._database.batch_get(self._responses, asked)
        return [layout.pending_approval(load(Approval, bytes(row["document"]["B"]))) for row in rows]

    async def _erase_partitions(self, owner: Owner, partitions: set[str]) -> None:
        for pk in partitions:
            found = await self._segment(pk)
            logged = [turn.id for turn in found.turns if turn.logged]
            await asyncio.gather(*(runs.erase(self._database, self._responses, owner, each) for each in logged))
            reserved = [layout.reservation(owner, turn.reservation) for turn in found.turns if turn.reservation]
            await self._remove(self._responses, [*reserved, *found.keys])

    async def _segment(self, pk: str) -> _Segment:
        """Read the keys of all rows of a segment, and its turns without their content."""
        arguments: dict[str, Any] = {
            "TableName": self._responses,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
            "ProjectionExpression": "pk, sk, #tag, #document",
            "ExpressionAttributeNames": {"#tag": "tag", "#document": "document"},
            "ConsistentRead": True,
        }
        rows: list[Row] = []
        while True:
            page = await self._database.call("Query", **arguments)
            rows += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        heads = [turns.unpack_document(row["document"]["B"]) for row in rows if "tag" in row]
        return _Segment([_key(row) for row in rows], heads)

    async def _erase_subject(self, subject: Subject, first_day: str, last_day: str) -> None:
        begin = layout.order_of_use(subject.id)
        where = "pk = :pk AND begins_with(sk, :begin)"
        found = await asyncio.gather(
            *(
                self._database.query(self._core, where, pk=pk, begin=begin)
                for pk in partitions(subject, first_day, last_day)
            )
        )
        counted = await self._database.query(self._core, "pk = :pk", pk=layout.meters(subject))
        await self._remove(self._core, [_key(row) for row in itertools.chain(*found, counted)])

    async def _erase_deliveries(self, owner: Owner) -> None:
        where, pk = "pk = :pk AND begins_with(sk, :begin)", layout.webhooks(owner.tenant)
        failed = await self._database.query(self._core, where, pk=pk, begin=layout.FAILED)
        for row in failed:
            if load(EventDelivery, row["document"]["S"]).user == owner.user:
                await self._database.call("DeleteItem", TableName=self._core, Key=_key(row))

    async def _remove(self, table: str, keys: Sequence[Row]) -> None:
        unique = {(key["pk"]["S"], key["sk"]["S"]): key for key in keys}
        await self._database.batch_delete(table, list(unique.values()))


def _key(row: Row) -> Row:
    return {"pk": row["pk"], "sk": row["sk"]}
