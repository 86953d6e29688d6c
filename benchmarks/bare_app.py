"""ASGI applications that import nothing: the floor of a cold start streams one event, that of a stream many."""

from __future__ import annotations

from typing import Any, Final

EVENTS: Final = 20_000
EVENT: Final = b"event: response.output_text.delta\ndata: " + b"x" * 256 + b"\n\n"
"""As long as a text delta is, padding included."""

HEADERS: Final = [(b"content-type", b"text/event-stream")]


async def handler(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"data: {}\n\n"})


async def stream(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer with many events, each a message of its own."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    for _ in range(EVENTS):
        await send({"type": "http.response.body", "body": EVENT, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
