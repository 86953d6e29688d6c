"""POST /v1/responses, /v1/responses/input_tokens and /v1/responses/compact."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import StoredResponse
from antiphon.run.compact import compact
from antiphon.run.create import Queued, create
from antiphon.run.follow import stream_of
from antiphon.run.run_request import RunRequest
from antiphon.spec.request import CreateResponse, parse_compact, parse_create
from antiphon.stream.kept import shown_response
from antiphon.web.asked import parsed, read_body, until
from antiphon.web.attempt import REPLAYED, read_attempt
from antiphon.web.auth import Writer
from antiphon.web.left_out import named
from antiphon.web.sse import EventStream

router = APIRouter()


@router.post("/v1/responses")
async def create_response(request: Request, principal: Writer) -> Response:
    """Create a response: one JSON body, or with ``stream: true`` server-sent events."""
    services: Services = request.app.state.services
    body = await read_body(request, principal)
    wanted = await parsed(parse_create, body)
    attempt = read_attempt(request.headers, principal.key_id, body)
    leave = until(request)
    execution = await create(services, RunRequest(principal, wanted, leave, attempt))
    if isinstance(execution, StoredResponse):
        answer = _stored(services, principal, wanted, execution, leave)
        answer.headers[REPLAYED] = "true"
        return answer
    if isinstance(execution, Queued):
        return _stored(services, principal, wanted, execution.record, leave)
    if wanted.stream:
        return named(EventStream(execution.feed, services.settings.ping_seconds), execution.begun)
    response = await execution.response()
    if response["status"] == "failed":
        error, acted = response["error"], execution.has_acted
        raise ApiError(error["code"], error["message"], retry_after=execution.retry_after, final=acted)
    return named(Response(orjson.dumps(response), media_type="application/json"), response)


@router.post("/v1/responses/input_tokens")
async def count(request: Request, principal: Writer) -> Response:
    """Count the tokens that the model would read for a request."""
    from antiphon.run.count import count_input_tokens  # not imported on a cold start: few requests need it

    wanted = await parsed(parse_create, await read_body(request, principal))
    run = RunRequest(principal, wanted, until(request))
    counted = await count_input_tokens(request.app.state.services, run)
    return Response(orjson.dumps(counted), media_type="application/json")


@router.post("/v1/responses/compact")
async def compact_conversation(request: Request, principal: Writer) -> Response:
    """Compact a conversation."""
    wanted = await parsed(parse_compact, await read_body(request, principal))
    compacted = await compact(request.app.state.services, principal, wanted, until(request))
    return Response(orjson.dumps(compacted), media_type="application/json")


def _stored(
    services: Services, principal: Principal, wanted: CreateResponse, stored: StoredResponse, until: float
) -> Response:
    """Answer with a response that somebody else runs or ran."""
    answer: Response
    if wanted.stream:
        obfuscate = wanted.stream_options is None or wanted.stream_options.include_obfuscation
        leave = until - services.settings.reserve_seconds
        stream = stream_of(services, principal, stored, obfuscate=obfuscate, until=leave)
        answer = EventStream(stream, services.settings.ping_seconds)
    else:
        answer = Response(orjson.dumps(shown_response(stored.response)), media_type="application/json")
    return named(answer, stored.response)
