"""/v1/admin/agents: agents and the grants on them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.errors import ApiError
from antiphon.ids import random_base62
from antiphon.manage import agents, grants, tools
from antiphon.manage.document import AgentDocument
from antiphon.manage.forms import GrantForm
from antiphon.ports import Services
from antiphon.spec.request import validated
from antiphon.web.body import read_json
from antiphon.web.operators import MAX_BODY, By, answer, list_page, read_form
from antiphon.web.query import Query

router = APIRouter()

_DRAWN = 16


@router.get("/v1/admin/agents")
async def index(request: Request, by: By) -> Response:
    """List agents."""
    return await list_page("agent", request, by, agents.list_agents)


@router.post("/v1/admin/agents")
async def create(request: Request, by: By) -> Response:
    """Create an agent; its id is drawn if the body has none."""
    services: Services = request.app.state.services
    body = await read_json(request, MAX_BODY)
    if body.get("id") is None:
        body["id"] = f"agent_{random_base62(services.entropy, _DRAWN)}"
    change = await agents.plan_agent(services, by, validated(AgentDocument, body), new=True)
    return answer("agent.applied", await agents.apply_change(services, by, change))


@router.get("/v1/admin/agents/{agent_id}")
async def show(request: Request, agent_id: str, by: By) -> Response:
    """Read an agent."""
    return answer("agent", await agents.show_agent(request.app.state.services, by, agent_id))


@router.put("/v1/admin/agents/{agent_id}")
async def put(request: Request, agent_id: str, by: By) -> Response:
    """Create or replace an agent."""
    services: Services = request.app.state.services
    document = await read_form(request, AgentDocument, id=agent_id)
    change = await agents.plan_agent(services, by, document)
    return answer("agent.applied", await agents.apply_change(services, by, change))


@router.delete("/v1/admin/agents/{agent_id}")
async def delete(request: Request, agent_id: str, by: By) -> Response:
    """Delete an agent with its grants."""
    return answer("agent.deleted", await agents.delete_agent(request.app.state.services, by, agent_id))


@router.get("/v1/admin/agents/{agent_id}/tools")
async def show_tools(request: Request, agent_id: str, by: By) -> Response:
    """Read the tools of an agent's servers, and what the servers changed since they were pinned."""
    return answer("agent.tools", await tools.show_tools(request.app.state.services, by, agent_id))


@router.get("/v1/admin/agents/{agent_id}/grants")
async def list_grants(request: Request, agent_id: str, by: By) -> Response:
    """List the grants on an agent."""
    return await list_page("grant", request, by, grants.list_grants, agent_id)


@router.put("/v1/admin/agents/{agent_id}/grants/{item_id}")
async def put_grant(request: Request, agent_id: str, item_id: str, by: By) -> Response:
    """Grant a level on an agent."""
    form = await read_form(request, GrantForm)
    return answer("grant", await grants.put_grant(request.app.state.services, by, agent_id, item_id, form))


@router.delete("/v1/admin/agents/{agent_id}/grants/{item_id}")
async def delete_grant(request: Request, agent_id: str, item_id: str, by: By) -> Response:
    """Take a grant back."""
    document = await grants.delete_grant(request.app.state.services, by, agent_id, item_id)
    return answer("grant.deleted", document)


@router.get("/v1/admin/agents/{agent_id}/why")
async def why(request: Request, agent_id: str, by: By) -> Response:
    """Explain whether a user may run an agent."""
    user = Query(request, "user").text("user")
    if user is None:
        raise ApiError("missing_required_parameter", "`user`: Whose access is asked for must be named.", param="user")
    return answer("why", await grants.why(request.app.state.services, by, agent_id, user))
