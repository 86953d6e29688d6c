"""A client that does little more than drain: raw HTTP, and a look for a mark in what came."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

DELTA: Final = b"event: response.output_text.delta\n"
CHUNK: Final = b'"content":" '
END: Final = b"\r\n0\r\n\r\n"


class Client(asyncio.Protocol):
    """One connection; one request at a time.

    Attributes:
        received: what came in answer to the last request.
        first: when ``mark`` had first come, by ``time.perf_counter``.
    """

    _transport: asyncio.Transport

    def __init__(self, mark: bytes) -> None:
        self.received = bytearray()
        self.first = 0.0
        self._mark = mark
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def connect(cls, port: int, mark: bytes = DELTA) -> Client:
        """Open a connection."""
        _, client = await asyncio.get_running_loop().create_connection(lambda: cls(mark), "127.0.0.1", port)
        return client

    async def post(self, path: str, key: str, body: dict[str, Any]) -> float:
        """Send a request, wait for the whole answer, and return the seconds from sending it to the first mark."""
        return await self._send("POST", path, key, json.dumps(body).encode())

    async def get(self, path: str, key: str) -> float:
        """Do the same with a GET."""
        return await self._send("GET", path, key, b"")

    async def _send(self, method: str, path: str, key: str, raw: bytes) -> float:
        self.received.clear()
        self.first = 0.0
        self._done = asyncio.get_running_loop().create_future()
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
        )
        sent = time.perf_counter()
        self._transport.write(head.encode() + raw)
        await self._done
        return self.first - sent

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back (asyncio)."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Collect (asyncio)."""
        self.received += data
        if not self.first and self._mark in self.received:
            self.first = time.perf_counter()
        if self.received.endswith(END) and not self._done.done():
            self._done.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was waited for (asyncio)."""
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))
