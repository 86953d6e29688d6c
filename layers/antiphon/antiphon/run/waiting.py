"""Calls of tools that wait for an approval, for those who look at them."""

from __future__ import annotations

from typing import Any

from antiphon.access.principal import Principal
from antiphon.errors import CODES, ApiError
from antiphon.ports import Page, Services
from antiphon.records import Approval
from antiphon.run.asked import is_asked, list_pending
from antiphon.tools.narrowing import BY_CALLER


def shown(approval: Approval, now: float) -> dict[str, Any]:
    """Return an approval as its response and the API show it."""
    has_expired = approval.state == "pending" and approval.expires_at <= now
    failure = {} if approval.used_by or not approval.failure else {"error": _error(approval.failure)}
    return {
        "id": approval.id,
        "object": "approval",
        "response_id": approval.response_id,
        "server_label": approval.label,
        "name": approval.tool,
        "arguments": approval.arguments,
        "by": approval.by,
        "status": "expired" if has_expired else approval.state,
        "created_at": approval.created_at,
        "expires_at": approval.expires_at,
        "next_response_id": approval.used_by or None,
        **failure,
    }


def _error(code: str) -> dict[str, str]:
    return {"code": code, "message": CODES[code].message}


def may_decide(approval: Approval, principal: Principal) -> bool:
    """Return whether a principal may decide: the caller if the agent names it, otherwise only somebody else."""
    is_caller = principal.owner == approval.owner
    if approval.by == BY_CALLER:
        return is_caller
    return not is_caller and principal.tenant == approval.owner.tenant and approval.by in principal.principals


def _is_shown(approval: Approval, principal: Principal) -> bool:
    """Return whether an approval exists for a principal: theirs or theirs to decide, of an agent their key is for."""
    is_for = principal.key_agents is None or approval.agent in principal.key_agents
    return is_for and (approval.owner == principal.owner or may_decide(approval, principal))


async def find_approval(services: Services, principal: Principal, approval_id: str) -> Approval:
    """Read an approval that its caller asked for, or may decide.

    Raises:
        ApiError: 404, the same if it is absent or hidden.
    """
    found = await services.approvals.get(principal.tenant, approval_id)
    if found is None or not _is_shown(found, principal):
        raise ApiError("approval_not_found")
    if not await is_asked(services, found):
        raise ApiError("approval_not_found")
    return found


async def list_approvals(
    services: Services, principal: Principal, limit: int, after: Approval | None = None
) -> Page[Approval]:
    """List approvals that wait: those that the caller asked for, and those that the caller may decide; oldest first."""
    return await list_pending(services, principal.tenant, limit, after, lambda found: _is_shown(found, principal))
