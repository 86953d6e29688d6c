"""POST /v1/responses."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.run.create import create
from antiphon.spec.request import parse_create
from antiphon.web.auth import Writer
from antiphon.web.body import read_json
from antiphon.web.sse import EventStream

router = APIRouter()


@router.post("/v1/responses")
async def create_response(request: Request, principal: Writer) -> Response:
    """Create a response: one JSON body, or with ``stream: true`` server-sent events."""
    services: Services = request.app.state.services
    max_bytes = principal.limits.max_body_bytes or services.settings.max_body_bytes
    wanted = parse_create(await read_json(request, max_bytes))
    until = request.scope.get("antiphon.deadline") or services.clock() + services.settings.run_seconds
    execution = await create(services, principal, wanted, until)
    if wanted.stream:
        return EventStream(execution.feed, services.settings.ping_seconds)
    response = await execution.response()
    if response["status"] == "failed":
        raise ApiError(response["error"]["code"], response["error"]["message"])
    return Response(orjson.dumps(response), media_type="application/json")
