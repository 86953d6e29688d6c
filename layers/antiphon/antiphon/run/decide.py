"""Go on with a response whose calls were decided: a background response continues it."""

from __future__ import annotations

from antiphon.ports import Services
from antiphon.records import Approval, StoredResponse
from antiphon.run.approvals import continuation
from antiphon.run.asked import asked_by
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.idempotency import Attempt
from antiphon.run.principals import principal_of
from antiphon.spec.request import parse_create


async def go_on(services: Services, asking: StoredResponse, until: float) -> str | None:
    """Start the response that continues the one that asked, unless it waits for another decision.

    However often it is called, one response is started.

    Args:
        services: the adapters.
        asking: the response that asked for approvals.
        until: when the host ends the process's turn, in seconds since the epoch.

    Returns:
        the id of the response that goes on; None if none does.

    Raises:
        ApiError: it cannot go on, and why.
        StorageUnavailable: a store did not answer.
    """
    approvals = await _asked(services, asking)
    now = services.clock()
    waits = any(approval.state == "pending" and approval.expires_at > now for approval in approvals)
    decided = [approval for approval in approvals if approval.state != "pending"]
    if waits or not decided:
        return None
    used = next((approval.used_by for approval in decided if approval.used_by), None)
    if used is not None:
        return used
    principal = await principal_of(services, asking.owner, decided[0].job)
    request = parse_create(continuation(decided[0]))
    attempt = Attempt(f"approvals.{asking.id}", asking.id)
    calls = [{"approval": approval.id} for approval in decided]
    started = await create(services, principal, request, until, attempt, calls=calls)
    assert not isinstance(started, Execution), "it is a background response"
    return started.record.id if isinstance(started, Queued) else started.id


async def _asked(services: Services, asking: StoredResponse) -> list[Approval]:
    found = [await services.approvals.get(asking.owner.tenant, asked) for asked in asked_by(asking)]
    return [approval for approval in found if approval is not None]
