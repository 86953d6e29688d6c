"""Users, roles, groups and tenants, and their keys."""

from __future__ import annotations

from typing import Any, Literal

from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.shown import Shown


class AdminMe(Shown):
    """Who a key stands for, and what it may."""

    object: Literal["admin.me"]
    tenant: str
    user: str
    role: str | None
    key: str | None
    """The key's id."""
    permissions: list[str]
    """What the role allows: `USE`, `CREATE`, `SHARE`, `SHARE_PUBLIC`."""
    manage: list[str]
    """The rights of the key, such as `keys:read`; empty for an API key."""
    read_only: bool
    limits: dict[str, Any] | None
    """The limits in force for the user of an API key."""


class AdminKey(Shown):
    """A key, without the key itself."""

    object: Literal["admin.key"]
    id: str
    user: str
    name: str
    prefix: str
    """Its first characters."""
    state: Literal["active", "revoked", "expired"]
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    """To the hour."""
    agents: list[str] | None
    """The agents it is limited to; null for all of its user's."""
    read_only: bool
    management: bool
    limits: dict[str, float]
    """What may be used with it, beside what its user may use."""


class AdminNewKey(AdminKey):
    """A key that was just made. The key itself is in no other answer."""

    key: str
    """The key. Keep it now."""


class AdminUser(Shown):
    """A user."""

    object: Literal["admin.user"]
    id: str
    name: str
    role: str
    groups: list[str]


class AdminUsed(Shown):
    """What a user used, by days and months of UTC."""

    requests_this_month: int
    tokens_today: int
    tokens_this_month: int
    usd_this_month: float | None
    """None if no price was known."""


class AdminUserDetails(AdminUser):
    """A user with what it may do, and what it used."""

    permissions: list[str]
    manage: list[str]
    limits: dict[str, Any]
    """Those in force of the deployment, the tenant, its role and itself: `requests_per_minute`, `tokens_per_day`,
    `tokens_per_month`, `usd_per_month`."""
    own_limits: dict[str, Any]
    """Those of this user alone."""
    used: AdminUsed | None
    """None without the right `usage:read`."""
    agents: dict[str, str]
    """The level of its grants by agent, public ones included; the first 50 by id."""
    has_more_agents: bool


class AdminUserLimits(Shown):
    """The limits of a user alone."""

    object: Literal["admin.user.limits"]
    id: str
    limits: dict[str, Any]


class AdminUserDeleted(Shown):
    """A user is gone."""

    object: Literal["admin.user.deleted"]
    id: str
    result: Literal["deleted"]
    revoked_keys: list[str]


class AdminUserErased(Shown):
    """A user is erased, or a part of it."""

    object: Literal["admin.user.erased"]
    id: str
    result: Literal["erased", "in_progress"]
    """`in_progress`: send the same request again until it is `erased`."""
    responses: int
    """How many responses this request removed."""
    keys: int
    """How many keys the user had."""
    agents: int
    """How many agents this request deleted or gave away."""
    wait_seconds: int
    """When to send the request again."""


class AdminExportRecord(Shown):
    """Something that is stored about a user."""

    object: Literal["admin.export.record"]
    id: str
    """Its kind and its id, such as `key:key_0f3a9c2b7d1e4455`."""
    kind: Literal[
        "user",
        "group",
        "key",
        "grant",
        "agent",
        "deleted_agent",
        "usage",
        "response",
        "conversation",
        "conversation_items",
        "approval",
        "audit",
        "audit_about",
    ]
    record: dict[str, Any]


class AdminRole(Shown):
    """A role."""

    object: Literal["admin.role"]
    id: str
    permissions: list[str]
    manage: list[str]
    limits: dict[str, Any]
    built_in: bool


class AdminRoleDeleted(Shown):
    """A role is gone, or is as it was built in."""

    object: Literal["admin.role.deleted"]
    id: str
    result: Literal["deleted", "reset"]


class AdminGroup(Shown):
    """A group."""

    object: Literal["admin.group"]
    id: str
    name: str


class AdminGroupDeleted(Shown):
    """A group is gone."""

    object: Literal["admin.group.deleted"]
    id: str
    result: Literal["deleted"]
    left: list[str]
    """The users that were in it."""


class AdminTenant(Shown):
    """A tenant."""

    object: Literal["admin.tenant"]
    id: str
    limits: dict[str, Any]


class AdminKeyList(AdminList):
    """Keys, newest first."""

    data: list[AdminKey]


class AdminUserList(AdminList):
    """Users by id."""

    data: list[AdminUser]


class AdminExport(AdminList):
    """All that is stored about a user, by kind."""

    data: list[AdminExportRecord]


class AdminRoleList(AdminList):
    """Roles by id."""

    data: list[AdminRole]


class AdminGroupList(AdminList):
    """Groups by id."""

    data: list[AdminGroup]
