"""/v1/admin/users/{id}/responses: what a user ran."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import responses
from antiphon.web.operators import By, answer, listing, read_page

router = APIRouter()


@router.get("/v1/admin/users/{user_id}/responses")
async def index(request: Request, user_id: str, by: By) -> Response:
    """List the responses of a user, newest first."""
    _, limit, after = read_page(request)
    page = await responses.list_responses(request.app.state.services, by, user_id, limit=limit, after=after)
    return listing("response", page)


@router.get("/v1/admin/users/{user_id}/responses/{item_id}")
async def show(request: Request, user_id: str, item_id: str, by: By) -> Response:
    """Read a response without its content."""
    return answer("response", await responses.show_response(request.app.state.services, by, user_id, item_id))


@router.get("/v1/admin/users/{user_id}/responses/{item_id}/content")
async def content(request: Request, user_id: str, item_id: str, by: By) -> Response:
    """Read the content of a response."""
    return answer("response.content", await responses.read_content(request.app.state.services, by, user_id, item_id))


@router.post("/v1/admin/users/{user_id}/responses/{item_id}/cancel")
async def cancel(request: Request, user_id: str, item_id: str, by: By) -> Response:
    """End a running response."""
    return answer("response", await responses.cancel_response(request.app.state.services, by, user_id, item_id))


@router.delete("/v1/admin/users/{user_id}/responses/{item_id}")
async def delete(request: Request, user_id: str, item_id: str, by: By) -> Response:
    """Delete a response with its content."""
    document = await responses.delete_response(request.app.state.services, by, user_id, item_id)
    return answer("response.deleted", document)
