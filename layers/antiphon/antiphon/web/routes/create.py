"""POST /v1/responses."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import StoredResponse
from antiphon.run.create import create
from antiphon.run.replay import replay_feed
from antiphon.spec.request import CreateResponse, parse_create
from antiphon.web.attempt import REPLAYED, read_attempt
from antiphon.web.auth import Writer
from antiphon.web.body import read_json
from antiphon.web.sse import EventStream

router = APIRouter()


@router.post("/v1/responses")
async def create_response(request: Request, principal: Writer) -> Response:
    """Create a response: one JSON body, or with ``stream: true`` server-sent events."""
    services: Services = request.app.state.services
    max_bytes = principal.limits.max_body_bytes or services.settings.max_body_bytes
    body = await read_json(request, max_bytes)
    wanted = parse_create(body)
    attempt = read_attempt(request.headers, principal.key_id, body)
    until = request.scope.get("antiphon.deadline") or services.clock() + services.settings.run_seconds
    execution = await create(services, principal, wanted, until, attempt)
    if isinstance(execution, StoredResponse):
        return _again(services, wanted, execution)
    if wanted.stream:
        return EventStream(execution.feed, services.settings.ping_seconds)
    response = await execution.response()
    if response["status"] == "failed":
        error = response["error"]
        raise ApiError(error["code"], error["message"], retry_after=execution.retry_after)
    return Response(orjson.dumps(response), media_type="application/json")


def _again(services: Services, wanted: CreateResponse, answered: StoredResponse) -> Response:
    """Give an answer that was given before."""
    answer: Response
    if wanted.stream:
        obfuscate = wanted.stream_options is None or wanted.stream_options.include_obfuscation
        feed = replay_feed(answered.response, obfuscate=obfuscate)
        answer = EventStream(feed, services.settings.ping_seconds)
    else:
        answer = Response(orjson.dumps(answered.response), media_type="application/json")
    answer.headers[REPLAYED] = "true"
    return answer
