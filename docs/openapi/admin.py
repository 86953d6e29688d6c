"""What the OpenAPI document has of /v1/admin. Plain data."""

from __future__ import annotations

from typing import Any, Final

from antiphon.audit import KINDS
from docs.openapi.codes import KEYED
from docs.openapi.operation import JSON, Operation

TAG: Final = "Management"

QUERY: Final = frozenset({"unknown_parameter", "invalid_value", "invalid_type", "out_of_range"})
BODY: Final = frozenset(
    {
        "invalid_json",
        "json_too_deep",
        "invalid_number",
        "invalid_unicode",
        "invalid_encoding",
        "duplicate_key",
        "unsupported_media_type",
        "unsupported_encoding",
        "request_too_large",
        "missing_required_parameter",
        "invalid_type",
        "invalid_value",
        "unknown_parameter",
        "out_of_range",
        "unsupported_value",
    }
)
FIT: Final = frozenset({"unsupported_parameter", "in_use", "user_not_found", "role_not_found", "group_not_found"})
"""Codes of an agent that is applied."""

PAGE: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, "The most records of a page."),
    "after": ({"type": "string"}, "The `last_id` of the page that this one follows."),
}
AGENT: Final = {"id": "helper", "provider": "demo", "model": "demo", "instructions": "Be brief."}


def _operation(
    name: str,
    summary: str,
    description: str,
    answer: str,
    codes: str = "",
    *,
    of: str = "",
    item: str = "",
    body: str = "",
    example: dict[str, Any] | None = None,
    paged: bool = False,
    queried: dict[str, tuple[dict[str, Any], str]] | None = None,
    **query: tuple[dict[str, Any], str],
) -> Operation:
    """Describe an operation.

    Args:
        name: for generated clients.
        summary: its words in a line.
        description: its words.
        answer: the component of a success.
        codes: the codes of its own errors, separated by spaces.
        of: what ``{id}`` is.
        item: what ``{item_id}`` is.
        body: the component of the request body.
        example: a request body.
        paged: it is a list.
        queried: query parameters whose names cannot be written as arguments.
        query: further query parameters.
    """
    more = (BODY if body else frozenset()) | (QUERY - {"unsupported_value"} if paged else frozenset())
    return Operation(
        id=name,
        tag=TAG,
        summary=summary,
        description=description,
        answers={JSON: answer},
        codes=KEYED - {"management_key"} | more | frozenset(codes.split()),
        body=body or None,
        examples={"example": (summary, example)} if example is not None else {},
        parameter={"description": of} if of else None,
        item={"description": item} if item else None,
        query={**(PAGE if paged else {}), **(queried or {}), **query},
    )


DAYS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "from": ({"type": "string", "format": "date"}, "The first day of UTC; by default the first of this month."),
    "to": ({"type": "string", "format": "date"}, "The last day, included; by default today. At most 366 days."),
}
_KINDS: Final = ["user", "key", "agent", "model"]

