"""Tools of a chat request and how the model may choose among them, and the same for a request for a response."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from antiphon.spec.base import Text, Wire
from antiphon.spec.content import Hint, by_type
from antiphon.spec.further import HostedTool, PlainInput
from antiphon.spec.tools import HOSTED


class ChatFunction(Wire):
    """A function that the client runs."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ChatTool(Wire):
    """A function."""

    type: Literal["function"]
    function: ChatFunction
    cache_control: Hint = None

    def of_response(self) -> dict[str, Any]:
        """Return it for a request for a response. Without ``strict`` it is not strict, unlike there."""
        return {"type": "function", **self.function.model_dump(), "strict": self.function.strict or False}


class ChatGrammar(Wire):
    """What describes the input of a custom tool."""

    syntax: str
    definition: Text


class ChatGrammarInput(Wire):
    """Text that a grammar describes."""

    type: Literal["grammar"]
    grammar: ChatGrammar


class ChatCustom(Wire):
    """A tool that takes text."""

    name: str
    description: str | None = None
    format: (
        Annotated[
            Annotated[PlainInput, Tag("#text")] | Annotated[ChatGrammarInput, Tag("#grammar")], Discriminator(by_type)
        ]
        | None
    ) = None


class ChatCustomTool(Wire):
    """A custom tool."""

    type: Literal["custom"]
    custom: ChatCustom
    cache_control: Hint = None

    def of_response(self) -> dict[str, Any]:
        """Return it for a request for a response."""
        custom, form = self.custom, self.custom.format
        written = {"type": "custom", "name": custom.name, "description": custom.description}
        if isinstance(form, ChatGrammarInput):
            return {**written, "format": {"type": "grammar", **form.grammar.wire()}}
        return {**written, "format": None if form is None else form.wire()}


def _tool(value: Any) -> str | None:
    kind = by_type(value)
    return "#hosted" if kind is not None and kind[1:] in HOSTED else kind


Tool = Annotated[
    Annotated[ChatTool, Tag("#function")]
    | Annotated[ChatCustomTool, Tag("#custom")]
    | Annotated[HostedTool, Tag("#hosted")],
    Discriminator(_tool),
]


class ChatNamed(Wire):
    """The name of a tool."""

    name: str


class ChatNamedTool(Wire):
    """The model must call this function."""

    type: Literal["function"]
    function: ChatNamed

    def of_response(self) -> dict[str, Any]:
        """Return it for a request for a response."""
        return {"type": "function", "name": self.function.name}


class ChatNamedCustomTool(Wire):
    """The model must call this custom tool."""

    type: Literal["custom"]
    custom: ChatNamed

    def of_response(self) -> dict[str, Any]:
        """Return it for a request for a response."""
        return {"type": "custom", "name": self.custom.name}


OneTool = Annotated[
    Annotated[ChatNamedTool, Tag("#function")] | Annotated[ChatNamedCustomTool, Tag("#custom")], Discriminator(by_type)
]


class ChatAllowed(Wire):
    """The tools among which the model may, or must, choose."""

    mode: Literal["auto", "required"]
    tools: Annotated[list[OneTool], Field(fail_fast=True)]


class ChatAllowedTools(Wire):
    """The model may, or must, choose among these only."""

    type: Literal["allowed_tools"]
    allowed_tools: ChatAllowed

    def of_response(self) -> dict[str, Any]:
        """Return it for a request for a response."""
        tools = [tool.of_response() for tool in self.allowed_tools.tools]
        return {"type": "allowed_tools", "mode": self.allowed_tools.mode, "tools": tools}


def _choice(value: Any) -> str | None:
    return "#mode" if isinstance(value, str) else by_type(value)


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#mode")]
    | Annotated[ChatNamedTool, Tag("#function")]
    | Annotated[ChatNamedCustomTool, Tag("#custom")]
    | Annotated[ChatAllowedTools, Tag("#allowed_tools")],
    Discriminator(_choice),
]


def tools_of_response(tools: list[Tool] | None, *, search: bool) -> list[dict[str, Any]] | None:
    """Return the tools for a request for a response.

    Args:
        tools: the tools of the chat request; None for none.
        search: it has ``web_search_options``, which is a tool there.
    """
    if tools is None and not search:
        return None
    written = [tool.wire() if isinstance(tool, HostedTool) else tool.of_response() for tool in tools or ()]
    return [*written, {"type": "web_search"}] if search else written


def choice_of_response(choice: ToolChoice | None) -> str | dict[str, Any] | None:
    """Return the choice for a request for a response."""
    return choice if choice is None or isinstance(choice, str) else choice.of_response()
