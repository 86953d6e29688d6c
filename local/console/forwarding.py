"""Requests of the page to a service that runs elsewhere, such as a stack: passed on, and streamed back."""

from __future__ import annotations

import asyncio
from typing import Final

import aiohttp
import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

PASSED_ON: Final = ("authorization", "content-type", "accept", "idempotency-key")
"""The headers of requests that reach the service. The token does not."""

PASSED_BACK: Final = ("content-type", "retry-after", "x-request-id", "openai-processing-ms")

TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=15, sock_read=300)


def forwarder(base_url: str) -> ASGIApp:
    """Return an application that passes requests on.

    Args:
        base_url: where the service answers, up to and with ``/v1``; empty if that is not known.
    """

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif not base_url:
            await _refused("It is not known where the service answers: start the console with --url.")(
                scope, receive, send
            )
        elif scope["path"].startswith("/v1/"):
            await _forward(base_url.removesuffix("/v1"), scope, receive, send)
        else:
            await Response(status_code=404)(scope, receive, send)

    return app


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


async def _forward(root: str, scope: Scope, receive: Receive, send: Send) -> None:
    body = await _body(receive)
    if body is None:
        return
    passing = asyncio.create_task(_pass(root, scope, body, send))
    leaving = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (passing, leaving):
            task.cancel()
    if passing.done() and not passing.cancelled():
        passing.result()


async def _pass(root: str, scope: Scope, body: bytes, send: Send) -> None:
    headers = Headers(scope=scope)
    passed = {name: headers[name] for name in PASSED_ON if name in headers}
    query = scope["query_string"].decode("latin-1")
    path = scope["raw_path"].decode("latin-1").partition("?")[0]
    url = f"{root}{path}{'?' if query else ''}{query}"
    has_begun = False
    try:
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, auto_decompress=True) as session,
            session.request(scope["method"], url, headers=passed, data=body, allow_redirects=False) as answer,
        ):
            back = [
                (name.encode(), answer.headers[name].encode("latin-1"))
                for name in PASSED_BACK
                if name in answer.headers
            ]
            await send({"type": "http.response.start", "status": answer.status, "headers": back})
            has_begun = True
            async for piece in answer.content.iter_any():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
    except (aiohttp.ClientError, TimeoutError):
        if has_begun:
            raise
        await _refused(f"The service at {root} does not answer. Is it running?")(scope, _nothing, send)


def _refused(message: str) -> Response:
    error = {"message": message, "type": "server_error", "code": "service_unreachable", "param": None}
    return Response(orjson.dumps({"error": error}), 502, media_type="application/json")


async def _body(receive: Receive) -> bytes | None:
    """Read the whole body; None if its sender has gone."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _nothing() -> dict[str, str]:
    return {"type": "http.disconnect"}