ADMIN: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/me", "GET"): _operation(
        "adminShowMe",
        "Read who your key stands for",
        "Returns the user, the role, the rights and the limits.",
        "AdminMe",
    ),
    ("/v1/admin/me/keys", "GET"): _operation(
        "adminListMyKeys",
        "List your keys",
        "Lists the keys of the user whose API key is sent, newest first.",
        "AdminKeyList",
        paged=True,
    ),
    ("/v1/admin/me/keys", "POST"): _operation(
        "adminCreateMyKey",
        "Make a key of your own",
        "Makes an API key. It may not do more, or last longer, than the key that it is made with.",
        "AdminNewKey",
        "read_only_key agent_not_found user_not_found role_not_found",
        body="KeyForm",
        example={"name": "laptop"},
    ),
    ("/v1/admin/me/keys/{id}", "DELETE"): _operation(
        "adminRevokeMyKey",
        "Revoke a key of your own",
        "Ends the key. It stays listed.",
        "AdminKey",
        "key_not_found read_only_key",
        of="The key's id.",
    ),
    ("/v1/admin/me/usage", "GET"): _operation(
        "adminShowMyUsage",
        "Read what you used",
        "Returns what the user of the API key used, in all and by day.",
        "AdminUsageDays",
        "unknown_parameter invalid_value",
        queried=DAYS,
    ),
    ("/v1/admin/me/limits", "GET"): _operation(
        "adminShowMyLimits",
        "Read your limits",
        "Returns the limits of the user of the API key, and how much of them is used.",
        "AdminLimits",
    ),
    ("/v1/admin/me/responses", "GET"): _operation(
        "adminListMyResponses", "List your responses", "Lists them newest first.", "AdminResponseList", paged=True
    ),
    ("/v1/admin/me/export", "GET"): _operation(
        "adminExportMe",
        "Export what is stored about you",
        "Lists all that is stored about the user of the API key, which must not be limited to some agents. The audit "
        "log is left out.",
        "AdminExport",
        "role_not_found",
        paged=True,
    ),
    ("/v1/admin/agents", "GET"): _operation(
        "adminListAgents",
        "List agents",
        "With the right `agents:read` all agents, with an API key those that its user may use.",
        "AdminAgentList",
        paged=True,
    ),
    ("/v1/admin/agents", "POST"): _operation(
        "adminCreateAgent",
        "Create an agent",
        "Without an `id`, one is drawn. Users whose role has `CREATE` make agents of their own with an API key.",
        "AdminAgentApplied",
        " ".join((*FIT, "read_only_key")),
        body="AgentBody",
        example={**AGENT, "author": "ada"},
    ),
    ("/v1/admin/agents/{id}", "GET"): _operation(
        "adminShowAgent",
        "Read an agent",
        "Returns the agent as `PUT` takes it, without its grants. With an API key this takes the bit EDIT.",
        "AdminAgent",
        "agent_not_found",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}", "PUT"): _operation(
        "adminPutAgent",
        "Create or replace an agent",
        "Grants that the body names are added; all others stay.",
        "AdminAgentApplied",
        " ".join((*FIT, "read_only_key")),
        of="The agent's id.",
        body="AgentBody",
        example={**AGENT, "author": "ada"},
    ),
    ("/v1/admin/agents/{id}", "DELETE"): _operation(
        "adminDeleteAgent",
        "Delete an agent",
        "It can be restored for 30 days, with its versions and grants. With an API key this takes the bit DELETE.",
        "AdminAgentDeleted",
        "agent_not_found read_only_key",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}/versions", "GET"): _operation(
        "adminListVersions",
        "List the versions of an agent",
        "Lists those that are kept, newest first. With an API key this takes the bit EDIT.",
        "AdminVersionList",
        "agent_not_found",
        of="The agent's id.",
        paged=True,
    ),
    ("/v1/admin/agents/{id}/versions/{item_id}", "GET"): _operation(
        "adminShowVersion",
        "Read a version of an agent",
        "Returns the agent as it was, as `PUT` takes it, without grants. With an API key this takes the bit EDIT.",
        "AdminAgent",
        "agent_not_found version_not_found",
        of="The agent's id.",
        item="The number of the version.",
    ),
    ("/v1/admin/agents/{id}/rollback", "POST"): _operation(
        "adminRollBack",
        "Bring a former version of an agent back",
        "The agent gets a new version with the content of the former one. With an API key this takes the bit EDIT.",
        "AdminAgentApplied",
        "agent_not_found version_not_found unsupported_parameter read_only_key",
        of="The agent's id.",
        body="RollbackForm",
        example={"version": 3},
    ),
    ("/v1/admin/deleted-agents", "GET"): _operation(
        "adminListDeletedAgents",
        "List deleted agents that can be restored",
        "Lists them by id. An agent can be restored for 30 days.",
        "AdminDeletedAgentList",
        paged=True,
    ),
    ("/v1/admin/deleted-agents/{id}/restore", "POST"): _operation(
        "adminRestoreAgent",
        "Restore a deleted agent",
        "The agent comes back with its versions and grants. With an API key its author can do this.",
        "AdminAgentApplied",
        "agent_not_found read_only_key",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}/grants", "GET"): _operation(
        "adminListGrants",
        "List the grants on an agent",
        "With an API key this takes the bit SHARE.",
        "AdminGrantList",
        "agent_not_found",
        of="The agent's id.",
        paged=True,
    ),
    ("/v1/admin/agents/{id}/grants/{item_id}", "PUT"): _operation(
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
    ("/v1/admin/agents/{id}/grants/{item_id}", "DELETE"): _operation(
        "adminDeleteGrant",
        "Take a grant back",
        "The author of an agent keeps theirs.",
        "AdminGrantDeleted",
        "agent_not_found grant_not_found in_use read_only_key invalid_value",
        of="The agent's id.",
        item="The principal.",
    ),
    ("/v1/admin/agents/{id}/tools", "GET"): _operation(
        "adminShowTools",
        "Compare the tools of an agent with its servers",
        "Returns the tools of each server as they were pinned, and what the server changed since. A server that "
        "cannot be asked has the reason as its `failure`: on AWS the function that answers this reads no secrets of "
        "tools. With an API key it takes the bit EDIT.",
        "AdminTools",
        "agent_not_found",
        of="The agent's id.",
    ),
    ("/v1/admin/agents/{id}/why", "GET"): _operation(
        "adminExplainAccess",
        "Explain whether a user may run an agent",
        "Returns the grants and the role that decide it. It takes the rights `agents:read` and `people:read`.",
        "AdminWhy",
        "agent_not_found user_not_found role_not_found unknown_parameter invalid_value missing_required_parameter",
        of="The agent's id.",
        user=({"type": "string"}, "The user's id. Required."),
    ),
    ("/v1/admin/keys", "GET"): _operation(
        "adminListKeys",
        "List keys",
        "Lists keys newest first, revoked and expired ones too.",
        "AdminKeyList",
        paged=True,
        user=({"type": "string"}, "Only the keys of this user."),
    ),
    ("/v1/admin/keys", "POST"): _operation(
        "adminCreateKey",
        "Make a key",
        "Makes an API key, or with `management: true` a management key. The answer alone has the key itself.",
        "AdminNewKey",
        "read_only_key agent_not_found user_not_found role_not_found",
        body="KeyForm",
        example={"user": "ada", "name": "laptop"},
    ),
    ("/v1/admin/keys/{id}", "GET"): _operation(
        "adminShowKey", "Read a key", "Returns the key's record.", "AdminKey", "key_not_found", of="The key's id."
    ),
    ("/v1/admin/keys/{id}/limits", "PUT"): _operation(
        "adminLimitKey",
        "Set the limits of a key",
        "The key gets these limits in the place of its earlier ones; an empty object removes them. They count beside "
        "those of its user, and cannot raise them.",
        "AdminKey",
        "key_not_found",
        of="The key's id.",
        body="BudgetDocument",
        example={"tokens_per_day": 200_000, "usd_per_month": 5},
    ),
    ("/v1/admin/keys/{id}", "DELETE"): _operation(
        "adminRevokeKey",
        "Revoke a key",
        "Ends the key. It stays listed. A function that has just read it may take it for up to a minute.",
        "AdminKey",
        "key_not_found read_only_key",
        of="The key's id.",
    ),
    ("/v1/admin/users", "GET"): _operation(
        "adminListUsers", "List users", "Lists users by id.", "AdminUserList", paged=True
    ),
    ("/v1/admin/users/{id}", "GET"): _operation(
        "adminShowUser",
        "Read a user",
        "Returns the user with its permissions, rights, limits, use and agents.",
        "AdminUserDetails",
        "user_not_found role_not_found",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}", "PUT"): _operation(
        "adminPutUser",
        "Create or change a user",
        "What the body leaves out stays as it is. To assign a role takes all of its permissions and rights.",
        "AdminUser",
        "role_not_found group_not_found",
        of="The user's id.",
        body="UserForm",
        example={"role": "USER"},
    ),
    ("/v1/admin/users/{id}", "DELETE"): _operation(
        "adminDeleteUser",
        "Delete a user",
        "Revokes the user's keys and removes its grants. The author of an agent cannot be deleted.",
        "AdminUserDeleted",
        "user_not_found in_use",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}/limits", "GET"): _operation(
        "adminShowUserLimits",
        "Read the limits of a user",
        "Returns the limits that the user has beside those of the deployment, the tenant and the role.",
        "AdminUserLimits",
        "user_not_found",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}/limits", "PUT"): _operation(
        "adminPutUserLimits",
        "Set the limits of a user",
        "The user gets these limits in the place of the earlier ones; an empty object removes them. They can only "
        "narrow those of the deployment, the tenant and the role.",
        "AdminUserLimits",
        "user_not_found",
        of="The user's id.",
        body="LimitsDocument",
        example={"tokens_per_day": 200_000, "models": ["gpt-5-mini"]},
    ),
    ("/v1/admin/users/{id}/export", "GET"): _operation(
        "adminExportUser",
        "Export a user",
        "Lists all that is stored about the user, with its responses' content. It takes the rights "
        "`people:read`, `keys:read`, `agents:read`, `limits:read`, `usage:read`, `responses:read`, `content:read`, "
        "`approvals:read` and `audit:read`. Each page that is read is audited. A page has at most a megabyte, unless "
        "one record has more.",
        "AdminExport",
        "user_not_found role_not_found",
        of="The user's id.",
        paged=True,
    ),
    ("/v1/admin/users/{id}/erase", "POST"): _operation(
        "adminEraseUser",
        "Erase a user",
        "Deletes the user with its keys, responses, conversations, approvals, grants and use. Running responses are "
        "cancelled. It takes the rights `people:write` and `responses:write`, and with either field of the body "
        "`agents:write`. An author of agents is erased only if the body has what to do with them. "
        "Send the request again until `result` is `erased`. The audit log is kept.",
        "AdminUserErased",
        "user_not_found role_not_found in_use",
        of="The user's id.",
        body="EraseForm",
        example={"agents": "delete"},
    ),
    ("/v1/admin/users/{id}/responses", "GET"): _operation(
        "adminListResponses",
        "List the responses of a user",
        "Lists them newest first, without their content.",
        "AdminResponseList",
        of="The user's id.",
        paged=True,
    ),
    ("/v1/admin/users/{id}/responses/{item_id}", "GET"): _operation(
        "adminShowResponse",
        "Read a response without its content",
        "Returns times, tokens and the kinds of its items.",
        "AdminResponse",
        "response_not_found",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}", "DELETE"): _operation(
        "adminDeleteResponse",
        "Delete a response",
        "Deletes the response with its content. One that runs is cancelled first.",
        "AdminResponseDeleted",
        "response_not_found read_only_key",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}/cancel", "POST"): _operation(
        "adminCancelResponse",
        "End a running response",
        "A response that has ended is returned unchanged.",
        "AdminResponse",
        "response_not_found read_only_key",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/users/{id}/responses/{item_id}/content", "GET"): _operation(
        "adminReadContent",
        "Read the content of a response",
        "It takes the right `content:read`, and is recorded in the audit log.",
        "AdminContent",
        "response_not_found",
        of="The user's id.",
        item="The response's id.",
    ),
    ("/v1/admin/roles", "GET"): _operation(
        "adminListRoles", "List roles", "Lists roles by id, the built-in ones too.", "AdminRoleList", paged=True
    ),
    ("/v1/admin/roles/{id}", "GET"): _operation(
        "adminShowRole", "Read a role", "Returns the role.", "AdminRole", "role_not_found", of="The role's id."
    ),
    ("/v1/admin/roles/{id}", "PUT"): _operation(
        "adminPutRole",
        "Create or change a role",
        "What the body leaves out stays as it is. Its limits take the right `limits:write`, too.",
        "AdminRole",
        of="The role's id.",
        body="RoleForm",
        example={"permissions": ["USE"]},
    ),
    ("/v1/admin/roles/{id}", "DELETE"): _operation(
        "adminDeleteRole",
        "Delete a role",
        "A role that a user has cannot be deleted. A built-in one is set back to what it was.",
        "AdminRoleDeleted",
        "role_not_found in_use",
        of="The role's id.",
    ),
    ("/v1/admin/groups", "GET"): _operation(
        "adminListGroups", "List groups", "Lists groups by id.", "AdminGroupList", paged=True
    ),
    ("/v1/admin/groups/{id}", "GET"): _operation(
        "adminShowGroup", "Read a group", "Returns the group.", "AdminGroup", "group_not_found", of="The group's id."
    ),
    ("/v1/admin/groups/{id}", "PUT"): _operation(
        "adminPutGroup",
        "Create or rename a group",
        "Users are put into a group with `PUT /v1/admin/users/{id}`.",
        "AdminGroup",
        of="The group's id.",
        body="GroupForm",
        example={"name": "Staff"},
    ),
    ("/v1/admin/groups/{id}", "DELETE"): _operation(
        "adminDeleteGroup",
        "Delete a group",
        "Its users leave it, and its grants go with it.",
        "AdminGroupDeleted",
        "group_not_found",
        of="The group's id.",
    ),
    ("/v1/admin/approvals", "GET"): _operation(
        "adminListApprovals",
        "List calls that wait",
        "Lists the calls of tools that wait for an approval, oldest first.",
        "AdminApprovalList",
        "approval_not_found",
        paged=True,
    ),
    ("/v1/admin/approvals/{id}", "GET"): _operation(
        "adminShowApproval",
        "Read an approval",
        "Returns the approval.",
        "AdminApproval",
        "approval_not_found",
        of="The approval's id.",
    ),
    ("/v1/admin/approvals/{id}", "POST"): _operation(
        "adminDecideApproval",
        "Approve or deny a call",
        "Decides in place of whoever the agent names. A worker goes on with the response within a minute.",
        "AdminApproval",
        "approval_not_found approval_decided approval_expired",
        of="The approval's id.",
        body="ApprovalDecision",
        example={"decision": "approve"},
    ),
    ("/v1/admin/usage", "GET"): _operation(
        "adminListUsage",
        "List who used how much",
        "Lists what users, keys, agents or models used in some days, by their ids. Days are those of UTC.",
        "AdminUsageList",
        "unsupported_value",
        paged=True,
        queried={
            "by": ({"type": "string", "enum": _KINDS, "default": "user"}, "Of what the ids are."),
            **DAYS,
        },
    ),
    ("/v1/admin/usage/days", "GET"): _operation(
        "adminShowUsageDays",
        "Read what was used by day",
        "Returns what one user, key, agent or model used, in all and by day; without `by` and `of` the whole tenant. "
        "With an API key, its user may read their own use and that of their keys.",
        "AdminUsageDays",
        "unknown_parameter unsupported_value invalid_value missing_required_parameter key_not_found",
        queried={
            "by": ({"type": "string", "enum": _KINDS}, "Of what the id is."),
            "of": ({"type": "string"}, "The id; of a model `provider/model`."),
            **DAYS,
        },
    ),
    ("/v1/admin/usage/limits", "GET"): _operation(
        "adminShowLimits",
        "Read limits and what is used of them",
        "Returns the limits of one user, key or agent, and how much of them is used. With an API key, its user may "
        "read their own limits and those of their keys.",
        "AdminLimits",
        "unknown_parameter unsupported_value invalid_value missing_required_parameter key_not_found user_not_found "
        "agent_not_found role_not_found",
        queried={
            "by": ({"type": "string", "enum": _KINDS[:3]}, "Of what the id is."),
            "of": ({"type": "string"}, "The id."),
        },
    ),
    ("/v1/admin/tenant", "GET"): _operation(
        "adminShowTenant", "Read your tenant", "Returns the tenant with its limits.", "AdminTenant"
    ),
    ("/v1/admin/tenant", "PUT"): _operation(
        "adminPutTenant",
        "Change the limits of your tenant",
        "Without `limits` the tenant stays as it is; an empty object removes all limits.",
        "AdminTenant",
        body="TenantForm",
        example={"limits": {"retention_days": 7}},
    ),
    ("/v1/admin/webhooks", "GET"): _operation(
        "adminListWebhooks",
        "List webhooks",
        "Lists webhooks by id, without their secrets.",
        "AdminWebhookList",
        paged=True,
    ),
    ("/v1/admin/webhooks", "POST"): _operation(
        "adminCreateWebhook",
        "Make a webhook",
        "Makes a webhook. The answer has its secret, which no other answer shows. A tenant has at most 20.",
        "AdminNewSecret",
        body="WebhookForm",
        example={"url": "https://example.com/hooks/antiphon", "event_types": ["response.completed"]},
    ),
    ("/v1/admin/webhooks/{id}", "GET"): _operation(
        "adminShowWebhook",
        "Read a webhook",
        "Returns the webhook with those of the tenant's newest 100 failed deliveries that are its own.",
        "AdminWebhookDetails",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/webhooks/{id}", "DELETE"): _operation(
        "adminDeleteWebhook",
        "Delete a webhook",
        "What is on its way to it is not sent any more.",
        "AdminWebhookDeleted",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/webhooks/{id}/rotate", "POST"): _operation(
        "adminRotateSecret",
        "Change the secret of a webhook",
        "The answer has the new secret, which no other answer shows. With `keep_old` the one before "
        "goes on signing for 24 hours.",
        "AdminNewSecret",
        "webhook_not_found",
        of="The webhook's id.",
        body="SecretForm",
        example={"keep_old": True},
    ),
    ("/v1/admin/webhooks/{id}/test", "POST"): _operation(
        "adminTestWebhook",
        "Send a webhook an event",
        "Sends one event, as if a response `resp_test` had been completed, and returns whether it arrived.",
        "AdminWebhookTested",
        "webhook_not_found",
        of="The webhook's id.",
    ),
    ("/v1/admin/failed-deliveries", "GET"): _operation(
        "adminListFailedDeliveries",
        "List what never reached a webhook",
        "Lists the deliveries that failed for good, newest first. They are kept for 30 days.",
        "AdminDeliveryList",
        paged=True,
    ),
    ("/v1/admin/audit", "GET"): _operation(
        "adminListAudit",
        "List who changed what",
        "Lists the entries of the audit log, newest first. It takes the right `audit:read`.",
        "AdminAuditList",
        "unsupported_value",
        paged=True,
        actor=({"type": "string"}, "Only what this user or account did."),
        kind=({"type": "string", "enum": list(KINDS)}, "Only what changed this kind of record."),
        target=({"type": "string"}, "Only what was done to this record, such as `agent:guide`."),
        since=({"type": "integer", "minimum": 0}, "None before this time, in seconds since the epoch."),
    ),
}
