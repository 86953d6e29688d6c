"""Agents in SQLite, with their former versions, and those that were deleted and can be restored."""

from __future__ import annotations

from dataclasses import replace
from sqlite3 import Connection
from typing import Any, Final

from antiphon.access.grants import OWNER
from antiphon.agents.versions import KEPT_VERSIONS, RESTORABLE_DAYS, next_version, require_same
from antiphon.ports import Page
from antiphon.records import DAY, SERVER, Actor, Agent, DeletedAgent, Grant, dump, load
from antiphon.store.sqlite.audit import AuditedFile, note

_GET: Final = "SELECT document FROM directory WHERE tenant = ? AND kind = 'agent' AND id = ?"
_PUT: Final = "INSERT OR REPLACE INTO directory (tenant, kind, id, document) VALUES (?, 'agent', ?, ?)"
_REMOVE: Final = "DELETE FROM directory WHERE tenant = ? AND kind = 'agent' AND id = ?"
_KEEP: Final = "INSERT OR REPLACE INTO agent_versions (tenant, agent, version, document) VALUES (?, ?, ?, ?)"
_OUTDATED: Final = "DELETE FROM agent_versions WHERE tenant = ? AND agent = ? AND version <= ?"
_VERSIONS: Final = "SELECT document FROM agent_versions WHERE tenant = ? AND agent = ? ORDER BY version DESC"
_VERSION: Final = "SELECT document FROM agent_versions WHERE tenant = ? AND agent = ? AND version = ?"
_SET_ASIDE: Final = "INSERT OR REPLACE INTO deleted_agents (tenant, id, document, expires_at) VALUES (?, ?, ?, ?)"
_DELETED: Final = "SELECT document FROM deleted_agents WHERE tenant = ? AND id = ? AND expires_at > ?"
_SOME_DELETED: Final = """
    SELECT document FROM deleted_agents WHERE tenant = ? AND expires_at > ? AND id > ? ORDER BY id LIMIT ?"""
_EXPIRED: Final = "SELECT tenant, id FROM deleted_agents WHERE expires_at <= ?"
_GRANTS: Final = "SELECT principal, bits FROM grants WHERE tenant = ? AND agent = ? ORDER BY principal"
_GRANT: Final = "INSERT OR REPLACE INTO grants (tenant, agent, principal, bits) VALUES (?, ?, ?, ?)"
_FORGET: Final = (
    "DELETE FROM grants WHERE tenant = ? AND agent = ?",
    "DELETE FROM agent_versions WHERE tenant = ? AND agent = ?",
    "DELETE FROM deleted_agents WHERE tenant = ? AND id = ?",
)


