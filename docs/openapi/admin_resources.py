"""What the answers of management look like, for the OpenAPI document alone; ``manage`` makes them as plain dicts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from antiphon.manage.document import AgentDocument
from docs.openapi.answers import ApprovalFailure
from docs.openapi.shown import Absent, Shown


class AgentBody(AgentDocument):
    """An agent to create or replace."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] | None = None  # type: ignore[assignment] # the path has it, or it is drawn


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
    """The level of its grants by agent."""


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


class AdminApproval(Shown):
    """A call of a tool that waits for an approval, or waited."""

    object: Literal["admin.approval"]
    id: str
    response_id: str
    user: str
    """Who asked the agent."""
    agent: str
    server_label: str
    name: str
    arguments: str
    by: str
    status: Literal["pending", "approved", "denied"]
    created_at: int
    expires_at: int
    decided_by: str | None
    decided_at: int | None
    reason: str
    next_response_id: str | None
    error: ApprovalFailure = Absent


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


class AdminAgentSummary(Shown):
    """An agent in a list."""

    object: Literal["admin.agent"]
    id: str
    name: str
    description: str
    provider: str
    model: str
    author: str
    version: int
    created_at: int
    updated_at: int


class AdminAgent(Shown):
    """An agent as `PUT` takes it, with its times. Fields with their defaults are left out."""

    object: Literal["admin.agent"]
    id: str
    author: str
    provider: str
    model: str
    version: int
    """Counts the changes of the agent, from 1."""
    digest: str
    """SHA-256 of its content: the same for the same content."""
    created_at: int
    updated_at: int


class AdminAgentApplied(Shown):
    """What became of an agent."""

    object: Literal["admin.agent.applied"]
    id: str
    result: Literal["created", "updated", "unchanged", "rolled_back", "restored"]
    version: int


class AdminVersion(Shown):
    """A version of an agent in a list."""

    object: Literal["admin.agent.version"]
    id: str
    """The version, as text."""
    version: int
    digest: str
    provider: str
    model: str
    created_at: int
    """When the agent was made."""
    updated_at: int
    """When the version was made."""
    in_force: bool


class AdminDeletedAgent(Shown):
    """A deleted agent that can be restored."""

    object: Literal["admin.agent.deleted"]
    id: str
    name: str
    author: str
    version: int
    deleted_at: int
    restorable_until: int


class AdminActor(Shown):
    """Who did something, with which credentials, and from where."""

    user: str
    """The user of the key; of the command line the account of whoever ran it."""
    via: Literal["http", "cli", "console", "server"]
    key_id: str | None
    address: str | None
    host: str | None


class AdminAuditEntry(Shown):
    """One change."""

    object: Literal["admin.audit.entry"]
    id: str
    at: float
    actor: AdminActor
    action: str
    """Such as `key.revoked`."""
    target: str
    """Such as `key:key_0123`."""
    before: dict[str, Any] | None
    """The fields that changed, as they were; null if there was nothing."""
    after: dict[str, Any] | None
    """The same fields, as they are; null if there is nothing any more."""
    expires_at: int


class AdminAgentDeleted(Shown):
    """An agent is gone."""

    object: Literal["admin.agent.deleted"]
    id: str
    result: Literal["deleted"]


class AdminGrant(Shown):
    """A grant on an agent."""

    object: Literal["admin.grant"]
    agent: str
    principal: str
    """`user:ID`, `group:ID`, `role:ID` or `public`."""
    level: str
    bits: int
    """The sum of VIEW 1, EDIT 2, DELETE 4 and SHARE 8."""


class AdminGrantDeleted(Shown):
    """A grant is gone."""

    object: Literal["admin.grant.deleted"]
    agent: str
    principal: str
    level: str
    bits: Literal[0]


class AdminPrincipalBits(Shown):
    """What one principal holds."""

    principal: str
    bits: int


class AdminWhy(Shown):
    """Whether a user may run an agent, and why."""

    object: Literal["admin.why"]
    agent: str
    user: str
    role: str
    permissions: list[str]
    grants: list[AdminPrincipalBits]
    bits: int
    """All bits together."""
    allowed: bool
    code: str | None
    """The code of the refusal."""
    reason: str
    verdict: str


class AdminResponseSummary(Shown):
    """A response in a list."""

    object: Literal["admin.response"]
    id: str
    user: str
    agent: str
    status: str
    created_at: int
    expires_at: int | None
    turns_before: int
    """How many turns its conversation had before it."""


