"""What calls of tools look like that Antiphon runs, for the OpenAPI document alone.

Forms of OpenAI's API beyond the specification; ``tools.server_calls`` and ``stream.server_calls`` make them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from docs.openapi.shown import Absent, Shown


class TextOfError(Shown):
    """What a tool wrote of its failure."""

    type: Literal["text"]
    text: str


class ExecutionError(Shown):
    """The tool ran, and reports an error."""

    type: Literal["mcp_tool_execution_error"]
    content: list[TextOfError]


class CallError(Shown):
    """The tool was not called, the server answered with an error, or it is unknown whether the tool ran."""

    type: Literal["mcp_protocol_error", "http_error"]
    code: int
    message: str


class ServerCallItem(Shown):
    """A call of a tool of one of the agent's servers, with what came of it."""

    type: Literal["mcp_call"]
    id: str
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    server_label: str
    name: str
    arguments: str
    """A JSON object, as text."""
    output: str = Absent
    """What the tool returned. Absent until it is done, and if it failed."""
    error: Annotated[ExecutionError | CallError, Field(discriminator="type")] = Absent
    """Why it failed."""
    approval_request_id: str = Absent
    """The approval with which it was made."""


class ListedTool(Shown):
    """A tool of a server."""

    name: str
    description: str
    input_schema: dict[str, Any]
    """A JSON Schema."""


class ListToolsItem(Shown):
    """The tools of one of the agent's servers that the request names."""

    type: Literal["mcp_list_tools"]
    id: str
    server_label: str
    tools: list[ListedTool]


class ApprovalRequestItem(Shown):
    """A call that waits for an approval, of a server that the request names."""

    type: Literal["mcp_approval_request"]
    id: str
    server_label: str
    name: str
    arguments: str


class SearchSource(Shown):
    """A page that a search found."""

    type: Literal["url"]
    url: str


class WebSearch(Shown):
    """A search of the web."""

    type: Literal["search"]
    query: str
    queries: list[str]
    sources: list[SearchSource] = Absent
    """With `include: ["web_search_call.action.sources"]`."""


class WebSearchItem(Shown):
    """A search of the web that Antiphon made."""

    type: Literal["web_search_call"]
    id: str
    status: Literal["in_progress", "completed", "failed"]
    action: WebSearch


class SearchResult(Shown):
    """A passage that a search found."""

    file_id: str
    filename: str
    score: float
    text: str


class FileSearchItem(Shown):
    """A search in a knowledge base that Antiphon made."""

    type: Literal["file_search_call"]
    id: str
    status: Literal["in_progress", "completed", "incomplete", "failed"]
    queries: list[str]
    results: list[SearchResult] = Absent
    """With `include: ["file_search_call.results"]`."""


class Step(Shown):
    """A step of a call: it begins, the tool runs, it came back."""

    sequence_number: int
    item_id: str
    output_index: int
    type: Literal[
        "response.mcp_call.in_progress",
        "response.mcp_call.completed",
        "response.mcp_call.failed",
        "response.mcp_list_tools.in_progress",
        "response.mcp_list_tools.completed",
        "response.web_search_call.in_progress",
        "response.web_search_call.searching",
        "response.web_search_call.completed",
        "response.file_search_call.in_progress",
        "response.file_search_call.searching",
        "response.file_search_call.completed",
    ]


class ServerArgumentsDelta(Shown):
    """The arguments of a call of a server's tool."""

    type: Literal["response.mcp_call_arguments.delta"]
    sequence_number: int
    item_id: str
    output_index: int
    delta: str
    obfuscation: str = Absent


class ServerArgumentsDone(Shown):
    """The whole arguments, as JSON text."""

    type: Literal["response.mcp_call_arguments.done"]
    sequence_number: int
    item_id: str
    output_index: int
    arguments: str
