"""GET /v1/responses/{id}."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.run.retrieve import retrieve
from antiphon.web.auth import Reader

router = APIRouter()


@router.get("/v1/responses/{response_id}")
async def retrieve_response(request: Request, response_id: str, principal: Reader) -> Response:
    """Read a stored response as it is now."""
    if request.query_params.get("stream", "").lower() == "true":
        raise ApiError("unsupported_parameter", "Stored events are not replayed here.", param="stream")
    stored = await retrieve(request.app.state.services, principal, response_id)
    return Response(orjson.dumps(stored.response), media_type="application/json")
