"""GET /v1/models, /v1/models/{id}, /v1/responses/models: the agents that the caller may use, as models."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from antiphon.run.models import model_resource, visible_agent, visible_agents
from antiphon.web.auth import Reader

router = APIRouter()


@router.get("/v1/models")
@router.get("/v1/responses/models")
async def list_models(request: Request, principal: Reader) -> Response:
    """List the agents that the caller may use."""
    agents = await visible_agents(request.app.state.services, principal)
    body = {"object": "list", "data": [model_resource(agent) for agent in agents]}
    return Response(orjson.dumps(body), media_type="application/json")


@router.get("/v1/models/{model_id}")
async def retrieve_model(request: Request, model_id: str, principal: Reader) -> Response:
    """Read one agent that the caller may use."""
    services = request.app.state.services
    agent = await visible_agent(services, principal, model_id)
    resource = model_resource(agent, services.capabilities(agent.provider, agent.model))
    return Response(orjson.dumps(resource), media_type="application/json")
