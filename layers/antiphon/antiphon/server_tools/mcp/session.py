"""A server of MCP in the form of its version: how a session begins and ends, and how its tools are called and listed.

A session is opened for one call and ended after it, so nothing that a server keeps in one reaches another user. Its end
is not waited for: some servers never answer it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from antiphon.errors import AntiphonError
from antiphon.server_tools.mcp import versions
from antiphon.server_tools.mcp.exchange import Channel, RefusedRequest, UnreadableAnswer
from antiphon.server_tools.mcp.versions import STATELESS, WITH_HANDSHAKE

UNSUPPORTED_VERSION: Final = -32022
END_SECONDS: Final = 2.0
ROUNDS: Final = 4
"""How often a server may ask for more input before it answers a call."""


class McpSession:
    """A server that is ready for requests.

    Args:
        channel: how it is reached.
        version: of the protocol.
        headers: sent with every request.

    Attributes:
        called: whether a call of a tool has been sent.
    """

    def __init__(self, channel: Channel, version: str, headers: Mapping[str, str]) -> None:
        self._channel = channel
        self._version = version
        self._headers = headers
        self._number = 1
        self.called = False

    @property
    def greeted(self) -> str | None:
        """Return the version that a handshake agreed on, if the server keeps nothing of it: it gave no session."""
        return None if self._version == STATELESS or "mcp-session-id" in self._headers else self._version

    async def ask(
        self, method: str, params: Mapping[str, Any], *, name: str = "", headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Send a request and return its result; see ``Channel.ask``."""
        self._number += 1
        message = versions.message(self._version, self._number, method, params)
        given = {**versions.headers(self._version, method, name), **self._headers, **(headers or {})}
        result, _ = await self._channel.ask(message, given)
        return result

    async def call(
        self, name: str, arguments: Mapping[str, Any], token: str, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        """Call a tool and return its result. What a server asks the user for is declined.

        Raises:
            UnreadableAnswer: the server asks for what no client of ours has, or again and again.
        """
        params: dict[str, Any] = {"name": name, "arguments": arguments, "_meta": {versions.CALL_MARK: token}}
        given = {"idempotency-key": token, **(headers if self._version == STATELESS else {})}
        self.called = True
        for _ in range(ROUNDS):
            result = await self.ask("tools/call", params, name=name, headers=given)
            kind = result.get("resultType", "complete")
            if kind == "complete":
                return result
            if kind != "input_required":
                break
            params = {name: value for name, value in params.items() if name not in ("inputResponses", "requestState")}
            params |= _declined(result)
        raise UnreadableAnswer("the tool asks for input that cannot be given")

    def leave(self) -> None:
        """End the session at the server, if it keeps one, without waiting for that."""
        if "mcp-session-id" in self._headers:
            self._channel.client.afterwards(self._end())

    def cancelled(self) -> None:
        """Cancel the running request at the server, then end the session."""
        if self._version in WITH_HANDSHAKE:
            self._channel.client.afterwards(self._cancel())

    async def _cancel(self) -> None:
        message = {
            "jsonrpc": "2.0",
            "method": "notifications/cancelled",
            "params": {"requestId": self._number, "reason": "The run ended."},
        }
        headers = {**versions.headers(self._version, ""), **self._headers}
        with contextlib.suppress(AntiphonError):
            await self._ending().notify(message, headers)
        if "mcp-session-id" in self._headers:
            await self._end()

    async def _end(self) -> None:
        with contextlib.suppress(AntiphonError):
            await self._ending().end({**versions.headers(self._version, ""), **self._headers})

    def _ending(self) -> Channel:
        return replace(self._channel, deadline=asyncio.get_running_loop().time() + END_SECONDS)


@asynccontextmanager
async def opened(channel: Channel, version: str, *, greeted: str | None = None) -> AsyncGenerator[McpSession, None]:
    """Open a server for some requests, and leave it after them.

    Args:
        channel: how it is reached.
        version: of the protocol.
        greeted: what an earlier handshake agreed on, if the server keeps nothing of it; None to begin with one.

    Raises:
        EgressError, NoCredentials, RefusedRequest, UnreadableAnswer: it does not open.
    """
    if version == STATELESS:
        session = McpSession(channel, version, {})
    elif greeted is not None:
        session = McpSession(replace(channel, resumes=True), greeted, {})
    else:
        session = await _shake_hands(channel, version)
    try:
        yield session
    except asyncio.CancelledError:
        session.cancelled()
        raise
    except BaseException:
        session.leave()
        raise
    session.leave()


async def _shake_hands(channel: Channel, version: str) -> McpSession:
    channel = replace(channel, resumes=True)
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": versions.CLIENT}
    message = versions.message(version, 1, "initialize", params)
    result, headers = await channel.ask(message, {})
    agreed = result.get("protocolVersion")
    if agreed not in WITH_HANDSHAKE:
        raise UnreadableAnswer("it has no version of the protocol in common with us")
    session_id = headers.get("mcp-session-id", "")
    kept = {"mcp-session-id": session_id} if session_id else {}
    session = McpSession(channel, agreed, kept)
    await channel.notify(
        {"jsonrpc": "2.0", "method": "notifications/initialized"}, {**versions.headers(agreed, ""), **kept}
    )
    return session


def other_version(error: RefusedRequest) -> str | None:
    """Return the version to try instead of one that the server does not have; None if it names no version."""
    if error.code != UNSUPPORTED_VERSION or not isinstance(error.data, dict):
        return None
    supported = error.data.get("supported")
    return versions.newest_of(supported) if isinstance(supported, list) else None


def _declined(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a call is repeated with: nobody is there who could answer, so every question is declined."""
    asked = result.get("inputRequests") or {}
    if not isinstance(asked, dict) or any(
        not isinstance(request, dict) or request.get("method") != "elicitation/create" for request in asked.values()
    ):
        raise UnreadableAnswer("the tool asks for input that cannot be given")
    said: dict[str, Any] = {"inputResponses": {name: {"action": "decline"} for name in asked}} if asked else {}
    return said | ({"requestState": result["requestState"]} if "requestState" in result else {})
