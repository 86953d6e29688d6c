"""/v1/admin/agents/{id}/versions and /v1/admin/deleted-agents: what agents were before."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.manage import versions
from antiphon.manage.forms import RollbackForm
from antiphon.manage.refusals import NotFound
from antiphon.web.operators import By, answer, list_page, read_form
from antiphon.web.query import MAX_DIGITS

router = APIRouter()


@router.get("/v1/admin/agents/{agent_id}/versions")
async def index(request: Request, agent_id: str, by: By) -> Response:
    """List the versions of an agent."""
    return await list_page("agent.version", request, by, versions.list_versions, agent_id)


@router.get("/v1/admin/agents/{agent_id}/versions/{item_id}")
async def show(request: Request, agent_id: str, item_id: str, by: By) -> Response:
    """Read a version of an agent."""
    shown = await versions.show_version(request.app.state.services, by, agent_id, _number(item_id))
    return answer("agent", shown)


@router.post("/v1/admin/agents/{agent_id}/rollback")
async def roll_back(request: Request, agent_id: str, by: By) -> Response:
    """Bring a former version of an agent back, as a new version."""
    form = await read_form(request, RollbackForm)
    done = await versions.roll_back(request.app.state.services, by, agent_id, form.version)
    return answer("agent.applied", done)


@router.get("/v1/admin/deleted-agents")
async def list_deleted(request: Request, by: By) -> Response:
    """List deleted agents that can be restored."""
    return await list_page("agent.deleted", request, by, versions.list_deleted)


@router.post("/v1/admin/deleted-agents/{agent_id}/restore")
async def restore(request: Request, agent_id: str, by: By) -> Response:
    """Bring a deleted agent back."""
    return answer("agent.applied", await versions.restore_agent(request.app.state.services, by, agent_id))


def _number(text: str) -> int:
    """Read the number of a version.

    Raises:
        NotFound: it is none.
    """
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise NotFound("version", text)
    return int(text)
