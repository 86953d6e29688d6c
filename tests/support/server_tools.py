"""A server with tools in this process: it notes its calls, and each tool does what the test gives it to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from antiphon.ports import ToolCall, ToolResult
from antiphon.records import ServerTool, ToolServer
from tests.support.upstream import Gate

Behaviour = Callable[[ToolCall], Awaitable[ToolResult]]


class Tools:
    """A ``ToolRunner``.

    Attributes:
        calls: the calls that reached it, in order.
        left: the tokens of calls that were cancelled.
        most: how many ran at the same time.
    """

    def __init__(self, **behaviours: Behaviour) -> None:
        self._behaviours = behaviours
        self._running = 0
        self.calls: list[ToolCall] = []
        self.left: list[str] = []
        self.most = 0

    async def call(self, call: ToolCall) -> ToolResult:
        self.calls.append(call)
        self._running += 1
        self.most = max(self.most, self._running)
        try:
            return await self._behaviours[call.tool.name](call)
        except asyncio.CancelledError:
            self.left.append(call.token)
            raise
        finally:
            self._running -= 1

    async def aclose(self) -> None:
        """Nothing is open."""

    @property
    def names(self) -> list[str]:
        return [call.tool.name for call in self.calls]


def says(text: str) -> Behaviour:
    """Return a tool that always answers the same."""

    async def run(_: ToolCall) -> ToolResult:
        return ToolResult(text)

    return run


def held(gate: Gate, text: str = "late") -> Behaviour:
    """Return a tool that answers once the test opens the gate."""

    async def run(_: ToolCall) -> ToolResult:
        await gate.wait()
        return ToolResult(text)

    return run


def server(*names: str, label: str = "crm", kind: Any = "mcp", **fields: Any) -> ToolServer:
    """Return a server with tools of these names; ``fields`` are those of each tool."""
    tools = tuple(ServerTool(name, f"Does {name}.", **fields) for name in names)
    return ToolServer(kind, label, tools, {"url": f"https://{label}.example/mcp"})
