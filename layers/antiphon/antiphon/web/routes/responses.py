"""Stored responses: GET and DELETE /v1/responses/{id}, POST .../cancel, GET .../input_items."""

from __future__ import annotations

from typing import Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.run.cancel import cancel, delete
from antiphon.run.follow import stream_of
from antiphon.run.items import MAX_PAGE, input_items, page
from antiphon.run.retrieve import retrieve
from antiphon.spec.include import INCLUDED
from antiphon.stream.kept import shown_response
from antiphon.web.auth import Reader, Writer
from antiphon.web.query import Query
from antiphon.web.sse import EventStream

router = APIRouter()

MAX_NUMBER: Final = 10**12
PAGE: Final = 20


@router.get("/v1/responses/{response_id}")
async def retrieve_response(request: Request, response_id: str, principal: Reader) -> Response:
    """Read a stored response as it is now, or with ``stream=true`` the events that amount to it."""
    query = Query(request, "include", "stream", "starting_after", "include_obfuscation")
    query.words("include", INCLUDED)
    after, padded = query.number("starting_after", 0, MAX_NUMBER), query.flag("include_obfuscation")
    streamed = query.flag("stream")
    for name, value in (("starting_after", after), ("include_obfuscation", padded)):
        if value is not None and not streamed:
            raise ApiError("invalid_value", f"`{name}`: This needs `stream=true`.", param=name)
    services: Services = request.app.state.services
    stored = await retrieve(services, principal, response_id)
    if not streamed:
        return Response(orjson.dumps(shown_response(stored.response)), media_type="application/json")
    until: float | None = request.scope.get("antiphon.deadline")
    leave = None if until is None else until - services.settings.reserve_seconds
    stream = stream_of(services, principal, stored, after=after, obfuscate=padded is not False, until=leave)
    return EventStream(stream, services.settings.ping_seconds)


@router.delete("/v1/responses/{response_id}")
async def delete_response(request: Request, response_id: str, principal: Writer) -> Response:
    """Remove a stored response and all its content; one that runs is cancelled first."""
    await delete(request.app.state.services, principal, response_id)
    body = {"id": response_id, "object": "response", "deleted": True}
    return Response(orjson.dumps(body), media_type="application/json")


@router.post("/v1/responses/{response_id}/cancel")
async def cancel_response(request: Request, response_id: str, principal: Writer) -> Response:
    """End a running response; see ``run.cancel`` for one that has ended."""
    stored = await cancel(request.app.state.services, principal, response_id)
    return Response(orjson.dumps(shown_response(stored.response)), media_type="application/json")


@router.get("/v1/responses/{response_id}/input_items")
async def list_input_items(request: Request, response_id: str, principal: Reader) -> Response:
    """List the items that a response was generated from, by default the newest first."""
    query = Query(request, "limit", "order", "after", "include")
    query.words("include", INCLUDED)
    limit, after = query.number("limit", 1, MAX_PAGE), query.text("after")
    ascending = query.word("order", ("asc", "desc")) == "asc"
    items = await input_items(request.app.state.services, principal, response_id)
    body = page(items, limit=limit or PAGE, order="asc" if ascending else "desc", after=after)
    return Response(orjson.dumps(body), media_type="application/json")
