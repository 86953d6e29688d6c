"""What an answer looks like (Open Responses, ``ResponseResource``), for the OpenAPI document alone.

The hot path writes plain dicts: ``run.prepare`` and ``run.stream`` make them, and nothing on a request's way imports
this module. Tests hold the two together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from antiphon.spec.further import (
    ApplyPatchTool,
    CustomTool,
    LocalShellTool,
    McpTool,
    NamespaceTool,
    ShellTool,
    ToolSearchTool,
)
from antiphon.spec.tools import ToolChoice
from docs.openapi.server_items import (
    ApprovalRequestItem,
    FileSearchItem,
    ListToolsItem,
    ServerCallItem,
    WebSearchItem,
)
from docs.openapi.shown import Absent, Shown

ItemStatus = Literal["in_progress", "completed", "incomplete"]


class TopLogProb(Shown):
    """One of the likeliest tokens at a place."""

    token: str
    logprob: float
    bytes: list[int]


class LogProb(TopLogProb):
    """How likely a token was."""

    top_logprobs: list[TopLogProb]


class Citation(Shown):
    """A web page that a stretch of the text rests on."""

    type: Literal["url_citation"]
    start_index: int
    """Where the stretch begins, in characters."""
    end_index: int
    """Where it ends, in characters."""
    url: str
    title: str


class OutputTextPart(Shown):
    """Text of the answer."""

    type: Literal["output_text"]
    text: str
    annotations: list[Citation]
    logprobs: list[LogProb]
    """Empty unless asked for with `include`."""


class RefusalPart(Shown):
    """The model's text in place of an answer that it refuses."""

    type: Literal["refusal"]
    refusal: str


class SummaryPart(Shown):
    """One part of the readable reasoning."""

    type: Literal["summary_text"]
    text: str


ContentPart = Annotated[OutputTextPart | RefusalPart, Field(discriminator="type")]


class MessageItem(Shown):
    """A message of the model."""

    type: Literal["message"]
    id: str
    status: ItemStatus
    role: Literal["assistant"]
    content: list[ContentPart]
    phase: Literal["commentary", "final_answer"] = Absent
    """The purpose of the message, if the model sets one. Send it back with the item: the model relies on it."""


class FunctionCallItem(Shown):
    """A call that the caller is to make. Answer it with a `function_call_output` item of the same `call_id`."""

    type: Literal["function_call"]
    id: str
    call_id: str
    """Ties the output to the call."""
    name: str
    namespace: str = Absent
    """The `namespace` tool that the function is in."""
    arguments: str
    """A JSON object, as text. It may be cut short if the status is `incomplete`."""
    status: ItemStatus


class CustomCallItem(Shown):
    """A call of a `custom` tool. Answer it with a `custom_tool_call_output` item of the same `call_id`."""

    type: Literal["custom_tool_call"]
    id: str
    call_id: str
    name: str
    namespace: str = Absent
    input: str
    """Text. It may be cut short if the status is `incomplete`."""
    status: ItemStatus


class LocalShellCommand(Shown):
    """One command."""

    type: Literal["exec"]
    command: list[str]
    env: dict[str, str]
    timeout_ms: int = Absent
    working_directory: str = Absent


class LocalShellCallItem(Shown):
    """A command for a `local_shell`. Answer it with a `local_shell_call_output` item of the same `call_id`."""

    type: Literal["local_shell_call"]
    id: str
    call_id: str
    action: LocalShellCommand
    status: ItemStatus


class ShellCommands(Shown):
    """Commands, in order."""

    commands: list[str]
    timeout_ms: int = Absent
    max_output_length: int = Absent


class CallEnvironment(Shown):
    """Where the commands run: with the caller."""

    type: Literal["local"]


class ShellCallItem(Shown):
    """Commands for a `shell`. Answer them with a `shell_call_output` item of the same `call_id`."""

    type: Literal["shell_call"]
    id: str
    call_id: str
    action: ShellCommands
    environment: CallEnvironment = Absent
    status: ItemStatus


class PatchOperation(Shown):
    """A file to create, update or delete."""

    type: Literal["create_file", "update_file", "delete_file"]
    path: str
    diff: str = Absent
    """Absent if the file is to be deleted."""


class ApplyPatchCallItem(Shown):
    """A change of a file. Answer it with an `apply_patch_call_output` item of the same `call_id`."""

    type: Literal["apply_patch_call"]
    id: str
    call_id: str
    operation: PatchOperation
    status: ItemStatus


class ToolSearchCallItem(Shown):
    """A search for tools. Answer it with a `tool_search_output` item of the same `call_id`."""

    type: Literal["tool_search_call"]
    id: str
    call_id: str
    execution: Literal["client"]
    arguments: dict[str, Any]
    status: ItemStatus


class ReasoningItem(Shown):
    """The model's reasoning, as far as it is shown."""

    type: Literal["reasoning"]
    id: str
    summary: list[SummaryPart]
    encrypted_content: str = Absent
    """The reasoning, sealed: send the item back if the conversation is not stored. Absent unless asked for with
    `include`."""


class CompactionItem(Shown):
    """What stands for an earlier part of the conversation."""

    type: Literal["compaction"]
    id: str
    encrypted_content: str
    """Sealed: it opens only here, and only for the same user. Send the item back as it is."""


OutputItem = Annotated[
    MessageItem
    | FunctionCallItem
    | CustomCallItem
    | LocalShellCallItem
    | ShellCallItem
    | ApplyPatchCallItem
    | ToolSearchCallItem
    | ServerCallItem
    | ListToolsItem
    | ApprovalRequestItem
    | WebSearchItem
    | FileSearchItem
    | ReasoningItem
    | CompactionItem,
    Field(discriminator="type"),
]


