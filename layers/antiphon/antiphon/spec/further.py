"""Tools of OpenAI's API beyond the specification, which its clients send, and how a request chooses one of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, Name, Wire
from antiphon.spec.content import Hint, by_type
from antiphon.spec.tools import MAX_TOOLS, Callers, Description, FunctionTool, Hosted


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


class CustomChoice(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"]
    name: Name
    namespace: Name | None = None


class KindChoice(Wire):
    """The model must call the tool of this type."""

    type: Literal["local_shell", "shell", "apply_patch"]
