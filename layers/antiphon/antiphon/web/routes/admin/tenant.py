"""/v1/admin/tenant: the limits of the tenant that the key belongs to."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage.forms import TenantForm
from antiphon.manage.tenants import put_tenant, show_tenant
from antiphon.web.operators import By, answer, read_form

router = APIRouter()


@router.get("/v1/admin/tenant")
async def show(request: Request, by: By) -> Response:
    """Read the tenant."""
    return answer("tenant", await show_tenant(request.app.state.services, by))


@router.put("/v1/admin/tenant")
async def put(request: Request, by: By) -> Response:
    """Change the limits of the tenant."""
    form = await read_form(request, TenantForm)
    return answer("tenant", await put_tenant(request.app.state.services, by, form.limits))
