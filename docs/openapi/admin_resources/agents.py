"""Agents, their versions and the grants on them."""

from __future__ import annotations

from typing import Literal

from antiphon.manage.document import AgentDocument, AgentId
from docs.openapi.admin_resources.pages import AdminList
from docs.openapi.shown import Shown


class AgentBody(AgentDocument):
    """An agent to create or replace."""

    id: AgentId | None = None  # type: ignore[assignment] # the path has it, or it is drawn


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


class AdminToolServer(Shown):
    """A server of tools, as it was pinned and as it is."""

    label: str
    kind: Literal["mcp", "lambda", "http", "knowledge_base", "web_search"]
    tools: list[str]
    """The names of the pinned tools."""
    differences: list[str]
    """What the server changed since, a line for each tool, such as `+ crm: drop`."""
    failure: str | None
    """Why the server could not be asked."""


class AdminTools(Shown):
    """The tools of an agent that Antiphon runs."""

    object: Literal["admin.agent.tools"]
    id: str
    servers: list[AdminToolServer]
    """By label."""


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


class AdminAgentList(AdminList):
    """Agents by id."""

    data: list[AdminAgentSummary]


class AdminVersionList(AdminList):
    """Versions of an agent, newest first."""

    data: list[AdminVersion]


class AdminDeletedAgentList(AdminList):
    """Deleted agents by id."""

    data: list[AdminDeletedAgent]


class AdminGrantList(AdminList):
    """Grants by principal."""

    data: list[AdminGrant]
