"""Roll-ups in the table ``core``: one item for each subject and day, which its TTL removes.

    pk  USAGE#tenant#kind#month#shard      sk  subject#day      one attribute for each counter

A partition takes 1,000 writes a second, and so does an item. Users and keys are many, so each has one shard, chosen by
its id. Agents and models are few and their items hot, so each response chooses a shard for them, and a reader adds the
shards up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from typing import Any, Final, NamedTuple
from zlib import crc32

from antiphon.ports.usage import Counters, DayOfUse, Dimension, PageOfUse, Subject
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.layout import Row

SHARDS: Final = 4
SHARED: Final = frozenset({"agent", "model"})
"""The kinds of subjects that many responses share."""

LONGEST_MONTH: Final = 31
_OTHER: Final = frozenset({"pk", "sk", layout.TTL})


class _Found(NamedTuple):
    """What a query read, and whether there is more."""

    rows: list[Row]
    more: bool


class DynamoDBUsage:
    """The port ``UsageStore``.

    A call that is sent again, because no answer came, may count twice.
    """

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def add(self, response_id: str, day: str, expires_at: int, used: Sequence[tuple[Subject, Counters]]) -> None:
        """Add what a response used; one write for each subject, all at once."""
        await asyncio.gather(*(self._add(response_id, day, expires_at, *one) for one in used))

    async def of(self, subject: Subject, first: str, last: str) -> list[DayOfUse]:
        """Read the days of one subject from a first to a last one, in order, consistently; one trip."""
        where = "pk = :pk AND sk BETWEEN :first AND :last"
        ends = {"first": layout.day_of_use(subject.id, first), "last": layout.day_of_use(subject.id, last)}
        found = await asyncio.gather(
            *(self._database.query(self._table, where, pk=pk, **ends) for pk in partitions(subject, first, last))
        )
        return _merged(row for rows in found for row in rows)

    async def page(
        self, tenant: str, kind: Dimension, first: str, last: str, *, after: str | None, limit: int
    ) -> PageOfUse:
        """Read the days of the next subjects of a kind, in the order of their ids.

        Each month and shard is one query of one page. A subject that a query may have cut is left to the next page.
        """
        most = (limit + 1) * LONGEST_MONTH
        found = await asyncio.gather(
            *(
                self._rows(layout.usage(tenant, kind, month, shard), after, most)
                for month in _months(first, last)
                for shard in range(SHARDS)
            )
        )
        edges = [_subject(part.rows[-1]) for part in found if part.more]
        edge = min(edges, key=layout.order_of_use, default=None)
        rows = _merged(row for part in found for row in part.rows)
        if edge is not None:
            rows = [row for row in rows if layout.order_of_use(row.id) < layout.order_of_use(edge)]
        ids = list(dict.fromkeys(row.id for row in rows))
        shown = set(ids[:limit])
        more = edge is not None or len(ids) > limit
        asked = [row for row in rows if row.id in shown and first <= row.day <= last]
        return PageOfUse(asked, ids[:limit][-1] if more and ids else None)

    async def _add(self, response_id: str, day: str, expires_at: int, subject: Subject, counters: Counters) -> None:
        shard = _shard(response_id if subject.kind in SHARED else subject.id)
        key = layout.key(layout.usage(subject.tenant, subject.kind, day[:7], shard), layout.day_of_use(subject.id, day))
        names = {f"#{index}": name for index, name in enumerate(counters)}
        amounts = {f":{index}": {"N": str(amount)} for index, amount in enumerate(counters.values())}
        added = ", ".join(f"#{index} :{index}" for index in range(len(counters)))
        await self._database.call(
            "UpdateItem",
            TableName=self._table,
            Key=key,
            UpdateExpression=f"SET #ttl = :ttl ADD {added}",
            ExpressionAttributeNames={**names, "#ttl": layout.TTL},
            ExpressionAttributeValues={**amounts, ":ttl": {"N": str(expires_at)}},
        )

    async def _rows(self, pk: str, after: str | None, most: int) -> _Found:
        """Read one page of a partition; of roll-ups for people, so what was added in the last second may be missing."""
        where, values = "pk = :pk", {":pk": {"S": pk}}
        if after is not None:
            where, values = f"{where} AND sk > :after", {**values, ":after": {"S": layout.after_use(after)}}
        answer = await self._database.call(
            "Query", TableName=self._table, KeyConditionExpression=where, ExpressionAttributeValues=values, Limit=most
        )
        return _Found(answer["Items"], "LastEvaluatedKey" in answer)


def partitions(subject: Subject, first: str, last: str) -> list[str]:
    """Return the partitions that have what a subject used from a first to a last day."""
    shards = range(SHARDS) if subject.kind in SHARED else [_shard(subject.id)]
    months = _months(first, last)
    return [layout.usage(subject.tenant, subject.kind, month, shard) for month in months for shard in shards]


def _shard(text: str) -> int:
    return crc32(text.encode()) % SHARDS


def _months(first: str, last: str) -> Iterator[str]:
    month, end = date.fromisoformat(first).replace(day=1), date.fromisoformat(last)
    while month <= end:
        yield f"{month:%Y-%m}"
        month = month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1)


def _subject(row: Row) -> str:
    return layout.subject_of_use(row["sk"]["S"])[0]


def _merged(rows: Iterable[Row]) -> list[DayOfUse]:
    """Add up the shards, and sort as the sort key does."""
    placed = sorted(rows, key=lambda row: str(row["sk"]["S"]))
    return [DayOfUse(*layout.subject_of_use(sk), _sum(of)) for sk, of in groupby(placed, lambda row: row["sk"]["S"])]


def _sum(rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for row in rows:
        for name in row.keys() - _OTHER:
            total[name] = total.get(name, 0) + int(row[name]["N"])
    return total
