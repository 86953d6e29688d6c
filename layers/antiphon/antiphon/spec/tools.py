"""Tools that a request offers, and how the model may choose among them.

Open Responses, "Tools", and the further types of OpenAI's API that its clients send by default.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, Name, Rare, Wire
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


Hosted = Literal[
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
"""The tools that OpenAI's own service runs."""

Search = Literal[
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
    "file_search",
]
"""Those of them that an agent may have a tool for."""

HOSTED: Final = frozenset(get_args(Hosted))
SEARCHING: Final = frozenset(get_args(Search))


def _tool(value: Any) -> str | None:
    kind = by_type(value)
    return "#hosted" if kind is not None and kind[1:] in HOSTED else kind


_FURTHER: Final = "antiphon.spec.further"

Tool = Annotated[
    Annotated[FunctionTool, Tag("#function")]
    | Annotated[Wire, Rare(_FURTHER, "CustomTool"), Tag("#custom")]
    | Annotated[Wire, Rare(_FURTHER, "NamespaceTool"), Tag("#namespace")]
    | Annotated[Wire, Rare(_FURTHER, "LocalShellTool"), Tag("#local_shell")]
    | Annotated[Wire, Rare(_FURTHER, "ShellTool"), Tag("#shell")]
    | Annotated[Wire, Rare(_FURTHER, "ApplyPatchTool"), Tag("#apply_patch")]
    | Annotated[Wire, Rare(_FURTHER, "ToolSearchTool"), Tag("#tool_search")]
    | Annotated[Wire, Rare(_FURTHER, "McpTool"), Tag("#mcp")]
    | Annotated[Wire, Rare(_FURTHER, "HostedTool"), Tag("#hosted")],
    Discriminator(_tool),
]


class FunctionChoice(Wire):
    """The model must call this function."""

    type: Literal["function"]
    name: Name
    namespace: Name | None = None


def _one(value: Any) -> str | None:
    kind = by_type(value)
    return "#web_search" if kind is not None and kind[1:] in SEARCHING and kind != "#file_search" else kind


OneTool = Annotated[
    Annotated[FunctionChoice, Tag("#function")]
    | Annotated[Wire, Rare(_FURTHER, "CustomChoice"), Tag("#custom")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#local_shell")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#shell")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#apply_patch")]
    | Annotated[Wire, Rare(_FURTHER, "McpChoice"), Tag("#mcp")]
    | Annotated[Wire, Rare(_FURTHER, "SearchChoice"), Tag("#web_search")]
    | Annotated[Wire, Rare(_FURTHER, "SearchChoice"), Tag("#file_search")],
    Discriminator(_one),
]


class AllowedTools(Wire):
    """The model may, or must, choose among these only."""

    type: Literal["allowed_tools"]
    tools: Annotated[list[OneTool], Field(min_length=1, max_length=MAX_TOOLS)]
    mode: Literal["none", "auto", "required"] = "auto"


def _choice(value: Any) -> str | None:
    return "#mode" if isinstance(value, str) else _one(value)


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#mode")]
    | Annotated[FunctionChoice, Tag("#function")]
    | Annotated[Wire, Rare(_FURTHER, "CustomChoice"), Tag("#custom")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#local_shell")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#shell")]
    | Annotated[Wire, Rare(_FURTHER, "KindChoice"), Tag("#apply_patch")]
    | Annotated[Wire, Rare(_FURTHER, "McpChoice"), Tag("#mcp")]
    | Annotated[Wire, Rare(_FURTHER, "SearchChoice"), Tag("#web_search")]
    | Annotated[Wire, Rare(_FURTHER, "SearchChoice"), Tag("#file_search")]
    | Annotated[AllowedTools, Tag("#allowed_tools")],
    Discriminator(_choice),
]
