"""One WebSocket connection (ASGI): messages in, one after the other, and the events of their answers out.

    reader   takes what comes, also while a response runs: a socket that is not read answers no ping
    writer   runs one message at a time, and sends each event as one text message

A run goes on if its client leaves, as over HTTP, or reads nothing for ``SEND_SECONDS``. The connection ends when the
client closes it; and after the response that runs, when its time is up, its key may not be used any more, too many
messages wait, or the server stops.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from contextlib import aclosing, suppress
from typing import Final

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from antiphon import measures
from antiphon.errors import ApiError
from antiphon.ids import request_id
from antiphon.ports import Services
from antiphon.stream.events import Event
from antiphon.web.auth import identify
from antiphon.web.websocket.session import PATH, MessageCall, SocketSession, refusal

log: Final = logging.getLogger("antiphon.web.websocket")

SEND_SECONDS: Final = 120.0
"""How long a client may read nothing."""

MAX_WAITING: Final = 16
"""The most messages that wait for a response to end."""

GOING_AWAY: Final = 1001
REFUSED: Final = 1008
RESTART: Final = 1012
"""Close codes (RFC 6455, 7.4.1, and its registry). Clients reconnect after the first and the last."""

NO_ACCESS: Final = frozenset({401, 403})

_open: set[Connection] = set()


class Connection:
    """A connection that was accepted.

    Args:
        socket: the connection.
    """

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._services: Services = socket.app.state.services
        self._session = SocketSession(self._services)
        self._limit = self._services.steady() + self._services.settings.websocket_seconds
        self._waiting: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._gone = False
        self._close: int | None = None
        self.loop = asyncio.get_running_loop()
        self.closed = asyncio.Event()

    async def serve(self) -> None:
        """Answer messages until the connection ends."""
        reading = asyncio.create_task(self._read())
        _open.add(self)
        try:
            while (raw := await self._next()) is not None:
                await self._answer(raw)
            await self._end()
        except (WebSocketDisconnect, TimeoutError):
            """The client is gone, or reads nothing."""
        finally:
            _open.discard(self)
            self.closed.set()
            reading.cancel()

    def end(self, code: int) -> None:
        """Close the connection once no response runs, whatever waits."""
        self._close = self._close or code
        self._came.set()

    async def _read(self) -> None:
        while (message := await self._socket.receive())["type"] == "websocket.receive":
            text = message.get("text")
            self._waiting.append(message["bytes"] if text is None else text.encode("utf-8", "surrogatepass"))
            if self._is_too_much():
                self.end(REFUSED)
                return
            self._came.set()
        self._gone = True
        self._came.set()

    def _is_too_much(self) -> bool:
        size = sum(map(len, self._waiting))
        many = len(self._waiting) > 1 and size > self._services.settings.max_body_bytes
        return many or len(self._waiting) > MAX_WAITING

    async def _next(self) -> bytes | None:
        """Wait for the next message; return None once there is none to answer."""
        while not (self._gone or self._close):
            left = self._limit - self._services.steady()
            if left <= 0:
                self._close = GOING_AWAY
                await self._send(refusal(ApiError("websocket_connection_limit_reached"), self._name()))
            elif self._waiting:
                return self._waiting.popleft()
            else:
                self._came.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._came.wait(), left)
        return None

    async def _answer(self, raw: bytes) -> None:
        record = measures.begin("WS", PATH)
        name = self._name()
        try:
            await self._run(raw, name)
        finally:
            record.end()
            log.info("served", extra={"request_id": name, "path": PATH, "status": 200, **record.facts()})

    async def _run(self, raw: bytes, name: str) -> None:
        try:
            principal = await identify(self._socket, write=True)
        except Exception as error:  # noqa: BLE001 - it is answered, as every error of a message
            event = refusal(error, name)
            if event["status"] in NO_ACCESS:
                self.end(REFUSED)
            await self._send(event)
            return
        until = self._services.clock() + self._services.settings.run_seconds
        async with aclosing(self._session.answer(MessageCall(principal, name, until), raw)) as batches:
            async for batch in batches:
                for event in batch:
                    await self._send(event)

    async def _send(self, event: Event) -> None:
        text = orjson.dumps(event).decode()
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send({"type": "websocket.send", "text": text})
        noted = measures.current()
        if noted.first_delta is None and event["type"].endswith(".delta"):
            noted.sent_delta()

    async def _end(self) -> None:
        if self._close and not self._gone:
            await self._socket.close(self._close)

    def _name(self) -> str:
        return request_id(secrets.token_bytes)


async def connect(socket: WebSocket) -> None:
    """Serve a connection whose caller may use the API."""
    await identify(socket, write=True)
    await socket.accept()
    await Connection(socket).serve()


async def close_all(seconds: float) -> None:
    """Close the connections of this event loop, each after the response that runs on it. For an orderly shutdown.

    Args:
        seconds: the longest wait.
    """
    loop = asyncio.get_running_loop()
    mine = [connection for connection in _open if connection.loop is loop]
    for connection in mine:
        connection.end(RESTART)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for connection in mine:
                await connection.closed.wait()
