"""Decide on a call of a tool that waits, and go on with its response."""

from __future__ import annotations

from dataclasses import replace

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Approval
from antiphon.run.approvals import continuation, decided, require_pending
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt
from antiphon.run.principals import principal_of
from antiphon.spec.request import parse_create


async def decide(
    services: Services, approval: Approval, *, approve: bool, by: str, reason: str, until: float
) -> Approval:
    """Store a decision. With the last one that its response waits for, a background response goes on.

    The same decision can be sent again: what was not done after it is done then.

    Args:
        services: the adapters.
        approval: as it was read; who decides may do so.
        approve: the tool is called; if not, the model reads that it was not.
        by: who decides: the id of a user, or the name of an operator.
        reason: for the model, if it is not approved.
        until: when the host ends the process's turn, in seconds since the epoch.

    Returns:
        the approval; ``used_by`` is the response that goes on, if it does.

    Raises:
        ApiError: 409 ``approval_decided`` or ``approval_expired``; or the response cannot go on, and why.
        StorageUnavailable: a store did not answer.
    """
    now = services.clock()
    if approval.state != ("approved" if approve else "denied"):
        require_pending(approval, now)
        approval = decided(approval, approve=approve, by=by, reason=reason, now=now)
        if not await services.approvals.save(approval):
            raise ApiError("approval_decided")
    if approval.used_by:
        return approval
    return await _go_on(services, approval, until)


async def _go_on(services: Services, approval: Approval, until: float) -> Approval:
    """Start the response that continues the one that asked, unless it waits for another decision."""
    owner = approval.owner
    asking = await services.responses.get(owner, approval.response_id, services.clock())
    if asking is None or asking.status != "completed":
        return approval
    ids = [asked["id"] for asked in asking.response.get("antiphon", {}).get("approvals", ())]
    all_asked = [await services.approvals.get(owner.tenant, asked) for asked in ids]
    now = services.clock()
    if any(asked is not None and asked.state == "pending" and asked.expires_at > now for asked in all_asked):
        return approval
    calls = [{"approval": asked.id} for asked in all_asked if asked is not None and asked.state != "pending"]
    principal = await principal_of(services, owner, approval.job)
    request = parse_create(continuation(approval))
    attempt = Attempt(f"approvals.{approval.response_id}", approval.response_id)
    started = await create(services, principal, request, until, attempt, calls=calls)
    assert not isinstance(started, Execution), "it is a background response"
    return replace(approval, used_by=started.record.id if isinstance(started, Queued) else started.id)
