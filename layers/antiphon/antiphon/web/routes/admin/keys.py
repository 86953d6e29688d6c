"""/v1/admin/keys: API keys and management keys."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage.budgets import BudgetDocument
from antiphon.manage.forms import KeyForm
from antiphon.manage.keys import create_key, limit_key, list_keys, revoke_key, show_key
from antiphon.web.operators import By, answer, listing, read_form, read_page

router = APIRouter()


@router.get("/v1/admin/keys")
async def index(request: Request, by: By) -> Response:
    """List keys, newest first."""
    query, limit, after = read_page(request, "user")
    page = await list_keys(request.app.state.services, by, limit=limit, after=after, user=query.text("user"))
    return listing("key", page)


@router.post("/v1/admin/keys")
async def create(request: Request, by: By) -> Response:
    """Make a key."""
    form = await read_form(request, KeyForm)
    text, document = await create_key(request.app.state.services, by, form)
    return answer("key", {"key": text, **document})


@router.get("/v1/admin/keys/{key_id}")
async def show(request: Request, key_id: str, by: By) -> Response:
    """Read a key."""
    return answer("key", await show_key(request.app.state.services, by, key_id))


@router.put("/v1/admin/keys/{key_id}/limits")
async def limit(request: Request, key_id: str, by: By) -> Response:
    """Set what may be used with a key, in the place of its earlier limits."""
    form = await read_form(request, BudgetDocument)
    return answer("key", await limit_key(request.app.state.services, by, key_id, form))


@router.delete("/v1/admin/keys/{key_id}")
async def revoke(request: Request, key_id: str, by: By) -> Response:
    """Revoke a key; it stays listed."""
    return answer("key", await revoke_key(request.app.state.services, by, key_id))
