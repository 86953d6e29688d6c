"""Users, roles, groups, tenants, agents and grants in SQLite."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import replace
from sqlite3 import Connection
from typing import Final, TypeVar

from antiphon.access.roles import built_in
from antiphon.ports import Page
from antiphon.ports.stores import Listed
from antiphon.records import SERVER, Account, Actor, Agent, Grant, Group, Role, Tenant, User, dump, load
from antiphon.store.roles import with_all_built_in, with_built_in
from antiphon.store.sqlite.agents import SQLiteAgents, grants_on
from antiphon.store.sqlite.audit import note

T = TypeVar("T")

_KINDS: Final[dict[type, str]] = {Tenant: "tenant", User: "user", Role: "role", Group: "group", Agent: "agent"}


_HELD: Final = """
    SELECT agent, bits FROM grants INDEXED BY grants_by_principal
    WHERE tenant = ? AND principal = ? ORDER BY agent LIMIT ?"""
"""SQLite would choose the primary key and look at all grants of the tenant."""
_DELETE: Final = "DELETE FROM directory WHERE tenant = ? AND kind = ? AND id = ?"


class SQLiteDirectory(SQLiteAgents):
    """The port ``Directory``."""

    async def account(self, tenant: str, user: str) -> Account | None:
        """Read a user with its role and tenant, in one trip; None if the user or its role is unknown.

        A tenant or a built-in role (ADMIN, USER) that was never stored exists with its defaults.
        """
        return await self._database.read(lambda db: _account(db, tenant, user), small=True)

    async def agent(self, tenant: str, agent: str, principals: Sequence[str]) -> tuple[Agent, int] | None:
        """Read an agent and the OR of the principals' bits on it, in one consistent trip; None if it does not exist."""

        def work(db: Connection) -> tuple[Agent, int] | None:
            found = _get(db, Agent, tenant, agent)
            names = ",".join("?" * len(principals))
            sql = f"SELECT bits FROM grants WHERE tenant = ? AND agent = ? AND principal IN ({names})"  # noqa: S608 - no values
            held = (bits for (bits,) in db.execute(sql, (tenant, agent, *principals)))
            return (found, functools.reduce(operator.or_, held, 0)) if found else None

        return await self._database.read(work, small=True)

    async def agents(self, tenant: str, principals: Sequence[str], limit: int | None = None) -> list[tuple[Agent, int]]:
        """List the agents on which the principals have any bit, by id, in two trips, with the OR of their bits."""

        def work(db: Connection) -> list[tuple[Agent, int]]:
            bits = _bits_of(db, tenant, principals, limit)
            found = (_get(db, Agent, tenant, agent) for agent in sorted(bits)[:limit])
            return [(agent, bits[agent.id]) for agent in found if agent]

        return await self._database.read(work)

    async def put(self, record: Tenant | Role | Group | User | Grant, by: Actor = SERVER) -> None:
        """Store a record; it replaces an earlier one with the same identity. A grant of 0 bits is removed."""

        def work(db: Connection) -> None:
            stored = _stored(db, record)
            wanted = None if isinstance(record, Grant) and not record.bits else record
            if stored == wanted:
                return
            if isinstance(record, Grant):
                _put_grant(db, record)
            else:
                _put(db, record)
            what = "created" if stored is None else "removed" if wanted is None else "changed"
            note(db, self._trail.entry(by, what, stored, wanted))

        await self._database.write(work)

    async def delete(self, record: User | Role | Group, by: Actor = SERVER) -> bool:
        """Remove a user, role or group and all grants that it holds. Return whether there was one."""

        def work(db: Connection) -> bool:
            for grant in _grants_of(db, record):
                _put_grant(db, replace(grant, bits=0))
                note(db, self._trail.entry(by, "removed", grant, None))
            stored = _get(db, type(record), record.tenant, record.id)
            if stored is None:
                return False
            db.execute(_DELETE, (record.tenant, _KINDS[type(record)], record.id))
            note(db, self._trail.entry(by, "deleted", stored, None))
            return True

        return await self._database.write(work)

    async def find(self, kind: type[Listed], tenant: str, id: str) -> Listed | None:
        """Read a user, role, group or agent; None if there is none. A built-in role always exists."""
        found = await self._database.read(lambda db: _get(db, kind, tenant, id))
        return with_built_in(kind, tenant, id, found)

    async def some(self, kind: type[Listed], tenant: str, limit: int, *, after: str = "") -> Page[Listed]:
        """List at most ``limit`` users, roles, groups or agents by id, those behind the id ``after``; one trip."""
        sql = "SELECT document FROM directory WHERE tenant = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?"
        values = (tenant, _KINDS[kind], after, limit + 1)
        rows = await self._database.read(lambda db: db.execute(sql, values).fetchall())
        stored = Page([load(kind, row[0]) for row in rows[:limit]], len(rows) > limit)
        return with_all_built_in(kind, tenant, limit, after, stored)

    async def some_grants(self, tenant: str, agent: str, limit: int, *, after: str = "") -> Page[Grant]:
        """List at most ``limit`` grants on an agent by principal, those behind the principal ``after``; one trip."""
        sql = """SELECT principal, bits FROM grants WHERE tenant = ? AND agent = ? AND principal > ?
            ORDER BY principal LIMIT ?"""
        values = (tenant, agent, after, limit + 1)
        rows = await self._database.read(lambda db: db.execute(sql, values).fetchall())
        return Page([Grant(tenant, agent, *row) for row in rows[:limit]], len(rows) > limit)

    async def list_agents(self, tenant: str) -> list[Agent]:
        """List all agents of a tenant, by id."""
        return await self._database.read(lambda db: _list(db, Agent, tenant))

    async def list_users(self, tenant: str) -> list[User]:
        """List all users of a tenant, by id."""
        return await self._database.read(lambda db: _list(db, User, tenant))

    async def list_roles(self, tenant: str) -> list[Role]:
        """List all roles of a tenant by id, the built-in ones included."""
        stored = await self._database.read(lambda db: _list(db, Role, tenant))
        roles = built_in(tenant) | {role.id: role for role in stored}
        return sorted(roles.values(), key=lambda role: role.id)

    async def list_groups(self, tenant: str) -> list[Group]:
        """List all groups of a tenant, by id."""
        return await self._database.read(lambda db: _list(db, Group, tenant))

    async def get_tenant(self, tenant: str) -> Tenant:
        """Read a tenant; its defaults if it was never stored."""
        return await self._database.read(lambda db: _tenant(db, tenant))

    async def grants_on(self, tenant: str, agent: str) -> list[Grant]:
        """List the grants on an agent, by principal."""
        return await self._database.read(lambda db: grants_on(db, tenant, agent))

    async def aclose(self) -> None:
        """Close the file, which all stores of the process share."""
        await self._database.aclose()


