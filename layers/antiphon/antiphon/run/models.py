"""The agents that a caller may address, as models. Listing, retrieving and running use one rule.

It must not know HTTP or any adapter.
"""

from __future__ import annotations

import logging
from typing import Any, Final

from antiphon.access import decide
from antiphon.access.principal import Principal
from antiphon.errors import ApiError
from antiphon.ports import Services
from antiphon.records import Agent

audit: Final = logging.getLogger("antiphon.audit")


async def visible_agent(services: Services, principal: Principal, agent_id: str) -> Agent:
    """Read an agent that exists for the caller.

    Raises:
        ApiError: 404 ``model_not_found``, equal for absent and for not granted.
    """
    found = await services.directory.agent(principal.tenant, agent_id, principal.principals)
    if found is None:
        raise ApiError("model_not_found", param="model")
    decision = decide.may_address(principal, *found)
    if not decision.allowed:
        audit.info("refused", extra={"key_id": principal.key_id, "agent": agent_id, "reason": decision.reason})
        raise ApiError("model_not_found", param="model")
    return found[0]


async def visible_agents(services: Services, principal: Principal) -> list[Agent]:
    """List the agents that exist for the caller, by id."""
    found = await services.directory.agents(principal.tenant, principal.principals)
    return [agent for agent, bits in found if decide.may_address(principal, agent, bits).allowed]


def model_resource(agent: Agent, capabilities: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write an agent as OpenAI's clients read a model; what is ours stands under ``antiphon``.

    Args:
        agent: the agent.
        capabilities: what its model can be asked; None leaves it out.
    """
    known = {} if capabilities is None else {"capabilities": capabilities}
    return {
        "id": agent.id,
        "object": "model",
        "created": agent.created_at,
        "owned_by": agent.author,
        "antiphon": {"name": agent.name or agent.id, "description": agent.description, **known},
    }
