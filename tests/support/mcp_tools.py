"""The tools of an MCP server: pinned as an agent's, and called."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from antiphon.ports import Pinned, ToolCall, ToolResult
from antiphon.records import ToolServer
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.mcp.runner import McpRunner
from antiphon.server_tools.pinning import CannotPin, pin
from antiphon.settings import Settings
from tests.support.answering import Answering
from tests.support.mcp_server import STATELESS

HANDSHAKE = "2025-11-25"

CANARY = "canary-secret"

BOTH = pytest.mark.parametrize("version", [STATELESS, HANDSHAKE])


def settings(*servers: Answering) -> Settings:
    return Settings(database="x", tool_hosts=tuple(server.place for server in servers))


async def pinned(server: Answering, *, hosts: tuple[Answering, ...] = (), **more: Any) -> Pinned:
    source = {"label": "crm", "url": server.url()} | more.pop("mcp", {})
    (found,) = await pin([McpEntry.model_validate({"mcp": source, **more})], settings(server, *hosts))
    return found


async def refusal(server: Answering, **more: Any) -> str:
    with pytest.raises(CannotPin) as caught:
        await pinned(server, **more)
    return str(caught.value)


async def called(
    at: ToolServer, *servers: Answering, name: str = "find", seconds: float = 20, **arguments: Any
) -> ToolResult:
    runner = McpRunner(ToolClient(settings(*servers)))
    named = next(given for given in at.tools if given.name == name)
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        return await runner.call(ToolCall("mcp_1", at, named, arguments or {"query": "a"}, deadline))
    finally:
        await runner.aclose()
