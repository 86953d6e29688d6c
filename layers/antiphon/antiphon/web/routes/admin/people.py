"""/v1/admin/users, /roles and /groups."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import people, removal, user_limits
from antiphon.manage.erase import erase_user
from antiphon.manage.export import export_user
from antiphon.manage.forms import EraseForm, GroupForm, RoleForm, UserForm
from antiphon.manage.limits import LimitsDocument
from antiphon.web.operators import By, answer, list_page, read_form

router = APIRouter()


@router.get("/v1/admin/users")
async def list_users(request: Request, by: By) -> Response:
    """List users."""
    return await list_page("user", request, by, people.list_users)


@router.get("/v1/admin/users/{user_id}")
async def show_user(request: Request, user_id: str, by: By) -> Response:
    """Read a user."""
    return answer("user", await people.show_user(request.app.state.services, by, user_id))


@router.put("/v1/admin/users/{user_id}")
async def put_user(request: Request, user_id: str, by: By) -> Response:
    """Create or change a user."""
    form = await read_form(request, UserForm)
    return answer("user", await people.put_user(request.app.state.services, by, user_id, form))


@router.delete("/v1/admin/users/{user_id}")
async def delete_user(request: Request, user_id: str, by: By) -> Response:
    """Delete a user and revoke its keys."""
    return answer("user.deleted", await removal.delete_user(request.app.state.services, by, user_id))


@router.get("/v1/admin/users/{user_id}/limits")
async def show_user_limits(request: Request, user_id: str, by: By) -> Response:
    """Read the limits of a user."""
    return answer("user.limits", await user_limits.show_user_limits(request.app.state.services, by, user_id))


@router.put("/v1/admin/users/{user_id}/limits")
async def put_user_limits(request: Request, user_id: str, by: By) -> Response:
    """Set the limits of a user, in the place of the earlier ones."""
    form = await read_form(request, LimitsDocument)
    return answer("user.limits", await user_limits.put_user_limits(request.app.state.services, by, user_id, form))


@router.get("/v1/admin/users/{user_id}/export")
async def export(request: Request, user_id: str, by: By) -> Response:
    """List all that is stored about a user."""
    return await list_page("export.record", request, by, export_user, user_id)


@router.post("/v1/admin/users/{user_id}/erase")
async def erase(request: Request, user_id: str, by: By) -> Response:
    """Erase a user with all that is stored about it."""
    form = await read_form(request, EraseForm)
    return answer("user.erased", await erase_user(request.app.state.services, by, user_id, form))


@router.get("/v1/admin/roles")
async def list_roles(request: Request, by: By) -> Response:
    """List roles."""
    return await list_page("role", request, by, people.list_roles)


@router.get("/v1/admin/roles/{role_id}")
async def show_role(request: Request, role_id: str, by: By) -> Response:
    """Read a role."""
    return answer("role", await people.show_role(request.app.state.services, by, role_id))


@router.put("/v1/admin/roles/{role_id}")
async def put_role(request: Request, role_id: str, by: By) -> Response:
    """Create or change a role."""
    form = await read_form(request, RoleForm)
    return answer("role", await people.put_role(request.app.state.services, by, role_id, form))


@router.delete("/v1/admin/roles/{role_id}")
async def delete_role(request: Request, role_id: str, by: By) -> Response:
    """Delete a role, or set a built-in one back."""
    return answer("role.deleted", await removal.delete_role(request.app.state.services, by, role_id))


@router.get("/v1/admin/groups")
async def list_groups(request: Request, by: By) -> Response:
    """List groups."""
    return await list_page("group", request, by, people.list_groups)


@router.get("/v1/admin/groups/{group_id}")
async def show_group(request: Request, group_id: str, by: By) -> Response:
    """Read a group."""
    return answer("group", await people.show_group(request.app.state.services, by, group_id))


@router.put("/v1/admin/groups/{group_id}")
async def put_group(request: Request, group_id: str, by: By) -> Response:
    """Create or rename a group."""
    form = await read_form(request, GroupForm)
    return answer("group", await people.put_group(request.app.state.services, by, group_id, form))


@router.delete("/v1/admin/groups/{group_id}")
async def delete_group(request: Request, group_id: str, by: By) -> Response:
    """Delete a group; its users leave it."""
    return answer("group.deleted", await removal.delete_group(request.app.state.services, by, group_id))
