"""``/v1/admin/agents``: agents, the grants on them and their tools."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

FIT: Final = frozenset({"unsupported_parameter", "in_use", "user_not_found", "role_not_found", "group_not_found"})
"""Codes of an agent that is applied."""

AGENT: Final = {"id": "helper", "provider": "demo", "model": "demo", "instructions": "Be brief."}

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/agents", "GET"): operation(
        "adminListAgents",
        "List agents",
        "With the right `agents:read` all agents, with an API key those that its user may use.",
        "AdminAgentList",
        paged=True,
    ),
    ("/v1/admin/agents", "POST"): operation(
        "adminCreateAgent",
        "Create an agent",
        "Without an `id`, one is drawn. Users whose role has `CREATE` make agents of their own with an API key.",
        "AdminAgentApplied",
        " ".join((*FIT, "read_only_key")),
        body="AgentBody",
        example={**AGENT, "author": "ada"},
    ),
    ("/v1/admin/agents/{id}", "GET"): operation(
        "adminShowAgent",
        "Read an agent",
        "Returns the agent as `PUT` takes it, without its grants. With an API key this takes the bit EDIT.",
        "AdminAgent",
        "agent_not_found",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}", "PUT"): operation(
        "adminPutAgent",
        "Create or replace an agent",
        "Grants that the body names are added; all others stay.",
        "AdminAgentApplied",
        " ".join((*FIT, "read_only_key")),
        of="The agent's id.",
        body="AgentBody",
        example={**AGENT, "author": "ada"},
    ),
    ("/v1/admin/agents/{id}", "DELETE"): operation(
        "adminDeleteAgent",
        "Delete an agent",
        "It can be restored for 30 days, with its versions and grants. With an API key this takes the bit DELETE.",
        "AdminAgentDeleted",
        "agent_not_found read_only_key",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}/grants", "GET"): operation(
        "adminListGrants",
        "List the grants on an agent",
        "With an API key this takes the bit SHARE.",
        "AdminGrantList",
        "agent_not_found",
        of="The agent's id.",
        paged=True,
    ),
    ("/v1/admin/agents/{id}/grants/{item_id}", "PUT"): operation(
        "adminPutGrant",
        "Grant a level on an agent",
        "With an API key this takes the bit SHARE and the permission `SHARE`; for `public` and roles, `SHARE_PUBLIC`.",
        "AdminGrant",
        "agent_not_found user_not_found role_not_found group_not_found in_use read_only_key",
        of="The agent's id.",
        item="The principal: `user:ID`, `group:ID`, `role:ID` or `public`.",
        body="GrantForm",
        example={"level": "viewer"},
    ),
    ("/v1/admin/agents/{id}/grants/{item_id}", "DELETE"): operation(
        "adminDeleteGrant",
        "Take a grant back",
        "The author of an agent keeps theirs.",
        "AdminGrantDeleted",
        "agent_not_found grant_not_found in_use read_only_key invalid_value",
        of="The agent's id.",
        item="The principal.",
    ),
    ("/v1/admin/agents/{id}/tools", "GET"): operation(
        "adminShowTools",
        "Compare the tools of an agent with its servers",
        "Returns the tools of each server as they were pinned, and what the server changed since. A server that "
        "cannot be asked has the reason as its `failure`: on AWS the function that answers this reads no secrets of "
        "tools. With an API key it takes the bit EDIT.",
        "AdminTools",
        "agent_not_found",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}/why", "GET"): operation(
        "adminExplainAccess",
        "Explain whether a user may run an agent",
        "Returns the grants and the role that decide it. It takes the rights `agents:read` and `people:read`.",
        "AdminWhy",
        "agent_not_found user_not_found role_not_found unknown_parameter invalid_value missing_required_parameter",
        of="The agent's id.",
        user=({"type": "string"}, "The user's id. Required."),
    ),
}
