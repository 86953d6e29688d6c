"""``/v1/admin/agents/{id}/versions`` and ``/v1/admin/deleted-agents``: what agents were before."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/agents/{id}/versions", "GET"): operation(
        "adminListVersions",
        "List the versions of an agent",
        "Lists those that are kept, newest first. With an API key this takes the bit EDIT.",
        "AdminVersionList",
        "agent_not_found",
        of="The agent's id.",
        paged=True,
    ),
    ("/v1/admin/agents/{id}/versions/{item_id}", "GET"): operation(
        "adminShowVersion",
        "Read a version of an agent",
        "Returns the agent as it was, as `PUT` takes it, without grants. With an API key this takes the bit EDIT.",
        "AdminAgent",
        "agent_not_found version_not_found",
        of="The agent's id.",
        item="The number of the version.",
    ),
    ("/v1/admin/agents/{id}/rollback", "POST"): operation(
        "adminRollBack",
        "Bring a former version of an agent back",
        "The agent gets a new version with the content of the former one. With an API key this takes the bit EDIT.",
        "AdminAgentApplied",
        "agent_not_found version_not_found unsupported_parameter read_only_key",
        of="The agent's id.",
        body="RollbackForm",
        example={"version": 3},
    ),
    ("/v1/admin/deleted-agents", "GET"): operation(
        "adminListDeletedAgents",
        "List deleted agents that can be restored",
        "Lists them by id. An agent can be restored for 30 days.",
        "AdminDeletedAgentList",
        paged=True,
    ),
    ("/v1/admin/deleted-agents/{id}/restore", "POST"): operation(
        "adminRestoreAgent",
        "Restore a deleted agent",
        "The agent comes back with its versions and grants. With an API key its author can do this.",
        "AdminAgentApplied",
        "agent_not_found read_only_key",
        of="The agent's id.",
    ),
}
