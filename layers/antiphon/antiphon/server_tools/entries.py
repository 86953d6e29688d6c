"""The entries of an agent's ``tools``: functions that clients run, and servers of each kind."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Discriminator, Tag

from antiphon.records import ToolKind
from antiphon.server_tools.aws_lambda.entry import LambdaEntry
from antiphon.server_tools.entry import ServerEntry
from antiphon.server_tools.http.entry import HttpEntry
from antiphon.server_tools.knowledge_base.entry import KnowledgeBaseEntry
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.web_search.entry import WebSearchEntry
from antiphon.spec.tools import FunctionTool

_KINDS: Final = get_args(ToolKind)


class AgentTool(FunctionTool):
    """A function tool; in a document its ``type`` may be left out."""

    type: Literal["function"] = "function"


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return next((f"#{kind}" for kind in _KINDS if kind in value), "#function")
    return f"#{kind_of(value)}" if isinstance(value, ServerEntry) else "#function"


ToolEntry = Annotated[
    Annotated[AgentTool, Tag("#function")]
    | Annotated[McpEntry, Tag("#mcp")]
    | Annotated[LambdaEntry, Tag("#lambda")]
    | Annotated[HttpEntry, Tag("#http")]
    | Annotated[KnowledgeBaseEntry, Tag("#knowledge_base")]
    | Annotated[WebSearchEntry, Tag("#web_search")],
    Discriminator(_kind),
]
"""What ``tools`` of a document holds: each kind is recognised by its field."""


def kind_of(entry: ServerEntry) -> ToolKind:
    """Return the kind of an entry: the field that only its class has."""
    names = {field.alias or name for name, field in type(entry).model_fields.items()}
    kind: ToolKind = next(kind for kind in _KINDS if kind in names)
    return kind
