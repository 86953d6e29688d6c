"""A small ASGI application for tests of the streaming runtime; each path is one way in which an application can behave.

It must not import anything of ours. A body of ``{"gates": [...]}`` names FIFOs: the application waits at each until the
test opens it for writing, so a test decides what happens before what.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

SSE = [(b"content-type", b"text/event-stream")]
JSON = [(b"content-type", b"application/json")]
PIECE = bytes(65_536)
PIECES = 1024
made: list[int] = []
"""The pieces of the flood so far."""


async def handler(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Behave as the path says."""
    await _PATHS[scope["path"]](scope, receive, send)


async def echo(scope: dict[str, Any], receive: Any, send: Any) -> None:
    request = await receive()
    seen = {name: value for name, value in scope.items() if isinstance(value, (str, float, tuple))}
    seen["headers"] = [[name.decode(), value.decode()] for name, value in scope["headers"]]
    seen["query_string"] = scope["query_string"].decode()
    seen["body"] = request["body"].decode("latin-1")
    headers = [*JSON, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"vary", b"origin"), (b"vary", b"accept")]
    await send({"type": "http.response.start", "status": 201, "headers": [*headers, (b"content-length", b"1")]})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


async def nothing(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    gates = await _gates(receive)
    await send({"type": "http.response.start", "status": 200, "headers": SSE})
    for number, gate in enumerate(gates):
        await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
        await asyncio.to_thread(gate.read_bytes)
    await send({"type": "http.response.body", "body": b"data: end\n\n"})


async def flood(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Makes more than any socket's buffers hold, once its gate is open; waits only if it must."""
    [gate] = await _gates(receive)
    await send({"type": "http.response.start", "status": 200, "headers": SSE})
    await asyncio.to_thread(gate.read_bytes)
    for number in range(PIECES):
        made.append(number)
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def how_much(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": JSON})
    await send({"type": "http.response.body", "body": b"%d" % len(made)})


async def crash_first(scope: dict[str, Any], receive: Any, send: Any) -> None:
    raise ValueError("sk-canary before the first byte")


async def crash_in_the_middle(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": SSE})
    await send({"type": "http.response.body", "body": b"data: 0\n\n", "more_body": True})
    raise ValueError("sk-canary after the first byte")


async def crash_at_the_end(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await echo(scope, receive, send)
    raise ValueError("sk-canary after the last byte")


async def cancel(scope: dict[str, Any], receive: Any, send: Any) -> None:
    raise asyncio.CancelledError


async def silent(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Returns without an answer."""


async def half(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": SSE})
    await send({"type": "http.response.body", "body": b"data: 0\n\n", "more_body": True})


async def body_first(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.body", "body": b"too early"})


async def start_twice(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": SSE})
    await send({"type": "http.response.start", "status": 200, "headers": SSE})


async def after_the_end(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers what it is told once its response is complete, to the log."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": JSON})
    await send({"type": "http.response.body", "body": b"", "more_body": True})
    await send({"type": "http.response.body", "body": b"{}"})
    print("told:", (await receive())["type"], flush=True)  # noqa: T201


async def _gates(receive: Any) -> list[Path]:
    return [Path(name) for name in json.loads((await receive())["body"])["gates"]]


_PATHS = {
    f"/{behaviour.__name__}": behaviour
    for behaviour in (
        echo,
        nothing,
        stream,
        flood,
        how_much,
        crash_first,
        crash_in_the_middle,
        crash_at_the_end,
        cancel,
        silent,
        half,
        body_first,
        start_twice,
        after_the_end,
    )
}
