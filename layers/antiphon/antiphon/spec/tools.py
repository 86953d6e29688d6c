"""Tools that a request offers and how the model may choose among them (Open Responses, "Tools")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from antiphon.spec.base import MAX_TEXT, Name, Wire
from antiphon.spec.content import by_type


class FunctionTool(Wire):
    """A function that the client runs. ``parameters`` is a JSON Schema and reaches the provider untouched."""

    unserved: ClassVar[frozenset[str]] = frozenset(
        {"allowed_callers", "async", "async_", "defer_loading", "output_schema"}
    )

    type: Literal["function"]
    name: Name
    description: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    def wire(self) -> dict[str, Any]:
        """Return the tool as a response shows it, with every field."""
        return self.model_dump()


class FunctionChoice(Wire):
    """The model must call this function."""

    type: Literal["function"]
    name: Name


class AllowedTools(Wire):
    """The model may, or must, choose among these only."""

    type: Literal["allowed_tools"]
    tools: Annotated[
        list[FunctionChoice],
        Field(min_length=1, max_length=128),
    ]
    mode: Literal["none", "auto", "required"] = "auto"


def _choice(value: Any) -> str | None:
    return "#mode" if isinstance(value, str) else by_type(value)


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("#mode")]
    | Annotated[FunctionChoice, Tag("#function")]
    | Annotated[AllowedTools, Tag("#allowed_tools")],
    Discriminator(_choice),
]
