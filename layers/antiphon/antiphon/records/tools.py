"""The tools that Antiphon runs for an agent, and the approvals of their calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from antiphon.records.people import Owner

ToolKind = Literal["mcp", "lambda", "http", "knowledge_base", "web_search"]
"""The kinds of server whose tools Antiphon runs."""


@dataclass(frozen=True, slots=True)
class ServerTool:
    """A tool that Antiphon runs, as it was when its agent was applied.

    Attributes:
        name: its name at its server.
        description: for the model.
        parameters: JSON Schema of its arguments: an object.
        repeatable: whether it may run twice for one call (``safe_to_repeat``).
        approval: who has to approve a call: ``caller``, or a principal such as ``role:MANAGER``; None for nobody.
        timeout_seconds: the longest that one call may take.
        how: what its kind of server needs to call it.
    """

    name: str
    description: str = ""
    parameters: dict[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    repeatable: bool = False
    approval: str | None = None
    timeout_seconds: float = 30.0
    how: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolServer:
    """A server of an agent's tools that Antiphon runs, pinned when the agent was applied.

    Attributes:
        kind: how it is called.
        label: its name among the agent's servers (``server_label``); the model calls a tool ``label__tool``.
        tools: its tools.
        settings: its address and what else its kind needs; no secrets.
        auth: references to its credentials; no secrets.
        digest: SHA-256 of what the tools were pinned from, hexadecimal.
    """

    kind: ToolKind
    label: str
    tools: tuple[ServerTool, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    auth: dict[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """A call of a tool that has to be approved, and the decision.

    Attributes:
        owner: the owner of the response that made the call.
        id: the id of the item that asks for approval.
        response_id: the response that made the call.
        agent: its agent.
        label, tool: the names of the server and of the tool.
        arguments: the arguments of the call; the approval is for no others.
        digest: the digest of the tool when approval was asked for; it must be the same when the tool is called.
        by: who decides: ``caller``, or a principal other than the caller.
        created_at, expires_at: seconds since the epoch.
        job: the caller and the request, as in ``StoredResponse.job``.
        sealed: what the model's provider must get back with the call, sealed; None for nothing.
        state: the decision; ``expired`` if there was none in time and a response went on without it.
        decided_by: the user or operator who decided.
        decided_at: seconds since the epoch.
        reason: why it was denied, for the model.
        used_by: the response that made the call after the decision; no other can.
        failure: the code of the error for which no response could go on; empty for none.
        revision: how often the record was changed.
    """

    owner: Owner
    id: str
    response_id: str
    agent: str
    label: str
    tool: str
    arguments: str
    digest: str
    by: str
    created_at: int
    expires_at: int
    job: dict[str, Any]
    sealed: str | None = None
    state: Literal["pending", "approved", "denied", "expired"] = "pending"
    decided_by: str = ""
    decided_at: int | None = None
    reason: str = ""
    used_by: str = ""
    failure: str = ""
    revision: int = 0
