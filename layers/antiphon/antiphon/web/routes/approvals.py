"""Calls of tools that wait for an approval: GET /v1/approvals and /v1/approvals/{id}."""

from __future__ import annotations

from typing import Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.run.waiting import find_approval, list_approvals, shown
from antiphon.web.auth import Reader
from antiphon.web.query import Query

router = APIRouter()

MAX_PAGE: Final = 100
PAGE: Final = 20


@router.get("/v1/approvals")
async def list_waiting(request: Request, principal: Reader) -> Response:
    """List the calls that wait for an approval and that the caller made or may decide, oldest first."""
    query = Query(request, "limit", "after")
    services: Services = request.app.state.services
    after = query.text("after")
    try:
        last = None if after is None else await find_approval(services, principal, after)
    except ApiError:
        raise ApiError("invalid_value", "`after`: There is no such approval.", param="after") from None
    page = await list_approvals(services, principal, query.number("limit", 1, MAX_PAGE) or PAGE, last)
    data = [shown(approval, services.clock()) for approval in page.records]
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    body = {"object": "list", "data": data, **ends, "has_more": page.more}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/approvals/{approval_id}")
async def retrieve_approval(request: Request, approval_id: str, principal: Reader) -> Response:
    """Read an approval: the call, the decision, and the response that continues."""
    services: Services = request.app.state.services
    found = await find_approval(services, principal, approval_id)
    return Response(orjson.dumps(shown(found, services.clock())), media_type="application/json")
