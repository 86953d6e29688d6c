"""Users, roles, groups, tenants, agents and grants in the table ``core``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from antiphon.access.roles import built_in
from antiphon.errors import StorageUnavailable
from antiphon.ports import Page
from antiphon.ports.stores import Listed
from antiphon.records import SERVER, Account, Actor, Agent, Grant, Group, Role, Tenant, User, dump, load
from antiphon.store.dynamodb import layout
from antiphon.store.dynamodb.agents import DynamoDBAgents
from antiphon.store.dynamodb.audit import TRIES
from antiphon.store.dynamodb.client import ConditionFailed
from antiphon.store.dynamodb.layout import AGENT, Row
from antiphon.store.roles import with_all_built_in, with_built_in

T = TypeVar("T")

_COLLECTIONS: Final[dict[type, str]] = {User: "USERS", Role: "ROLES", Group: "GROUPS", Agent: "AGENTS"}


_SAME: Final = "document = :document"


class DynamoDBDirectory(DynamoDBAgents):
    """The port ``Directory``."""

    async def account(self, tenant: str, user: str) -> Account | None:
        """Read a user with its role and tenant, in one trip; None if the user or the role is unknown.

        A tenant or a built-in role (ADMIN, USER) that was never stored exists with its defaults.
        """
        keys = [_key(User, tenant, user), layout.tenant_record(tenant)]
        rows, roles = await asyncio.gather(self._database.batch_get(self._table, keys), self._roles(tenant))
        found = {row["sk"]["S"]: row for row in rows if row["pk"] == keys[0]["pk"]}
        about = [row for row in rows if row["pk"] == keys[1]["pk"]]
        if user not in found:
            return None
        known = _record(User, found[user])
        role = roles.get(known.role)
        return Account(known, role, _record(Tenant, about[0]) if about else Tenant(tenant)) if role else None

    async def agent(self, tenant: str, agent: str, principals: Sequence[str]) -> tuple[Agent, int] | None:
        """Read an agent and the OR of the principals' bits on it, in one consistent trip; None if there is no agent."""
        if not layout.is_id(agent):
            return None
        grants = [layout.grant(tenant, agent, principal) for principal in dict.fromkeys(principals)]
        rows = await self._database.batch_get(self._table, [_key(Agent, tenant, agent), *grants])
        found = [row for row in rows if "document" in row]
        return (_record(Agent, found[0]), _bits(row for row in rows if "bits" in row)) if found else None

    async def agents(self, tenant: str, principals: Sequence[str], limit: int | None = None) -> list[tuple[Agent, int]]:
        """List the agents on which the principals have any bit, by id, in two trips, with the OR of their bits."""
        partitions = {layout.grants_of(tenant, principal) for principal in principals}
        found = await asyncio.gather(*(self._held(pk, limit) for pk in partitions))
        bits: dict[str, int] = {}
        for row in (row for rows in found for row in rows):
            agent = row["sk"]["S"].removeprefix(AGENT)
            bits[agent] = bits.get(agent, 0) | int(row["bits"]["N"])
        rows = await self._database.batch_get(
            self._table, [_key(Agent, tenant, agent) for agent in sorted(bits)[:limit]]
        )
        agents = sorted((_record(Agent, row) for row in rows), key=lambda agent: agent.id)
        return [(agent, bits[agent.id]) for agent in agents]

    async def put(self, record: Tenant | Role | Group | User | Grant, by: Actor = SERVER) -> None:
        """Keep a record, in the place of an earlier one with the same identity. A grant of 0 bits is removed."""
        for _ in range(TRIES):
            try:
                return await self._store(record, by)
            except ConditionFailed:  # it was changed since we looked
                continue
        raise StorageUnavailable("others keep changing this record")

    async def delete(self, record: User | Role | Group, by: Actor = SERVER) -> bool:
        """Remove a user, role or group and all grants that it holds. Return whether there was one.

        The grants go first: if a call fails between, the record is still there and the deletion can be repeated.
        """
        principal = f"{type(record).__name__.lower()}:{record.id}"
        held = await self._query(layout.grants_of(record.tenant, principal))
        grants = [Grant(record.tenant, row["sk"]["S"].removeprefix(AGENT), principal, _bits([row])) for row in held]
        await self._remove_grants(grants, by)
        for _ in range(TRIES):
            row = await self._database.get(self._table, _where(record))
            if row is None:
                return False
            removed = self._delete(_where(record), _SAME, document=row["document"])
            try:
                await self._change([removed], self._trail.entry(by, "deleted", _record(type(record), row), None))
            except ConditionFailed:
                continue
            return True
        raise StorageUnavailable("others keep changing this record")

    async def find(self, kind: type[Listed], tenant: str, id: str) -> Listed | None:
        """Read a user, role, group or agent, consistently; None if there is none. A built-in role always exists."""
        row = await self._database.get(self._table, _key(kind, tenant, id)) if layout.is_id(id) else None
        return with_built_in(kind, tenant, id, _record(kind, row) if row else None)

    async def some(self, kind: type[Listed], tenant: str, limit: int, *, after: str = "") -> Page[Listed]:
        """List at most ``limit`` users, roles, groups or agents by id, those behind the id ``after``; one trip."""
        start = _key(kind, tenant, after) if after else None
        pk = layout.collection(tenant, _COLLECTIONS[kind])
        rows, more = await self._database.page(self._table, "pk = :pk", limit, start=start, pk=pk)
        stored = Page([_record(kind, row) for row in rows], more)
        return with_all_built_in(kind, tenant, limit, after, stored)

    async def some_grants(self, tenant: str, agent: str, limit: int, *, after: str = "") -> Page[Grant]:
        """List at most ``limit`` grants on an agent by principal, those behind the principal ``after``; one trip."""
        pk, index = layout.grants_on(tenant, agent), {"gsi1pk", "gsi1sk", "pk", "sk"}
        row = layout.grant_row(Grant(tenant, agent, after, 0))
        start = {name: row[name] for name in index} if after else None
        rows, more = await self._database.page(self._table, "gsi1pk = :pk", limit, index=layout.GSI, start=start, pk=pk)
        return Page([Grant(tenant, agent, row["gsi1sk"]["S"], int(row["bits"]["N"])) for row in rows], more)

    async def list_agents(self, tenant: str) -> list[Agent]:
        """List all agents of a tenant, by id."""
        return await self._list(Agent, tenant)

    async def list_users(self, tenant: str) -> list[User]:
        """List all users of a tenant, by id."""
        return await self._list(User, tenant)

    async def list_roles(self, tenant: str) -> list[Role]:
        """List all roles of a tenant by id, the built-in ones included."""
        return sorted((await self._roles(tenant)).values(), key=lambda role: role.id)

    async def list_groups(self, tenant: str) -> list[Group]:
        """List all groups of a tenant, by id."""
        return await self._list(Group, tenant)

    async def get_tenant(self, tenant: str) -> Tenant:
        """Read a tenant; its defaults if it was never stored."""
        row = await self._database.get(self._table, layout.tenant_record(tenant))
        return _record(Tenant, row) if row else Tenant(tenant)

    async def aclose(self) -> None:
        """Close the connections, which all stores of the process share."""
        await self._database.aclose()

    async def _held(self, pk: str, limit: int | None) -> list[Row]:
        """Read the grants of a principal by agent: all, or the first ones."""
        if limit is None:
            return await self._query(pk)
        rows, _ = await self._database.page(self._table, "pk = :pk", limit, pk=pk)
        return rows

    async def _query(self, pk: str) -> list[Row]:
        return await self._database.query(self._table, "pk = :pk", pk=pk)

    async def _list(self, kind: type[T], tenant: str) -> list[T]:
        return [_record(kind, row) for row in await self._query(layout.collection(tenant, _COLLECTIONS[kind]))]

    async def _roles(self, tenant: str) -> dict[str, Role]:
        return built_in(tenant) | {role.id: role for role in await self._list(Role, tenant)}

    async def _store(self, record: Tenant | Role | Group | User | Grant, by: Actor) -> None:
        """Write a record with its entry, unless it is stored already.

        Raises:
            ConditionFailed: it was changed since it was read here.
        """
        row = await self._database.get(self._table, _where(record))
        stored = _stored(record, row) if row else None
        wanted = None if isinstance(record, Grant) and not record.bits else record
        if stored == wanted:
            return
        condition, known = _unchanged(row)
        if wanted is None:
            write = self._delete(_where(record), condition, **known)
        else:
            write = self._put(
                layout.grant_row(wanted) if isinstance(wanted, Grant) else _row(wanted), condition, **known
            )
        what = "created" if stored is None else "removed" if wanted is None else "changed"
        await self._change([write], self._trail.entry(by, what, stored, wanted))


