"""The MCP client as the program that the official conformance suite runs: lists the tools of a server and calls them.

    python -m tests.support.mcp_client URL

It pins the server as ``antiphon agents apply`` does and calls every tool that it got, with arguments of the scenario or
made up from the schema, as a run would.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from antiphon.ports import ToolCall
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.mcp.entry import McpEntry
from antiphon.server_tools.mcp.runner import McpRunner
from antiphon.server_tools.pinning import CannotPin, pin
from antiphon.settings import Settings

MADE_UP = {"string": "a", "number": 1.5, "integer": 2, "boolean": True, "array": [], "object": {}}


async def main(url: str) -> None:
    settings = Settings(database="x", tool_hosts=(urlsplit(url).netloc,))
    entry = McpEntry.model_validate({"mcp": {"label": "conformance", "url": url}, "timeout_seconds": 20.0})
    try:
        ((server, notes),) = await pin([entry], settings)
    except CannotPin as error:
        sys.stderr.write(f"{error}\n")
        return
    sys.stderr.write(f"{server.settings['protocol']} {[tool.name for tool in server.tools]} {notes}\n")
    runner = McpRunner(ToolClient(settings))
    tools = {tool.name: tool for tool in server.tools}
    for number, (name, arguments) in enumerate(_calls(tools)):
        deadline = asyncio.get_running_loop().time() + 20
        result = await runner.call(ToolCall(f"mcp_{number}", server, tools[name], arguments, deadline))
        sys.stderr.write(f"{name} {result}\n")
    await runner.aclose()


def _calls(tools: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
    if "toolCalls" in context:
        return [(call["name"], call["arguments"]) for call in context["toolCalls"] if call["name"] in tools]
    if "json_schema_echo" in tools:
        return [
            ("json_schema_echo", {"schema": tool.parameters})
            for name, tool in tools.items()
            if name != "json_schema_echo"
        ]
    return [(name, _arguments(tool.parameters)) for name, tool in tools.items()]


def _arguments(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {name: MADE_UP.get(str(inner.get("type")), "a") for name, inner in properties.items()}


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
