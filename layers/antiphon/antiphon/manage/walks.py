"""Lists that are read to their end, page by page, so that no more than a page of them is in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from antiphon.audit import AuditEntry
from antiphon.manage.pages import walk
from antiphon.ports import AuditFilter, Page, Services
from antiphon.records import Agent, Approval, DeletedAgent, Key, Owner, User

_PAGE: Final = 100


def keys_of(services: Services, owner: Owner, after: Key | None = None) -> AsyncIterator[Key]:
    """Yield the keys of a user behind one of them, newest first."""

    async def fetch(last: Key | None) -> Page[Key]:
        return await services.keys.some(owner.tenant, _PAGE, user=owner.user, after=last)

    return walk(fetch, after)


def all_users(services: Services, tenant: str) -> AsyncIterator[User]:
    """Yield the users by id."""

    async def fetch(last: User | None) -> Page[User]:
        return await services.directory.some(User, tenant, _PAGE, after=last.id if last else "")

    return walk(fetch)


def all_agents(services: Services, tenant: str) -> AsyncIterator[Agent]:
    """Yield the agents by id."""

    async def fetch(last: Agent | None) -> Page[Agent]:
        return await services.directory.some(Agent, tenant, _PAGE, after=last.id if last else "")

    return walk(fetch)


def all_deleted_agents(services: Services, tenant: str, after: str = "") -> AsyncIterator[DeletedAgent]:
    """Yield the deleted agents behind an id that can be restored."""

    async def fetch(last: DeletedAgent | None) -> Page[DeletedAgent]:
        return await services.directory.deleted_agents(tenant, _PAGE, after=last.agent.id if last else after)

    return walk(fetch)


def all_pending(services: Services, tenant: str) -> AsyncIterator[Approval]:
    """Yield the approvals that nobody has decided, oldest first."""

    async def fetch(last: Approval | None) -> Page[Approval]:
        return await services.approvals.pending(tenant, _PAGE, last)

    return walk(fetch)


async def audit_entries(
    services: Services, tenant: str, wanted: AuditFilter, after: str | None = None
) -> AsyncIterator[AuditEntry]:
    """Yield the entries of the audit log behind an id, newest first."""
    while True:
        page = await services.audit.some(tenant, _PAGE, wanted, after=after)
        for entry in page.entries:
            yield entry
        if not page.more or not page.entries:
            return
        after = page.entries[-1].id
