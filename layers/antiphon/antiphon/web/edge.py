"""The edge: an ASGI layer around the whole app that names every request and lets no exception out.

Pure ASGI: a ``BaseHTTPMiddleware`` would cost about 50 microseconds for every event of a stream. Once a
response has begun, an error can no longer become a status; the stream machine has ended it properly before.
"""

from __future__ import annotations

import logging
import secrets
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from antiphon.errors import trace
from antiphon.ids import request_id
from antiphon.web.errors import as_api_error, error_response

log: Final = logging.getLogger("antiphon.web")


class Edge:
    """Adds ``x-request-id`` to every response and turns what was not caught into the one envelope."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = scope.get("antiphon.request_id") or request_id(secrets.token_bytes)
        scope["antiphon.request_id"] = name
        begun = False

        async def send_named(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = [*message["headers"], (b"x-request-id", name.encode("latin-1"))]
            await send(message)

        try:
            await self._app(scope, receive, send_named)
        except Exception as error:  # the edge of the process: nothing may pass
            log.error("request failed", extra={"request_id": name, "error": trace(error)})  # noqa: TRY400
            if begun:
                raise
            response = error_response(as_api_error(error, scope["path"]))
            await response(scope, receive, send_named)
