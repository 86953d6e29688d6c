"""The decision on a call of a tool that waits for an approval: POST /v1/approvals/{id}."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Actor, StoredResponse
from antiphon.run.approvals import decide, not_by_caller
from antiphon.run.decide import go_on, passes
from antiphon.run.waiting import find_approval, may_decide, shown
from antiphon.spec.decision import ApprovalDecision
from antiphon.spec.request import validated
from antiphon.web.asked import read_body, until
from antiphon.web.auth import Writer

router = APIRouter()


@router.post("/v1/approvals/{approval_id}")
async def decide_approval(request: Request, approval_id: str, principal: Writer) -> Response:
    """Approve or deny a call. With the last decision that a response waits for, it goes on in the background."""
    services: Services = request.app.state.services
    wanted = validated(ApprovalDecision, await read_body(request, principal))
    found = await find_approval(services, principal, approval_id)
    if not may_decide(found, principal):
        raise ApiError("permission_denied", not_by_caller(found), complete=True)
    approve = wanted.decision == "approve"
    stored = await decide(services, found, approve=approve, by=_actor(request, principal), reason=wanted.reason)
    asking = await services.responses.get(stored.owner, stored.response_id, services.clock())
    next_id = None if asking is None else await _next(services, asking, until(request))
    return Response(
        orjson.dumps({**shown(stored, services.clock()), "next_response_id": stored.used_by or next_id}),
        media_type="application/json",
    )


async def _next(services: Services, asking: StoredResponse, end: float) -> str | None:
    """Go on with a response; None if a worker will, as something is in the way that passes."""
    try:
        return await go_on(services, asking, end)
    except ApiError as error:
        if not passes(error):
            raise
        return None


def _actor(request: Request, principal: Principal) -> Actor:
    address = request.client.host if request.client else ""
    return Actor(principal.tenant, principal.user, "http", principal.key_id, address)
