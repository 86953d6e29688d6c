"""API keys in the table ``core``."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from antiphon.audit import AuditEntry
from antiphon.errors import AlreadyExists, StorageUnavailable
from antiphon.ports import Page
from antiphon.records import SERVER, Actor, Budget, Key, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.audit import TRIES, AuditedTable
from antiphon.store.dynamodb.client import ConditionFailed
from antiphon.store.dynamodb.layout import Row


class DynamoDBKeys(AuditedTable):
    """The port ``KeyStore``. Lists and revocations find keys through an index, which may lag by some seconds."""

    async def get(self, digest: str) -> Key | None:
        """Read a key, consistently; one trip."""
        row = await self._database.get(self._table, layout.api_key(digest))
        return load(Key, row["document"]["S"]) if row else None

    async def add(self, key: Key, by: Actor = SERVER) -> None:
        """Keep a new key.

        Raises:
            AlreadyExists: a key with this digest is kept.
        """
        try:
            await self._write(key, "attribute_not_exists(pk)", self._trail.entry(by, "created", None, key))
        except ConditionFailed:
            if await self.get(key.digest) != key:  # else it is this very key, whose first write got no answer
                raise AlreadyExists("there is such a key") from None

    async def list(self, tenant: str) -> list[Key]:
        """List a tenant's keys, revoked and expired ones included, newest first."""
        pk = layout.api_keys(tenant)
        rows = await self._database.query(self._table, "gsi1pk = :pk", index=layout.GSI, pk=pk)
        keys = [load(Key, row["document"]["S"]) for row in rows]
        return sorted(keys, key=lambda key: (-key.created_at, key.id))

    async def some(self, tenant: str, limit: int, *, user: str | None = None, after: Key | None = None) -> Page[Key]:
        """List at most ``limit`` keys, newest first, of a user or of all, that follow the key ``after``; one trip."""
        start = None if after is None else layout.listed_key(after)
        if user is None:
            start = None if start is None else {name: start[name] for name in ("pk", "sk")}
            where, pk, index = "pk = :pk", layout.listed_keys(tenant), None
        else:
            where, pk, index = "gsi1pk = :pk", layout.keys_of(tenant, user), layout.GSI
        rows, more = await self._database.page(
            self._table, where, limit, index=index, start=start, newest_first=True, pk=pk
        )
        return Page([load(Key, row["document"]["S"]) for row in rows], more)

    async def find(self, tenant: str, key_id: str) -> Key | None:
        """Read a key by its id; None if there is none. It may lag behind a change by some seconds."""
        found = await self._database.query(
            self._table, "gsi1pk = :pk AND gsi1sk = :id", index=layout.GSI, pk=layout.api_keys(tenant), id=key_id
        )
        return load(Key, found[0]["document"]["S"]) if found else None

    async def limit(self, tenant: str, key_id: str, budget: Budget, by: Actor = SERVER) -> Key | None:
        """Set what may be used with a key that is not revoked; None if there is none."""
        return await self._changed(tenant, key_id, lambda key: replace(key, budget=budget), by, "limited")

    async def revoke(self, tenant: str, key_id: str, at: int, by: Actor = SERVER) -> Key | None:
        """Revoke a key from a time on (seconds since the epoch); None if there is none. The first revocation stays."""
        changed = await self._changed(tenant, key_id, lambda key: replace(key, revoked_at=at), by, "revoked")
        if changed is not None:
            return changed
        found = await self.find(tenant, key_id)
        return None if found is None else await self.get(found.digest)

    async def last_used(self, tenant: str, digests: Sequence[str]) -> dict[str, int]:
        """Return when some of the tenant's keys were last used, in seconds since the epoch, by digest; one trip."""
        keys = [layout.key(layout.used(tenant), digest) for digest in dict.fromkeys(digests)]
        rows = await self._database.batch_get(self._table, keys)
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

    async def _changed(
        self, tenant: str, key_id: str, change: Callable[[Key], Key], by: Actor, what: str
    ) -> Key | None:
        """Change a key that is not revoked, as it is now. None if there is none; what is the same is not written."""
        found = await self.find(tenant, key_id)
        for _ in range(TRIES):
            row = None if found is None else await self._database.get(self._table, layout.api_key(found.digest))
            stored = load(Key, row["document"]["S"]) if row else None
            if row is None or stored is None or stored.revoked_at is not None:
                return None
            key = change(stored)
            if key == stored:
                return key
            known = {"document": row["document"]}
            with contextlib.suppress(ConditionFailed):  # others changed it meanwhile
                await self._write(key, "document = :document", self._trail.entry(by, what, stored, key), **known)
                return key
        raise StorageUnavailable("others keep changing this key")

    async def _write(self, key: Key, condition: str, entry: AuditEntry, **values: Row) -> None:
        row: Row = {
            **layout.api_key(key.digest),
            "gsi1pk": {"S": layout.api_keys(key.tenant)},
            "gsi1sk": {"S": key.id},
            "document": {"S": dump(key).decode()},
        }
        if key.revoked_at is not None:
            row["revoked_at"] = {"N": str(key.revoked_at)}
        listed = {**layout.listed_key(key), "document": row["document"]}
        await self._change([self._put(row, condition, **values), self._put(listed)], entry)
