"""POST /v1/chat/completions: the same as ``POST /v1/responses``, in the form of Chat Completions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import StoredResponse
from antiphon.run.create import Queued, create
from antiphon.run.execution import Execution
from antiphon.run.follow import stream_of
from antiphon.run.run_request import RunRequest
from antiphon.stream.kept import shown_response
from antiphon.web.asked import parsed, read_body, until
from antiphon.web.attempt import REPLAYED, read_attempt
from antiphon.web.auth import Writer
from antiphon.web.left_out import named
from antiphon.web.sse import EventStream, Source

if TYPE_CHECKING:
    from antiphon.chat.chunks import Chunks
    from antiphon.chat.translation import Asked

router = APIRouter()


@router.post("/v1/chat/completions")
async def create_chat_completion(request: Request, principal: Writer) -> Response:
    """Create a completion: one JSON body, or with ``stream: true`` server-sent events."""
    from antiphon.chat.translation import parse_chat  # not imported on a cold start: few requests need it

    services: Services = request.app.state.services
    body = await read_body(request, principal)
    asked = await parsed(parse_chat, body)
    attempt = read_attempt(request.headers, principal.key_id, body)
    run = RunRequest(principal, asked.request, until(request), attempt, asked.stop, returns_calls=False)
    try:
        execution = await create(services, run)
    except ApiError as error:
        raise asked.placed(error) from None
    assert not isinstance(execution, Queued)  # Chat Completions has no background
    return await _answer(services, principal, asked, execution)


async def _answer(
    services: Services, principal: Principal, asked: Asked, execution: Execution | StoredResponse
) -> Response:
    from antiphon.chat.completion import completion

    if isinstance(execution, StoredResponse):
        response = shown_response(execution.response)
        stream = stream_of(services, principal, execution) if asked.chat.stream else None
        answer = _json(completion(response)) if stream is None else _streamed(services, asked, stream)
        answer.headers[REPLAYED] = "true"
        return named(answer, response)
    if asked.chat.stream:
        return named(_streamed(services, asked, execution.feed), execution.begun)
    response = await execution.response()
    return named(_json(completion(response, execution.retry_after, final=execution.has_acted)), response)


def _streamed(services: Services, asked: Asked, events: Source) -> Response:
    from antiphon.web.chunk_frames import ChunkFrames

    return EventStream(events, services.settings.ping_seconds, ChunkFrames(_chunks(asked)))


def _json(whole: dict[str, object]) -> Response:
    return Response(orjson.dumps(whole), media_type="application/json")


def _chunks(asked: Asked) -> Chunks:
    from antiphon.chat.chunks import Chunks

    options = asked.chat.stream_options
    if options is None:
        return Chunks()
    return Chunks(include_usage=options.include_usage, obfuscate=options.include_obfuscation)
