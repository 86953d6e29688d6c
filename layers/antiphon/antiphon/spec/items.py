"""Items that a client sends (Open Responses, "Items"). ``{role, content}`` without a ``type`` is a message."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, CallId, Name, Text, Wire
from antiphon.spec.content import InputContent, OutputContent, SummaryText, TextContent

ItemId = Annotated[str, Field(pattern=r"^[^\x00]+$", max_length=256)]
Status = Literal["in_progress", "completed", "incomplete"]


class UserMessage(Wire):
    """What the user says."""

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["user"]
    content: InputContent
    status: Status | None = None


class InstructingMessage(Wire):
    """What the system or the developer says in the course of the conversation."""

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["system", "developer"]
    content: TextContent
    status: Status | None = None


class AssistantMessage(Wire):
    """What the model said before."""

    type: Literal["message"] = "message"
    id: ItemId | None = None
    role: Literal["assistant"]
    content: OutputContent
    phase: Literal["commentary", "final_answer"] | None = None
    status: Status | None = None


class MessageOfUnknownRole(Wire):
    """Never valid: it only makes the error point at the role."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Any = None


class FunctionCall(Wire):
    """A call that the model made. ``parsed_arguments`` comes back from the OpenAI SDKs and repeats ``arguments``."""

    type: Literal["function_call"]
    id: ItemId | None = None
    call_id: CallId
    name: Name
    arguments: Text
    status: Status | None = None
    parsed_arguments: Annotated[Any, Field(exclude=True)] = None


class FunctionCallOutput(Wire):
    """What the function gave."""

    type: Literal["function_call_output"]
    id: ItemId | None = None
    call_id: CallId
    output: InputContent
    status: Status | None = None


class Reasoning(Wire):
    """Reasoning of an earlier answer."""

    type: Literal["reasoning"]
    id: ItemId | None = None
    summary: Annotated[list[SummaryText], Field(fail_fast=True)]
    content: list[Any] | None = Field(default=None, exclude=True)
    encrypted_content: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    status: Status | None = Field(default=None, exclude=True)


class Compaction(Wire):
    """What stands for an earlier part of the conversation. ``created_by`` comes back from clients and says nothing."""

    type: Literal["compaction"]
    id: ItemId | None = None
    encrypted_content: Annotated[str, Field(max_length=MAX_TEXT)]
    created_by: Annotated[Any, Field(exclude=True)] = None


class ItemReference(Wire):
    """An item that is stored here, by its id."""

    type: Literal["item_reference"] = "item_reference"
    id: ItemId


_ROLES = {"user": "#user", "system": "#instructing", "developer": "#instructing", "assistant": "#assistant"}


def kind_of(value: Any) -> str | None:
    """Choose the model of an item; a tag that no model has where the type is unknown, None where it is no object."""
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


InputItem = Annotated[
    Annotated[UserMessage, Tag("#user")]
    | Annotated[InstructingMessage, Tag("#instructing")]
    | Annotated[AssistantMessage, Tag("#assistant")]
    | Annotated[MessageOfUnknownRole, Tag("#message")]
    | Annotated[FunctionCall, Tag("#function_call")]
    | Annotated[FunctionCallOutput, Tag("#function_call_output")]
    | Annotated[Reasoning, Tag("#reasoning")]
    | Annotated[Compaction, Tag("#compaction")]
    | Annotated[ItemReference, Tag("#item_reference")],
    Discriminator(kind_of),
]
