"""``/v1/admin/users``, ``/v1/admin/roles`` and ``/v1/admin/groups``."""

from __future__ import annotations

from typing import Final

from docs.openapi.admin_operations.operation import operation
from docs.openapi.operation import Operation

OPERATIONS: Final[dict[tuple[str, str], Operation]] = {
    ("/v1/admin/users", "GET"): operation(
        "adminListUsers", "List users", "Lists users by id.", "AdminUserList", paged=True
    ),
    ("/v1/admin/users/{id}", "GET"): operation(
        "adminShowUser",
        "Read a user",
        "Returns the user with its permissions, rights, limits, use and agents.",
        "AdminUserDetails",
        "user_not_found role_not_found",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}", "PUT"): operation(
        "adminPutUser",
        "Create or change a user",
        "What the body leaves out stays as it is. To assign a role takes all of its permissions and rights.",
        "AdminUser",
        "role_not_found group_not_found",
        of="The user's id.",
        body="UserForm",
        example={"role": "USER"},
    ),
    ("/v1/admin/users/{id}", "DELETE"): operation(
        "adminDeleteUser",
        "Delete a user",
        "Revokes the user's keys and removes its grants. The author of an agent cannot be deleted.",
        "AdminUserDeleted",
        "user_not_found in_use",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}/limits", "GET"): operation(
        "adminShowUserLimits",
        "Read the limits of a user",
        "Returns the limits that the user has beside those of the deployment, the tenant and the role.",
        "AdminUserLimits",
        "user_not_found",
        of="The user's id.",
    ),
    ("/v1/admin/users/{id}/limits", "PUT"): operation(
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
    ("/v1/admin/users/{id}/export", "GET"): operation(
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
    ("/v1/admin/users/{id}/erase", "POST"): operation(
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
    ("/v1/admin/roles", "GET"): operation(
        "adminListRoles", "List roles", "Lists roles by id, the built-in ones too.", "AdminRoleList", paged=True
    ),
    ("/v1/admin/roles/{id}", "GET"): operation(
        "adminShowRole", "Read a role", "Returns the role.", "AdminRole", "role_not_found", of="The role's id."
    ),
    ("/v1/admin/roles/{id}", "PUT"): operation(
        "adminPutRole",
        "Create or change a role",
        "What the body leaves out stays as it is. Its limits take the right `limits:write`, too.",
        "AdminRole",
        of="The role's id.",
        body="RoleForm",
        example={"permissions": ["USE"]},
    ),
    ("/v1/admin/roles/{id}", "DELETE"): operation(
        "adminDeleteRole",
        "Delete a role",
        "A role that a user has cannot be deleted. A built-in one is set back to what it was.",
        "AdminRoleDeleted",
        "role_not_found in_use",
        of="The role's id.",
    ),
    ("/v1/admin/groups", "GET"): operation(
        "adminListGroups", "List groups", "Lists groups by id.", "AdminGroupList", paged=True
    ),
    ("/v1/admin/groups/{id}", "GET"): operation(
        "adminShowGroup", "Read a group", "Returns the group.", "AdminGroup", "group_not_found", of="The group's id."
    ),
    ("/v1/admin/groups/{id}", "PUT"): operation(
        "adminPutGroup",
        "Create or rename a group",
        "Users are put into a group with `PUT /v1/admin/users/{id}`.",
        "AdminGroup",
        of="The group's id.",
        body="GroupForm",
        example={"name": "Staff"},
    ),
    ("/v1/admin/groups/{id}", "DELETE"): operation(
        "adminDeleteGroup",
        "Delete a group",
        "Its users leave it, and its grants go with it.",
        "AdminGroupDeleted",
        "group_not_found",
        of="The group's id.",
    ),
}
