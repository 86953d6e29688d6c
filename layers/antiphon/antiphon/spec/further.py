"""Tools of OpenAI's API beyond the specification, which its clients send, and how a request chooses one of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, CalledName, Name, Wire
from antiphon.spec.content import Hint, by_type
from antiphon.spec.tools import MAX_TOOLS, Callers, Description, FunctionTool, Hosted, Search

MAX_SERVER_TOOLS: Final = 1024


class PlainInput(Wire):
    """Any text."""

    type: Literal["text"]


class GrammarInput(Wire):
    """Text that a grammar describes."""

    type: Literal["grammar"]
    syntax: Literal["lark", "regex"]
    definition: Annotated[str, Field(max_length=MAX_TEXT)]


class CustomTool(Wire):
    """A tool that takes free text, or text in a format."""

    unserved: ClassVar[frozenset[str]] = frozenset({"async", "async_"})

    type: Literal["custom"]
    name: Name
    description: Description | None = None
    format: (
        Annotated[
            Annotated[PlainInput, Tag("#text")] | Annotated[GrammarInput, Tag("#grammar")], Discriminator(by_type)
        ]
        | None
    ) = None
    allowed_callers: Callers = None
    defer_loading: Hint = None


class NamespaceTool(Wire):
    """Functions and custom tools under one name."""

    type: Literal["namespace"]
    name: Name
    description: Description = ""
    tools: Annotated[
        list[
            Annotated[
                Annotated[FunctionTool, Tag("#function")] | Annotated[CustomTool, Tag("#custom")],
                Discriminator(by_type),
            ]
        ],
        Field(max_length=MAX_TOOLS),
    ] = Field(default_factory=list)


class LocalShellTool(Wire):
    """A shell on the client's machine, which takes one command at a time."""

    type: Literal["local_shell"]


class LocalSkill(Wire):
    """Instructions in a folder of the client's machine."""

    name: str
    description: Description
    path: str


class LocalEnvironment(Wire):
    """The client's own machine."""

    type: Literal["local"]
    skills: Annotated[list[LocalSkill], Field(max_length=200)] | None = None


class Container(Wire):
    """A container of OpenAI's. Its settings are not read: the tool is left out."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["container_auto", "container_reference"]


class ShellTool(Wire):
    """A shell that takes several commands at once."""

    type: Literal["shell"]
    environment: (
        Annotated[
            Annotated[LocalEnvironment, Tag("#local")]
            | Annotated[Container, Tag("#container_auto")]
            | Annotated[Container, Tag("#container_reference")],
            Discriminator(by_type),
        ]
        | None
    ) = None
    allowed_callers: Callers = None


class ApplyPatchTool(Wire):
    """Creates, updates and deletes files on the client's machine."""

    type: Literal["apply_patch"]
    allowed_callers: Callers = None


class ToolSearchTool(Wire):
    """A search for further tools, by the client or by OpenAI's service."""

    type: Literal["tool_search"]
    execution: Literal["client", "server"] = "server"
    description: Description | None = None
    parameters: dict[str, Any] | None = None


class HostedTool(Wire):
    """A tool that OpenAI's own service runs. Its settings are not read: without that service they mean nothing."""

    model_config = ConfigDict(extra="ignore")

    type: Hosted


class ToolFilter(Wire):
    """Some tools of a server, by their names."""

    tool_names: Annotated[list[CalledName], Field(max_length=MAX_SERVER_TOOLS)] | None = None
    read_only: Hint = None


class ApprovalFilter(Wire):
    """For which tools of a server an approval is always, or never, required."""

    always: ToolFilter | None = None
    never: ToolFilter | None = None


def _by_kind(value: Any) -> str:
    return "#dict" if isinstance(value, Wire) else f"#{type(value).__name__}"


class McpTool(Wire):
    """One of the agent's own servers, which the request narrows. Requests cannot bring servers or credentials."""

    unserved: ClassVar[frozenset[str]] = frozenset({"authorization", "headers", "connector_id"})

    type: Literal["mcp"]
    server_label: Annotated[str, Field(min_length=1, max_length=64)]
    server_url: Annotated[str, Field(max_length=8192)] | None = None
    server_description: Hint = None
    allowed_tools: (
        Annotated[
            Annotated[list[CalledName], Field(max_length=MAX_SERVER_TOOLS), Tag("#list")]
            | Annotated[ToolFilter, Tag("#dict")],
            Discriminator(_by_kind),
        ]
        | None
    ) = None
    require_approval: (
        Annotated[
            Annotated[Literal["always", "never"], Tag("#str")] | Annotated[ApprovalFilter, Tag("#dict")],
            Discriminator(_by_kind),
        ]
        | None
    ) = None
    allowed_callers: Callers = None
    defer_loading: Hint = None


class McpChoice(Wire):
    """The model must call this tool of the agent's server, or any of its tools."""

    type: Literal["mcp"]
    server_label: Annotated[str, Field(min_length=1, max_length=64)]
    name: CalledName | None = None


class SearchChoice(Wire):
    """The model must use the agent's tool that does what this tool of OpenAI's does."""

    type: Search


class CustomChoice(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"]
    name: Name
    namespace: Name | None = None


class KindChoice(Wire):
    """The model must call the tool of this type."""

    type: Literal["local_shell", "shell", "apply_patch"]