class AdminItem(Shown):
    """The kind of an item; a call has the name of its tool."""

    type: str


class AdminErrorCode(Shown):
    """The code of an error."""

    code: str | None


class AdminResponse(AdminResponseSummary):
    """A response without its content."""

    previous_response_id: str | None
    completed_at: int | None
    background: bool
    usage: dict[str, Any] | None
    error: AdminErrorCode | None
    incomplete_details: dict[str, Any] | None
    input: list[AdminItem]
    output: list[AdminItem]


class AdminContent(Shown):
    """The content of a response."""

    object: Literal["admin.response.content"]
    id: str
    user: str
    input: list[dict[str, Any]]
    response: dict[str, Any]


class AdminResponseDeleted(Shown):
    """A response is gone."""

    object: Literal["admin.response.deleted"]
    id: str
    result: Literal["deleted"]


class AdminList(Shown):
    """A page of a list."""

    object: Literal["list"]
    first_id: str | None
    last_id: str | None
    """Send it as `after` for the next page."""
    has_more: bool


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


class AdminAgentList(AdminList):
    """Agents by id."""

    data: list[AdminAgentSummary]


class AdminVersionList(AdminList):
    """Versions of an agent, newest first."""

    data: list[AdminVersion]


class AdminDeletedAgentList(AdminList):
    """Deleted agents by id."""

    data: list[AdminDeletedAgent]


class AdminAuditList(AdminList):
    """Entries of the audit log, newest first."""

    data: list[AdminAuditEntry]


class AdminGrantList(AdminList):
    """Grants by principal."""

    data: list[AdminGrant]


class AdminResponseList(AdminList):
    """Responses, newest first."""

    data: list[AdminResponseSummary]


class AdminApprovalList(AdminList):
    """Calls that wait, oldest first."""

    data: list[AdminApproval]


class Used(Shown):
    """What was used."""

    requests: int
    """Responses that ended, however they did."""
    incomplete: int
    failed: int
    cancelled: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    tool_calls: int
    usd: float | None
    """US dollars, as far as prices are known; null if none was."""
    unpriced_tokens: int
    """Tokens of models without a known price, which are not in `usd`."""
    errors: dict[str, int]
    """How many responses failed, by code."""


class AdminUsage(Used):
    """What one user, key, agent or model used."""

    object: Literal["admin.usage"]
    id: str


class AdminUsageList(AdminList):
    """What was used, by id."""

    data: list[AdminUsage]


class UsedOfDay(Used):
    """What was used on a day."""

    day: str


class AdminUsageDays(Used):
    """What was used, in all and by day."""

    object: Literal["admin.usage_days"]
    id: str
    """Whose use it is; the tenant's id for that of the tenant."""
    days: list[UsedOfDay]


class UsedLimit(Shown):
    """A limit, and how much of it is used."""

    name: Literal["requests_per_minute", "tokens_per_day", "tokens_per_month", "usd_per_month"]
    limit: float
    used: float | None
    """Null for `requests_per_minute`."""
    resets_at: int | None
    """When it begins anew, in seconds since the epoch."""


class AdminLimits(Shown):
    """The limits of a user, key or agent."""

    object: Literal["admin.limits"]
    id: str
    limits: list[UsedLimit]


ADMIN_RESOURCES = (
    AdminLimits,
    AdminUsage,
    AdminUsageDays,
    AdminUsageList,
    AdminApproval,
    AdminApprovalList,
    AdminMe,
    AdminKey,
    AdminNewKey,
    AdminUser,
    AdminUsed,
    AdminUserDetails,
    AdminUserLimits,
    AdminUserDeleted,
    AdminUserErased,
    AdminExport,
    AdminRole,
    AdminRoleDeleted,
    AdminGroup,
    AdminGroupDeleted,
    AdminTenant,
    AdminAgent,
    AdminAgentApplied,
    AdminAgentDeleted,
    AdminVersion,
    AdminDeletedAgent,
    AdminActor,
    AdminAuditEntry,
    AdminGrant,
    AdminGrantDeleted,
    AdminWhy,
    AdminResponse,
    AdminContent,
    AdminResponseDeleted,
    AdminKeyList,
    AdminUserList,
    AdminRoleList,
    AdminGroupList,
    AdminAgentList,
    AdminVersionList,
    AdminDeletedAgentList,
    AdminAuditList,
    AdminGrantList,
    AdminResponseList,
)