def _key(kind: type, tenant: str, id: str) -> Row:
    return layout.key(layout.collection(tenant, _COLLECTIONS[kind]), id)


def _where(record: Tenant | Role | Group | User | Grant) -> Row:
    if isinstance(record, Grant):
        return layout.grant(record.tenant, record.agent, record.principal)
    if isinstance(record, Tenant):
        return layout.tenant_record(record.id)
    return _key(type(record), record.tenant, record.id)


def _row(record: Tenant | Role | Group | User) -> Row:
    return {**_where(record), "document": {"S": dump(record).decode()}}


def _stored(record: T, row: Row) -> T:
    """Read the row of a record of this identity."""
    if isinstance(record, Grant):
        return replace(record, bits=_bits([row]))
    return _record(type(record), row)


def _unchanged(row: Row | None) -> tuple[str, Row]:
    """Return the condition that a row is as it was read, and its values."""
    if row is None:
        return "attribute_not_exists(pk)", {}
    name = "document" if "document" in row else "bits"
    return f"{name} = :known", {"known": row[name]}


def _record(kind: type[T], row: Row) -> T:
    return load(kind, row["document"]["S"])


def _bits(rows: Iterable[Row]) -> int:
    bits = 0
    for row in rows:
        bits |= int(row["bits"]["N"])
    return bits
