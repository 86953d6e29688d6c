"""The edge: an ASGI layer around the whole app that names every request, logs it, and lets no exception out.

It also answers preflights and adds the headers that browsers need, so that every answer has them.

Pure ASGI: a ``BaseHTTPMiddleware`` would cost about 50 microseconds for every event of a stream. Once a
response has begun, an error can no longer become a status; the stream machine has ended it properly before.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon import measures, spans
from antiphon.errors import trace
from antiphon.ids import request_id
from antiphon.measures import Measures
from antiphon.web.cors import Cors
from antiphon.web.errors import as_api_error, error_response, no_websocket
from antiphon.web.table import route_of

log: Final = logging.getLogger("antiphon.web")

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that are logged by name: whatever else a caller makes up is not repeated."""

_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start", "websocket.accept"})
"""An answer begins. A WebSocket that is refused is answered as a request is (ASGI, "WebSocket Denial Response")."""


class Edge:
    """Adds ``x-request-id`` to every response and turns what was not caught into the one envelope.

    Begins the record of each request, which the scope has as ``antiphon.measures``, and logs it once the answer has
    ended. Tasks that are put in the scope's ``antiphon.beside`` are awaited first: an environment may be frozen then.

    Args:
        app: the application.
        origins: the origins whose pages may call it from a browser.
    """

    def __init__(self, app: ASGIApp, origins: tuple[str, ...] = ()) -> None:
        self._app = app
        self._cors = Cors(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        scope["antiphon.request_id"] = scope.get("antiphon.request_id") or request_id(secrets.token_bytes)
        method = scope.get("method", "GET")
        method = method if method in METHODS else "other"
        record = scope["antiphon.measures"] = measures.begin(method, route_of(scope["path"]))
        with _traced(scope, record):
            await self._measured(scope, receive, send, record)

    async def _measured(self, scope: Scope, receive: Receive, send: Send, record: Measures) -> None:
        beside: list[Awaitable[None]] = []
        scope["antiphon.beside"] = beside
        try:
            await self._serve(scope, receive, send, record)
        finally:
            for task in beside:
                await task
            record.end()
            log.info("served", extra={"request_id": scope["antiphon.request_id"], **record.facts()})

    async def _serve(self, scope: Scope, receive: Receive, send: Send, record: Measures) -> None:
        added = [(b"x-request-id", scope["antiphon.request_id"].encode("latin-1")), *self._cors.headers(scope)]

        async def send_named(message: Message) -> None:
            if message["type"] in _STARTS:
                record.status = message.get("status", 101)
                message["headers"] = [*message.get("headers", []), *added]
            elif message["type"] == "websocket.close" and record.status is None:
                await no_websocket(scope["path"])(scope, receive, send_named)
                return
            await send(message)

        try:
            await (self._cors.preflight(scope) or self._app)(scope, receive, send_named)
        except Exception as error:  # the edge of the process: nothing may pass
            log.error("request failed", extra={"request_id": scope["antiphon.request_id"], "error": trace(error)})  # noqa: TRY400
            if record.status is not None:
                record.broken = True
                raise
            response = error_response(as_api_error(error, scope["path"]))
            await response(scope, receive, send_named)


@contextmanager
def _traced(scope: Scope, record: Measures) -> Iterator[None]:
    """Make what is done inside a part of a trace, if requests are traced: the caller's, or a new one.

    A WebSocket may be open for an hour, so each of its responses has a trace of its own.
    """
    if spans.tracer() is None or scope["type"] != "http":
        yield
        return
    given = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
    with spans.request_span(given, scope.get("antiphon.trace", "")) as span:
        try:
            yield
        finally:
            if span is not None:
                span.facts |= {"request_id": scope["antiphon.request_id"], **record.facts()}
