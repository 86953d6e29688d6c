"""What adds to conversations: POST /v1/conversations, /v1/conversations/{id} and .../items."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.access.principal import Principal
from antiphon.ports import Services
from antiphon.run.additions import add_items, create_conversation
from antiphon.run.conversations import conversation_resource, update_conversation
from antiphon.spec.conversations import parse_conversation, parse_items, parse_update
from antiphon.spec.include import INCLUDED
from antiphon.web.attempt import read_attempt
from antiphon.web.auth import Writer
from antiphon.web.body import read_json
from antiphon.web.query import Query

router = APIRouter()


@router.post("/v1/conversations")
async def create(request: Request, principal: Writer) -> Response:
    """Begin a conversation, with items or without."""
    wanted = parse_conversation(await _body(request, principal))
    services: Services = request.app.state.services
    record = await create_conversation(services, principal, wanted.items or (), wanted.metadata or {})
    return Response(orjson.dumps(conversation_resource(record)), media_type="application/json")


@router.post("/v1/conversations/{conversation_id}")
async def update(request: Request, conversation_id: str, principal: Writer) -> Response:
    """Replace the metadata of a conversation."""
    wanted = parse_update(await _body(request, principal))
    services: Services = request.app.state.services
    record = await update_conversation(services, principal, conversation_id, wanted.metadata or {})
    return Response(orjson.dumps(conversation_resource(record)), media_type="application/json")


@router.post("/v1/conversations/{conversation_id}/items")
async def add(request: Request, conversation_id: str, principal: Writer) -> Response:
    """Add items to a conversation."""
    Query(request, "include").words("include", INCLUDED)
    body = await _body(request, principal)
    wanted = parse_items(body)
    attempt = read_attempt(request.headers, principal.key_id, {**body, "conversation": conversation_id})
    services: Services = request.app.state.services
    items = await add_items(services, principal, conversation_id, wanted.items, attempt)
    page = {
        "object": "list",
        "data": items,
        "first_id": items[0]["id"],
        "last_id": items[-1]["id"],
        "has_more": False,
    }
    return Response(orjson.dumps(page), media_type="application/json")


async def _body(request: Request, principal: Principal) -> dict[str, Any]:
    services: Services = request.app.state.services
    return await read_json(request, principal.limits.max_body_bytes or services.settings.max_body_bytes)
