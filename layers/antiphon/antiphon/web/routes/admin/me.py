"""/v1/admin/me: who a key stands for, and what a user manages of their own."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.manage.export import export_user
from antiphon.manage.forms import KeyForm
from antiphon.manage.keys import create_key, list_keys, revoke_key
from antiphon.manage.operator import Operator
from antiphon.manage.responses import list_responses
from antiphon.manage.usage import show_limits, show_usage
from antiphon.manage.who import who
from antiphon.web.operators import By, answer, list_page, listing, read_form, read_page
from antiphon.web.query import Query
from antiphon.web.routes.admin.usage import read_days

router = APIRouter()


@router.get("/v1/admin/me")
async def show_me(by: By) -> Response:
    """Return who the key stands for, and what it may."""
    return answer("me", who(by))


@router.get("/v1/admin/me/keys")
async def list_my_keys(request: Request, by: By) -> Response:
    """List the keys of the user."""
    _, limit, after = read_page(request)
    page = await list_keys(request.app.state.services, by, limit=limit, after=after, user=_user(by))
    return listing("key", page)


@router.post("/v1/admin/me/keys")
async def create_my_key(request: Request, by: By) -> Response:
    """Make a key for the user."""
    user = _user(by)
    form = await read_form(request, KeyForm, user=user)
    text, document = await create_key(request.app.state.services, by, form)
    return answer("key", {"key": text, **document})


@router.delete("/v1/admin/me/keys/{key_id}")
async def revoke_my_key(request: Request, key_id: str, by: By) -> Response:
    """Revoke a key of the user."""
    _user(by)
    return answer("key", await revoke_key(request.app.state.services, by, key_id))


@router.get("/v1/admin/me/usage")
async def show_my_usage(request: Request, by: By) -> Response:
    """Return what the user used, in all and by day."""
    query = Query(request, "from", "to")
    services, user, days = request.app.state.services, _user(by), read_days(request, query)
    return answer("usage_days", await show_usage(services, by, kind="user", id=user, **days))


@router.get("/v1/admin/me/limits")
async def show_my_limits(request: Request, by: By) -> Response:
    """Return the limits of the user, and how much of them is used."""
    return answer("limits", await show_limits(request.app.state.services, by, kind="user", id=_user(by)))


@router.get("/v1/admin/me/export")
async def export_me(request: Request, by: By) -> Response:
    """List all that is stored about the user."""
    return await list_page("export.record", request, by, export_user, _user(by))


@router.get("/v1/admin/me/responses")
async def list_my_responses(request: Request, by: By) -> Response:
    """List the responses of the user."""
    _, limit, after = read_page(request)
    page = await list_responses(request.app.state.services, by, _user(by), limit=limit, after=after)
    return listing("response", page)


def _user(by: Operator) -> str:
    """Return the user of an ordinary key."""
    if by.principal is None:
        raise ApiError("permission_denied", "This needs an API key of a user, not a management key.")
    return by.principal.user
