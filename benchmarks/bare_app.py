"""The floor of a cold start: an ASGI application that imports nothing and streams one event."""

from __future__ import annotations

from typing import Any


async def handler(_scope: dict[str, Any], _receive: Any, send: Any) -> None:
    """Answer."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"data: {}\n\n"})
