"""/v1/admin/audit: who changed what."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.audit import KINDS
from antiphon.manage.audit import list_audit
from antiphon.manage.forms import FAR
from antiphon.ports import AuditFilter
from antiphon.web.operators import By, listing, read_page

router = APIRouter()


@router.get("/v1/admin/audit")
async def index(request: Request, by: By) -> Response:
    """List what was changed, newest first."""
    query, limit, after = read_page(request, "actor", "kind", "target", "since")
    wanted = AuditFilter(query.text("actor"), query.word("kind", KINDS), query.text("target"))
    since = query.number("since", 0, FAR) or 0
    page = await list_audit(request.app.state.services, by, limit=limit, after=after or "", wanted=wanted, since=since)
    return listing("audit.entry", page)
