"""Pins an entry of an agent file, and calls its tools through the deployment's own runners.

stock = await pinned({"http": {"label": "stock", "openapi": document}}, tool_hosts=(server.place,))
result = await stock.call("getItem", {"id": 5})
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from antiphon.ports import ToolCall, ToolResult
from antiphon.records import ServerTool, ToolServer
from antiphon.server_tools.aws_lambda.entry import LambdaEntry
from antiphon.server_tools.entry import ServerEntry
from antiphon.server_tools.http.entry import HttpEntry
from antiphon.server_tools.knowledge_base.entry import KnowledgeBaseEntry
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.pinning import pin
from antiphon.server_tools.runners import Runners
from antiphon.server_tools.web_search.entry import WebSearchEntry
from antiphon.settings import Settings

ENTRIES: dict[str, type[ServerEntry]] = {
    "mcp": McpEntry,
    "http": HttpEntry,
    "lambda": LambdaEntry,
    "knowledge_base": KnowledgeBaseEntry,
    "web_search": WebSearchEntry,
}
TOKEN = "mcp_0123456789abcdefghijklmnopqrstuo001"


def entry_of(document: dict[str, Any]) -> ServerEntry:
    """Return an entry as an agent file has it."""
    kind = next(kind for kind in ENTRIES if kind in document)
    return ENTRIES[kind].model_validate(document)


class PinnedTools:
    """The tools of one entry.

    Attributes:
        server: as it is pinned.
        notes: what could not be used.
    """

    def __init__(self, server: ToolServer, notes: tuple[str, ...], settings: Settings) -> None:
        self.server = server
        self.notes = notes
        self._runners = Runners(settings)

    @property
    def tools(self) -> dict[str, ServerTool]:
        return {tool.name: tool for tool in self.server.tools}

    def how(self, name: str) -> dict[str, Any]:
        return self.tools[name].how

    async def call(self, name: str, arguments: dict[str, Any] | None = None, seconds: float = 20.0) -> ToolResult:
        deadline = asyncio.get_running_loop().time() + seconds
        asked = ToolCall(TOKEN, self.server, self.tools[name], arguments or {}, deadline)
        try:
            return await self._runners(self.server.kind).call(asked)
        finally:
            await self._runners.aclose()


async def pinned(
    document: dict[str, Any], read_file: Callable[[str], bytes] | None = None, **settings: Any
) -> PinnedTools:
    """Pin an entry for a deployment with some settings."""
    deployment = Settings(database=":memory:", **settings)
    (found,) = await pin([entry_of(document)], deployment, read_file)
    return PinnedTools(found.server, found.notes, deployment)
