"""/v1/admin/usage: who used how much."""

from __future__ import annotations

from typing import Any, Final, cast, get_args

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.manage.usage import list_usage, show_limits, show_usage, this_month, total_usage
from antiphon.ports import Dimension
from antiphon.web.operators import By, answer, listing, read_page
from antiphon.web.query import Query

router = APIRouter()

KINDS: Final[tuple[str, ...]] = get_args(Dimension)


@router.get("/v1/admin/usage")
async def list_used(request: Request, by: By) -> Response:
    """List what users, keys, agents or models used."""
    query, limit, after = read_page(request, "by", "from", "to")
    kind = cast("Dimension", query.word("by", KINDS) or "user")
    services = request.app.state.services
    days = read_days(request, query)
    return listing("usage", await list_usage(services, by, by=kind, limit=limit, after=after or "", **days))


@router.get("/v1/admin/usage/days")
async def show_days(request: Request, by: By) -> Response:
    """Return what was used on each day: by one user, key, agent or model, or in the whole tenant."""
    query = Query(request, "by", "of", "from", "to")
    kind, of = query.word("by", KINDS), query.text("of")
    services, days = request.app.state.services, read_days(request, query)
    if (kind is None) != (of is None):
        raise ApiError("missing_required_parameter", "`by` and `of` go together.", param="of" if kind else "by")
    if of is None:
        return answer("usage_days", await total_usage(services, by, **days))
    return answer("usage_days", await show_usage(services, by, kind=cast("Dimension", kind), id=of, **days))


@router.get("/v1/admin/usage/limits")
async def show_used_limits(request: Request, by: By) -> Response:
    """Return the limits of one user, key or agent, and how much of them is used."""
    query = Query(request, "by", "of")
    kind, of = query.word("by", KINDS), query.text("of")
    if kind is None or of is None:
        raise ApiError("missing_required_parameter", "`by` and `of` go together.", param="of" if kind else "by")
    limits = await show_limits(request.app.state.services, by, kind=cast("Dimension", kind), id=of)
    return answer("limits", limits)


def read_days(request: Request, query: Query) -> dict[str, Any]:
    """Return the first and the last day of a query; by default those of this month."""
    first, last = this_month(request.app.state.services)
    return {"first": query.text("from") or first, "last": query.text("to") or last}
