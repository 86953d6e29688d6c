"""Items that add tools in the middle of a conversation, calls that OpenAI ran, and messages between agents.

OpenAI's API, "Responses": input items. Codex sends them for models that it has by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, CallId, ItemId, Status, Text, Wire
from antiphon.spec.content import Hint, InputText, by_type, text_or_list
from antiphon.spec.tools import MAX_TOOLS, Tool

Tools = Annotated[list[Tool], Field(max_length=MAX_TOOLS)]


class AdditionalTools(Wire):
    """Tools that are offered in addition to those of the request."""

    type: Literal["additional_tools"]
    id: ItemId | None = None
    role: Literal["developer", "system"]
    tools: Tools
    status: Hint = None


class ToolSearchCall(Wire):
    """A search for tools. Without a ``call_id`` it is one that OpenAI's service ran itself."""

    type: Literal["tool_search_call"]
    id: ItemId | None = None
    call_id: CallId | None = None
    execution: Literal["client", "server"] = "client"
    arguments: dict[str, Any] | Text
    status: Status | None = None
    created_by: Hint = None


class ToolSearchOutput(Wire):
    """The tools that were found. From then on they are offered, too."""

    type: Literal["tool_search_output"]
    id: ItemId | None = None
    call_id: CallId | None = None
    execution: Literal["client", "server"] = "client"
    tools: Tools
    status: Status | None = None
    created_by: Hint = None


class HostedCall(Wire):
    """A call that OpenAI's service ran in an earlier turn. Its result is in the answer that follows."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"]
    id: ItemId | None = None


class EncryptedText(Wire):
    """Text that a model wrote for another agent. It is sealed by OpenAI alone; here it is as the model wrote it."""

    type: Literal["encrypted_content"]
    encrypted_content: Annotated[str, Field(max_length=MAX_TEXT)]


class AgentMessage(Wire):
    """A message from one agent of the client to another."""

    type: Literal["agent_message"]
    id: ItemId | None = None
    author: Text | None = None
    recipient: Text | None = None
    content: (
        Annotated[
            Annotated[Text, Tag("#text")]
            | Annotated[
                list[
                    Annotated[
                        Annotated[InputText, Tag("#input_text")] | Annotated[EncryptedText, Tag("#encrypted_content")],
                        Discriminator(by_type),
                    ]
                ],
                Tag("#list"),
            ],
            Discriminator(text_or_list),
        ]
        | None
    ) = None
    status: Status | None = None
