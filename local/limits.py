"""What one client may use of the local server: sizes of heads, time for heads and bodies, connections, open requests.

API Gateway and Lambda do the same in front of the functions. The defaults are far from what a client of the API needs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from antiphon.errors import ApiError
from antiphon.web.errors import error_response

MAX_OPEN: Final = 500
"""The most requests of one key that may be in progress."""


_AROUND: Final = len(": \r\n")


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """The limits of the connections.

    Attributes:
        head_bytes: the longest request line and headers.
        head_seconds: how long a client may take to send them.
        idle_seconds: how long a client may send nothing of a body that it began.
        body_seconds: how long a client may take to send a whole body.
        connections: the most connections at once.
    """

    head_bytes: int = 65_536
    head_seconds: float = 20.0
    idle_seconds: float = 30.0
    body_seconds: float = 300.0
    connections: int = 2000


class Bounded(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with limits. What is over a limit gets a plain 4xx, and the connection is closed."""

    limits: ConnectionLimits = ConnectionLimits()

    _head: int | None = 0
    """Bytes of the present head, or None after its end."""

    _closing = False
    _timer: asyncio.TimerHandle | None = None
    _heard = _until = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in uvicorn
        """Refuse a connection too many; expect a head from every other."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            self._refuse(429, "There are too many connections.")
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, unless the head is too long."""
        if self._closing:
            return
        self._heard = self.loop.time()
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._head is not None and self._head > self.limits.head_bytes:
            self._refuse(431, "The request line and the headers are too long.")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        if self._head is None:  # a further request of the same connection
            self._head = 0
            if not self._closing:
                self._expect_head()

    def on_headers_complete(self) -> None:
        """Begin to serve the request, unless its head is too long."""
        if self._closing:
            return
        size = len(self.url) + sum(len(name) + len(value) + _AROUND for name, value in self.headers)
        if size > self.limits.head_bytes:
            self._refuse(431, "The request line and the headers are too long.")
            return
        self._head = None
        self._stop()
        super().on_headers_complete()
        self._heard = self.loop.time()
        self._until = self._heard + self.limits.body_seconds
        self._expect_body()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        if not self._closing:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._closing:
            self._stop()
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; refuse a head that the WebSocket's own parser, which is stricter, did not take.

        uvicorn would leave such a connection open for ever, without an answer.
        """
        super().handle_websocket_upgrade()
        successor = self.transport.get_protocol()
        if not getattr(successor, "handshake_initiated", True):
            self._refuse(431, "The request line or the headers are too long, too many or malformed for a WebSocket.")

    def _expect_head(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(
            self.limits.head_seconds, self._refuse, 408, "The headers did not arrive in time."
        )

    def _expect_body(self) -> None:
        """Look again when the client is late at the earliest. Time in which the server does not read is not counted."""
        now = self.loop.time()
        if self.flow.read_paused:
            self._heard = now
        late = min(self._heard + self.limits.idle_seconds, self._until)
        if now >= late:
            self._refuse(408, "The body did not arrive in time.")
        else:
            self._timer = self.loop.call_later(late - now, self._expect_body)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, message: str) -> None:
        self._stop()
        if self._closing or self.transport.is_closing():
            return
        self._closing = True
        answering = self.cycle is not None and not self.cycle.response_complete
        if not (answering and self.cycle.response_started):
            self.transport.write(_answer(status, message))
        self.transport.close()


def bounded(limits: ConnectionLimits) -> type[Bounded]:
    """Return the protocol with other limits."""
    return type("BoundedByOthers", (Bounded,), {"limits": limits})


def _answer(status: int, message: str) -> bytes:
    error = {"message": message, "type": "invalid_request", "code": None, "param": None}
    if status == 429:  # noqa: PLR2004
        error |= {"type": "too_many_requests", "code": "rate_limit_exceeded"}
    body = orjson.dumps({"error": error})
    reason = {408: "Request Timeout", 429: "Too Many Requests", 431: "Request Header Fields Too Large"}[status]
    head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return head.encode() + b"connection: close\r\n\r\n" + body


class FewAtOnce:
    """An ASGI layer that refuses a request or a WebSocket if too many of the same key are open.

    It goes inside the edge (``web.app``), which names and logs what is refused here.

    Args:
        app: the application.
        most: how many of one key there may be; requests without a key count together.
    """

    def __init__(self, app: ASGIApp, most: int = MAX_OPEN) -> None:
        self._app = app
        self._most = most
        self._open: Counter[bytes] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or one WebSocket while it is open (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        caller = hashlib.sha256(Headers(scope=scope).get("authorization", "").encode()).digest()
        if self._open[caller] >= self._most:
            message = f"A key may have {self._most} requests in progress at once."
            error = ApiError("rate_limit_exceeded", message, retry_after=1)
            await error_response(error)(scope, receive, send)
            return
        self._open[caller] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]