class ToolResource(Shown):
    """A function that was offered to the model."""

    type: Literal["function"]
    name: str
    description: str | None
    parameters: dict[str, Any] | None
    """A JSON Schema."""
    strict: bool | None


OfferedTool = Annotated[
    ToolResource | CustomTool | NamespaceTool | LocalShellTool | ShellTool | ApplyPatchTool | ToolSearchTool | McpTool,
    Field(discriminator="type"),
]


class WaitingCall(Shown):
    """A call that waits for an approval: see `/v1/approvals`."""

    id: str
    server_label: str
    name: str
    arguments: str
    by: str
    """Who decides: `caller`, or a principal such as `role:MANAGER`."""
    expires_at: int


class ResponseDetails(Shown):
    """Fields of Antiphon for a response, beyond the specification."""

    agent_version: int = Absent
    """The version of the agent that answered. It counts the changes of the agent, from 1."""
    tools_left_out: list[str] = Absent
    """The types of the request's tools that nobody can run here. The model was not offered these."""
    approvals: list[WaitingCall] = Absent
    """Calls that wait for an approval. Only at its end."""
    insufficient_quota: str = Absent
    """Which budget was used up between two model turns, and whose; or which limit of the agent for one response."""


class PlainFormat(Shown):
    """Free text, or any JSON object."""

    type: Literal["text", "json_object"]


class SchemaFormat(Shown):
    """JSON that fits the schema of the request, which is not repeated."""

    type: Literal["json_schema"]
    name: str
    description: str | None
    schema_: Annotated[None, Field(alias="schema")]
    strict: bool


class TextResource(Shown):
    """The form of the answer that was in force."""

    format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")]
    verbosity: Literal["low", "medium", "high"] = Absent
    """Absent if nobody set it."""


class ReasoningResource(Shown):
    """The reasoning settings that were in force."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None
    summary: Literal["concise", "detailed", "auto"] | None


class InputTokensDetails(Shown):
    """What the input tokens were."""

    cached_tokens: int
    """Read from the provider's cache."""


class OutputTokensDetails(Shown):
    """What the output tokens were."""

    reasoning_tokens: int
    """Spent on thinking."""


class ModelUsage(Shown):
    """What one of an agent's models used for a response."""

    provider: str
    model: str
    input_tokens: int
    output_tokens: int
    error: str | None
    """The error code if its answer is not complete; otherwise null."""


class TurnUsage(Shown):
    """What one model turn used."""

    provider: str
    model: str
    input_tokens: int
    output_tokens: int


class Answered(Shown):
    """Who answered, and what each model and model turn used."""

    provider: str | None = Absent
    """The provider's name in the deployment; null if none of its models answered. With `model` and `models` only for
    an agent with fallbacks."""
    model: str | None = Absent
    models: list[ModelUsage] = Absent
    """All that were asked, in this order."""
    turns: list[TurnUsage] = Absent
    """Only if the model was asked more than once."""
    usd: float = Absent
    """The cost in US dollars, if the deployment shows costs and has a price for the model."""


class Usage(Shown):
    """The tokens used, as the provider counts them. All models that were asked are in the sum."""

    input_tokens: int
    input_tokens_details: InputTokensDetails
    output_tokens: int
    output_tokens_details: OutputTokensDetails
    total_tokens: int
    antiphon: Answered = Absent
    """Ours, beside the specification."""


class IncompleteDetails(Shown):
    """Why a response is incomplete."""

    reason: str
    """`max_output_tokens`, `max_tool_calls`, `content_filter`, `cancelled`, or `deadline` if the time of one run was
    used up."""


class ResponseError(Shown):
    """Why a response failed. The codes are those of the HTTP errors."""

    code: str
    message: str


class ConversationOfResponse(Shown):
    """The conversation that a response was added to."""

    id: str


class ResponseResource(Shown):
    """One turn of an agent. The settings are those that were in force, the agent's own included."""

    id: str
    """Send it as `previous_response_id` to continue from here."""
    object: Literal["response"]
    created_at: int
    """In seconds since the epoch, as all times."""
    completed_at: int | None
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    """A cancelled response keeps the items that it had; its stream ends with `response.incomplete`."""
    incomplete_details: IncompleteDetails | None
    model: str
    """The agent's id."""
    previous_response_id: str | None
    conversation: ConversationOfResponse = Absent
    """Absent if the request named none."""
    instructions: str | None
    """The agent's, unless they are hidden, then the request's."""
    output: list[OutputItem]
    error: ResponseError | None
    tools: list[OfferedTool]
    """The agent's, then the request's."""
    tool_choice: ToolChoice
    truncation: Literal["auto", "disabled"]
    parallel_tool_calls: bool
    text: TextResource
    top_p: float
    presence_penalty: float
    frequency_penalty: float
    top_logprobs: int
    temperature: float
    reasoning: ReasoningResource | None
    usage: Usage | None
    max_output_tokens: int | None
    max_tool_calls: int | None
    store: bool
    background: bool
    service_tier: Literal["default", "flex", "priority"]
    metadata: dict[str, str]
    safety_identifier: str | None
    prompt_cache_key: str | None
    antiphon: ResponseDetails = Absent
    """Ours, beside the specification."""


class Deleted(Shown):
    """The response is gone, with all its content."""

    id: str
    object: Literal["response"]
    deleted: Literal[True]
