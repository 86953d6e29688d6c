"""Versions of agents: list, show and bring them back; and agents that were deleted and can be restored.

Who may change an agent may do this with its versions. A user restores deleted agents that they are the author of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from antiphon.access.grants import EDIT
from antiphon.agents.versions import digest
from antiphon.errors import ApiError
from antiphon.manage.agents import editable, require_allowed
from antiphon.manage.changes import Document
from antiphon.manage.document import write_agent
from antiphon.manage.fitting import check_fit
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor
from antiphon.manage.refusals import NotFound
from antiphon.ports import Page, Services
from antiphon.records import Agent, DeletedAgent


async def list_versions(
    services: Services, operator: Operator, agent_id: str, *, limit: int, after: str = ""
) -> Page[Document]:
    """List the versions of an agent that are kept, newest first; the first is in force.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403, or ``after`` is no version.
    """
    await editable(services, operator, agent_id, EDIT, write=False)
    if after and not (after.isascii() and after.isdecimal()):
        raise no_cursor()
    versions = await services.directory.agent_versions(operator.tenant, agent_id)
    rest = [version for version in versions if not after or version.version < int(after)]
    shown = [{**_summary(version), "in_force": version == versions[0]} for version in rest[:limit]]
    return Page(shown, len(rest) > limit)


async def show_version(services: Services, operator: Operator, agent_id: str, version: int) -> Document:
    """Return a version of an agent as a document without grants, with its author, number, digest and times.

    Raises:
        NotFound: there is no such agent for this operator, or no such version.
        ApiError: 403.
    """
    await editable(services, operator, agent_id, EDIT, write=False)
    found = await _version(services, operator, agent_id, version)
    return {**write_agent(found, []), **_summary(found), "id": agent_id}


async def export_version(services: Services, operator: Operator, agent_id: str, version: int) -> Document:
    """Return a version of an agent as a document that can be applied again, without grants.

    Raises:
        NotFound: there is no such agent for this operator, or no such version.
        ApiError: 403.
    """
    await editable(services, operator, agent_id, EDIT, write=False)
    return write_agent(await _version(services, operator, agent_id, version), [])


async def roll_back(services: Services, operator: Operator, agent_id: str, version: int) -> Document:
    """Bring a former version of an agent back, as a new version.

    Raises:
        NotFound: there is no such agent for this operator, or no such version.
        ApiError: 403, or the version does not fit the deployment any more.
    """
    before = await editable(services, operator, agent_id, EDIT)
    found = await _version(services, operator, agent_id, version)
    require_allowed(operator, found)
    if operator.principal is not None and found.servers:
        raise ApiError("permission_denied", "This version has tools that only an operator may add to an agent.")
    check_fit(services, found)
    wanted = replace(found, updated_at=int(services.clock()))
    stored = await services.directory.put_agent(wanted, operator.actor, rolled_back_to=version)
    result = "unchanged" if stored.version == before.version else "rolled_back"
    return {"id": agent_id, "result": result, "version": stored.version}


async def list_deleted(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List deleted agents that can be restored, by id.

    Raises:
        ApiError: 403.
    """
    operator.require("agents")
    page = await services.directory.deleted_agents(operator.tenant, limit, after=after)
    return Page([_deleted(gone) for gone in page.records], page.more)


async def restore_agent(services: Services, operator: Operator, agent_id: str) -> Document:
    """Bring a deleted agent back, with its versions and its grants.

    Raises:
        NotFound: there is none that this operator can restore.
        ApiError: 403.
    """
    gone = await services.directory.deleted_agent(operator.tenant, agent_id)
    principal = operator.principal
    if principal is None:
        operator.require("agents", write=True)
    elif gone is None or not await is_their_own(services, operator, gone.agent):
        raise NotFound("agent", agent_id)
    elif principal.read_only or principal.key_agents is not None:
        raise ApiError("read_only_key")
    back = None if gone is None else await services.directory.restore_agent(operator.tenant, agent_id, operator.actor)
    if back is None:
        raise NotFound("agent", agent_id)
    return {"id": agent_id, "result": "restored", "version": back.version}


async def is_their_own(services: Services, operator: Operator, agent: Agent) -> bool:
    """Return whether a user is the author of a deleted agent, and not only has the id of one who was deleted since."""
    author = f"user:{agent.author}"
    if operator.principal is None or author not in operator.principal.principals:
        return False
    grants = await services.directory.grants_on(operator.tenant, agent.id)
    return author in {grant.principal for grant in grants}


async def _version(services: Services, operator: Operator, agent_id: str, version: int) -> Agent:
    found = await services.directory.agent_version(operator.tenant, agent_id, version)
    if found is None:
        raise NotFound("version", str(version))
    return found


def _summary(agent: Agent) -> dict[str, Any]:
    return {
        "id": str(agent.version),
        "version": agent.version,
        "digest": digest(agent),
        "provider": agent.provider,
        "model": agent.model,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    }


def _deleted(gone: DeletedAgent) -> Document:
    return {
        "id": gone.agent.id,
        "name": gone.agent.name,
        "author": gone.agent.author,
        "version": gone.agent.version,
        "deleted_at": gone.deleted_at,
        "restorable_until": gone.expires_at,
    }
