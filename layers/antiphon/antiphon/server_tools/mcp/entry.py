"""An MCP server in an agent file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from antiphon.server_tools.entry import ServerEntry, ServerLabel, ToolName
from antiphon.settings import problem_of_url
from antiphon.spec.base import Wire


class McpSource(Wire):
    """Where a server is, and which of its tools the agent has.

    Attributes:
        label: its name among the agent's servers.
        url: its endpoint.
        allow: the tools, by their names; None for all.
    """

    label: ServerLabel
    url: Annotated[str, Field(max_length=2048)]
    allow: Annotated[list[ToolName], Field(min_length=1)] | None = None

    @field_validator("url")
    @classmethod
    def _a_url(cls, url: str) -> str:
        if problem := problem_of_url(url):
            raise ValueError(problem)
        return url


class McpEntry(ServerEntry):
    """An entry of ``tools`` for an MCP server."""

    mcp: McpSource

    @property
    def label(self) -> str:
        """Return the name of the server among those of its agent."""
        return self.mcp.label
