"""Calls of tools that Antiphon ran in earlier turns, as clients send them back (OpenAI, "Responses": input items).

The outcome that a client sends with them is shown to the model, and has no other effect.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from antiphon.spec.base import CalledName, ItemId, Label, Text, Wire
from antiphon.spec.content import Hint

ServerLabel = Annotated[Label, Field(min_length=1)]


class McpCall(Wire):
    """A call of a tool of a server, with its result."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["mcp_call"]
    id: ItemId | None = None
    server_label: ServerLabel
    name: CalledName
    arguments: Text
    output: Text | None = None
    error: dict[str, Any] | Text | None = None
    status: Literal["in_progress", "completed", "incomplete", "calling", "failed"] | None = None
    approval_request_id: ItemId | None = None


class McpApprovalRequest(Wire):
    """A call that waited for an approval. What is called is in the store, whatever stands here."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["mcp_approval_request"]
    id: ItemId | None = None
    server_label: ServerLabel
    name: CalledName
    arguments: Text


class McpApprovalResponse(Wire):
    """The caller's decision on a call that waits for it."""

    type: Literal["mcp_approval_response"]
    id: ItemId | None = None
    approval_request_id: ItemId
    approve: bool
    reason: Annotated[str, Field(max_length=4096)] | None = None
    status: Hint = None


class McpListTools(Wire):
    """The tools of a server. The model is offered what the agent has, whatever stands here."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["mcp_list_tools"]
    id: ItemId | None = None
    server_label: ServerLabel
