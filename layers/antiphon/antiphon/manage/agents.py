"""Agents: list, show, apply and delete them.

Whoever has the right to write agents may change all of them. A user whose role has CREATE makes agents of their own
with an ordinary key, and changes or deletes those on which they have the bits EDIT or DELETE. An agent on which a user
has no bit does not exist for them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from antiphon.access.decide import allows, may_view
from antiphon.access.grants import DELETE, EDIT, OWNER, SHARE
from antiphon.access.roles import CREATE
from antiphon.agents.versions import digest, next_version
from antiphon.errors import AlreadyExists, ApiError
from antiphon.manage.changes import Document
from antiphon.manage.document import AgentDocument, write_agent
from antiphon.manage.fitting import check_fit, models_of
from antiphon.manage.found import check_principal, find_account
from antiphon.manage.operator import Operator
from antiphon.manage.pages import cut, shown
from antiphon.manage.refusals import NotFound, refuse
from antiphon.manage.sharing import bits_held, check_sharing
from antiphon.ports import Page, Services
from antiphon.records import Agent, Grant

_TAKEN: Final = "This id is taken: choose another one."


@dataclass(frozen=True, slots=True)
class Change:
    """One document and what it changes.

    Attributes:
        agent: the agent as it will be.
        stored: the agent as it is; None for a new one.
        grants: the document's grants that are not stored yet.
        before, after: the agent as a document with all its grants; ``before`` is None for a new one.
        notes: which tools of servers cannot be used, and why.
    """

    agent: Agent
    stored: Agent | None
    grants: list[Grant]
    before: dict[str, Any] | None
    after: dict[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether the agent is stored just as the document has it, its grants aside."""
        return self.stored is not None and next_version(self.stored, self.agent) is None

    @property
    def result(self) -> str:
        """What applying the document does: ``created``, ``updated`` or ``unchanged``."""
        if self.stored is None:
            return "created"
        return "unchanged" if self.same and not self.grants else "updated"


