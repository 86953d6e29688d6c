"""/v1/admin/approvals."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import approvals
from antiphon.spec.decision import ApprovalDecision
from antiphon.web.operators import By, answer, listing, read_form, read_page

router = APIRouter()


@router.get("/v1/admin/approvals")
async def list_approvals(request: Request, by: By) -> Response:
    """List the calls that wait for an approval."""
    _, limit, after = read_page(request)
    page = await approvals.list_approvals(request.app.state.services, by, limit=limit, after=after or "")
    return listing("approval", page)


@router.get("/v1/admin/approvals/{approval_id}")
async def show_approval(request: Request, approval_id: str, by: By) -> Response:
    """Read an approval."""
    return answer("approval", await approvals.show_approval(request.app.state.services, by, approval_id))


@router.post("/v1/admin/approvals/{approval_id}")
async def decide_approval(request: Request, approval_id: str, by: By) -> Response:
    """Approve or deny a call."""
    form = await read_form(request, ApprovalDecision)
    approve = form.decision == "approve"
    services = request.app.state.services
    decided = await approvals.decide_approval(services, by, approval_id, approve=approve, reason=form.reason)
    return answer("approval", decided)
