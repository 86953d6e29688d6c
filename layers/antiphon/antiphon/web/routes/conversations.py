"""Stored conversations: GET and DELETE below /v1/conversations."""

from __future__ import annotations

from typing import Final

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.run.conversation_items import delete_item, list_items, read_item
from antiphon.run.conversations import conversation_resource, delete_conversation, retrieve_conversation
from antiphon.run.items import MAX_PAGE
from antiphon.spec.include import INCLUDED
from antiphon.web.auth import Reader, Writer
from antiphon.web.query import Query

router = APIRouter()

PAGE: Final = 20


@router.get("/v1/conversations/{conversation_id}")
async def retrieve(request: Request, conversation_id: str, principal: Reader) -> Response:
    """Read a conversation, without its items."""
    record = await retrieve_conversation(request.app.state.services, principal, conversation_id)
    return Response(orjson.dumps(conversation_resource(record)), media_type="application/json")


@router.delete("/v1/conversations/{conversation_id}")
async def delete(request: Request, conversation_id: str, principal: Writer) -> Response:
    """Remove a conversation with all its items and responses."""
    await delete_conversation(request.app.state.services, principal, conversation_id)
    body = {"id": conversation_id, "object": "conversation.deleted", "deleted": True}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/conversations/{conversation_id}/items")
async def list_page(request: Request, conversation_id: str, principal: Reader) -> Response:
    """List the items of a conversation, by default the newest first."""
    query = Query(request, "limit", "order", "after", "include")
    query.words("include", INCLUDED)
    limit, after = query.number("limit", 1, MAX_PAGE), query.text("after")
    ascending = query.word("order", ("asc", "desc")) == "asc"
    body = await list_items(
        request.app.state.services,
        principal,
        conversation_id,
        limit=limit or PAGE,
        order="asc" if ascending else "desc",
        after=after,
    )
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/conversations/{conversation_id}/items/{item_id}")
async def retrieve_item(request: Request, conversation_id: str, item_id: str, principal: Reader) -> Response:
    """Read one item of a conversation."""
    Query(request, "include").words("include", INCLUDED)
    item = await read_item(request.app.state.services, principal, conversation_id, item_id)
    return Response(orjson.dumps(item), media_type="application/json")


@router.delete("/v1/conversations/{conversation_id}/items/{item_id}")
async def remove_item(request: Request, conversation_id: str, item_id: str, principal: Writer) -> Response:
    """Remove one item from a conversation."""
    record = await delete_item(request.app.state.services, principal, conversation_id, item_id)
    return Response(orjson.dumps(conversation_resource(record)), media_type="application/json")