async def list_agents(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List agents by id: all with the right to read them, else those that the user may use."""
    principal = operator.principal
    if principal is None or operator.may("agents"):
        operator.require("agents")
        return shown(await services.directory.some(Agent, operator.tenant, limit, after=after), summary)
    found = await services.directory.agents(operator.tenant, principal.principals)
    visible = [agent for agent, bits in found if may_view(principal, agent.id, bits).allowed]
    return shown(cut(visible, lambda agent: agent.id, limit, after), summary)


async def show_agent(services: Services, operator: Operator, agent_id: str) -> Document:
    """Return an agent as a document without its grants, with its author, version and times.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403: a user may use it, and not change it.
    """
    agent = await editable(services, operator, agent_id, EDIT, write=False)
    times = {"created_at": agent.created_at, "updated_at": agent.updated_at}
    return {**write_agent(agent, []), "version": agent.version, "digest": digest(agent), **times}


async def export_agent(services: Services, operator: Operator, agent_id: str) -> Document:
    """Return an agent as a document with all its grants, which can be applied again.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403.
    """
    agent = await editable(services, operator, agent_id, EDIT | SHARE, write=False)
    return write_agent(agent, await services.directory.grants_on(operator.tenant, agent_id))


async def plan_agent(
    services: Services,
    operator: Operator,
    document: AgentDocument,
    author: str | None = None,
    *,
    new: bool = False,
) -> Change:
    """Check a document, and return what applying it would change. Nothing is written.

    Args:
        services: the adapters.
        operator: who asks.
        document: the agent.
        author: who owns a new agent, if the document does not name them; a user's own agents are theirs.

        new: there must be no agent of this id.

    Raises:
        ApiError: it cannot be applied.
    """
    stored = await _stored(services, operator, document.id)
    if new and stored is not None:
        raise refuse(_TAKEN, "id")
    owner = await _owner(services, operator, document, author, stored)
    now = int(services.clock())
    _require_functions(operator, document)
    await _check_approvers(services, operator.tenant, document)
    pinned = await services.pin_tools(document.servers)
    agent = document.agent(operator.tenant, owner, now, [found.server for found in pinned])
    if stored is not None:
        agent = replace(agent, created_at=stored.created_at)
    require_allowed(operator, agent)
    check_fit(services, agent)
    held = await services.directory.grants_on(operator.tenant, agent.id) if stored else []
    missing = await _missing(services, operator, document, owner, held, is_new=stored is None)
    return Change(
        agent=agent,
        stored=stored,
        grants=missing,
        before=write_agent(stored, held) if stored else None,
        after=write_agent(agent, _merged(held, missing)),
        notes=tuple(told for found in pinned for told in found.notes),
    )


async def apply_change(services: Services, operator: Operator, change: Change) -> Document:
    """Write what ``plan_agent`` found to change.

    Raises:
        ApiError: 409: somebody else made a new agent of this id meanwhile.
    """
    try:
        stored = await services.directory.put_agent(change.agent, operator.actor, new=change.stored is None)
    except AlreadyExists:
        raise refuse(_TAKEN, "id") from None
    for grant in change.grants:
        await services.directory.put(grant, operator.actor)
    return {"id": change.agent.id, "result": change.result, "version": stored.version}


async def delete_agent(services: Services, operator: Operator, agent_id: str) -> Document:
    """Delete an agent. For some time it can be restored, with its grants and versions.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403: a user may use it, and not delete it.
    """
    await editable(services, operator, agent_id, DELETE)
    if not await services.directory.delete_agent(operator.tenant, agent_id, operator.actor):
        raise NotFound("agent", agent_id)
    return {"id": agent_id, "result": "deleted"}


async def editable(services: Services, operator: Operator, agent_id: str, bit: int, *, write: bool = True) -> Agent:
    """Read an agent that the operator may change: by a right, or by a bit that they hold on it.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403.
    """
    principal = operator.principal
    if principal is None:
        operator.require("agents", write=write)
        found = await services.directory.find(Agent, operator.tenant, agent_id)
        if found is None:
            raise NotFound("agent", agent_id)
        return found
    read = await services.directory.agent(operator.tenant, agent_id, principal.principals)
    if read is None or not may_view(principal, agent_id, read[1]).allowed:
        raise NotFound("agent", agent_id)
    if write and principal.read_only:
        raise ApiError("read_only_key")
    if read[1] & bit != bit:
        raise ApiError("permission_denied", "You may use this agent, and not change it.")
    return read[0]


def summary(agent: Agent) -> Document:
    """Return what a list shows of an agent."""
    return {
        "id": agent.id,
        "name": agent.name,
        "description": agent.description,
        "provider": agent.provider,
        "model": agent.model,
        "author": agent.author,
        "version": agent.version,
        "created_at": agent.created_at,
        "updated_at": agent.updated_at,
    }


async def _stored(services: Services, operator: Operator, agent_id: str) -> Agent | None:
    """Read the agent that a document would change; None if it would make a new one."""
    if operator.principal is None:
        operator.require("agents", write=True)
        return await services.directory.find(Agent, operator.tenant, agent_id)
    try:
        return await editable(services, operator, agent_id, EDIT)
    except NotFound:
        pass
    if CREATE not in operator.features:
        raise ApiError("permission_denied", f"To make agents of your own, your role needs {CREATE}.")
    if operator.principal.read_only or operator.principal.key_agents is not None:
        raise ApiError("read_only_key", "This key cannot make agents.")
    deleted = await services.directory.deleted_agent(operator.tenant, agent_id)
    is_anothers = deleted is not None and deleted.agent.author != operator.principal.user
    if is_anothers or await services.directory.find(Agent, operator.tenant, agent_id) is not None:
        raise refuse(_TAKEN, "id")
    return None


async def _owner(
    services: Services, operator: Operator, document: AgentDocument, author: str | None, stored: Agent | None
) -> str:
    asked = author or document.author
    if stored is not None and asked not in (None, stored.author):
        raise refuse(f"Agent {stored.id} belongs to user {stored.author}: an agent's author does not change.", "author")
    if stored is not None:
        return stored.author
    if operator.principal is not None:
        if asked not in (None, operator.principal.user):
            raise ApiError("permission_denied", "You may only make agents of your own.", param="author")
        return operator.principal.user
    if asked is None:
        raise ApiError("missing_required_parameter", "`author`: A new agent needs an author.", param="author")
    await find_account(services, operator.tenant, asked, "author")
    return asked


async def _missing(
    services: Services,
    operator: Operator,
    document: AgentDocument,
    owner: str,
    held: list[Grant],
    *,
    is_new: bool,
) -> list[Grant]:
    """Return the grants of a document that are not stored yet, all of which may be given."""
    grants = document.granted(operator.tenant)
    own = OWNER if is_new else await bits_held(services, operator, document.id)
    if grants and not own & SHARE:
        raise ApiError("permission_denied", "You may change this agent, and not share it.", param="grants")
    bits = {grant.principal: grant.bits for grant in held}
    missing = [grant for grant in grants if bits.get(grant.principal) != grant.bits]
    for grant in missing:
        await check_sharing(services, operator, grant, owner, own)
    return missing


def require_allowed(operator: Operator, agent: Agent) -> None:
    """Check that a user's own agent has only models that the user may use."""
    if operator.principal is None:
        return
    for where, provider, model in models_of(agent):
        if not allows(operator.principal.limits, provider, model):
            raise ApiError("permission_denied", "Your limits do not allow this model.", param=f"{where}model")


def _require_functions(operator: Operator, document: AgentDocument) -> None:
    """Check that a user's own agent has only tools that clients run; nothing is looked up before that."""
    if operator.principal is not None and document.servers:
        raise ApiError("permission_denied", "Agents of your own may have functions alone as tools.", param="tools")


async def _check_approvers(services: Services, tenant: str, document: AgentDocument) -> None:
    """Check that whoever has to approve calls exists: calls that nobody can approve would wait until they expire.

    Raises:
        NotFound: there is no such user, role or group.
    """
    for approver in sorted({rule.by for server in document.servers for rule in server.approve.values()} - {"caller"}):
        await check_principal(services, tenant, approver, "tools")


def _merged(held: list[Grant], added: list[Grant]) -> list[Grant]:
    merged = {grant.principal: grant for grant in (*held, *added)}
    return [merged[principal] for principal in sorted(merged)]
