"""An ASGI application on a port, behind the connection limits of the local server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Receive, Scope, Send

from local.limits import ConnectionLimits
from local.server import Server, listen

SOON = ConnectionLimits(head_seconds=0.3, idle_seconds=0.3, body_seconds=1.0, connections=60)


async def reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, then answer; ``/large`` answers 50 MB in pieces."""
    if scope["type"] != "http":
        return
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(50_000 if scope["path"] == "/large" else 1):
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@asynccontextmanager
async def serving(limits: ConnectionLimits = SOON, app: ASGIApp = reading) -> AsyncGenerator[int]:
    """Serve an application on a port in this event loop."""
    listener = listen("127.0.0.1", 0)
    ready = asyncio.Event()
    server = Server(app, ready.set, limits=limits)
    served = asyncio.create_task(server.serve([listener]))
    await ready.wait()
    port: int = listener.getsockname()[1]
    try:
        yield port
    finally:
        server.should_exit = True
        await served


async def status(reader: asyncio.StreamReader) -> int:
    """Read an answer to its end; 0 if there is none."""
    try:
        answer = await reader.read()
    except ConnectionResetError:
        return 0
    return int(answer.split(b" ")[1]) if answer else 0
