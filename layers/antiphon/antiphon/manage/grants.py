"""Grants: who may do what with an agent, and why."""

from __future__ import annotations

from antiphon.access.decide import may_run
from antiphon.access.grants import SHARE, level_of, principals_of
from antiphon.manage.agents import editable
from antiphon.manage.allowance import principal_of
from antiphon.manage.changes import Document
from antiphon.manage.forms import GrantForm
from antiphon.manage.found import find, find_account
from antiphon.manage.operator import Operator
from antiphon.manage.pages import shown
from antiphon.manage.people import permissions_of
from antiphon.manage.refusals import NotFound
from antiphon.manage.sharing import bits_held, bits_of, check_sharing
from antiphon.ports import Page, Services
from antiphon.records import Account, Agent, Grant


async def list_grants(
    services: Services, operator: Operator, agent_id: str, *, limit: int, after: str = ""
) -> Page[Document]:
    """List the grants on an agent by principal.

    Raises:
        NotFound: there is no such agent for this operator.
        ApiError: 403.
    """
    await editable(services, operator, agent_id, SHARE, write=False)
    page = await services.directory.some_grants(operator.tenant, agent_id, limit, after=after)
    return shown(page, grant_document)


async def put_grant(services: Services, operator: Operator, agent_id: str, principal: str, form: GrantForm) -> Document:
    """Grant a level on an agent, in place of an earlier one.

    Raises:
        ApiError: it cannot be done.
    """
    agent = await editable(services, operator, agent_id, SHARE)
    grant = Grant(operator.tenant, agent_id, principal, form.bits)
    await check_sharing(services, operator, grant, agent.author, await bits_held(services, operator, agent_id))
    await services.directory.put(grant, operator.actor)
    return grant_document(grant)


async def delete_grant(services: Services, operator: Operator, agent_id: str, principal: str) -> Document:
    """Take a grant back; its principal need not exist any more.

    Raises:
        ApiError: it cannot be done.
    """
    agent = await editable(services, operator, agent_id, SHARE)
    grant = Grant(operator.tenant, agent_id, principal, 0)
    await check_sharing(services, operator, grant, agent.author, await bits_held(services, operator, agent_id))
    if not await bits_of(services, grant):
        raise NotFound("grant", principal)
    await services.directory.put(grant, operator.actor)
    return grant_document(grant)


async def why(services: Services, operator: Operator, agent_id: str, user: str) -> Document:
    """Explain whether a user may run an agent, with a key that is not limited to some agents.

    Raises:
        NotFound: there is no such agent or user.
        ApiError: 403.
    """
    operator.require("agents")
    operator.require("people")
    agent = await find(services, Agent, operator.tenant, agent_id)
    account = await find_account(services, operator.tenant, user, "user")
    held: dict[str, int] = {}
    for name in principals_of(account.user):
        found = await services.directory.agent(operator.tenant, agent_id, [name])
        held[name] = found[1] if found else 0
    return _decision(services, agent, account, held)


def grant_document(grant: Grant) -> Document:
    """Return a grant as it is shown."""
    return {
        "agent": grant.agent,
        "principal": grant.principal,
        "level": level_of(grant.bits),
        "bits": grant.bits,
    }


def _decision(services: Services, agent: Agent, account: Account, held: dict[str, int]) -> Document:
    user = account.user
    bits = 0
    for more in held.values():
        bits |= more
    decision = may_run(principal_of(services, account), agent, bits)
    return {
        "agent": agent.id,
        "user": user.id,
        "role": account.role.id,
        "permissions": permissions_of(account.role),
        "grants": [{"principal": name, "bits": more} for name, more in held.items()],
        "bits": bits,
        "allowed": decision.allowed,
        "code": decision.code,
        "reason": decision.reason,
        "verdict": "allowed" if decision.allowed else f"refused with {decision.code}",
    }
