"""/v1/admin/approvals."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import approvals
from antiphon.spec.decision import ApprovalDecision
from antiphon.web.operators import By, answer, list_page, read_form

router = APIRouter()


@router.get("/v1/admin/approvals")
async def list_approvals(request: Request, by: By) -> Response:
    """List the calls that wait for an approval."""
    return await list_page("approval", request, by, approvals.list_approvals)


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
