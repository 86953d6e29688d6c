"""Items that a client sends (Open Responses, "Items"). ``{role, content}`` without a ``type`` is a message."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, CalledName, CallId, ItemId, Rare, Status, Text, Wire
from antiphon.spec.content import Hint, InputContent, OutputContent, SummaryText, TextContent


class UserMessage(Wire):
    """A message from the user."""

    unserved: ClassVar[frozenset[str]] = frozenset({"phase"})

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["user"]
    content: InputContent
    status: Status | None = None


class InstructingMessage(Wire):
    """A message from the system or the developer."""

    unserved: ClassVar[frozenset[str]] = frozenset({"phase"})

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["system", "developer"]
    content: TextContent
    status: Status | None = None


class AssistantMessage(Wire):
    """An earlier message from the model."""

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["assistant"]
    content: OutputContent
    phase: Literal["commentary", "final_answer"] | None = None
    status: Status | None = None


class MessageOfUnknownRole(Wire):
    """A message without a known role: it is never valid, and the error names the role."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Any = None


class FunctionCall(Wire):
    """A call that the model made. OpenAI's SDKs send ``parsed_arguments`` back, which repeats ``arguments``."""

    unserved: ClassVar[frozenset[str]] = frozenset({"async", "async_", "caller"})

    type: Literal["function_call"]
    id: ItemId | None = None
    call_id: CallId
    name: CalledName
    namespace: CalledName | None = None
    arguments: Text
    status: Status | None = None
    parsed_arguments: Hint = None
    created_by: Hint = None


class FunctionCallOutput(Wire):
    """The output of a function."""

    unserved: ClassVar[frozenset[str]] = frozenset({"caller"})

    type: Literal["function_call_output"]
    id: ItemId | None = None
    call_id: CallId
    output: InputContent
    status: Status | None = None
    name: Hint = None
    namespace: Hint = None
    created_by: Hint = None


def _unless_empty(value: Any) -> Any:
    return None if value == "" else value


class Reasoning(Wire):
    """Reasoning of an earlier answer."""

    type: Literal["reasoning"]
    id: ItemId | None = None
    summary: Annotated[list[SummaryText], Field(fail_fast=True)] = Field(default_factory=list)
    content: list[Any] | None = Field(default=None, exclude=True)
    encrypted_content: Annotated[Annotated[str, Field(max_length=MAX_TEXT)] | None, BeforeValidator(_unless_empty)] = (
        None
    )
    status: Status | None = Field(default=None, exclude=True)

    def wire(self) -> dict[str, Any]:
        """Return the item as JSON. Reasoning that came as ``content`` alone becomes its summary."""
        if self.summary or not self.content:
            return super().wire()
        texts = [part["text"] for part in self.content if isinstance(part, dict) and isinstance(part.get("text"), str)]
        return {**super().wire(), "summary": [{"type": "summary_text", "text": text} for text in texts]}


class Compaction(Wire):
    """A summary that replaces an earlier part of the conversation."""

    type: Literal["compaction"]
    id: ItemId | None = None
    encrypted_content: Annotated[str, Field(max_length=MAX_TEXT)]
    created_by: Hint = None


class ItemReference(Wire):
    """A stored item, by its id."""

    type: Literal["item_reference"] = "item_reference"
    id: ItemId


_ROLES = {"user": "#user", "system": "#instructing", "developer": "#instructing", "assistant": "#assistant"}


def kind_of(value: Any) -> str | None:
    """Return the tag of an item's model, or None if the value is no object. An unknown type has a tag of no model."""
    if isinstance(value, Wire):
        value = {name: getattr(value, name, None) for name in ("type", "role")}
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind is None:
        kind = "message" if "role" in value else "item_reference" if "id" in value else ""
    if kind != "message":
        return f"#{kind}"
    role = value.get("role")
    return _ROLES.get(role, "#message") if isinstance(role, str) else "#message"


_CALLS: Final = "antiphon.spec.calls"
_LOADING: Final = "antiphon.spec.loading"
_SERVER_ITEMS: Final = "antiphon.spec.server_items"

InputItem = Annotated[
    Annotated[UserMessage, Tag("#user")]
    | Annotated[InstructingMessage, Tag("#instructing")]
    | Annotated[AssistantMessage, Tag("#assistant")]
    | Annotated[MessageOfUnknownRole, Tag("#message")]
    | Annotated[FunctionCall, Tag("#function_call")]
    | Annotated[FunctionCallOutput, Tag("#function_call_output")]
    | Annotated[Wire, Rare(_CALLS, "CustomToolCall"), Tag("#custom_tool_call")]
    | Annotated[Wire, Rare(_CALLS, "CustomToolCallOutput"), Tag("#custom_tool_call_output")]
    | Annotated[Wire, Rare(_CALLS, "LocalShellCall"), Tag("#local_shell_call")]
    | Annotated[Wire, Rare(_CALLS, "LocalShellCallOutput"), Tag("#local_shell_call_output")]
    | Annotated[Wire, Rare(_CALLS, "ShellCall"), Tag("#shell_call")]
    | Annotated[Wire, Rare(_CALLS, "ShellCallOutput"), Tag("#shell_call_output")]
    | Annotated[Wire, Rare(_CALLS, "ApplyPatchCall"), Tag("#apply_patch_call")]
    | Annotated[Wire, Rare(_CALLS, "ApplyPatchCallOutput"), Tag("#apply_patch_call_output")]
    | Annotated[Wire, Rare(_LOADING, "AdditionalTools"), Tag("#additional_tools")]
    | Annotated[Wire, Rare(_LOADING, "ToolSearchCall"), Tag("#tool_search_call")]
    | Annotated[Wire, Rare(_LOADING, "ToolSearchOutput"), Tag("#tool_search_output")]
    | Annotated[Wire, Rare(_LOADING, "AgentMessage"), Tag("#agent_message")]
    | Annotated[Wire, Rare(_LOADING, "HostedCall"), Tag("#web_search_call")]
    | Annotated[Wire, Rare(_LOADING, "HostedCall"), Tag("#file_search_call")]
    | Annotated[Wire, Rare(_LOADING, "HostedCall"), Tag("#code_interpreter_call")]
    | Annotated[Wire, Rare(_LOADING, "HostedCall"), Tag("#image_generation_call")]
    | Annotated[Wire, Rare(_SERVER_ITEMS, "McpCall"), Tag("#mcp_call")]
    | Annotated[Wire, Rare(_SERVER_ITEMS, "McpListTools"), Tag("#mcp_list_tools")]
    | Annotated[Wire, Rare(_SERVER_ITEMS, "McpApprovalRequest"), Tag("#mcp_approval_request")]
    | Annotated[Wire, Rare(_SERVER_ITEMS, "McpApprovalResponse"), Tag("#mcp_approval_response")]
    | Annotated[Reasoning, Tag("#reasoning")]
    | Annotated[Compaction, Tag("#compaction")]
    | Annotated[ItemReference, Tag("#item_reference")],
    Discriminator(kind_of),
]
