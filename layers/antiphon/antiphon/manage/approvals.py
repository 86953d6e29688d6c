"""Calls of tools that wait for an approval: operators list all of a tenant, and decide for whoever the agent names."""

from __future__ import annotations

from antiphon.errors import ApiError
from antiphon.manage.changes import Document
from antiphon.manage.operator import Operator
from antiphon.manage.pages import no_cursor
from antiphon.ports import Page, Services
from antiphon.records import Approval
from antiphon.run.approvals import decide
from antiphon.run.asked import find_asked, list_pending
from antiphon.run.waiting import shown


async def list_approvals(services: Services, operator: Operator, *, limit: int, after: str = "") -> Page[Document]:
    """List the calls that wait, oldest first; those that have expired are left out.

    Raises:
        ApiError: 403, or there is no approval ``after``.
    """
    operator.require("approvals")
    last = await services.approvals.get(operator.tenant, after) if after else None
    if after and last is None:
        raise no_cursor()
    page = await list_pending(services, operator.tenant, limit, last, lambda _: True)
    now = services.clock()
    return Page([document(found, now) for found in page.records], page.more)


async def show_approval(services: Services, operator: Operator, approval_id: str) -> Document:
    """Read an approval.

    Raises:
        ApiError: 403 or 404.
    """
    operator.require("approvals")
    return document(await _found(services, operator, approval_id), services.clock())


async def decide_approval(
    services: Services, operator: Operator, approval_id: str, *, approve: bool, reason: str = ""
) -> Document:
    """Approve or deny a call. A worker continues its response within a minute.

    Raises:
        ApiError: 403 or 404; 403 if the operator is the one who asked; 409 if it was decided before or has expired.
    """
    operator.require("approvals", write=True)
    found = await _found(services, operator, approval_id)
    if operator.actor.key_id and operator.actor.user == found.owner.user:
        raise ApiError("permission_denied", "Whoever asked for an approval cannot be the operator who decides on it.")
    stored = await decide(services, found, approve=approve, by=operator.actor, reason=reason)
    return document(stored, services.clock())


def document(approval: Approval, now: float) -> Document:
    """Return an approval as operators see it: with who asked, and who decided."""
    facts = {"user": approval.owner.user, "agent": approval.agent, "decided_by": approval.decided_by or None}
    seen = {name: value for name, value in shown(approval, now).items() if name != "object"}
    return {**seen, **facts, "decided_at": approval.decided_at, "reason": approval.reason}


async def _found(services: Services, operator: Operator, approval_id: str) -> Approval:
    found = await find_asked(services, operator.tenant, approval_id)
    if found is None:
        raise ApiError("approval_not_found")
    return found
