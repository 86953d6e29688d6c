"""Agents in the table ``core``, with their former versions, and those that were deleted and can be restored."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from antiphon.access.grants import OWNER
from antiphon.agents.versions import KEPT_VERSIONS, RESTORABLE_DAYS, next_version, require_same
from antiphon.errors import StorageUnavailable
from antiphon.ports import Page
from antiphon.records import DAY, SERVER, Actor, Agent, DeletedAgent, Grant, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.audit import TRIES, AuditedTable
from antiphon.store.dynamodb.client import ConditionFailed
from antiphon.store.dynamodb.layout import Row

_NEW: Final = "attribute_not_exists(pk)"
_SAME: Final = "document = :document"
_GRANTS_AT_ONCE: Final = 10
"""Grants that one transaction removes: each is a write, with eight for its entry in the audit log."""


class DynamoDBAgents(AuditedTable):
    """Writes agents, and reads their versions."""

    async def put_agent(
        self, agent: Agent, by: Actor = SERVER, *, rolled_back_to: int | None = None, new: bool = False
    ) -> Agent:
        """Store an agent and return it as it is stored; see the port ``Directory``."""
        for _ in range(TRIES):
            row = await self._database.get(self._table, _key(agent.tenant, agent.id))
            if new and row is not None:
                require_same(_agent(row), agent)
            try:
                if row is None:
                    return await self._create(agent, by)
                return await self._replace(row, agent, by, rolled_back_to)
            except ConditionFailed:  # it was made, changed or removed since we looked
                continue
        raise StorageUnavailable("others keep changing this agent")

    async def delete_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Delete an agent; it can be restored with its grants for some time. Return whether there was one.

        A deletion that was interrupted is finished when it is repeated.
        """
        if not layout.is_id(agent):
            return False
        for _ in range(TRIES):
            row = await self._database.get(self._table, _key(tenant, agent))
            if row is None:
                gone = await self.deleted_agent(tenant, agent)
                if gone is not None:
                    await self._let_expire(tenant, agent, gone.expires_at + DAY)
                return False
            try:
                await self._set_aside(row, by)
            except ConditionFailed:
                continue
            return True
        raise StorageUnavailable("others keep changing this agent")

    async def restore_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> Agent | None:
        """Bring a deleted agent back, with its grants and versions; None if there is none that can be restored."""
        gone = await self.deleted_agent(tenant, agent)
        if gone is None:
            return None
        await self._set_expiry(tenant, agent, None)
        back = gone.agent
        try:
            await self._change(
                [
                    self._put(_row(back), _NEW),
                    self._delete(_deleted_key(tenant, agent), _SAME, document=_document(gone)),
                ],
                self._trail.entry(by, "restored", None, back),
            )
        except ConditionFailed:
            return None
        return back

    async def give_agent(self, tenant: str, agent: str, author: str, by: Actor = SERVER) -> bool:
        """Make another user the author and owner of an agent; its versions first, so that it can be repeated."""
        for row in await self._database.query(self._table, "pk = :pk", pk=layout.versions(tenant, agent)):
            await self._database.put(self._table, {**row, "document": _written(replace(_agent(row), author=author))})
        for _ in range(TRIES):
            stored = await self._database.get(self._table, _key(tenant, agent))
            if stored is None:
                return False
            given = replace(_agent(stored), author=author)
            owner = Grant(tenant, agent, f"user:{author}", OWNER)
            writes = [
                self._put(_row(given), _SAME, document=stored["document"]),
                self._put(layout.grant_row(owner)),
            ]
            with contextlib.suppress(ConditionFailed):  # it was changed meanwhile
                await self._change(writes, self._trail.entry(by, "given", _agent(stored), given))
                return True
        raise StorageUnavailable("others keep changing this agent")

    async def purge_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Remove an agent for good, deleted before or not; it goes after its versions and grants."""
        keys = [_key(tenant, agent), _deleted_key(tenant, agent)]
        rows = {row["pk"]["S"]: row for row in await self._database.batch_get(self._table, keys)}
        live, aside = (rows.get(key["pk"]["S"]) for key in keys)
        if live is None and aside is None:
            return False
        await self._remove_grants(await self.grants_on(tenant, agent), by)
        former = await self._database.query(self._table, "pk = :pk", pk=layout.versions(tenant, agent))
        await self._database.batch_delete(self._table, [{"pk": row["pk"], "sk": row["sk"]} for row in former])
        gone = _agent(live) if live else load(DeletedAgent, (aside or {})["document"]["S"]).agent
        await self._change([self._delete(key) for key in keys], self._trail.entry(by, "erased", gone, None))
        return True

    async def deleted_agent(self, tenant: str, agent: str) -> DeletedAgent | None:
        """Read a deleted agent, consistently; None if there is none that can be restored."""
        row = await self._database.get(self._table, _deleted_key(tenant, agent)) if layout.is_id(agent) else None
        gone = load(DeletedAgent, row["document"]["S"]) if row else None
        return gone if gone and gone.expires_at > self._trail.now() else None

    async def deleted_agents(self, tenant: str, limit: int, *, after: str = "") -> Page[DeletedAgent]:
        """List at most ``limit`` agents that can be restored, by id, those behind the id ``after``; one trip."""
        start = _deleted_key(tenant, after) if after else None
        pk = layout.deleted_agents(tenant)
        rows, more = await self._database.page(self._table, "pk = :pk", limit, start=start, pk=pk)
        now = self._trail.now()
        found = (load(DeletedAgent, row["document"]["S"]) for row in rows)
        return Page([gone for gone in found if gone.expires_at > now], more)

    async def agent_versions(self, tenant: str, agent: str) -> list[Agent]:
        """List the versions of an agent that are kept, newest first. None if it is absent."""
        if not layout.is_id(agent):
            return []
        pk = layout.versions(tenant, agent)
        row, former = await asyncio.gather(
            self._database.get(self._table, _key(tenant, agent)), self._database.query(self._table, "pk = :pk", pk=pk)
        )
        if row is None:
            return []
        current = _agent(row)
        versions = [_agent(found) for found in reversed(former)]
        return [current, *(version for version in versions if version.version < current.version)]

    async def agent_version(self, tenant: str, agent: str, version: int) -> Agent | None:
        """Read a version of an agent, consistently; None if it is not kept, or the agent is absent."""
        if not layout.is_id(agent) or not 0 < version < layout.RECORD_DEPTH:
            return None
        keys = [_key(tenant, agent), layout.version(tenant, agent, version)]
        found = {row["pk"]["S"]: _agent(row) for row in await self._database.batch_get(self._table, keys)}
        current = found.get(keys[0]["pk"]["S"])
        if current is None or current.version == version:
            return current
        return found.get(keys[1]["pk"]["S"])

    async def grants_on(self, tenant: str, agent: str) -> list[Grant]:
        """List the grants on an agent, by principal. It may lag behind a change by some seconds."""
        pk = layout.grants_on(tenant, agent)
        rows = await self._database.query(self._table, "gsi1pk = :pk", index=layout.GSI, pk=pk)
        return [Grant(tenant, agent, row["gsi1sk"]["S"], int(row["bits"]["N"])) for row in rows]

    async def _remove_grants(self, grants: Sequence[Grant], by: Actor) -> None:
        """Remove grants, each together with its entry; some at once."""
        for start in range(0, len(grants), _GRANTS_AT_ONCE):
            some = grants[start : start + _GRANTS_AT_ONCE]
            await self._change(
                [self._delete(layout.grant(grant.tenant, grant.agent, grant.principal)) for grant in some],
                *(self._trail.entry(by, "removed", grant, None) for grant in some),
            )

    async def _create(self, agent: Agent, by: Actor) -> Agent:
        """Create an agent. The grants and versions of an earlier agent of the same name are removed first."""
        aside = await self._database.get(self._table, _deleted_key(agent.tenant, agent.id))
        await self._remove_grants(await self.grants_on(agent.tenant, agent.id), by)
        former = await self._database.query(self._table, "pk = :pk", pk=layout.versions(agent.tenant, agent.id))
        await self._database.batch_delete(self._table, [{"pk": row["pk"], "sk": row["sk"]} for row in former])
        last = load(DeletedAgent, aside["document"]["S"]).agent.version if aside else 0
        made = replace(agent, version=last + 1)
        owner = Grant(agent.tenant, agent.id, f"user:{agent.author}", OWNER)
        writes = [self._put(_row(made), _NEW), self._put(layout.grant_row(owner))]
        if aside is not None:
            writes.append(self._delete(_deleted_key(agent.tenant, agent.id), _SAME, document=aside["document"]))
        created = self._trail.entry(by, "created", None, made)
        await self._change(writes, created, self._trail.entry(by, "created", None, owner))
        return made

    async def _replace(self, row: Row, agent: Agent, by: Actor, rolled_back_to: int | None) -> Agent:
        stored = _agent(row)
        changed = next_version(stored, agent)
        if changed is None:
            return stored
        former = {**layout.version(stored.tenant, stored.id, stored.version), "document": row["document"]}
        outdated = stored.version - KEPT_VERSIONS
        writes = [self._put(_row(changed), _SAME, document=row["document"]), self._put(former)]
        if outdated > 0:
            writes.append(self._delete(layout.version(stored.tenant, stored.id, outdated)))
        how: dict[str, Any] = {} if rolled_back_to is None else {"rolled_back_to": rolled_back_to}
        what = "changed" if rolled_back_to is None else "rolled_back"
        await self._change(writes, self._trail.entry(by, what, stored, changed, **how))
        return changed

    async def _set_aside(self, row: Row, by: Actor) -> None:
        agent, now = _agent(row), self._trail.now()
        gone = DeletedAgent(agent, now, now + RESTORABLE_DAYS * DAY)
        aside = {
            **_deleted_key(agent.tenant, agent.id),
            "document": _document(gone),
            layout.TTL: {"N": str(gone.expires_at)},
        }
        await self._change(
            [
                self._delete(_key(agent.tenant, agent.id), _SAME, document=row["document"]),
                self._put(aside),
            ],
            self._trail.entry(by, "deleted", agent, None),
        )
        await self._let_expire(agent.tenant, agent.id, gone.expires_at + DAY)

    async def _let_expire(self, tenant: str, agent: str, at: int) -> None:
        """Let the grants and versions of a deleted agent expire, unless it was restored or made again meanwhile."""
        await self._set_expiry(tenant, agent, at)
        if await self._database.get(self._table, _key(tenant, agent)) is not None:
            await self._set_expiry(tenant, agent, None)

    async def _set_expiry(self, tenant: str, agent: str, at: int | None) -> None:
        """Let the grants and versions of a deleted agent expire, or not any more."""
        versions = await self._database.query(self._table, "pk = :pk", pk=layout.versions(tenant, agent))
        keys = [{"pk": row["pk"], "sk": row["sk"]} for row in versions]
        keys += [layout.grant(tenant, agent, grant.principal) for grant in await self.grants_on(tenant, agent)]
        await asyncio.gather(*(self._set_one_expiry(key, at) for key in keys))

    async def _set_one_expiry(self, key: Row, at: int | None) -> None:
        """Change one row's expiry, if the row is still there."""
        arguments = {
            "TableName": self._table,
            "Key": key,
            "UpdateExpression": "REMOVE #ttl" if at is None else "SET #ttl = :at",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#ttl": layout.TTL},
            **({} if at is None else {"ExpressionAttributeValues": {":at": {"N": str(at)}}}),
        }
        try:
            await self._database.call("UpdateItem", **arguments)
        except ConditionFailed:
            return


def _key(tenant: str, agent: str) -> Row:
    return layout.key(layout.collection(tenant, "AGENTS"), agent)


def _deleted_key(tenant: str, agent: str) -> Row:
    """Return the key of a deleted agent."""
    return layout.key(layout.deleted_agents(tenant), agent)


def _row(agent: Agent) -> Row:
    return {**_key(agent.tenant, agent.id), "document": _written(agent)}


def _written(agent: Agent) -> Row:
    return {"S": dump(agent).decode()}


def _document(gone: DeletedAgent) -> Row:
    return {"S": dump(gone).decode()}


def _agent(row: Row) -> Agent:
    return load(Agent, row["document"]["S"])
