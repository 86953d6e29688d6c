"""The WebSocket of the server that ``antiphon check`` checks: send a request, return the events of its answer."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from antiphon.stream.fold import ENDINGS
from cli.events import Event
from cli.output import Unreachable
from cli.remote import SECONDS, CheckedServer
from cli.unanswered import reason

ENDS: Final = ENDINGS | {"error"}
_TEXT: Final = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)


class NotServed(Exception):
    """The server has no WebSocket; the specification does not require one."""


class CheckedSocket:
    """An open WebSocket.

    Args:
        wire: the connection.
        agent: sent as ``model``.
    """

    def __init__(self, wire: aiohttp.ClientWebSocketResponse, agent: str) -> None:
        self._wire = wire
        self._agent = agent

    async def ask(self, **fields: Any) -> list[Event]:
        """Send a request and return what comes, to the end of its response, an error or the end of the connection.

        Raises:
            Unreachable: nothing comes any more.
        """
        await self._wire.send_json({"type": "response.create", "model": self._agent, **fields})
        events: list[Event] = []
        while not events or events[-1].get("type") not in ENDS:
            try:
                message = await self._wire.receive(SECONDS)
            except TimeoutError as error:
                raise Unreachable("the WebSocket is silent") from error
            if message.type not in _TEXT:
                break
            events.append(_event(message.data))
        return events


@asynccontextmanager
async def connected(server: CheckedServer) -> AsyncGenerator[CheckedSocket, None]:
    """Open a WebSocket of the server.

    Raises:
        NotServed: the handshake is refused.
        Unreachable: no answer came.
    """
    headers = {"authorization": f"Bearer {server.key}"}
    try:
        wire = await server.session.ws_connect(f"{server.base_url}/responses", headers=headers, max_msg_size=0)
    except aiohttp.WSServerHandshakeError as refused:
        raise NotServed(f"the handshake has status {refused.status}") from refused
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unreachable(f"{server.base_url} does not answer: {reason(error)}") from error
    async with wire:
        yield CheckedSocket(wire, server.agent)


def _event(data: Any) -> Event:
    """Read a message; what is not an object has no type, which no check accepts."""
    try:
        event = json.loads(data)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