def _get(db: Connection, kind: type[T], tenant: str, id: str) -> T | None:
    sql = "SELECT document FROM directory WHERE tenant = ? AND kind = ? AND id = ?"
    row = db.execute(sql, (tenant, _KINDS[kind], id)).fetchone()
    return load(kind, row[0]) if row else None


def _list(db: Connection, kind: type[T], tenant: str) -> list[T]:
    sql = "SELECT document FROM directory WHERE tenant = ? AND kind = ? ORDER BY id"
    return [load(kind, row[0]) for row in db.execute(sql, (tenant, _KINDS[kind]))]


def _put(db: Connection, record: Tenant | Role | Group | User) -> None:
    tenant = record.id if isinstance(record, Tenant) else record.tenant
    sql = "INSERT OR REPLACE INTO directory (tenant, kind, id, document) VALUES (?, ?, ?, ?)"
    db.execute(sql, (tenant, _KINDS[type(record)], record.id, dump(record)))


def _stored(db: Connection, record: T) -> T | None:
    """Read the stored record of this identity."""
    if isinstance(record, Grant):
        sql = "SELECT bits FROM grants WHERE tenant = ? AND agent = ? AND principal = ?"
        row = db.execute(sql, (record.tenant, record.agent, record.principal)).fetchone()
        return replace(record, bits=row[0]) if row else None
    if isinstance(record, Tenant):
        return _get(db, type(record), record.id, record.id)
    assert isinstance(record, Role | Group | User)
    return _get(db, type(record), record.tenant, record.id)


def _grants_of(db: Connection, record: User | Role | Group) -> list[Grant]:
    """Read the grants that a user, role or group holds."""
    principal = f"{_KINDS[type(record)]}:{record.id}"
    rows = db.execute(_HELD, (record.tenant, principal, -1)).fetchall()
    return [Grant(record.tenant, agent, principal, bits) for agent, bits in rows]


def _put_grant(db: Connection, grant: Grant) -> None:
    if grant.bits:
        sql = "INSERT OR REPLACE INTO grants (tenant, agent, principal, bits) VALUES (?, ?, ?, ?)"
        db.execute(sql, (grant.tenant, grant.agent, grant.principal, grant.bits))
    else:
        sql = "DELETE FROM grants WHERE tenant = ? AND agent = ? AND principal = ?"
        db.execute(sql, (grant.tenant, grant.agent, grant.principal))


def _account(db: Connection, tenant: str, user: str) -> Account | None:
    found = _get(db, User, tenant, user)
    if found is None:
        return None
    role = _get(db, Role, tenant, found.role) or built_in(tenant).get(found.role)
    return Account(found, role, _tenant(db, tenant)) if role else None


def _tenant(db: Connection, tenant: str) -> Tenant:
    return _get(db, Tenant, tenant, tenant) or Tenant(tenant)


def _bits_of(db: Connection, tenant: str, principals: Sequence[str], limit: int | None) -> dict[str, int]:
    """Return the bits by agent; with a limit, those of at least so many agents, the first by id."""
    bits: dict[str, int] = {}
    for principal in principals:
        for agent, held in db.execute(_HELD, (tenant, principal, -1 if limit is None else limit)):
            bits[agent] = bits.get(agent, 0) | held
    return bits
