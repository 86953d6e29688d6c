"""Calls tools of MCP servers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from antiphon.fetch.egress import EgressError
from antiphon.ports import ToolCall, ToolResult
from antiphon.server_tools.client import ToolClient
from antiphon.server_tools.failures import failed
from antiphon.server_tools.mcp.content import read_result
from antiphon.server_tools.mcp.exchange import Channel, RefusedRequest, UnreadableAnswer
from antiphon.server_tools.mcp.parameters import parameter_headers
from antiphon.server_tools.mcp.session import McpSession, opened, other_version
from antiphon.server_tools.mcp.versions import STATELESS
from antiphon.server_tools.references import NoCredentials
from antiphon.settings import Settings

_WANTS_A_HANDSHAKE = (HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND)
_FAILURES = (EgressError, NoCredentials, RefusedRequest, UnreadableAnswer)


class McpRunner:
    """A ``ToolRunner`` for MCP servers.

    Args:
        client: sends the requests.
    """

    def __init__(self, client: ToolClient) -> None:
        self._client = client
        self._greeted: dict[tuple[str, str], str] = {}

    async def call(self, call: ToolCall) -> ToolResult:
        """Call a tool; see ``ToolRunner.call``."""
        now = asyncio.get_running_loop().time()
        deadline = min(call.deadline, now + call.tool.timeout_seconds)
        channel = Channel(self._client, call.server.settings["url"], call.server.auth, deadline)
        version = call.server.settings.get("protocol", STATELESS)
        result = await self._tried(call, channel, version)
        return self._shown(call, result)

    async def aclose(self) -> None:
        """Close connections that are kept open."""
        await self._client.aclose()

    async def _tried(self, call: ToolCall, channel: Channel, version: str) -> ToolResult:
        """Call a tool, and once more in another version if the server does not have the pinned one."""
        try:
            return await self._called(call, channel, version)
        except RefusedRequest as error:
            other = other_version(error)
            if other is None:
                return ToolResult(failure=error.failure)
        try:
            return await self._called(call, channel, other)
        except RefusedRequest as error:
            return ToolResult(failure=error.failure)

    async def _called(self, call: ToolCall, channel: Channel, version: str) -> ToolResult:
        """Call a tool. A server without sessions gets one handshake, and another if it asks for it.

        Raises:
            RefusedRequest: the server refused the request.
        """
        place = channel.url, repr(channel.auth)
        greeted = self._greeted.get(place)
        try:
            result, agreed = await _called(call, channel, version, greeted)
        except RefusedRequest as error:
            if greeted is None or error.status not in _WANTS_A_HANDSHAKE:
                raise
            del self._greeted[place]
            result, agreed = await _called(call, channel, version, None)
        if agreed is not None:
            self._greeted[place] = agreed
        return result

    def _shown(self, call: ToolCall, result: ToolResult) -> ToolResult:
        """Return a result without the secrets that the server may have sent back."""
        auth = call.server.auth
        output = self._client.without_secrets(auth, result.output)
        failure = result.failure
        if failure is not None:
            failure = failure._replace(message=self._client.without_secrets(auth, failure.message))
        return replace(result, output=output, failure=failure)


def build(settings: Settings) -> McpRunner:
    """Return a runner for a deployment."""
    return McpRunner(ToolClient(settings))


async def _called(call: ToolCall, channel: Channel, version: str, greeted: str | None) -> tuple[ToolResult, str | None]:
    """Call a tool; return its result, and the version for calls without a handshake, if the server needs none.

    Raises:
        RefusedRequest: the server refused the request.
    """
    at: McpSession | None = None
    try:
        async with opened(channel, version, greeted=greeted) as at:
            return read_result(await _answer(at, call)), at.greeted
    except RefusedRequest:
        raise
    except _FAILURES as error:
        result = failed(error) if isinstance(error, (EgressError, NoCredentials)) else ToolResult(failure=error.failure)
        sent = at is not None and at.called
        return result if sent else _not_called(result), None


async def _answer(at: McpSession, call: ToolCall) -> dict[str, Any]:
    wanted = call.tool.how.get("headers", {})
    return await at.call(call.tool.name, call.arguments, call.token, parameter_headers(wanted, call.arguments))


def _not_called(result: ToolResult) -> ToolResult:
    """Return the result of a session that did not open: the tool was not called, whatever became of the request."""
    failure = result.failure
    if failure is None or failure.cause != "unknown":
        return result
    return replace(result, failure=failure._replace(cause="refused"))
