"""The agents that a caller may address, as models.

One rule holds for listing, retrieving and running an agent, and for every stored response of it, wherever its id is
sent: GET, DELETE, cancel, input items, ``previous_response_id`` and ``item_reference``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
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


async def are_visible(services: Services, principal: Principal, agents: Iterable[str]) -> bool:
    """Return whether all of these agents exist for the caller. An empty name is of a turn that no agent ran."""
    wanted = dict.fromkeys(filter(None, agents))
    if principal.key_agents is not None and not wanted.keys() <= set(principal.key_agents):
        return False
    try:
        for agent in wanted:
            await visible_agent(services, principal, agent)
    except ApiError:
        return False
    return True


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
