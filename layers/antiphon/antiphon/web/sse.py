"""Server-sent events: event -> bytes, and a response that sends them as they come (WHATWG HTML, "Server-sent events").

One frame is one write and never split: a parser that reads chunk by chunk loses a frame in two pieces. A stream is
never compressed: a compressing edge would deliver everything in one piece at the end.
"""

from __future__ import annotations

from typing import Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from antiphon import measures
from antiphon.stream.events import Event
from antiphon.stream.feed import Feed

HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    "content-encoding": "identity",
}
PING: Final = b": ping\n\n"
DONE: Final = b"data: [DONE]\n\n"


def frame(event: Event) -> bytes:
    """Write one event as one frame: compact JSON on one line, ``event`` equal to ``type``."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event))


class EventStream(Response):
    """Sends a feed as server-sent events until it is closed, then ``[DONE]``.

    A client that leaves is not waited for: the server drops what is sent to it, and the run goes on.

    Args:
        feed: where the events come from.
        ping_seconds: after this much silence a comment is sent.
    """

    def __init__(self, feed: Feed, ping_seconds: float) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._feed = feed
        self._ping_seconds = ping_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        """Send the stream (ASGI)."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        begun = False
        async for batch in self._feed.batches(self._ping_seconds):
            for event in batch:
                await send({"type": "http.response.body", "body": frame(event), "more_body": True})
            if not batch:
                await send({"type": "http.response.body", "body": PING, "more_body": True})
            begun = begun or _begins(batch)
        await send({"type": "http.response.body", "body": DONE, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _begins(batch: list[Event]) -> bool:
    """Note that the first delta has left, if it has; whether it has."""
    begun = any(event["type"].endswith(".delta") for event in batch)
    if begun:
        measures.current().sent_delta()
    return begun
