"""Cross-origin requests of browsers, from the origins that a deployment allows (WHATWG Fetch, "CORS protocol").

starlette's middleware is not used: it refuses a preflight in plain text, and it does not reach answers that are made
around it. ``web.edge`` adds these headers to every answer, errors included.

Cookies are never read, so ``access-control-allow-credentials`` is never sent. A page sends its key in a header.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from antiphon.errors import ApiError
from antiphon.web.errors import error_response
from antiphon.web.table import ROUTES

MAX_AGE: Final = 7200
"""How many seconds a browser may keep the answer to a preflight; Chromium keeps none for longer."""

ANY: Final = "*"
_METHODS: Final = ", ".join(sorted({method for methods in ROUTES.values() for method in methods}))


class Cors:
    """The answers to browsers.

    Args:
        origins: the allowed origins, or ``*`` for any; none if browsers may not call at all.
    """

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = frozenset(origins)

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the headers to add to the answer of a request.

        Without any, the page cannot read the answer. ``*`` exposes every header, as no request has credentials.
        """
        if not self._origins:
            return []
        allowed = self._allowed(Headers(scope=scope).get("origin"))
        vary = [] if ANY in self._origins else [(b"vary", b"origin")]
        if allowed is None:
            return vary
        return [
            (b"access-control-allow-origin", allowed.encode("latin-1")),
            (b"access-control-expose-headers", b"*"),
            *vary,
        ]

    def preflight(self, scope: Scope) -> Response | None:
        """Return the answer to a preflight, or None if the request is none.

        A preflight has no key. Every path gets the same answer, so that a page can read the error of a wrong path. The
        status is 200 rather than 204, since a streaming function cannot leave out the framing of a body.
        """
        if scope.get("method") != "OPTIONS":  # a WebSocket has none
            return None
        asked = Headers(scope=scope)
        if "origin" not in asked or "access-control-request-method" not in asked:
            return None
        if self._allowed(asked["origin"]) is None:
            return error_response(ApiError("origin_not_allowed"))
        headers = {
            "access-control-allow-methods": _METHODS,
            "access-control-max-age": str(MAX_AGE),
            "vary": "access-control-request-headers",
        }
        if "access-control-request-headers" in asked:
            headers["access-control-allow-headers"] = asked["access-control-request-headers"]
        return Response(headers=headers)

    def _allowed(self, origin: str | None) -> str | None:
        """Return what allows an origin, or None if nothing does."""
        if origin is None:
            return None
        if ANY in self._origins:
            return ANY
        return origin if origin in self._origins else None
