"""API keys in the table ``core``."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from antiphon.errors import AlreadyExists
from antiphon.records import Key, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.client import ConditionFailed, DynamoDB
from antiphon.store.dynamodb.layout import Row


class DynamoDBKeys:
    """The port ``KeyStore``. Lists and revocations find keys through an index, which may lag by some seconds."""

    def __init__(self, database: DynamoDB, table: str) -> None:
        self._database = database
        self._table = table

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""
        row = await self._database.get(self._table, layout.api_key(digest))
        return load(Key, row["document"]["S"]) if row else None

    async def add(self, key: Key) -> None:
        """Keep a new key.

        Raises:
            AlreadyExists: a key with this digest is kept.
        """
        try:
            await self._put(key, "attribute_not_exists(pk)")
        except ConditionFailed:
            raise AlreadyExists("there is such a key") from None

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""
        pk = layout.api_keys(tenant)
        rows = await self._database.query(self._table, "gsi1pk = :pk", index=layout.GSI, pk=pk)
        keys = [load(Key, row["document"]["S"]) for row in rows]
        return sorted(keys, key=lambda key: (-key.created_at, key.id))

    async def revoke(self, tenant: str, key_id: str, at: int) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. The first revocation stays."""
        found = await self._database.query(
            self._table, "gsi1pk = :pk AND gsi1sk = :id", index=layout.GSI, pk=layout.api_keys(tenant), id=key_id
        )
        if not found:
            return None
        key = replace(load(Key, found[0]["document"]["S"]), revoked_at=at)
        with contextlib.suppress(ConditionFailed):
            await self._put(key, "attribute_exists(pk) AND attribute_not_exists(revoked_at)")
        return await self.get(key.digest)

    async def last_used(self, tenant: str) -> dict[str, int]:
        """Return when the tenant's keys were last used, in seconds since the epoch, by digest."""
        rows = await self._database.query(self._table, "pk = :pk", pk=layout.used(tenant))
        return {row["sk"]["S"]: int(row["at"]["N"]) for row in rows}

    async def touch(self, tenant: str, digest: str, at: int) -> None:
        """Note that a key was used; an earlier use never replaces a later one."""
        when = {"N": str(at)}
        with contextlib.suppress(ConditionFailed):
            await self._database.call(
                "PutItem",
                TableName=self._table,
                Item={**layout.key(layout.used(tenant), digest), "at": when},
                ConditionExpression="attribute_not_exists(pk) OR #at < :at",
                ExpressionAttributeNames={"#at": "at"},
                ExpressionAttributeValues={":at": when},
            )

    async def aclose(self) -> None:
        """Close the connections, which all stores of the process share."""
        await self._database.aclose()

    async def _put(self, key: Key, condition: str) -> None:
        row: Row = {
            **layout.api_key(key.digest),
            "gsi1pk": {"S": layout.api_keys(key.tenant)},
            "gsi1sk": {"S": key.id},
            "document": {"S": dump(key).decode()},
        }
        if key.revoked_at is not None:
            row["revoked_at"] = {"N": str(key.revoked_at)}
        await self._database.call(
            "PutItem",
            TableName=self._table,
            Item=row,
            ConditionExpression=condition,
        )
