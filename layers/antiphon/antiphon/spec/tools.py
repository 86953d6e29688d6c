"""Tools that a request offers, and how the model may choose among them.

Open Responses, "Tools", and the further types of OpenAI's API that its clients send by default.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, Name, Wire
from antiphon.spec.content import Hint, by_type

MAX_TOOLS: Final = 128

Description = Annotated[str, Field(max_length=MAX_TEXT)]


def _callers(value: Any) -> Any:
    """Read any list that has ``direct`` as just that: programs that call tools do not exist here."""
    return ["direct"] if isinstance(value, list) and "direct" in value else value


Callers = Annotated[list[Literal["direct"]] | None, BeforeValidator(_callers), Field(exclude=True)]


class FunctionTool(Wire):
    """A function that the client runs. ``parameters`` is a JSON Schema and reaches the provider untouched."""

    unserved: ClassVar[frozenset[str]] = frozenset({"async", "async_"})

    type: Literal["function"]
    name: Name
    description: Description | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    allowed_callers: Callers = None
    defer_loading: Hint = None
    output_schema: Hint = None

    def wire(self) -> dict[str, Any]:
        """Return the tool as a response shows it, with every field."""
        return self.model_dump()


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
    ]


class LocalShellTool(Wire):
    """A shell on the client's machine, which takes one command at a time."""

    type: Literal["local_shell"]


class ShellEnvironment(Wire):
    """Where a shell runs: ``local`` is the client's own machine, any other is a container of OpenAI's."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["local", "container_auto", "container_reference"]


class ShellTool(Wire):
    """A shell that takes several commands at once."""

    type: Literal["shell"]
    environment: ShellEnvironment | None = None
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

    type: Literal[
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "file_search",
        "code_interpreter",
        "image_generation",
        "computer",
        "computer_use",
        "computer_use_preview",
    ]


HOSTED: Final = frozenset(HostedTool.model_fields["type"].annotation.__args__)  # type: ignore[union-attr] # a Literal


def _tool(value: Any) -> str | None:
    kind = by_type(value)
    return "#hosted" if kind is not None and kind[1:] in HOSTED else kind


Tool = Annotated[
    Annotated[FunctionTool, Tag("#function")]
    | Annotated[CustomTool, Tag("#custom")]
    | Annotated[NamespaceTool, Tag("#namespace")]
    | Annotated[LocalShellTool, Tag("#local_shell")]
    | Annotated[ShellTool, Tag("#shell")]
    | Annotated[ApplyPatchTool, Tag("#apply_patch")]
    | Annotated[ToolSearchTool, Tag("#tool_search")]
    | Annotated[HostedTool, Tag("#hosted")],
    Discriminator(_tool),
]


class FunctionChoice(Wire):
    """The model must call this function."""

    type: Literal["function"]
    name: Name
    namespace: Name | None = None


class CustomChoice(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"]
    name: Name
    namespace: Name | None = None


class KindChoice(Wire):
    """The model must call the tool of this type."""

    type: Literal["local_shell", "shell", "apply_patch"]


OneTool = Annotated[
    Annotated[FunctionChoice, Tag("#function")]
    | Annotated[CustomChoice, Tag("#custom")]
    | Annotated[KindChoice, Tag("#local_shell")]
    | Annotated[KindChoice, Tag("#shell")]
    | Annotated[KindChoice, Tag("#apply_patch")],
    Discriminator(by_type),
]


class AllowedTools(Wire):
    """The model may, or must, choose among these only."""

    type: Literal["allowed_tools"]
    tools: Annotated[list[OneTool], Field(min_length=1, max_length=MAX_TOOLS)]
    mode: Literal["none", "auto", "required"] = "auto"


def _choice(value: Any) -> str | None:
    return "#mode" if isinstance(value, str) else by_type(value)


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#mode")]
    | Annotated[FunctionChoice, Tag("#function")]
    | Annotated[CustomChoice, Tag("#custom")]
    | Annotated[KindChoice, Tag("#local_shell")]
    | Annotated[KindChoice, Tag("#shell")]
    | Annotated[KindChoice, Tag("#apply_patch")]
    | Annotated[AllowedTools, Tag("#allowed_tools")],
    Discriminator(_choice),
]
