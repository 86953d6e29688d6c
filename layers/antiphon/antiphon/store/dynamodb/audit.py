"""The audit log in the table ``core``, and how a change is written together with its entries.

An entry is one row in the order of time. For each combination of its actor, kind and target there is a small row more
that points to it, so a list with any filter reads as much as one without, and one trip more. No partition is hot:
DynamoDB takes 1,000 write units a second to each, and changes are made by people and their scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Final

from antiphon.audit import AuditEntry, Document, Trail
from antiphon.ports import AuditFilter, AuditPage
from antiphon.records import Actor, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import DynamoDB
from antiphon.store.dynamodb.layout import Row

Write = dict[str, Any]
"""An element of ``TransactItems``."""

TRIES: Final = 30
"""How often a change is begun anew because others changed the same record meanwhile."""

_NEW: Final = "attribute_not_exists(pk)"
_FIELDS: Final = ("actor", "kind", "target")


class AuditedTable:
    """Writes changes to a table together with their entries in the audit log.

    Args:
        database: the client.
        table: the table's name.
        trail: makes the entries.
    """

    def __init__(self, database: DynamoDB, table: str, trail: Trail) -> None:
        self._database = database
        self._table = table
        self._trail = trail

    async def _change(self, writes: Sequence[Write], *entries: AuditEntry) -> None:
        """Write a change and its entries, all or nothing.

        Raises:
            ConditionFailed: the condition of a write did not hold.
        """
        noted = [write for entry in entries for write in self._noting(entry)]
        await self._database.transact([*writes, *noted])

    def _put(self, row: Row, condition: str | None = None, **values: Row) -> Write:
        return {"Put": {"TableName": self._table, "Item": row, **_conditional(condition, values)}}

    def _delete(self, key: Row, condition: str | None = None, **values: Row) -> Write:
        return {"Delete": {"TableName": self._table, "Key": key, **_conditional(condition, values)}}

    def _noting(self, entry: AuditEntry) -> Iterator[Write]:
        """Yield the writes of an entry. None of them can take the place of another entry."""
        ttl = {layout.TTL: {"N": str(entry.expires_at)}}
        key = layout.key(layout.audit(entry.tenant), entry.id)
        yield self._put({**key, **ttl, "document": {"S": dump(entry).decode()}}, _NEW)
        for filters in _combinations({"actor": entry.actor.user, "kind": entry.kind, "target": entry.target}):
            yield self._put({**layout.key(layout.audit(entry.tenant, **filters), entry.id), **ttl}, _NEW)


class DynamoDBAudit(AuditedTable):
    """The port ``AuditLog``."""

    async def note(
        self,
        tenant: str,
        by: Actor,
        action: str,
        target: str,
        before: Document | None = None,
        after: Document | None = None,
    ) -> None:
        """Add an entry; see the port."""
        entry = self._trail.note(by, tenant, action, target, before, after)
        await self._change([], entry)

    async def some(
        self,
        tenant: str,
        limit: int,
        wanted: AuditFilter = AuditFilter(),  # noqa: B008 (frozen)
        *,
        since: float = 0,
        after: str | None = None,
    ) -> AuditPage:
        """List at most ``limit`` entries, newest first, consistently; one trip, or two with a filter."""
        filters = {name: value for name in _FIELDS if (value := getattr(wanted, name)) is not None}
        pk = layout.audit(tenant, **filters)
        first = f"{int(since * 1_000_000):016}"
        if after is not None and after < first:
            return AuditPage([], more=False)
        rows, more = await self._database.page(
            self._table,
            "pk = :pk AND sk >= :since",
            limit,
            start=None if after is None else layout.key(pk, after),
            newest_first=True,
            pk=pk,
            since=first,
        )
        if filters:
            keys = [layout.key(layout.audit(tenant), row["sk"]["S"]) for row in rows]
            rows = await self._database.batch_get(self._table, keys) if keys else []
        now = self._trail.now()
        entries = [load(AuditEntry, row["document"]["S"]) for row in rows]
        alive = sorted((entry for entry in entries if entry.expires_at > now), key=lambda entry: entry.id, reverse=True)
        return AuditPage(alive, more and bool(alive))


def _combinations(values: dict[str, str]) -> Iterator[dict[str, str]]:
    """Yield every choice of at least one of some values."""
    for count in range(1, len(values) + 1):
        for names in combinations(values, count):
            yield {name: values[name] for name in names}


def _conditional(condition: str | None, values: dict[str, Row]) -> Row:
    if condition is None:
        return {}
    named = {f":{name}": value for name, value in values.items()}
    return {"ConditionExpression": condition, **({"ExpressionAttributeValues": named} if named else {})}
