"""Server-sent events: event -> bytes, and a response that sends them as they come (WHATWG HTML, "Server-sent events").

A frame is never split over two writes: a parser that reads chunk by chunk loses a frame in two pieces. Frames that are
ready together leave in one write, which costs less than a write each (ADR 18). Nothing waits for it. A stream is never
compressed: a compressing edge would deliver everything in one piece at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from typing import Final, Protocol

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from antiphon import measures
from antiphon.stream.events import Event

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "content-encoding": "identity",
}
PING: Final = b": ping\n\n"
DONE: Final = b"data: [DONE]\n\n"
MAX_WRITE_BYTES: Final = 16_384
"""The most bytes of several frames in one write. A larger frame is a write of its own."""


def frame(event: Event) -> bytes:
    """Write one event as one frame: compact JSON on one line, ``event`` equal to ``type``."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))


def writes(events: Iterable[Event], framed: Callable[[Event], bytes] = frame) -> Iterator[bytes]:
    """Yield the frames of events, joined to as few writes as ``MAX_WRITE_BYTES`` allows."""
    joined: list[bytes] = []
    size = 0
    for event in events:
        next_frame = framed(event)
        if not next_frame:
            continue
        if joined and size + len(next_frame) > MAX_WRITE_BYTES:
            yield b"".join(joined)
            joined, size = [], 0
        joined.append(next_frame)
        size += len(next_frame)
    if joined:
        yield b"".join(joined)


class Source(Protocol):
    """Where the events of a stream come from."""

    @property
    def ended(self) -> bool:
        """Whether the terminal event has been there; if not, the stream breaks off to be continued."""

    def batches(self, idle: float) -> AsyncGenerator[list[Event], None]:
        """Yield events as they come; an empty list after ``idle`` seconds of silence."""


class EventStream(Response):
    """Sends events as server-sent events until there are no more, then ``[DONE]``.

    A client that leaves is not waited for: what was begun for it goes on, and nothing more is read for it.

    Args:
        feed: where the events come from.
        ping_seconds: after this much silence a comment is sent.
        framed: writes an event as frames; empty if it has none.
    """

    def __init__(self, feed: Source, ping_seconds: float, framed: Callable[[Event], bytes] = frame) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._feed = feed
        self._ping_seconds = ping_seconds
        self._framed = framed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the stream (ASGI)."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        leaving = asyncio.create_task(_disconnected(receive))
        begun = False
        try:
            async with contextlib.aclosing(self._feed.batches(self._ping_seconds)) as batches:
                async for batch in batches:
                    for body in writes(batch, self._framed) if batch else (PING,):
                        await send({"type": "http.response.body", "body": body, "more_body": True})
                    begun = begun or _begins(batch)
                    if leaving.done():
                        break
        finally:
            leaving.cancel()
        if self._feed.ended:
            await send({"type": "http.response.body", "body": DONE, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _begins(batch: list[Event]) -> bool:
    """Note that the first delta has left, if it has; whether it has."""
    begun = any(event["type"].endswith(".delta") for event in batch)
    if begun:
        measures.current().sent_delta()
    return begun