class SQLiteAgents(AuditedFile):
    """Writes agents, and reads their versions."""

    async def put_agent(
        self, agent: Agent, by: Actor = SERVER, *, rolled_back_to: int | None = None, new: bool = False
    ) -> Agent:
        """Store an agent and return it as it is stored; see the port ``Directory``."""

        def work(db: Connection) -> Agent:
            stored = get_agent(db, agent.tenant, agent.id)
            if stored is None:
                return self._create(db, agent, by)
            if new:
                require_same(stored, agent)
            return self._replace(db, stored, agent, by, rolled_back_to)

        return await self._database.write(work)

    async def delete_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Delete an agent; it can be restored with its grants for some time. Return whether there was one."""

        def work(db: Connection) -> bool:
            now = self._trail.now()
            sweep(db, now)
            stored = get_agent(db, tenant, agent)
            if stored is None:
                return False
            gone = DeletedAgent(stored, now, now + RESTORABLE_DAYS * DAY)
            db.execute(_REMOVE, (tenant, agent))
            db.execute(_SET_ASIDE, (tenant, agent, dump(gone), gone.expires_at))
            note(db, self._trail.entry(by, "deleted", stored, None))
            return True

        return await self._database.write(work)

    async def restore_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> Agent | None:
        """Bring a deleted agent back, with its grants and versions; None if there is none that can be restored."""

        def work(db: Connection) -> Agent | None:
            row = db.execute(_DELETED, (tenant, agent, self._trail.now())).fetchone()
            if row is None:
                return None
            back = load(DeletedAgent, row[0]).agent
            db.execute(_FORGET[-1], (tenant, agent))
            db.execute(_PUT, (tenant, agent, dump(back)))
            note(db, self._trail.entry(by, "restored", None, back))
            return back

        return await self._database.write(work)

    async def give_agent(self, tenant: str, agent: str, author: str, by: Actor = SERVER) -> bool:
        """Make another user the author and owner of an agent, in all its versions; see the port ``Directory``."""

        def work(db: Connection) -> bool:
            stored = get_agent(db, tenant, agent)
            if stored is None:
                return False
            for (document,) in db.execute(_VERSIONS, (tenant, agent)).fetchall():
                former = replace(load(Agent, document), author=author)
                db.execute(_KEEP, (tenant, agent, former.version, dump(former)))
            given = replace(stored, author=author)
            db.execute(_PUT, (tenant, agent, dump(given)))
            db.execute(_GRANT, (tenant, agent, f"user:{author}", OWNER))
            note(db, self._trail.entry(by, "given", stored, given))
            return True

        return await self._database.write(work, erases=True)

    async def purge_agent(self, tenant: str, agent: str, by: Actor = SERVER) -> bool:
        """Remove an agent for good, deleted before or not, with its versions and grants."""

        def work(db: Connection) -> bool:
            aside = db.execute(_DELETED, (tenant, agent, 0)).fetchone()
            stored = get_agent(db, tenant, agent) or (load(DeletedAgent, aside[0]).agent if aside else None)
            if stored is None:
                return False
            db.execute(_REMOVE, (tenant, agent))
            forget(db, tenant, agent)
            note(db, self._trail.entry(by, "erased", stored, None))
            return True

        return await self._database.write(work, erases=True)

    async def deleted_agent(self, tenant: str, agent: str) -> DeletedAgent | None:
        """Read a deleted agent; None if there is none that can be restored."""
        values = (tenant, agent, self._trail.now())
        row = await self._database.read(lambda db: db.execute(_DELETED, values).fetchone())
        return load(DeletedAgent, row[0]) if row else None

    async def deleted_agents(self, tenant: str, limit: int, *, after: str = "") -> Page[DeletedAgent]:
        """List at most ``limit`` agents that can be restored, by id, those behind the id ``after``; one trip."""
        values = (tenant, self._trail.now(), after, limit + 1)
        rows = await self._database.read(lambda db: db.execute(_SOME_DELETED, values).fetchall())
        return Page([load(DeletedAgent, row[0]) for row in rows[:limit]], len(rows) > limit)

    async def agent_versions(self, tenant: str, agent: str) -> list[Agent]:
        """List the versions of an agent that are kept, newest first. None if it is absent."""

        def work(db: Connection) -> list[Agent]:
            current = get_agent(db, tenant, agent)
            former = db.execute(_VERSIONS, (tenant, agent)) if current else []
            return [*([current] if current else []), *(load(Agent, row[0]) for row in former)]

        return await self._database.read(work)

    async def agent_version(self, tenant: str, agent: str, version: int) -> Agent | None:
        """Read a version of an agent; None if it is not kept, or the agent is absent."""

        def work(db: Connection) -> Agent | None:
            current = get_agent(db, tenant, agent)
            if current is None or current.version == version:
                return current
            row = db.execute(_VERSION, (tenant, agent, version)).fetchone()
            return load(Agent, row[0]) if row else None

        return await self._database.read(work)

    def _create(self, db: Connection, agent: Agent, by: Actor) -> Agent:
        """Create an agent. The grants and versions of an earlier agent of the same name are removed first."""
        gone = db.execute(_DELETED, (agent.tenant, agent.id, self._trail.now())).fetchone()
        for grant in grants_on(db, agent.tenant, agent.id):
            note(db, self._trail.entry(by, "removed", grant, None))
        forget(db, agent.tenant, agent.id)
        made = replace(agent, version=load(DeletedAgent, gone[0]).agent.version + 1 if gone else 1)
        owner = Grant(agent.tenant, agent.id, f"user:{agent.author}", OWNER)
        db.execute(_PUT, (agent.tenant, agent.id, dump(made)))
        db.execute(_GRANT, (owner.tenant, owner.agent, owner.principal, owner.bits))
        note(db, self._trail.entry(by, "created", None, made))
        note(db, self._trail.entry(by, "created", None, owner))
        return made

    def _replace(self, db: Connection, stored: Agent, agent: Agent, by: Actor, rolled_back_to: int | None) -> Agent:
        changed = next_version(stored, agent)
        if changed is None:
            return stored
        db.execute(_KEEP, (stored.tenant, stored.id, stored.version, dump(stored)))
        db.execute(_OUTDATED, (stored.tenant, stored.id, stored.version - KEPT_VERSIONS))
        db.execute(_PUT, (changed.tenant, changed.id, dump(changed)))
        how: dict[str, Any] = {} if rolled_back_to is None else {"rolled_back_to": rolled_back_to}
        what = "changed" if rolled_back_to is None else "rolled_back"
        note(db, self._trail.entry(by, what, stored, changed, **how))
        return changed


def get_agent(db: Connection, tenant: str, agent: str) -> Agent | None:
    """Read an agent; None if there is none."""
    row = db.execute(_GET, (tenant, agent)).fetchone()
    return load(Agent, row[0]) if row else None


def grants_on(db: Connection, tenant: str, agent: str) -> list[Grant]:
    """Read the grants on an agent, by principal."""
    return [Grant(tenant, agent, principal, bits) for principal, bits in db.execute(_GRANTS, (tenant, agent))]


def forget(db: Connection, tenant: str, agent: str) -> None:
    """Remove the grants and former versions of an agent that was deleted, and what it could be restored from."""
    for statement in _FORGET:
        db.execute(statement, (tenant, agent))


def sweep(db: Connection, now: float) -> None:
    """Remove what is left of the agents that were deleted and cannot be restored any more."""
    for tenant, agent in db.execute(_EXPIRED, (now,)).fetchall():
        forget(db, tenant, agent)
