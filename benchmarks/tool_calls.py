"""Calls a tool of an MCP server again and again, in one way, and prints what a call cost: WAY URL COUNT.

It runs in an environment of its own for each way, so it imports nothing that another way needs.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

ARGUMENTS = {"count": 2}
WARM = 20


async def bare(url: str) -> tuple[Callable[[], Awaitable[Any]], Callable[[], Awaitable[None]]]:
    """Send the same request by aiohttp and read its answer as JSON."""
    import aiohttp

    meta = {"protocolVersion": "2026-07-28", "clientCapabilities": {}}
    named = {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}
    params = {"name": "roll_dice", "arguments": ARGUMENTS, "_meta": named}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    session = aiohttp.ClientSession()

    async def call() -> None:
        async with session.post(url, data=json.dumps(body).encode(), allow_redirects=False) as answer:
            json.loads(await answer.read())

    return call, session.close


async def ours(url: str) -> tuple[Callable[[], Awaitable[Any]], Callable[[], Awaitable[None]]]:
    """Call the tool as a run does."""
    from antiphon.ports import ToolCall
    from antiphon.server_tools.client import ToolClient
    from antiphon.server_tools.mcp.entry import McpEntry
    from antiphon.server_tools.mcp.runner import McpRunner
    from antiphon.server_tools.pinning import pin
    from antiphon.settings import Settings

    settings = Settings(database="x", tool_hosts=(url.split("/")[2],))
    ((server, _),) = await pin([McpEntry.model_validate({"mcp": {"label": "a", "url": url}})], settings)
    tool = next(tool for tool in server.tools if tool.name == "roll_dice")
    runner = McpRunner(ToolClient(settings))

    async def call() -> None:
        deadline = asyncio.get_running_loop().time() + 20
        result = await runner.call(ToolCall("mcp_1", server, tool, ARGUMENTS, deadline))
        assert result.failure is None

    return call, runner.aclose


async def sdk(url: str) -> tuple[Callable[[], Awaitable[Any]], Callable[[], Awaitable[None]]]:
    """Call the tool by the official SDK."""
    from mcp import Client

    client = Client(url, mode="2026-07-28")
    await client.__aenter__()

    async def call() -> None:
        await client.call_tool("roll_dice", ARGUMENTS)

    async def close() -> None:
        await client.__aexit__(None, None, None)

    return call, close


async def main(way: str, url: str, count: int) -> None:
    """Measure one way and print its figures as JSON."""
    begun = time.process_time()
    call, close = await {"bare": bare, "ours": ours, "sdk": sdk}[way](url)
    for _ in range(WARM):
        await call()
    ready = time.process_time()
    wall = time.perf_counter()
    for _ in range(count):
        await call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - ready
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    await close()
    print(
        json.dumps(
            {"us": wall / count * 1e6, "cpu_us": cpu / count * 1e6, "ready_ms": (ready - begun) * 1e3, "mb": memory}
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
